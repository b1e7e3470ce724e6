"""The message of one alert, and who may send it: the pipeline, or what replaces a late one."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from twinkle_notifier.budgets import LAST_SEND, WALK
from twinkle_notifier.messages.message import Message, Outcome


class Sending:
    """The message of one alert, and the right to send it, which is taken once: by `begin` or by `taken_over`."""

    def __init__(self) -> None:
        self.message: Message | None = None  # once it is made
        self.incident: str = ""  # of the message
        self.outcome: Outcome | None = None  # once it is known
        self._right = threading.Lock()
        self._began = self._since = time.monotonic()
        self._waits = False

    def begin(self) -> bool:
        """Whether the caller is the first to ask, and so sends."""
        return self._right.acquire(blocking=False)

    @contextmanager
    def waiting(self) -> Generator[None]:
        """Within the block the pipeline waits for another rank, and is not late."""
        self._waits = True
        try:
            yield
        finally:
            self._waits, self._since = False, time.monotonic()

    def taken_over(self) -> bool:
        """Whether the pipeline is late and has not begun to send: then the caller sends instead."""
        now = time.monotonic()
        is_late = now - self._since > WALK or now - self._began > LAST_SEND
        return is_late and not self._waits and self.begin()
