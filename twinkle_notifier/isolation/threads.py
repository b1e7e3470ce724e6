"""Daemon threads, and when none may start."""

from __future__ import annotations

import _thread
import functools
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from twinkle_notifier.isolation import forks

END: float = 0.1  # seconds for a thread to end whose work is done
_STOP = 10.0  # seconds that `stop` waits for the work of a thread

_denials: list[None] = []


@contextmanager
def no_new() -> Generator[None]:
    """Let no thread of this package start in the block."""
    _denials.append(None)
    try:
        yield
    finally:
        del _denials[-1:]


def may_start() -> bool:
    """Whether a new thread may start."""
    return not _denials and not sys.is_finalizing()


class Stoppable(threading.Thread):
    """A daemon thread that can be asked to end; `end` asks it to."""

    def __init__(
        self, target: Callable[[], object], name: str = "twinkle-notifier", end: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(target=target, name=name, daemon=True)
        self._end = end

    def stop(self) -> None:
        """Wait up to 10 s for its work. Lightning's tests call this on each daemon thread that a test leaves behind."""
        self._end()
        until = time.monotonic() + _STOP
        while (left := until - time.monotonic()) > 0:
            try:
                self.join(left)
                return
            except RuntimeError:  # not started yet: another thread is about to
                time.sleep(0.01)


def begin(work: Callable[[], None]) -> Callable[[], None] | None:
    """Do `work` in a daemon thread of its own; None when none can start.

    Call the result once the work is done: it waits shortly for the thread's end. A thread that ends together with the
    interpreter loads a library, and aborts the process where no file can be opened (CPython). After a RecursionError
    two threads may do the `work`.
    """
    if not may_start():
        return None
    try:
        thread = Stoppable(work)
        thread.start()
    except RecursionError:  # a RuntimeError, too: no stack is left for this, but enough for a bare thread
        with suppress(RuntimeError):
            _thread.start_new_thread(work, ())
            return lambda: None
        return None
    except RuntimeError:
        return None
    return functools.partial(join, thread)


def started(thread: threading.Thread) -> bool:
    """Start `thread`; False if none can start: in a block of `no_new`, at the end of the interpreter, at a limit."""
    if may_start():
        with suppress(RuntimeError):
            thread.start()
            return True
    return False


def join(thread: threading.Thread) -> None:
    """Wait shortly for the end of a `thread` whose work is done."""
    with suppress(RecursionError):  # no stack is left: the result of the work must not be lost
        thread.join(END)


forks.in_child(_denials.clear)  # a forked child has no thread that is in a block of `no_new`
