"""Cancelled tasks: by Ctrl-C, on purpose, or by nobody; in real processes, by a real SIGINT."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import importlib.util
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from twinkle_notifier import notify_exception, watch
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.testing import RecordingNotifier

CTRL_C = """
    import asyncio, os, signal, threading, contextlib, twinkle_notifier as t
    ding = t.DingNotifier("env:DING_URL", "env:DING_SECRET")

    def press(seconds=0.3):
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()

"""
ONE = """
    @t.watch(ding, "main", "sft")
    async def main():
        press()
        await asyncio.sleep(60)
    asyncio.run(main())
"""
INSIDE_AND_OUTSIDE = """
    @t.watch(ding, "inside", "sft")
    async def main():
        press()
        await asyncio.sleep(60)
    with t.watch(ding, "outside", "other"):
        asyncio.run(main())
"""
MANY = """
    async def work(number):
        with t.watch(ding, f"worker {number}", "sft"):
            await asyncio.sleep(60)
    @t.watch(ding, "main", "sft")
    async def main():
        press()
        await asyncio.gather(*map(work, range(5)))
    asyncio.run(main())
"""
OUTSIDE = """
    async def main():
        press()
        await asyncio.sleep(60)
    with t.watch(ding, "outside", "sft"):
        asyncio.run(main())
"""
BY_HAND = """
    async def main():
        press()
        try:
            await asyncio.sleep(60)
        except BaseException as error:
            t.notify_exception(ding, "by hand", error, "sft")
            raise
    asyncio.run(main())
"""
TIDYING_UP = """
    async def main():
        with t.watch(ding, "main", "sft"):
            press()
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.1)
    asyncio.run(main())
"""


@pytest.mark.parametrize("source", [ONE, INSIDE_AND_OUTSIDE, MANY, OUTSIDE, BY_HAND, TIDYING_UP])
def test_ctrl_c_is_told_once_as_what_it_is(source: str, run: Callable[..., Any], inbox: Inbox) -> None:
    """Though asyncio cancels tasks for it, and raises KeyboardInterrupt only when they have ended."""
    done = run(CTRL_C + source)
    assert "KeyboardInterrupt" in done.stderr
    assert [message.title for message in inbox.messages] == ["sft was interrupted"]
    assert "- Error: **KeyboardInterrupt**" in inbox.messages[0].text


def test_ctrl_c_below_the_supervisor_is_told_once(run: Callable[..., Any], inbox: Inbox, tmp_path: Any) -> None:
    """By the command itself: it knows where it was."""
    (tmp_path / "inner.py").write_text(textwrap.dedent(CTRL_C + MANY))
    above = f"""
        import subprocess, sys
        words = ["-m", "twinkle_notifier", "run", "--name", "sft", "--", sys.executable, {str(tmp_path / "inner.py")!r}]
        sys.exit(subprocess.call([sys.executable, *words]))
    """
    url = '{"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"}'
    run(above, TWINKLE_NOTIFIER=url)
    assert [message.title for message in inbox.messages] == ["sft was interrupted"]
    assert "worker" in inbox.messages[0].text


def test_two_runs_of_a_loop_are_two_ctrl_cs(run: Callable[..., Any], inbox: Inbox) -> None:
    """A notebook goes on after the first."""
    source = """
    for number in range(2):
        with contextlib.suppress(KeyboardInterrupt), t.watch(ding, f"outside {number}", "sft"):
            @t.watch(ding, f"inside {number}", "sft")
            async def main():
                press()
                await asyncio.sleep(60)
            asyncio.run(main())
    """
    assert run(CTRL_C + source).returncode == 0
    contexts = [line for message in inbox.messages for line in message.text.splitlines() if "Context" in line]
    assert contexts == ["- Context: inside 0", "- Context: inside 1"]


def test_a_task_that_is_cancelled_on_purpose_is_no_failure() -> None:
    """By whoever started it, by a time limit, or as its sibling failed; what comes of that is reported."""
    told = RecordingNotifier()

    @watch(told, "worker")
    async def worker() -> None:
        await asyncio.sleep(60)

    async def cancelled() -> None:
        task = asyncio.create_task(worker())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    async def limited() -> None:
        with watch(told, "outside"):
            await asyncio.wait_for(worker(), 0.01)

    asyncio.run(cancelled())
    assert told.messages == []
    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(limited())
    [message] = told.messages
    assert "- Context: outside" in message
    assert "failed: TimeoutError" in message.splitlines()[0]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="came with Python 3.11")
def test_a_time_limit_and_a_failing_sibling() -> None:
    """The time limit stays what it is, and of a group only its failure is reported."""
    told = RecordingNotifier()

    async def limited() -> None:
        with watch(told, "outer"):
            async with asyncio.timeout(0.01):
                with watch(told, "inner"):
                    await asyncio.sleep(60)

    @watch(told, "sibling")
    async def sibling() -> None:
        await asyncio.sleep(60)

    async def fail() -> None:
        raise ValueError("x")

    async def group() -> None:
        with watch(told, "group"):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(sibling())
                tasks.create_task(fail())

    with pytest.raises(TimeoutError):
        asyncio.run(limited())
    with pytest.raises(BaseException, match="TaskGroup"):
        asyncio.run(group())
    contexts = [line for message in told.messages for line in message.splitlines() if line.startswith("- Context")]
    assert contexts == ["- Context: outer", "- Context: group"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before Python 3.11 a task cannot tell")
def test_who_dies_of_anothers_cancel_has_failed() -> None:
    """It was not cancelled itself, and nobody wanted it to end."""
    told = RecordingNotifier()

    @watch(told, "main", "sft")
    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        asyncio.get_running_loop().call_later(0.01, task.cancel)
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert [message.splitlines()[0] for message in told.messages] == ["### sft failed: CancelledError"]


class Cancelled(BaseException):
    """As trio's, which never leaves a block of its own."""


