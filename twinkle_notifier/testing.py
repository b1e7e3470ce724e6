"""A notifier for the tests of code that sends alerts."""

from __future__ import annotations

from typing import Any

from twinkle_notifier.messages.message import Level, as_text
from twinkle_notifier.notifier import Notifier, checked_level


class RecordingNotifier(Notifier):
    """Keeps what it was called with in `messages`, oldest first."""

    def __init__(self, *, min_level: Level | None = None) -> None:
        self.messages: list[str] = []
        self.min_level: Level | None = checked_level(min_level)

    def __call__(self, message: str) -> None:
        """See `Notifier`."""
        self.messages.append(as_text(message))

    def to_dict(self) -> dict[str, Any]:
        """See `Notifier`. It leaves out the messages."""
        return {"class": "RecordingNotifier", **({"min_level": self.min_level} if self.min_level else {})}
