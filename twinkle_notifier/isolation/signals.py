"""Defers signals while a message is on its way, and ends by an alarm what takes too long."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Pending:
    """The signals that came while they were deferred."""

    def __init__(self) -> None:
        self.signals: list[int] = []

    def take(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal instead of acting on it."""
        self.signals.append(number)

    def arrived(self) -> bool:
        """Whether this process is asked to end."""
        return bool(self.signals)

    def interrupted(self) -> bool:
        """Whether a person pressed Ctrl-C, and will not wait."""
        return signal.SIGINT in self.signals


@contextmanager
def deferred() -> Generator[Pending]:
    """Let SIGTERM and SIGINT take effect only after the block, by the handlers from before it.

    A launcher terminates the siblings of a rank that failed, the one that is sending included.
    Outside the main thread, where Python allows no handlers, this does nothing.
    """
    pending = Pending()
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGTERM, signal.SIGINT):
            if callable(signal.getsignal(name)) or signal.getsignal(name) == signal.SIG_DFL:
                before[name] = signal.signal(name, pending.take)
    try:
        yield pending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        # SIGINT last: its handler raises, and a later signal would be lost.
        for number in sorted(set(pending.signals), key=lambda number: number == signal.SIGINT):
            signal.raise_signal(number)  # not `os.kill`: on Windows that ends the process


@contextmanager
def alarm(seconds: float) -> Generator[None]:
    """Raise TimeoutError in the block after `seconds`, where that is possible: in the main thread, on POSIX.

    A system call that goes on after a signal, such as a DNS lookup, has to end by itself first.
    """
    before = signal.getsignal(signal.SIGALRM) if hasattr(signal, "SIGALRM") else None
    main = threading.current_thread() is threading.main_thread()
    if not main or before is None:  # None: a handler that is not Python's, and could not be restored
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError("no answer in time")

    began = time.monotonic()
    signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
        if left:  # the alarm from before goes on
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), interval)
