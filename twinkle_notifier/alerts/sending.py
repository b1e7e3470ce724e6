"""The one send of an exception's message: by its walk, or by who takes over from a walk that raised or hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from twinkle_notifier.budgets import LAST_SEND, WALK
from twinkle_notifier.messages.message import Message, Outcome


class Sending:
    """Who sends, what, and what became of it. The right to send is taken once, by `begin`."""

    def __init__(self) -> None:
        self.message: Message | None = None  # once it is made
        self.incident = ""  # of the message
        self.outcome: Outcome | None = None  # once it is known
        self._right = threading.Lock()
        self._began = self._since = time.monotonic()
        self._waits = False

    def begin(self) -> bool:
        """Whether the caller is the first to ask, and sends."""
        return self._right.acquire(blocking=False)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """In the block the walk waits for another rank: that is not late."""
        self._waits = True
        try:
            yield
        finally:
            self._waits, self._since = False, time.monotonic()

    def taken_over(self) -> bool:
        """Whether the walk is late and has not begun to send: then the caller sends, as after `begin`."""
        now = time.monotonic()
        is_late = now - self._since > WALK or now - self._began > LAST_SEND
        return is_late and not self._waits and self.begin()
