"""Calls code that is not ours: a notifier, a store, a file system, an exception's `__str__`."""

from __future__ import annotations

import functools
import math
import queue
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Generic, TypeVar, cast

T = TypeVar("T")
_POLL = 0.05  # seconds; how soon `hurry` is noticed


@dataclass
class Answer(Generic[T]):
    """What became of a call: its value, what it raised, or neither when it has not come back in time."""

    value: T | None = None
    error: BaseException | None = None
    returned: bool = False

    def result(self) -> T:
        """The value. Raises what the call raised, or TimeoutError."""
        if self.error is not None:
            raise self.error
        if not self.returned:
            raise TimeoutError("no answer in time")
        return cast(T, self.value)


class Helper:
    """A daemon thread for many calls, one after the other: on a busy machine much quicker than a thread for each.

    A call that overruns its time keeps the thread; the next gets a new one.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] | None = None

    def call(self, work: Callable[[], T], seconds: float) -> Answer[T]:
        """Run `work` for at most `seconds`, as `foreign.call` does."""
        answer: Answer[T] = Answer()
        done = threading.Event()
        seconds = min(seconds, left())
        run = functools.partial(_run, work, answer, done, time.monotonic() + seconds)
        self._calls = self._calls or self._started()
        if self._calls is None:
            run()
        else:
            self._calls.put(run)
        if not done.wait(seconds) and self._calls is not None:
            self._calls.put(None)  # it ends when the call comes back, if ever
            self._calls = None
        return answer

    def _started(self) -> queue.SimpleQueue[Callable[[], None] | None] | None:
        calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        try:
            threading.Thread(target=_serve, args=(calls,), name="twinkle-notifier-helper", daemon=True).start()
        except RuntimeError:  # no thread can start any more: right here, as `call` does
            return None
        weakref.finalize(self, calls.put, None)
        return calls


def _serve(calls: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (work := calls.get()) is not None:
        work()
        del work  # or what it holds would live until the next


def call(work: Callable[[], T], seconds: float, hurry: Callable[[], bool] = lambda: False) -> Answer[T]:
    """Run `work` for at most `seconds`, whatever it does: raise, exit, hang. Ended early once `hurry()` is true.

    It runs in a daemon thread, which is left behind when it hangs, and which has a stack of its own however deep the
    caller stands. Where no thread can start any more (at interpreter exit, at the process limit) it runs right here:
    in the main thread an alarm ends it, elsewhere only its own time-outs do. What knows how to end in time asks `left`.
    """
    answer: Answer[T] = Answer()
    done = threading.Event()
    seconds = min(seconds, left())
    run = functools.partial(_run, work, answer, done, time.monotonic() + seconds)
    try:
        threading.Thread(target=run, name="twinkle-notifier", daemon=True).start()
    except RuntimeError:
        with _alarm(seconds):
            run()
    _wait(done, seconds, hurry)
    return answer


_time = threading.local()


def left() -> float:
    """Seconds that the innermost `call` around this one still has; infinite outside any."""
    deadline: float = getattr(_time, "deadline", math.inf)
    return max(deadline - time.monotonic(), 0.0)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after `seconds`, where that can be done: in the main thread, on POSIX.

    A system call that ignores signals, as a look-up of a name is, ends by itself first.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError("no answer in time")

    before, began = signal.signal(signal.SIGALRM, ring), time.monotonic()
    timer, interval = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if timer:  # an outer call's, or the user's: it goes on as if nothing had been in between
            signal.setitimer(signal.ITIMER_REAL, max(timer - (time.monotonic() - began), 0.001), interval)


def _run(work: Callable[[], T], answer: Answer[T], done: threading.Event, deadline: float) -> None:
    outer, _time.deadline = getattr(_time, "deadline", math.inf), deadline
    # The broad except of the package: training must not die, nor its exception change, because a chat server, a
    # user's notifier or a broken __str__ did anything at all, SystemExit included.
    try:
        answer.value = work()
        answer.returned = True
    except BaseException as error:
        answer.error = error
    finally:
        _time.deadline = outer
        done.set()


def _wait(done: threading.Event, seconds: float, hurry: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not done.is_set() and not hurry():
        left = deadline - time.monotonic()
        if left <= 0:
            return
        done.wait(min(left, _POLL))


def text(exc: BaseException, otherwise: str = "") -> str:
    """What `exc` says; `otherwise`, in which ``{}`` stands for the error's type, when its `__str__` raises."""
    try:
        return str(exc)
    except BaseException as error:  # the user's own class: anything can come
        return otherwise.format(type(error).__name__)
