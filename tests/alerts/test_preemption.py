"""What a launcher ends or starts again: restarts with their count, and preemptions, in real processes of torchrun."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox

TELLING = """
import os, signal, sys, time
from pathlib import Path
import twinkle_notifier as t
rank = int(os.environ["RANK"])
ding = t.DingNotifier("env:DING_URL", "env:DING_SECRET")
def ready():
    Path(f"ready-{rank}").touch()
def wait_for(name):
    deadline = time.monotonic() + 60
    while not Path(name).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # as a user's own may be
"""


def titles(inbox: Inbox) -> list[str]:
    return [message.title for message in inbox.messages]


def terminate(started: Any, folder: Path) -> None:
    """The agent, once both of its ranks are where they wait."""
    deadline = time.monotonic() + 60
    while not all((folder / f"ready-{rank}").exists() for rank in (0, 1)) and time.monotonic() < deadline:
        time.sleep(0.05)
    started.process.send_signal(signal.SIGTERM)


def test_an_attempt_that_is_followed_is_a_restart_and_the_last_is_final(run: Callable[..., Any], inbox: Inbox) -> None:
    """Each is reported once over two ranks, with its count; no alert calls it a failure before it is one."""
    source = TELLING + 'with t.watch(ding, "step", "sft"):\n    raise ValueError("lost")'
    assert run(source, ranks=2, torchrun=("--standalone", "--max-restarts=2")).returncode == 1
    assert titles(inbox) == [
        "sft restarts after attempt 1 of 3: ValueError: lost",
        "sft restarts after attempt 2 of 3: ValueError: lost",
        "sft failed for good in attempt 3 of 3: ValueError: lost",
    ]
    assert "- Run: sft, attempt 2 of 3\n" in inbox.messages[1].text


@pytest.mark.stress
def test_a_restart_that_ends_well(run: Callable[..., Any], inbox: Inbox) -> None:
    """One message of the restart; its start and its end say which attempt they are."""
    source = """
from twinkle_notifier.isolation.background import background
training = t.TrainingRun(ding, name="sft", on_start=True)
training.started()
assert background.flush(30)
if (os.environ["TORCHELASTIC_RESTART_COUNT"], os.environ["RANK"]) == ("0", "0"):  # whose start is told
    try:
        raise ValueError("lost")
    except ValueError as e:
        training.failed(e)
        raise
training.ended()
"""
    assert run(TELLING + source, ranks=2, torchrun=("--standalone", "--max-restarts=2")).returncode == 0
    assert [title.split(" after 0 s")[0] for title in titles(inbox)] == [
        "sft started",
        "sft restarts after attempt 1 of 3: ValueError: lost",
        "sft restarted (attempt 2 of 3)",
        "sft ended",
    ]
    assert "- Run: sft, attempt 2 of 3\n" in inbox.messages[3].text


def test_a_preemption_of_two_ranks_is_one_message(start: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> None:
    """The scheduler ends the agent, which ends its ranks; no restart follows, though one was left."""
    source = TELLING + 'with t.watch(ding, "step", "sft"):\n    ready()\n    time.sleep(60)'
    started = start(source, ranks=2, torchrun=("--standalone", "--max-restarts=2"))
    terminate(started, tmp_path / "work")
    started.result()
    assert titles(inbox) == ["sft was preempted in attempt 1 of 3"]
    assert "- Run: sft, attempt 1 of 3\n" in inbox.messages[0].text
    assert "killed" not in inbox.messages[0].text
    assert "follow" not in inbox.messages[0].text


def test_a_sigterm_that_follows_from_another_ranks_error_is_not_told(run: Callable[..., Any], inbox: Inbox) -> None:
    """torchrun ends the siblings of a rank that has failed."""
    source = """
with t.watch(ding, "step", "sft"):
    if rank == 1:
        wait_for("ready-0")
        raise ValueError("the cause")
    ready()
    time.sleep(60)
