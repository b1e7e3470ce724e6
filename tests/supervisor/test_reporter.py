"""One incident, whoever reports it: the command itself, or the supervisor when it could not."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.mailbox.notes import Leave, Note
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.supervisor.reporter import Reporter
from twinkle_notifier.testing import RecordingNotifier

PYTHON = sys.executable
RUN = [PYTHON, "-m", "twinkle_notifier", "run", "--name", "sft", "--"]
Begin = Callable[..., Any]
TELLS = """
import os, sys, threading, time
import twinkle_notifier as t
notifier = t.DingNotifier("env:DING_URL", "env:DING_SECRET", timeout=5.0)
def tell(exc):
    return t.notify_exception(notifier, "step", exc, name="sft")
def crash():
    raise ValueError("the loss is lost")
"""


def titles(robot: Inbox) -> list[str]:
    return [message.title for message in robot.messages]


def test_an_exception_is_not_reported_again(begin: Begin, robot: Inbox) -> None:
    """The command ends of what it has told."""
    done = begin(TELLS + "try: crash()\nexcept ValueError as e: tell(e); raise").result()
    assert (done.returncode, titles(robot)) == (1, ["sft failed: ValueError: the loss is lost"]), done.stderr


@pytest.mark.parametrize("then", ["raise RuntimeError('in epoch 3') from e", "sys.exit(7)", "os._exit(7)"])
def test_nor_by_another_name(begin: Begin, robot: Inbox, then: str) -> None:
    """It was raised further out as another, or led to an exit code."""
    done = begin(TELLS + f"try: crash()\nexcept ValueError as e:\n    tell(e)\n    {then}").result()
    assert titles(robot) == ["sft failed: ValueError: the loss is lost"], done.stderr


def test_another_end_is_reported(begin: Begin, robot: Inbox) -> None:
    """It was told of an exception, went on, and then ended of something else."""
    done = begin(TELLS + "try: crash()\nexcept ValueError as e: tell(e)\nraise KeyError('later')").result()
    told = ["sft failed: ValueError: the loss is lost", "sft failed: KeyError: 'later' (exit code 1)"]
    assert titles(robot) == told, done.stderr


def test_a_run_that_goes_on_is_not_reported_again(begin: Begin, robot: Inbox) -> None:
    """It outlived its exception, and ended well."""
    begin(TELLS + "try: crash()\nexcept ValueError as e: tell(e)").result()
    assert titles(robot) == ["sft failed: ValueError: the loss is lost"]


def test_killed_before_its_request(begin: Begin, robot: Inbox) -> None:
    """The supervisor sends it."""
    kill = "t.DingNotifier.__call__ = lambda *_: os.kill(os.getpid(), 9)\n"
    done = begin(TELLS + kill + "try: crash()\nexcept ValueError as e: tell(e); raise").result()
    assert (done.returncode, titles(robot)) == (-9, ["sft failed: ValueError: the loss is lost"]), done.stderr


def test_killed_before_the_answer(begin: Begin, robot: Inbox) -> None:
    """The supervisor sends it once more, and the robot drops the repeat."""
    kill = "threading.Timer(1.5, lambda: os.kill(os.getpid(), 9)).start()\n"
    with Inbox(delay=3.0) as slow:
        env = {"DING_URL": slow.url, "DING_SECRET": "", "TWINKLE_NOTIFIER": slow.url}
        source = TELLS.replace(', "env:DING_SECRET"', "") + kill
        done = begin(source + "try: crash()\nexcept ValueError as e: tell(e); raise", **env).result()
        assert (done.returncode, titles(slow)) == (-9, ["sft failed: ValueError: the loss is lost"]), done.stderr
        assert slow.requests == 2


def test_the_inside_has_no_way_out(begin: Begin, robot: Inbox, tmp_path: Path) -> None:
    """A proxy that only the command has is dead: the supervisor sends its message, and nobody does later."""
    broken = (
        "os.environ['HTTP_PROXY'] = os.environ['http_proxy'] = 'http://127.0.0.1:9'; os.environ.pop('NO_PROXY', '')\n"
    )
    done = begin(TELLS + broken + "try: crash()\nexcept ValueError as e: tell(e); raise").result()
    assert titles(robot) == ["sft failed: ValueError: the loss is lost"], done.stderr
    assert "its process could not send this" in robot.messages[0].text
    assert list(tmp_path.glob("tmp/*/spool/*/*.json")) == []


def test_without_a_notifier_of_its_own_it_takes_the_run_s(
    begin: Begin, robot: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A callback's, as far as it was given by reference."""
    monkeypatch.delenv("TWINKLE_NOTIFIER")
    source = """
        import os, time
        from twinkle_notifier import DingNotifier, TrainingRun
        from twinkle_notifier.isolation.background import background
        TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET")).started()
        background.flush(30)
        os.kill(os.getpid(), 9)
    """
    done = begin(source).result()
    assert titles(robot) == ["sft failed: killed by SIGKILL"], done.stderr


