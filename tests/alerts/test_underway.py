"""The trainings that go on: which one an alert of code around them is about, and when they are over."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from twinkle_notifier import Progress, TrainingRun, notify_exception, watch
from twinkle_notifier.alerts import underway
from twinkle_notifier.testing import RecordingNotifier

T = TypeVar("T")
one_by_one = threading.Lock()


def begun(step: int = 7) -> TrainingRun:
    run = TrainingRun(on_end=False, stall_after=600)
    run.started(progress=lambda: Progress(step=step))
    return run


def steps() -> list[str]:
    """What an alert of this thread says of a training."""
    told = RecordingNotifier()
    with one_by_one:  # or they would be one incident
        try:
            raise ValueError("the disk is full")
        except ValueError as error:
            notify_exception(told, exc=error)
    [message] = told.messages
    return re.findall(r"step \d+", message)


def in_a_thread(work: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(60)


def goes_on(run: TrainingRun) -> bool:
    """Whether it is looked for stalls, and alerts say how far it got; both or none."""
    assert run.is_underway == (run.watcher is not None)
    return run.is_underway


def evaluate() -> None:
    raise ValueError("no data")


def test_a_failure_that_a_training_survives_does_not_end_it() -> None:
    """It had begun before the block was entered."""
    run = begun()
    for _ in range(2):
        with contextlib.suppress(ValueError), watch(told := RecordingNotifier(), "evaluate"):
            evaluate()
        assert "step 7" in told.messages[0]
    assert goes_on(run)
    assert steps() == ["step 7"]
    run.ended()


def test_a_failure_around_a_training_ends_it() -> None:
    """In the block, or in one within it; but not what had begun outside."""
    outer, inner = begun(1), list[TrainingRun]()

    def train() -> None:
        inner.append(begun(2))
        with contextlib.suppress(ValueError), watch(None):
            inner.append(begun(3))
            evaluate()
        assert [goes_on(run) for run in (outer, *inner)] == [True, True, False]
        evaluate()

    with contextlib.suppress(ValueError), watch(None):
        train()
    assert [goes_on(run) for run in (outer, *inner)] == [True, False, False]
    outer.ended()


def test_a_block_that_is_left_well_ends_nothing() -> None:
    """A training may be begun in one block, and go on after it."""
    with watch(None):
        run = begun()
    with contextlib.suppress(ValueError), watch(None):
        evaluate()
    assert goes_on(run)
    run.ended()


@pytest.mark.parametrize("inside", [False, True])
def test_a_generator_that_fails_ends_what_it_began(inside: bool) -> None:
    """Its block is not the innermost one of the code that takes its steps."""
    runs = [] if inside else [begun()]

    @watch(None)
    def data() -> Iterator[int]:
        runs.extend([begun()] if inside else [])
        yield 1
        evaluate()

    with contextlib.suppress(ValueError):
        list(data())
    assert goes_on(runs[0]) == (not inside)
    runs[0].ended()


@pytest.mark.parametrize("how", ["cancelled", "raises"])
def test_a_task_that_ends_leaves_other_trainings_alone(how: str) -> None:
    """Be they begun before it, or beside it in a task of the same thread; its own is over."""

    async def main() -> list[bool]:
        ended = asyncio.Event()

        @watch(None)
        async def own() -> None:
            runs.append(begun(2))
            beside.set()
            await (asyncio.sleep(3600) if how == "cancelled" else ended.wait())
            evaluate()

        async def other() -> None:
            await beside.wait()
            runs.append(begun(3))
            ended.set()

        beside, runs = asyncio.Event(), [begun(1)]
        tasks = [asyncio.create_task(own()), asyncio.create_task(other())]
        await tasks[1]
        if how == "cancelled":
            tasks[0].cancel()
        await asyncio.wait(tasks)
        assert tasks[0].cancelled() or isinstance(tasks[0].exception(), ValueError)
        found = [goes_on(run) for run in runs]
        for run in runs:
            run.ended()
        return found

    assert asyncio.run(main()) == [True, False, True]


def test_the_innermost_training_counts() -> None:
    """When that is over, the one around it again: such as a probe that a callback trains."""
    outer, probe = begun(1), begun(2)
    assert steps() == ["step 2"]
    probe.ended()
    assert goes_on(outer)
    assert steps() == ["step 1"]
    outer.ended()
    assert steps() == []


def test_each_thread_has_its_own() -> None:
    """A thread without one has that of the process, if there is one alone."""
    found, here = dict[int, list[str]](), threading.Barrier(2)

    def train(step: int) -> None:
        run = begun(step)
        here.wait(60)
        found[step] = steps()
        here.wait(60)
        run.ended()

    threads = [threading.Thread(target=train, args=[step]) for step in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {1: ["step 1"], 2: ["step 2"]}

    one = begun(3)
    assert in_a_thread(steps) == ["step 3"]
    other = in_a_thread(lambda: begun(4))
    assert in_a_thread(steps) == []
    assert steps() == ["step 3"]
    one.ended()
    other.ended()


@pytest.mark.parametrize("times", [10, pytest.param(200, marks=pytest.mark.stress)])
def test_trainings_of_many_threads_disturb_none(times: int) -> None:
    """Each call returns, whatever begins and ends meanwhile; none is left.

    A training that begins starts threads, which costs the most: between two of its starts it is noted many times.
    """
    errors, runs = list[BaseException](), [TrainingRun(on_end=False) for _ in range(8)]

    def train(run: TrainingRun) -> None:
        try:
            for _ in range(times):
                run.started()
                assert run.is_underway
                for _ in range(200):
                    underway.end(run)
                    underway.begin(run)
                    assert underway.innermost() is not None
                run.so_far()
                run.pause()
                assert not run.is_underway
        except BaseException as error:
            errors.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=train, args=[run]) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert errors == []