def test_cancels_of_other_libraries_are_no_failures() -> None:
    """They are no Exceptions; one that is says that a result will never come."""
    from concurrent.futures import CancelledError

    told = RecordingNotifier()
    trios = type("Cancelled", (BaseException,), {"__module__": "trio._core._exceptions"})
    assert notify_exception(told, exc=trios()).status == "skipped"
    assert notify_exception(told, exc=Cancelled("a class of the user's own")).status == "sent"
    assert notify_exception(told, exc=CancelledError()).status == "sent"


@pytest.mark.skipif(importlib.util.find_spec("anyio") is None, reason="needs anyio")
def test_anyio(run: Callable[..., Any], inbox: Inbox) -> None:
    """A scope that is cancelled is silent; Ctrl-C is reported, once, out of its groups."""
    source = """
    import anyio
    async def quiet():
        with anyio.move_on_after(0.1):
            with t.watch(ding, "scope", "sft"):
                await anyio.sleep(60)
    async def main():
        await quiet()
        press()
        with t.watch(ding, "group", "sft"):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(child)
    async def child():
        with t.watch(ding, "child", "sft"):
            await anyio.sleep(60)
    anyio.run(main)
    """
    run(CTRL_C + source)
    assert [message.title for message in inbox.messages] == ["sft was interrupted"]


def test_an_event_loop_goes_on_meanwhile(run: Callable[..., Any], inbox: Inbox) -> None:
    """It is reported in a thread, as docs/loop.md says."""
    source = """
    import time
    class Slow(t.Notifier):
        def __call__(self, message): time.sleep(1); ding(message)
    async def beat(times):
        while True:
            times.append(time.monotonic())
            await asyncio.sleep(0.02)
    async def main():
        times = []
        beats = asyncio.create_task(beat(times))
        await asyncio.sleep(0)
        try:
            raise ValueError("x")
        except Exception as error:
            outcome = await asyncio.to_thread(t.notify_exception, Slow(), "train", error, "sft")
        print(outcome.status, len(times) > 10)
    asyncio.run(main())
    """
    assert run(CTRL_C + source).stdout == "sent True\n"
    assert [message.title for message in inbox.messages] == ["sft failed: ValueError: x"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
def test_groups_and_chains_without_end_are_told() -> None:
    """Thousands of groups within each other, and cancels in a circle."""
    group: Any = vars(builtins)["ExceptionGroup"]
    deep: BaseException = ValueError("x")
    first, second = asyncio.CancelledError(), asyncio.CancelledError()
    for _ in range(2_000):
        deep = group("deep", [deep])
    first.__context__, second.__context__ = second, first
    told = RecordingNotifier()
    statuses = [notify_exception(told, exc=exc, name="sft").status for exc in (deep, first)]
    assert statuses == ["sent", "sent"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.Runner came with Python 3.11")
def test_a_runner_that_cannot_be_hashed_loses_nothing(run: Any, inbox: Inbox) -> None:
    """It compares as its user likes, and is asked nothing."""
    source = """
    class Odd(asyncio.Runner):
        def __eq__(self, other):
            raise ValueError("not comparable")

    @t.watch(ding, "main", "sft")
    async def main():
        press()
        await asyncio.sleep(60)

    with t.watch(ding, "outside", "sft"), Odd() as runner:
        runner.run(main())
    """
    done = run(textwrap.dedent(CTRL_C) + textwrap.dedent(source))
    assert done.stderr.strip().endswith("KeyboardInterrupt"), done.stderr
    assert [message.title for message in inbox.messages] == ["sft was interrupted"], done.stderr


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.Runner came with Python 3.11")
def test_a_second_ctrl_c_while_a_notifier_is_asked_what_it_is_loses_nothing(run: Any, inbox: Inbox) -> None:
    """A `to_dict` may be slow."""
    source = """
    class Slow(t.DingNotifier):
        def to_dict(self):
            time.sleep(0.5)
            return super().to_dict()

    @t.watch(Slow("env:DING_URL", "env:DING_SECRET"), "main", "sft")
    async def main():
        press(0.5)
        try:
            await asyncio.sleep(60)
        finally:
            press(0.2)

    asyncio.run(main())
    """
    done = run(f"import time\n{textwrap.dedent(CTRL_C)}{textwrap.dedent(source)}")
    assert done.stderr.strip().endswith("KeyboardInterrupt"), done.stderr
    assert [message.title for message in inbox.messages] == ["sft was interrupted"], done.stderr


@pytest.mark.skipif(sys.version_info < (3, 11), reason="earlier nobody can tell who has cancelled a task")
def test_a_cancel_that_a_task_swallowed_long_ago_does_not_count() -> None:
    """It waits for another that is cancelled: nobody wanted its end. One that comes within the block does count."""
    told = RecordingNotifier()

    async def works(swallows: bool) -> None:
        if swallows:
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1)
        with watch(told, "works"):
            if not swallows:
                asyncio.current_task().cancel()  # type: ignore[union-attr]
            other = asyncio.ensure_future(asyncio.sleep(60))
            asyncio.get_running_loop().call_soon(other.cancel)
            await other

    for swallows in (True, False):
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(works(swallows))
    assert len(told.messages) == 1