def test_a_supervisor_below_a_supervisor(begin: Begin, robot: Inbox) -> None:
    """As around a batch script, and in it."""
    done = begin([*RUN, PYTHON, "-c", "import os; os._exit(9)"]).result()
    assert (done.returncode, titles(robot)) == (9, ["sft failed: exit code 9"]), done.stderr


def test_nothing_is_left_behind(begin: Begin, tmp_path: Path) -> None:
    """Neither the folder between inside and outside, nor a secret in one that a killed supervisor leaves."""
    begin(TELLS + "try: crash()\nexcept ValueError as e: tell(e); raise").result()
    assert list(tmp_path.glob("tmp/*/supervised/*")) == []


@pytest.mark.parametrize(
    ("then", "title"), [("import os; os._exit(9)", "exit code 9"), ("raise KeyError(1)", "KeyError: 1 (exit code 1)")]
)
def test_what_one_command_reported_is_not_why_the_next_ended(
    begin: Begin, robot: Inbox, tmp_path: Path, then: str, title: str
) -> None:
    """A script runs two; the first outlives its exception."""
    first = tmp_path / "first.py"
    first.write_text(TELLS + "try: crash()\nexcept ValueError as e: tell(e)")
    done = begin(["sh", "-c", f"{PYTHON} {first}; sleep 2; {PYTHON} -c '{then}'"]).result()
    assert titles(robot) == ["sft failed: ValueError: the loss is lost", f"sft failed: {title}"], done.stderr


@pytest.mark.parametrize(
    ("leave", "code", "said"),
    [
        (Leave("it", 30.0), 1, True),
        (Leave("exit", 30.0), 1, True),  # it was met, and led to `sys.exit(1)`
        (Leave("exit", 30.0), 0, False),
        (Leave("other", 30.0), 1, False),
        (Leave("it", 90.0), 1, False),  # the command may be about to end by it
    ],
)
def test_a_deferred_alert_is_sent_a_minute_after_its_process_left_by_it(leave: Leave, code: int, said: bool) -> None:
    """Once, while the command goes on."""
    now, told, mailbox = time.time() - 100, RecordingNotifier(), Mailbox.begun()
    holder = Holder(Holder.me().host, 2**22 + 1, 1.0)  # a process id that this machine cannot have
    mailbox.record(Note("deferred", "a", "failed", holder, 0, now, None, "### sft failed: x", "id"))
    at = {
        "pid": holder.pid,
        "at": now + 30,
        "type": "ValueError",
        "message": "x",
        "code": code,
        "frames": [],
        "failures": [],
    }
    (mailbox.folder / f"{holder.pid}.leave").write_text(json.dumps({"by": leave.by, "at": now + leave.at}))
    (mailbox.folder / f"{holder.pid}.end").write_text(json.dumps(at))
    reporter = Reporter("sft", told, mailbox)
    reporter.overdue()
    reporter.overdue()
    assert told.messages == ["### sft failed: x"] * said
    mailbox.close()


def test_a_run_that_went_on_and_was_killed(begin: Begin, robot: Inbox) -> None:
    """Two seconds after its exception, by the out-of-memory killer, say."""
    went_on = "try: crash()\nexcept ValueError as e: tell(e)\ntime.sleep(2)\nos.kill(os.getpid(), 9)"
    done = begin(TELLS + went_on).result()
    assert titles(robot) == ["sft failed: ValueError: the loss is lost", "sft failed: killed by SIGKILL"], done.stderr


@pytest.mark.parametrize(
    ("command", "options", "colors"),
    [
        ("raise SystemExit(3)", (), ["red"]),
        ("import os; os.kill(os.getpid(), 9)", (), ["red"]),
        ("import os; os.kill(os.getpid(), 15)", (), ["orange"]),
        ("import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), 2)", (), ["orange"]),
        ("", ("--on-success",), ["green"]),
        (
            "import time; time.sleep(4); print(1, flush=True); time.sleep(1)",
            ("--stall-after", "2s"),
            ["orange", "green"],
        ),
    ],
    ids=["exit code", "kill", "preemption", "interruption", "end", "silence"],
)
def test_a_message_is_as_urgent_as_what_happened(
    begin: Begin, robot: Inbox, command: str, options: tuple[str, ...], colors: list[str]
) -> None:
    """As Feishu's robot shows it: red, orange, green."""
    notifier = {"class": "FeishuNotifier", "webhook_url": robot.urls["Feishu"], "secret": "env:DING_SECRET"}
    done = begin(command, options=options, TWINKLE_NOTIFIER=json.dumps(notifier)).result()
    shown = [message.payload["card"]["header"]["template"] for message in robot.messages]
    assert shown[: len(colors)] == colors, done.stderr  # it may be silent a second time
