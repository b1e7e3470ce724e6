"""Bounded calls of code that is not ours."""

from __future__ import annotations

import functools
import math
import queue
import threading
import time
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from twinkle_notifier.isolation import signals, threads

T = TypeVar("T")

_POLL = 0.05  # seconds between two checks of `hurry`


class Answer(Generic[T]):
    """The result of a call: its value, or the error that it raised, or neither when it did not return in time."""

    def __init__(self, value: T | None = None, error: BaseException | None = None, *, returned: bool = False) -> None:
        self.value = value
        self.error = error
        self.returned = returned

    def result(self) -> T:
        """Return the value. Raises the error of the call, or TimeoutError."""
        if self.error is not None:
            raise self.error
        if not self.returned:
            raise TimeoutError("no answer in time")
        value: T = self.value  # type: ignore[assignment]  # the call may have returned None
        return value


class _Task(Generic[T]):
    """One call, done once, by the thread that comes first."""

    def __init__(self, work: Callable[[], T], deadline: float = math.inf) -> None:
        self.answer: Answer[T] = Answer()
        self._left = [work]
        self._deadline = deadline
        self._done = threading.Lock()  # held until the call is done: to wait for an Event takes twice as long
        self._done.acquire()

    def __call__(self) -> None:
        try:
            work = self._left.pop()  # atomic
        except IndexError:  # another thread does it
            return
        outer, _time.deadline = getattr(_time, "deadline", math.inf), self._deadline
        # The broad except of the package: training must not die, nor its exception change, because a chat server, a
        # user's notifier or a broken __str__ did anything at all, SystemExit included.
        try:
            self.answer.value = work()
            self.answer.returned = True
        except BaseException as error:
            self.answer.error = error
        finally:
            _time.deadline = outer
            self._done.release()
            del work, self  # an error's traceback holds this frame, and this frame would hold the error

    def run_here(self, seconds: float) -> None:
        """Do it in this thread. In the main thread an alarm ends it after `seconds`."""
        outer = getattr(_time, "deadline", math.inf)
        try:
            with signals.alarm(seconds):
                self()
        except TimeoutError:  # it rang after the work was done
            pass
        finally:
            _time.deadline = outer

    def wait(self, seconds: float, hurry: Callable[[], bool] = lambda: False) -> bool:
        """Whether it is done within `seconds`, and before `hurry()` is true."""
        deadline = time.monotonic() + seconds
        while not hurry():
            rest = deadline - time.monotonic()
            if self._done.acquire(timeout=max(min(rest, _POLL), 0.0)):
                self._done.release()  # for the next that waits
                return True
            if rest <= 0:
                return False
        return False


class Helper:
    """A daemon thread for many calls in a row: on a busy machine much quicker than a thread for each.

    A call that overruns its time keeps the thread; the next call gets a new one.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] | None = None

    def call(self, work: Callable[[], T], seconds: float) -> Answer[T]:
        """Run `work` for at most `seconds`, as `isolation.call` does."""
        seconds = min(seconds, remaining())
        task = _Task(work, time.monotonic() + seconds)
        self._calls = self._calls or self._started()
        if self._calls is None:
            task.run_here(seconds)
            return task.answer
        self._calls.put(task)
        if not task.wait(seconds):
            self._calls.put(None)  # it ends when the call comes back, if ever
            self._calls = None
        return task.answer

    def close(self) -> None:
        """Let the thread end, and wait for that shortly. Who forgets it has the thread until a garbage collection."""
        if self._calls is not None:
            self._calls.put(None)
            self._calls = None
            threads.join(self._thread)

    def _started(self) -> queue.SimpleQueue[Callable[[], None] | None] | None:
        calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread = threads.Stoppable(functools.partial(_serve, calls), "twinkle-notifier-helper")
        if not threads.started(self._thread):  # the caller runs it, as `call` does
            return None
        # Not at the interpreter's end: a later call would wait for a thread that is gone.
        weakref.finalize(self, calls.put, None).atexit = False
        return calls


def _serve(calls: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (work := calls.get()) is not None:
        work()
        del work  # or what it refers to would live until the next


def call(work: Callable[[], T], seconds: float, hurry: Callable[[], bool] = lambda: False) -> Answer[T]:
    """Run `work` for at most `seconds`, whatever it does: raise, exit, hang. Ended early once `hurry()` is true.

    It runs in a daemon thread of its own, with a whole stack however deep the caller is. The thread has ended when this
    returns, unless `work` hangs: then it is left behind. Where no thread can start (at the interpreter's end, at the
    limit of processes) `work` runs in this thread: an alarm ends it in the main thread, only its own time-outs do in
    another. Code that can end in time asks `remaining`.
    """
    seconds = min(seconds, remaining())
    task = _Task(work, time.monotonic() + seconds)
    join = threads.begin(task)
    if join is None:
        task.run_here(seconds)
    if task.wait(seconds, hurry) and join is not None:
        join()
    return task.answer


def call_inline(work: Callable[[], T], seconds: float) -> Answer[T]:
    """Run `work` in this thread, by the deadline of the call around it: for code that honours `remaining()`.

    Outside any call this is `call`.
    """
    if remaining() == math.inf:
        return call(work, seconds)
    task = _Task(work, time.monotonic() + min(seconds, remaining()))
    task()
    return task.answer


def tried(work: Callable[[], T]) -> Answer[T]:
    """Run `work` in this thread: for code that may raise anything, but does not hang."""
    task = _Task(work)
    task()
    return task.answer


def start(work: Callable[[], T]) -> Callable[[float], Answer[T]]:
    """Start `work` in a thread; return a function that waits up to so many seconds for its answer.

    Where no thread can start, `work` runs when that function is called.
    """
    task = _Task(work)
    starts = threads.begin(task) is not None

    def wait(seconds: float) -> Answer[T]:
        seconds = min(seconds, remaining())
        if not starts:
            task.run_here(seconds)
        task.wait(seconds)
        return task.answer

    return wait


_time = threading.local()


def remaining() -> float:
    """Seconds that the innermost `call` around this one still has; infinite outside any.

    A notifier asks it for how long it may wait; by hand, outside any alert, that is for ever.
    """
    deadline: float = getattr(_time, "deadline", math.inf)
    return max(deadline - time.monotonic(), 0.0)
