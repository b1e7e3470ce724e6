"""The supervisor itself is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox

Begin = Callable[..., Any]


def test_its_command_reports_by_itself(begin: Begin, robot: Inbox, tmp_path: Path) -> None:
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
    running.wait_for("\n")
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.wait()
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


WORD = {
    "state": "sending", "incident": "i", "kind": "failed", "rank": 0, "at": 1.0, "run": None, "text": "### lost\n\n- x",
    "id": "a1", "notifier": {"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"},
}  # fmt: skip


@pytest.fixture
def orphan(robot: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a supervisor that was killed, below which a process left a word and was killed, too."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "state"))
    code = f"""
import json
from twinkle_notifier.mailbox import mailbox
folder = mailbox.Mailbox.begun().folder
holder = json.loads((folder / mailbox.HOLDER).read_text())
(folder / "1-a.word").write_text(json.dumps({{**json.loads({json.dumps(WORD)!r}), "holder": holder}}))
print(folder)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    return Path(done.stdout.strip())


def flush() -> tuple[str, int, str]:
    command = [sys.executable, "-m", "twinkle_notifier", "flush"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd="/")
    return done.stdout, done.returncode, done.stderr


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(("by", "sent"), [("it", 1), (None, 1), ("exit", 0), ("other", 0)])
def test_what_was_deferred_goes_out_if_its_process_ended_by_it(
    by: str | None, sent: int, orphan: Path, robot: Inbox
) -> None:
    """Or may have."""
    change(orphan / "1-a.word", state="deferred")
    if by is not None:
        pid = json.loads((orphan / "1-a.word").read_text())["holder"]["pid"]
        (orphan / f"{pid}.leave").write_text(json.dumps({"by": by, "at": 2.0}))
    out, code, err = flush()
    assert (out, code, len(robot.messages)) == (f"{sent} sent, 0 left\n", 0, sent), err


def test_a_word_without_a_usable_id_stays_in_the_spool(orphan: Path, robot: Inbox, tmp_path: Path) -> None:
    """One that is a path leads nowhere else."""
    (tmp_path / "victim").mkdir()
    change(orphan / "1-a.word", id=f"../../../{'../' * 20}{tmp_path}/victim/config")
    (out, code, err), [message] = flush(), robot.messages
    assert (out, code, message.title) == ("1 sent, 0 left\n", 0, "lost"), err
    assert list((tmp_path / "victim").iterdir()) == []


@pytest.mark.parametrize("text", ["{}", "5", "[]", "", "[" * 100_000, '{"host": 5, "pid": "x", "started": []}'])
def test_a_damaged_name_of_a_supervisor_loses_nothing(text: str, orphan: Path, robot: Inbox) -> None:
    """What was left to it goes out."""
    (orphan / "supervisor.json").write_text(text)
    out, code, err = flush()
    assert (out, code, len(robot.messages)) == ("1 sent, 0 left\n", 0, 1), err
    assert not orphan.exists()


def test_a_supervisor_of_another_version_is_known(orphan: Path, robot: Inbox) -> None:
    """Though it says more of itself."""
    change(orphan / "supervisor.json", colour="red")
    assert flush()[:2] == ("1 sent, 0 left\n", 0)


@pytest.mark.parametrize("name", ["supervisor.json", "2-b.word"])
def test_a_pipe_is_not_waited_for(name: str, orphan: Path, robot: Inbox, tmp_path: Path) -> None:
    """It is named and counted, and letters go out; the folder stays."""
    (orphan / name).unlink(missing_ok=True)
    os.mkfifo(orphan / name)
    out, code, err = flush()
    sent = 0 if name == "supervisor.json" else 1  # whether its supervisor lives is not known
    assert (out, code, len(robot.messages)) == (f"{sent} sent, 1 left\n", 1, sent), err
    assert err.count(str(orphan)) == 1
    assert orphan.exists()


def test_a_damaged_word_is_named_and_kept(orphan: Path, robot: Inbox) -> None:
    """For a week; the others go out, once."""
    (orphan / "2-b.word").write_text('{"state": "sending", "te')
    for expected in ("1 sent, 1 left\n", "0 sent, 1 left\n"):
        out, code, err = flush()
        assert (out, code) == (expected, 1)
        assert err.count("2-b.word cannot be read") == 1
    assert len(robot.messages) == 1
    os.utime(orphan / "2-b.word", (1.0, 1.0))
    assert flush()[:2] == ("0 sent, 0 left\n", 0)
    assert not orphan.exists()


def test_a_damaged_folder_hides_no_end(begin: Begin, robot: Inbox) -> None:
    """Of the command, which has itself written what nobody can read."""
    source = """
        import os, pathlib
        folder = pathlib.Path(os.environ["TWINKLE_NOTIFIER_SUPERVISOR"])
        for name in ("checkpoint.json", "run.json", "abc.leave"): (folder / name).write_text("5")
        (folder / "1-a.word").write_text('{"at": "now"}')
        (folder / "1-b.word").write_text("[" * 100_000)
        os.mkfifo(folder / "1-c.word")
        raise ValueError("the loss is lost")
    """
    done = begin(source).result()
    assert [message.title for message in robot.messages] == [
        "sft failed: ValueError: the loss is lost (exit code 1)"
    ], done.stderr


def test_the_folder_of_a_killed_supervisor_is_taken_away_by_the_next(begin: Any, robot: Inbox, tmp_path: Path) -> None:
    """It would stay until somebody flushes."""
    running = begin("import time\nprint('ready', flush=True)\ntime.sleep(5)")
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.wait()
    (left,) = tmp_path.glob("tmp/*/supervised/*")
    begin("import time\ntime.sleep(3)").result()
    assert list(tmp_path.glob("tmp/*/supervised/*")) == []
    assert not left.exists()
