"""Alerts of exceptions that are left to the supervisor: it knows whether the run has ended by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twinkle_notifier.mailbox import mailbox


class Deferred:
    """Stands for a notifier in a process whose user asked for no alert.

    What the program handles is nobody's concern, and what it tells itself is told once: so an exception that is met
    inside only waits in the supervisor's folder, as a word of state ``deferred``. Without a supervisor that lives it is
    sent at once.
    """

    def __init__(self, notifier: Callable[[str], object]) -> None:
        self.notifier = notifier

    def __call__(self, message: str) -> None:
        """Leave `message`, of which the supervisor has a word by now; else send it."""
        if mailbox.report(lambda to: True) is None:
            self.notifier(message)

    def to_dict(self) -> dict[str, Any]:
        """That of the notifier it stands for."""
        described: dict[str, Any] = getattr(self.notifier, "to_dict", dict)()
        return described


def defers(notifier: Callable[[str], object]) -> bool:
    """Whether it is one of these. Asks nothing of it, as it may be anything."""
    return type(notifier) is Deferred


def direct(notifier: Callable[[str], object]) -> Callable[[str], object]:
    """The notifier that sends."""
    return notifier.notifier if type(notifier) is Deferred else notifier
