"""Calls code that is not ours: a notifier, a store, a file system, an exception's `__str__`."""

from __future__ import annotations

import functools
import math
import queue
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from twinkle_notifier.isolation import signals, threads

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
        value: T = self.value  # type: ignore[assignment]  # None, too, may be what the call gave
        return value


class Helper:
    """A daemon thread for many calls, one after the other: on a busy machine much quicker than a thread for each.

    A call that overruns its time keeps the thread; the next gets a new one.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] | None = None

    def call(self, work: Callable[[], T], seconds: float) -> Answer[T]:
        """Run `work` for at most `seconds`, as `isolation.call` does."""
        answer: Answer[T] = Answer()
        done = _held()
        seconds = min(seconds, remaining())
        run = functools.partial(_run, work, answer, done, time.monotonic() + seconds)
        self._calls = self._calls or self._started()
        if self._calls is None:
            _run_here(run, seconds)
            return answer
        self._calls.put(run)
        if not done.acquire(timeout=seconds):
            self._calls.put(None)  # it ends when the call comes back, if ever
            self._calls = None
        return answer

    def _started(self) -> queue.SimpleQueue[Callable[[], None] | None] | None:
        calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        if not threads.may_start():
            return None
        try:
            threads.Stoppable(functools.partial(_serve, calls), "twinkle-notifier-helper").start()
        except RuntimeError:  # no thread can start any more: right here, as `call` does
            return None
        # Not at the interpreter's end, when there may be calls yet: they would wait for a thread that is gone.
        weakref.finalize(self, calls.put, None).atexit = False
        return calls


def _serve(calls: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (work := calls.get()) is not None:
        work()
        del work  # or what it holds would live until the next


def call(work: Callable[[], T], seconds: float, hurry: Callable[[], bool] = lambda: False) -> Answer[T]:
    """Run `work` for at most `seconds`, whatever it does: raise, exit, hang. Ended early once `hurry()` is true.

    It runs in a daemon thread, which ends with the outermost call, or is left behind when it hangs, and has a stack of
    its own however deep the caller stands. Where no thread can start any more (at interpreter exit, at the
    process limit) it runs right here: in the main thread an alarm ends it, elsewhere only its own time-outs do. What
    knows how to end in time asks `left`.
    """
    answer: Answer[T] = Answer()
    done = _held()
    seconds = min(seconds, remaining())
    run = functools.partial(_run, work, answer, done, time.monotonic() + seconds)
    around = threads.current()
    crew = threads.Crew() if around is None else around
    is_done = False
    try:
        if not crew.do(run):
            _run_here(run, seconds)
        is_done = _wait(done, seconds, hurry)
    finally:
        if around is None:
            crew.close(done=is_done)
    return answer


def call_inline(work: Callable[[], T], seconds: float) -> Answer[T]:
    """As `call`, but within another call in that one's thread: for what may raise, but ends in time by `left`."""
    if remaining() == math.inf:
        return call(work, seconds)
    answer: Answer[T] = Answer()
    _run(work, answer, _held(), time.monotonic() + min(seconds, remaining()))
    return answer


def tried(work: Callable[[], T]) -> Answer[T]:
    """Run `work` right here: for what may raise anything, but does not hang."""
    answer: Answer[T] = Answer()
    _run(work, answer, _held(), math.inf)
    return answer


def start(work: Callable[[], T]) -> Callable[[float], Answer[T]]:
    """Run `work` beside what goes on here, whatever it does; what this gives waits for it, at most so many seconds.

    Where no thread can start any more it runs when it is waited for.
    """
    answer: Answer[T] = Answer()
    done = _held()
    run = functools.partial(_run, work, answer, done, math.inf)
    crew = threads.Crew()
    handed = crew.do(run)
    crew.close(done=False)

    def wait(seconds: float) -> Answer[T]:
        if not handed and done.locked():
            _run_here(run, min(seconds, remaining()))
        if _wait(done, min(seconds, remaining()), lambda: False):
            done.release()  # for who waits next
        return answer

    return wait


def _held() -> threading.Lock:
    """A lock that the call lets go when it is done: an Event takes twice as long to wait for."""
    done = threading.Lock()
    done.acquire()
    return done


_time = threading.local()


def remaining() -> float:
    """Seconds that the innermost `call` around this one still has; infinite outside any."""
    deadline: float = getattr(_time, "deadline", math.inf)
    return max(deadline - time.monotonic(), 0.0)


def _run_here(run: Callable[[], None], seconds: float) -> None:
    outer = getattr(_time, "deadline", math.inf)
    try:
        with signals.alarm(seconds):
            run()
    except TimeoutError:  # it rang when the work was done
        pass
    finally:
        _time.deadline = outer


def _run(work: Callable[[], T], answer: Answer[T], done: threading.Lock, deadline: float) -> None:
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
        done.release()
        del work, answer  # an error's traceback holds this frame, and this frame would hold the answer with the error


def _wait(done: threading.Lock, seconds: float, hurry: Callable[[], bool]) -> bool:
    """Whether it was done in time, and the lock is ours."""
    deadline = time.monotonic() + seconds
    while not hurry():
        rest = deadline - time.monotonic()
        if done.acquire(timeout=max(min(rest, _POLL), 0.0)):
            return True
        if rest <= 0:
            return False
    return False
