"""A notifier for the tests of code that sends alerts."""

from __future__ import annotations

from typing import Any

from twinkle_notifier.messages.message import as_text
from twinkle_notifier.notifier import Notifier


class RecordingNotifier(Notifier):
    """Keeps what it was called with in `messages`, oldest first."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def __call__(self, message: str) -> None:
        """See `Notifier`."""
        self.messages.append(as_text(message))

    def to_dict(self) -> dict[str, Any]:
        """See `Notifier`. It leaves out the messages."""
        return {"class": "RecordingNotifier"}
