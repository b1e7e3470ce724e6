"""The supervisor itself is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twinkle_notifier.inbox import Inbox

Begin = Callable[..., Any]


def test_its_command_tells_by_itself(begin: Begin, robot: Inbox, tmp_path: Path) -> None:
    """Nothing is left to a supervisor that is gone; the training goes on as after `kill` of any reader of its output."""
    source = """
        import os, signal, sys, time
        import twinkle_notifier as t
        print(os.getpid(), flush=True)
        parent = os.getppid()
        while os.getppid() == parent: time.sleep(0.05)
        try:
            raise ValueError("the loss is lost")
        except ValueError as e:
            outcome = t.notify_exception(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), "step", e, name="sft")
        open("outcome", "w").write(outcome.status)
    """
    running = begin(source)
    assert running.process.stdout is not None
    running.process.stdout.readline()
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.communicate()
    outcome, deadline = tmp_path / "run" / "outcome", time.monotonic() + 60
    while not outcome.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [message.title for message in robot.messages] == ["sft failed: ValueError: the loss is lost"]


def test_what_both_could_not_send_is_flushed(begin: Begin, robot: Inbox, tmp_path: Path) -> None:
    """The process is killed in its send, the supervisor with it."""
    source = """
        import os, signal
        import twinkle_notifier as t
        def both(*_):
            os.kill(os.getppid(), 9)
            os.kill(os.getpid(), 9)
        t.DingNotifier.__call__ = both
        try:
            raise ValueError("the loss is lost")
        except ValueError as e:
            t.notify_exception(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), "step", e, name="sft")
    """
    begin(source).result()
    assert robot.messages == []
    command = [sys.executable, "-m", "twinkle_notifier", "flush"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")
    assert (done.stdout, done.returncode) == ("1 sent, 0 left\n", 0), done.stderr
    assert [message.title for message in robot.messages] == ["sft failed: ValueError: the loss is lost"]
    assert list(tmp_path.glob("tmp/*/supervised/*")) == []
