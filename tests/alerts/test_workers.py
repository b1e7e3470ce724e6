"""What a controller met in its workers, as people read it."""

from __future__ import annotations

import re
import threading
import time

import pytest

from twinkle_notifier import ControllerRun, WorkerError
from twinkle_notifier.budgets import PATIENCE
from twinkle_notifier.testing import RecordingNotifier

TRACEBACK = """Traceback (most recent call last):
  File "/home/a/train.py", line {line}, in step
    raise ValueError("lost")
ValueError: lost
"""


class UserExceptionWithTraceback(Exception):
    """As a worker of Ray Train's sends it."""

    def __init__(self, exc: BaseException, traceback: str = "") -> None:
        super().__init__()
        self._base_exc, self._traceback_str = exc, traceback

    def __str__(self) -> str:
        return self._traceback_str


def lost(rank: int, line: int = 7) -> WorkerError:
    exc = UserExceptionWithTraceback(ValueError("lost"), TRACEBACK.format(line=line))
    return WorkerError(exc, rank, 4, rank % 2, f"node{rank // 2}", 70 + rank)


def closed(rank: int) -> WorkerError:
    return lost(rank)._replace(exc=UserExceptionWithTraceback(RuntimeError("Connection closed by peer")))


def told(*errors: WorkerError, **attempt: int | bool) -> list[list[str]]:
    """The heading and the facts of each message."""
    notifier = RecordingNotifier()
    outcome = ControllerRun(notifier, name="sft").workers_failed(lambda: errors, **attempt)  # type: ignore[arg-type]
    assert outcome.status == "sent"
    return [
        [line for line in message.splitlines() if line.startswith(("### ", "- At", "- Rank", "- Errors", "- Host"))]
        for message in notifier.messages
    ]


def test_the_ranks_that_met_it_and_those_that_followed() -> None:
    """One message, with the place of the first that met the cause."""
    [[heading, at, ranks, followers, rank, host]] = told(closed(0), lost(3), lost(1), closed(2))
    assert (heading, at) == ("### sft failed: ValueError: lost", "- At: train.py:7 in step")
    assert ranks == "- Ranks: 1, 3 of 4 on node0, node1"
    assert followers.startswith("- Errors that follow from it: 0, 2 of 4")
    assert (rank, host.rpartition(",")[0]) == ("- Rank: 1 of 4", "- Host: node0, PID 71")


def test_each_cause_gets_a_message() -> None:
    """As everywhere: errors of one type that were raised in two places are two."""
    messages = told(lost(0), lost(1, line=8), closed(2))
    assert [at for _, at, *_ in messages] == ["- At: train.py:7 in step", "- At: train.py:8 in step"]
    assert [any("follow" in line for line in lines) for lines in messages] == [True, False]


def test_where_nobody_met_a_cause() -> None:
    """The secondary error is told: perhaps a worker was killed."""
    [[heading, *_]] = told(closed(0), closed(2))
    assert heading == "### sft failed: RuntimeError: Connection closed by peer"


@pytest.mark.parametrize(
    ("attempt", "heading"),
    [
        ({}, "sft failed"),
        ({"attempt": 1, "attempts": 3, "again": True}, "sft restarts after attempt 1 of 3"),
        ({"attempt": 5, "attempts": 0, "again": True}, "sft restarts after attempt 5"),
        ({"attempt": 3, "attempts": 3, "again": False}, "sft failed for good in attempt 3 of 3"),
        ({"attempt": 1, "attempts": 3, "again": False}, "sft failed for good in attempt 1 of 3"),
        ({"again": False}, "sft failed"),
    ],
)
def test_whether_the_controller_starts_them_again(attempt: dict[str, int | bool], heading: str) -> None:
    """As it has decided, whatever the numbers say."""
    [[first, *_]] = told(lost(0), **attempt)
    assert first == f"### {heading}: ValueError: lost"


def test_the_same_after_a_restart_is_told_again() -> None:
    """Each attempt is a run of its own."""
    notifier = RecordingNotifier()
    run = ControllerRun(notifier, name="sft")
    run.started()
    for number in (1, 2):
        run.workers_failed(lambda: [lost(0)], attempt=number, attempts=2, again=number < 2)
    assert [message.splitlines()[0].partition(":")[0] for message in notifier.messages] == [
        "### sft restarts after attempt 1 of 2",
        "### sft failed for good in attempt 2 of 2",
    ]


