"""An alert that is handed on: an exception that a parent process meets again, an alert that is left to the supervisor."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import Outcome, notify_exception
from twinkle_notifier.alerts.handover import Deferred, _keys_below
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.testing import RecordingNotifier

PRELUDE = '''
import concurrent.futures, multiprocessing, os, twinkle_notifier as t
notifier = t.DingNotifier("env:DING_URL", "env:DING_SECRET")

def lose(says="the loss is lost"):
    raise ValueError(says)

@t.watch(notifier, "worker", name="work")
def watched(number=0):
    lose()

@t.watch(notifier, "worker", name="work")
def nested():
    meet(lambda: pooled(watched))

def silent(number=0):
    lose()

def unheard(number=0):
    os.environ["DING_URL"] = "http://127.0.0.1:9/robot"  # where nobody answers
    with t.watch(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), "worker", name="unheard"):
        lose()

def heard_then_not():
    meet(watched)
    unheard()

def outer(work, context="parent"):
    with t.watch(notifier, context, name="sft"):
        work()

def meet(*works):
    for work in works:
        try:
            outer(work)
        except Exception as e:
            print(type(e).__name__)

def pooled(work, method="fork", tasks=1):
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        for future in [pool.submit(work) for _ in range(tasks)]:
            meet(future.result)

def pool(work, method="fork"):
    with multiprocessing.get_context(method).Pool(1) as pool:
        pool.apply(work)

class Data(list):
    @t.watch(notifier, "worker", name="work")
    def __getitem__(self, number):
        lose()

def loaded():
    from torch.utils.data import DataLoader
    list(DataLoader(Data([0]), num_workers=1, multiprocessing_context="fork"))

def elastic():
    import sys
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch
    with open("worker.py", "w") as file:
        file.write(SCRIPT)
    config = LaunchConfig(1, 1, 1, run_id="r", rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0", max_restarts=0)
    elastic_launch(config, sys.executable)("worker.py")

SCRIPT = """
import twinkle_notifier as t
from torch.distributed.elastic.multiprocessing.errors import record

@record
def main():
    with t.watch(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), "worker", name="work"):
        raise ValueError("the loss is lost")

main()
"""

def many():
    for _ in range(100):
        try:
            watched()
        except ValueError:
            pass

def tolerant():
    pooled_only(watched)
    for _ in range(4):
        pooled(silent)

def pooled_only(work):
    with concurrent.futures.ProcessPoolExecutor(4, multiprocessing.get_context("fork")) as pool:
        print([type(future.exception()) for future in [pool.submit(work) for _ in range(4)]])

def spawned(work):
    import torch.multiprocessing
    torch.multiprocessing.spawn(work, nprocs=1)
'''
RAY = """
import logging, ray, twinkle_notifier as t
notifier = t.DingNotifier("env:DING_URL", "env:DING_SECRET")
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)

def lose():
    raise ValueError("the loss is lost")

@ray.remote(max_retries=0)
def watched():
    with t.watch(notifier, "task", name="work"):
        lose()

@ray.remote(max_retries=0)
def silent():
    lose()

for task in (watched, silent):
    try:
        with t.watch(notifier, "driver", name="sft"):
            ray.get(task.remote())
    except ValueError:
        print("met")
ray.shutdown()
"""


@pytest.fixture
def told(run: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> Callable[[str], list[str]]:
    """The names of the runs that a script reports, after `PRELUDE`."""

    def names(source: str) -> list[str]:
        done = run(f"{PRELUDE}\nif __name__ == '__main__':\n    {source}\n", TWINKLE_NOTIFIER_DIR=str(tmp_path))
        assert done.returncode == 0, done.stderr
        return [message.title.split(" failed")[0] for message in inbox.messages if "failed" in message.title]

    return names


@pytest.mark.parametrize(
    ("source", "times"),
    [
        ("pooled(watched)", 1),
        ("pooled(watched, 'spawn')", 1),
        ("pooled(watched, 'forkserver')", 1),
        ("meet(lambda: pool(watched))", 1),
        pytest.param("meet(lambda: spawned(watched))", 1, marks=pytest.mark.stress),
        ("pooled(watched, tasks=3)", 3),  # each enters a block anew
        ("pooled(nested)", 1),
        pytest.param("meet(elastic)", 1, marks=pytest.mark.stress),
        pytest.param("meet(loaded)", 1, marks=pytest.mark.stress),
        ("outer(lambda: pooled(watched), 'further out')", 1),
    ],
)
def test_what_a_worker_has_told_its_parent_does_not(told: Callable[[str], list[str]], source: str, times: int) -> None:
    """Whatever the name and the context there."""
    assert told(source) == ["work"] * times


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("pooled(silent)", ["sft"]),
        ("pooled(unheard)", ["sft", "unheard"]),
        ("pooled(heard_then_not)", ["work", "sft", "unheard"]),
        ("pooled(watched); pooled(silent)", ["work", "sft"]),
        ("pooled(silent); pooled(watched)", ["sft", "work"]),
    ],
    ids=[
        "it has no notifier",
        "it could not send",
        "it could send only the first",
        "only an earlier one was told",
        "only a later one is told",
    ],
)
def test_what_no_worker_has_told_its_parent_does(
    told: Callable[[str], list[str]], source: str, names: list[str]
) -> None:
    """An equal exception of before, which one has reported, does not count."""
    assert told(source) == names


@pytest.mark.stress
def test_a_rays_task_and_its_driver(run: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> None:
    """The driver reports the task that has not reported itself."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as short:  # its sockets' paths have a limit
        done = run(RAY, RAY_TMPDIR=short, TMPDIR=short, TWINKLE_NOTIFIER_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "met\nmet\n"), done.stderr
    assert [message.title.split(" failed")[0] for message in inbox.messages] == ["work", "sft"]