"""
    assert run(TELLING + source, ranks=2).returncode == 1
    assert titles(inbox) == ["sft failed: ValueError: the cause"]


@pytest.mark.stress
def test_a_pending_sigterm_does_not_cut_the_wait_for_the_cause(run: Callable[..., Any], inbox: Inbox) -> None:
    """It may be the one that the cause has brought, while its rank has not said a word yet."""
    source = """
from twinkle_notifier.alerts import pipeline as incident
incident._CAUSE_OF_SIGNAL = 60.0  # however busy the machine is
class Terminated(SystemExit):
    def __str__(self):  # asked in the middle of the telling
        os.kill(os.getpid(), signal.SIGTERM)
        ready()
        return "143"
with t.watch(ding, "step", "sft"):
    if rank == 0:
        raise Terminated(143)
    wait_for("ready-0")
    time.sleep(0.3)
    raise ValueError("the cause")
"""
    assert run(TELLING + source, ranks=2).returncode == 1
    assert titles(inbox) == ["sft failed: ValueError: the cause"]


@pytest.mark.stress
def test_what_follows_from_a_preemption_is_not_told(run: Callable[..., Any], inbox: Inbox) -> None:
    """A peer whose connection breaks when the preempted rank has left."""
    source = """
with t.watch(ding, "step", "sft"):
    if rank == 0:
        try:
            with t.watch(ding, "step", "sft"):
                sys.exit(143)
        finally:
            ready()
    wait_for("ready-0")
    raise RuntimeError("Connection closed by peer [127.0.0.1]")
"""
    assert run(TELLING + source, ranks=2).returncode == 1
    assert titles(inbox) == ["sft was preempted"]
    assert "- Ranks that did not respond: 1\n" in inbox.messages[0].text


@pytest.mark.parametrize(
    ("meets", "facts"),
    [
        pytest.param(
            "True",
            ["- Ranks: 0-1 of 2", "- Note: secondary error; no rank reported the cause"],
            marks=pytest.mark.stress,
        ),
        (
            "rank == 0",
            [
                "- Ranks: rank 0 of 2 on ",
                "- Note: secondary error; no rank reported the cause: likely one was killed",
                "- Ranks that did not respond: 1",
            ],
        ),
    ],
    ids=["all of them", "one of them"],
)
def test_a_killed_rank_is_supposed_only_where_one_is_missing(
    meets: str, facts: list[str], run: Callable[..., Any], inbox: Inbox
) -> None:
    """What follows from a cause that nobody has reported is reported as such, after the five seconds in which one may show."""
    source = f"""
if {meets}:
    with t.watch(ding, "step", "sft"):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection reset by peer [127.0.0.1]:1")
signal.signal(signal.SIGTERM, signal.SIG_DFL)
time.sleep(60)
"""
    assert run(TELLING + source, ranks=2).returncode == 1
    (message,) = inbox.messages
    told = [line for line in message.text.split("\n") if line.startswith(("- Ranks", "- Note"))]
    assert [line[: len(fact)] for line, fact in zip(told, facts, strict=True)] == facts
    assert ("likely one was killed" in message.text) is (meets != "True")


@pytest.mark.parametrize("count", ["", "1"])
def test_slurm_tells_only_what_was(count: str, run: Callable[..., Any], inbox: Inbox) -> None:
    """Whether it will requeue a job once more, nobody in the job knows."""
    source = """
import sys
import twinkle_notifier as t
for error in (ValueError("lost"), SystemExit(138)):
    try:
        raise error
    except BaseException as e:
        t.notify_exception(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), exc=e, name="sft")
"""
    assert run(source, SLURM_JOB_ID="7", SLURM_RESTART_COUNT=count).returncode == 0
    assert titles(inbox) == ["sft failed: ValueError: lost", "sft was preempted"]
    assert [f"- Run: sft{', attempt 2' if count else ''}\n" in message.text for message in inbox.messages] == [True] * 2
