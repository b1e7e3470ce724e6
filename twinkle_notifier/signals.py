"""Signals that arrive while a message is on its way."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
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

    def any(self) -> bool:
        """Whether somebody wants this process to end."""
        return bool(self.signals)

    def interrupted(self) -> bool:
        """Whether a person pressed Ctrl-C, and waits no longer."""
        return signal.SIGINT in self.signals


@contextmanager
def deferred() -> Iterator[Pending]:
    """Let SIGTERM and SIGINT take effect only after the block, by the handlers that were there before it.

    A launcher terminates the siblings of a rank that failed; without this, the one that is just sending dies of it.
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
        for number in dict.fromkeys(pending.signals):
            os.kill(os.getpid(), number)
