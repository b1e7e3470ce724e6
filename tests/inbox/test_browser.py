"""The inbox opens its page where a person sits before it, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

pytestmark = pytest.mark.linux
Start = Callable[..., "tuple[subprocess.Popen[bytes], int]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """The command on a terminal of its own, with a browser that writes down what it was given."""
    script, running = tmp_path / "browser", list[tuple[subprocess.Popen[bytes], int]]()
    script.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/given.part; mv {tmp_path}/given.part {tmp_path}/given\n')
    script.chmod(0o755)

    def begin(*arguments: str, **env: str) -> tuple[subprocess.Popen[bytes], int]:
        ours, theirs = pty.openpty()
        own = {"DISPLAY": ":0", "BROWSER": f"{script} %s &", "HOME": str(tmp_path)} | env
        kept = {name: value for name, value in os.environ.items() if name not in ("SSH_CONNECTION", "WAYLAND_DISPLAY")}
        command = [sys.executable, "-m", "twinkle_notifier", "inbox", "--port", "0", *arguments]
        running.append((subprocess.Popen(command, stdout=theirs, stderr=theirs, cwd="/", env=kept | own), ours))
        os.close(theirs)
        return running[-1]

    yield begin
    for process, ours in running:
        process.kill()
        process.wait()
        os.close(ours)


def until(terminal: int, words: bytes) -> str:
    """What the command printed, up to these words."""
    printed = b""
    while words not in printed:
        assert select.select([terminal], [], [], 60)[0], printed
        printed += os.read(terminal, 65536)
    return printed.decode()


def given(tmp_path: Path) -> Path:
    """The file that the browser was given, as soon as it was."""
    deadline = time.monotonic() + 60
    while not (tmp_path / "given").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    address = (tmp_path / "given").read_text().strip()
    assert address.startswith("file:///")
    assert "token" not in address
    return Path(address.removeprefix("file://"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1)])
def test_the_browser_is_given_a_file_of_the_users_own(
    number: signal.Signals, code: int, start: Start, tmp_path: Path
) -> None:
    """All users of a machine can read a command line, and the page's URL holds a token. The file goes with the inbox."""
    process, terminal = start()
    printed = until(terminal, b"Ctrl-C ends it.")
    lead = given(tmp_path)
    found = re.search(r"Messages: +(\S+)", printed)
    assert found is not None
    assert f'url={found[1]}"' in lead.read_text()
    assert (lead.stat().st_mode & 0o777, lead.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert lead.parent.parent == tmp_path  # a browser in a sandbox reads the home, and nothing hidden in it
    assert not lead.parent.name.startswith(".")
    process.send_signal(number)
    assert process.wait(60) == code
    assert not lead.parent.exists()


def test_a_home_that_cannot_be_written_is_done_without(start: Start, tmp_path: Path) -> None:
    """The folder for what is temporary serves then, and no browser where that fails, too."""
    (tmp_path / "temporary").mkdir()
    process, terminal = start(HOME="/proc", TMPDIR=str(tmp_path / "temporary"))
    until(terminal, b"Ctrl-C ends it.")
    lead = given(tmp_path)
    assert lead.parent.parent == tmp_path / "temporary"
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert not lead.parent.exists()


def test_nohup_keeps_it_alive(start: Start, tmp_path: Path) -> None:
    """What ignores the end of a terminal goes on ignoring it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process, terminal = start()
    finally:
        signal.signal(signal.SIGHUP, before)
    printed = until(terminal, b"Ctrl-C ends it.")
    lead = given(tmp_path)
    process.send_signal(signal.SIGHUP)
    found = re.search(r"Messages: +(\S+)", printed)
    assert found is not None
    assert requests.get(found[1], timeout=30).status_code == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + 15
    assert not lead.parent.exists()


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        (["--no-browser"], {}),
        ([], {"DISPLAY": ""}),
        ([], {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}),
        ([], {"BROWSER": "no-such-browser %s &"}),
        ([], {"BROWSER": "BROWSER %s"}),  # within the terminal, as w3m
    ],
    ids=["told not to", "no display", "by ssh", "none there", "within the terminal"],
)
def test_no_browser_where_none_is_wanted_or_can_be(
    arguments: list[str], env: dict[str, str], start: Start, tmp_path: Path
) -> None:
    """The inbox runs and ends as ever, and prints nothing else."""
    if "BROWSER" in env:
        env = {"BROWSER": env["BROWSER"].replace("BROWSER", str(tmp_path / "browser"))}
    process, terminal = start(*arguments, **env)
    printed = until(terminal, b"Ctrl-C ends it.")
    deadline = time.monotonic() + 1  # a browser would have come by then
    while time.monotonic() < deadline and not (tmp_path / "given").exists():
        time.sleep(0.01)
    assert not (tmp_path / "given").exists()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert "Traceback" not in printed
