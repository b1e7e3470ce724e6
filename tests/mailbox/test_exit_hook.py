"""How a process says that it leaves, in a mailbox that is real."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from twinkle_notifier.mailbox.mailbox import VARIABLE, Mailbox

SCRIPT = """
import sys, threading, time
from twinkle_notifier import notify_exception
from twinkle_notifier.testing import RecordingNotifier

def wait():
    sys.stdin.read()

def tells(error):
    try:
        raise error
    except type(error) as caught:
        notify_exception(RecordingNotifier(), exc=caught, name="sft")
    return error
"""
THREAD = "threading.Thread(target=wait).start()\n"  # which Python waits for
ENDS = {
    "it": "raise tells(ValueError('the loss is lost'))",
    "exit": "tells(ValueError('the loss is lost'))\nsys.exit(3)",
    "other": "tells(ValueError('the loss is lost'))\nraise KeyError('x')",
}


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """Of a supervisor that lives: this process."""
    supervision = Mailbox.begun()
    monkeypatch.setenv(VARIABLE, str(supervision.folder))
    yield supervision
    supervision.close()


@pytest.mark.parametrize("thread", ["", THREAD], ids=["", "a thread lives on"])
@pytest.mark.parametrize("by", ENDS)
def test_it_says_so_once_its_program_is_over(mailbox: Mailbox, by: str, thread: str) -> None:
    """Even where the process stays for a thread of the program, and hangs in it."""
    command = [sys.executable, "-c", SCRIPT + thread + ENDS[by]]
    with subprocess.Popen(command, cwd="/", stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while not mailbox.leaves() and time.monotonic() < deadline:
                assert process.poll() is None or not thread
                time.sleep(0.02)
            assert {pid: leave.by for pid, leave in mailbox.leaves().items()} == {process.pid: by}
        finally:
            process.kill()
