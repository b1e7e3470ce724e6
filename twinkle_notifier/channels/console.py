"""Messages on standard error, for runs without a channel."""

from __future__ import annotations

import sys

from twinkle_notifier.messages.message import as_text
from twinkle_notifier.notifier import Notifier


class ConsoleNotifier(Notifier):
    """Prints each message to standard error."""

    service_name = "the console"

    def __call__(self, message: str) -> None:
        """See `Notifier`."""
        print(as_text(message), file=sys.stderr, flush=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConsoleNotifier)

    def __hash__(self) -> int:
        return hash(ConsoleNotifier)