@pytest.mark.parametrize(("second", "again"), [(ValueError("lost"), True), (MemoryError("lost"), False)])
def test_a_crash_loop_is_of_one_error(second: BaseException, again: bool) -> None:
    """Another error at the same line is the first of its kind."""
    notifier = RecordingNotifier()
    run = ControllerRun(notifier, name="sft")
    run.started()
    errors = [lost(0), lost(0)._replace(exc=UserExceptionWithTraceback(second, TRACEBACK.format(line=7)))]
    for number, error in enumerate(errors, 1):
        run.workers_failed(lambda error=error: [error], attempt=number, attempts=2, again=number < 2)  # type: ignore[misc]
    assert ["- Again: 2nd time" in message for message in notifier.messages] == [False, again]


def test_what_cannot_be_read_is_reported_as_such(caplog: pytest.LogCaptureFixture) -> None:
    """As of another version of a trainer: people learn that workers have failed, and the log says why no more."""

    def errors() -> list[WorkerError]:
        raise AttributeError("worker_statuses")

    for read in (errors, list[WorkerError]):
        told = RecordingNotifier()
        assert ControllerRun(told, name="sft").workers_failed(read, attempt=1, attempts=2, again=True).status == "sent"
        [message] = told.messages
        assert message.startswith(
            "### sft restarts after attempt 1 of 2: WorkersFailed: workers have failed, and what they raised cannot be read\n"
        )
    assert "AttributeError" in caplog.text


def test_what_takes_too_long_to_read_is_reported_by_the_first_rank() -> None:
    """With the number of workers: which of them have met the same is not known."""

    class Slow(Exception):
        never = threading.Event()

        def __str__(self) -> str:
            self.never.wait(0.15)  # for each of 30, where two seconds are left for all
            return f"lost by {self.args[0]}"

    told = RecordingNotifier()
    kinds: list[type[Slow]] = [type(f"Slow{rank}", (Slow,), {}) for rank in range(30)]
    failed = [WorkerError(kind(rank), rank, 30, 0, "node0", 70) for rank, kind in enumerate(kinds)]
    assert ControllerRun(told, name="sft").workers_failed(lambda: failed[::-1]).status == "sent"
    [message] = told.messages
    assert message.startswith("### sft failed: Slow0")
    assert "\n- Rank: 0 of 30\n" in message
    assert "\n- Ranks: 0-29 of 30\n" in message
    assert "\n- Other errors: those of 30 workers were not compared\n" in message


def test_a_thousand_workers_that_raise_the_same_are_one_incident() -> None:
    """Each text is judged once, however long it is to read."""
    trace = "".join(
        f'  File "/home/a/part{n}.py", line 7, in step\n    token = "{n}abcdef0123456789"\n' for n in range(400)
    )
    long = TRACEBACK.format(line=7).replace("most recent call last):\n", f"most recent call last):\n{trace}")
    failed = [
        WorkerError(UserExceptionWithTraceback(ValueError("lost"), long), rank, 1_000, 0, f"node{rank // 8}", 70)
        for rank in range(1_000)
    ]
    [[heading, at, ranks, *_]] = told(*failed)
    assert (heading, at) == ("### sft failed: ValueError: lost", "- At: train.py:7 in step")
    assert ranks.startswith("- Ranks: 0-999 of 1000")


def test_many_causes_are_three_messages_and_a_count() -> None:
    """Nobody reads thirty."""
    notifier = RecordingNotifier()
    failed = [lost(rank, line=rank + 1)._replace(world_size=40) for rank in range(30)]
    ControllerRun(notifier, name="sft").workers_failed(lambda: [*failed, closed(35)._replace(world_size=40)])
    assert [
        re.findall(r"- (?:At: train.py:\d+|Other errors: .*|Errors that follow)", text) for text in notifier.messages
    ] == [
        ["- At: train.py:1", "- Errors that follow"],
        ["- At: train.py:2"],
        ["- At: train.py:3", "- Other errors: 27 more, on ranks 3-29"],
    ]


def test_a_notifier_that_hangs_holds_the_controller_up_for_one_alert_s_time() -> None:
    """However many causes there are; nothing is lost."""
    began, sent, never = time.monotonic(), list[str](), threading.Event()

    def hangs(text: str) -> None:
        sent.append(text)
        never.wait(60)

    failed = [lost(rank, line=rank + 1) for rank in range(12)]
    outcome = ControllerRun(hangs, name="sft").workers_failed(lambda: failed)
    took = time.monotonic() - began
    never.set()
    assert outcome.status != "sent"
    assert took < 2 * PATIENCE  # twelve sends, one after the other, take four times as long
    assert [text.count("train.py:") > 0 for text in sent] == [True] * 3
