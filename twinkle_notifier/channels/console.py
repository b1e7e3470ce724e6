"""Messages on standard error, for runs without a channel."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

from twinkle_notifier.messages.message import Level, as_text
from twinkle_notifier.notifier import Notifier, checked_level


class ConsoleNotifier(Notifier):
    """Prints each message to standard error."""

    service_name: ClassVar[str] = "the console"

    def __init__(self, *, min_level: Level | None = None) -> None:
        self.min_level: Level | None = checked_level(min_level)

    def __call__(self, message: str) -> None:
        """See `Notifier`."""
        print(as_text(message), file=sys.stderr, flush=True)

    def to_dict(self) -> dict[str, Any]:
        """See `Notifier`."""
        return {"class": "ConsoleNotifier", **({"min_level": self.min_level} if self.min_level else {})}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConsoleNotifier) and other.min_level == self.min_level

    def __hash__(self) -> int:
        return hash(ConsoleNotifier)