class Hostile(ValueError):
    """Its own code raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise SystemExit(name)


class Undecided:
    def __bool__(self) -> bool:
        raise SystemExit("never")


class RayTaskError(Exception):
    """As Ray makes it."""

    def __init__(self, cause: object) -> None:
        super().__init__("a task failed")
        self.cause = cause


def marked(exc: BaseException, mark: object) -> BaseException:
    BaseException.__dict__["__dict__"].__get__(exc)["_twinkle_notified"] = mark
    return exc


@pytest.mark.parametrize(
    ("exc", "status"),
    [
        (marked(ValueError("lost"), True), "duplicate"),
        (marked(ValueError("lost"), 1), "duplicate"),
        (marked(ValueError("lost"), object()), "duplicate"),
        (marked(Hostile("lost"), True), "duplicate"),
        (RayTaskError(marked(ValueError("lost"), True)), "duplicate"),
        (ValueError("lost"), "sent"),
        (marked(ValueError("lost"), False), "sent"),
        (marked(ValueError("lost"), None), "sent"),
        (marked(ValueError("lost"), Undecided()), "sent"),
        (Hostile("lost"), "sent"),
        (RayTaskError(ValueError("lost")), "sent"),
        (RayTaskError("lost"), "sent"),
    ],
    ids=range(12),  # pytest itself asks an exception for its class
)
def test_what_twinkle_kit_has_told(exc: BaseException, status: str) -> None:
    """It marks the exception; that is read and never written, whatever the class makes of it."""
    notifier = RecordingNotifier()
    before = dict(BaseException.__dict__["__dict__"].__get__(exc))
    assert notify_exception(notifier, "fit", exc, "sft").status == status
    assert len(notifier.messages) == (status == "sent")
    assert BaseException.__dict__["__dict__"].__get__(exc) == before


def test_an_error_that_a_worker_meets_again_and_again(told: Callable[[str], list[str]], tmp_path: Path) -> None:
    """Leaves a few notes a minute, however often it is tolerated."""
    assert told("pooled_only(many)")[0] == "work"
    notes = list(tmp_path.glob("**/handover/**/*"))
    assert 0 < len([path for path in notes if path.is_file()]) <= 4 * 2 * 17


def test_notes_that_nobody_took_silence_few(told: Callable[[str], list[str]]) -> None:
    """Four workers meet one error, which their parent tolerates: of its own equal errors one is taken for theirs."""
    assert told("tolerant()").count("sft") == 3


def tell(notifier: Deferred, exc: BaseException) -> Outcome:
    try:
        raise exc
    except type(exc) as caught:
        return notify_exception(notifier, "fit", caught, name="sft")


def test_a_deferred_alert_waits_with_the_supervisor(mailbox: Mailbox) -> None:
    """With its text, and nobody is told."""
    told = RecordingNotifier()
    outcome = tell(Deferred(told), ValueError("the loss is lost"))
    [word] = mailbox.notes()
    assert (outcome.status, told.messages, word.state, word.incident) == ("sent", [], "deferred", outcome.incident)
    assert word.message("a note").splitlines()[0] == "### sft failed: ValueError: the loss is lost"
    assert "a note" not in word.message("a note")
    assert abs(time.time() - word.at) < 60


def test_a_deferred_alert_without_a_supervisor_is_sent(mailbox: Mailbox) -> None:
    """The supervisor was killed."""
    mailbox.close()
    told = RecordingNotifier()
    assert tell(Deferred(told), ValueError("the loss is lost")).status == "sent"
    assert [message.splitlines()[0] for message in told.messages] == ["### sft failed: ValueError: the loss is lost"]


def test_what_was_never_told_is_no_past_of_the_next(mailbox: Mailbox) -> None:
    """The same, met and handled many times, is not called a crash loop, and the last waits as the first did."""
    notifier = Deferred(RecordingNotifier())
    for number in range(6):
        tell(notifier, ValueError(f"number {number}"))
    words = mailbox.notes()
    assert {word.state for word in words} == {"deferred"}
    assert not any("Again" in word.text for word in words)


def test_the_user_s_own_alert_is_sent(mailbox: Mailbox) -> None:
    """To the same robot: the deferred one is another channel's."""
    told = RecordingNotifier()
    exc = ValueError("the loss is lost")
    tell(Deferred(told), exc)
    try:
        raise exc
    except ValueError as caught:
        notify_exception(told, "fit", caught, name="mine")
    assert [message.splitlines()[0] for message in told.messages] == ["### mine failed: ValueError: the loss is lost"]
    states = sorted(word._replace(at=0).state for word in mailbox.notes())
    assert states == ["deferred", "told"]


def test_a_walk_that_fails_sends(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than that nobody knows of it."""

    def breaks(*_: object) -> None:
        raise RuntimeError("no claims today")

    monkeypatch.setattr("twinkle_notifier.alerts.pipeline._Incident._agree_in_node", breaks)
    told = RecordingNotifier()
    tell(Deferred(told), ValueError("the loss is lost"))
    assert len(told.messages) == 1


class TrainingFailedError(Exception):
    """As Ray Train's `fit` raises it."""


class WorkerGroupError(TrainingFailedError):
    """Of all its workers."""

    def __init__(self, failures: dict[int, BaseException]) -> None:
        super().__init__("Training failed")
        self.worker_failures = failures


def test_a_thousand_workers_with_one_error_are_asked_for_once() -> None:
    """Each key costs calls of the job's actor."""
    failures: dict[int, BaseException] = {rank: ValueError("lost") for rank in range(1000)}
    assert len(_keys_below(WorkerGroupError(failures), "chat")) == 1
    assert len(_keys_below(WorkerGroupError({**failures, 1000: ValueError("gone")}), "chat")) == 2
