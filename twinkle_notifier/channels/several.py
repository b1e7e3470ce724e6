"""Notifiers that are made of others: all of them, or the next where the one before cannot deliver."""

from __future__ import annotations

import logging
import time

from twinkle_notifier import isolation
from twinkle_notifier.budgets import CRASH_BUDGET, DISK
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import chat
from twinkle_notifier.delivery.several import failed, log_failed, side_by_side
from twinkle_notifier.delivery.targets import Several, targets, wants
from twinkle_notifier.messages.message import Message, Outcome, as_text, random_id

_OWN = 0.95  # of the time, so that what went wrong is said before the caller's time is over


class FanoutNotifier(Several):
    """Sends each message to every one of `notifiers`, side by side, within the one budget of a send.

    A message counts as sent when one of them has accepted it. What another could not deliver is logged and kept on the
    disk for that one alone, under its own description: `flush` and later messages try only that one again. If none has
    accepted, each has its own kept message, and another rank tries.

    One rank sends for all, as to any notifier. If it dies after some have accepted, the rank that takes over sends to
    all of them: in doubt a second message, never none.

    By hand, ``FanoutNotifier(a, b)("### hi")`` does the same, but keeps nothing if none has accepted: it raises.

    Args:
        notifiers: they may be `FanoutNotifier` or `FallbackNotifier`, too.
        min_level: alerts below it are left out for all, see `Notifier.min_level`; each has its own besides.

    Raises:
        ValueError: no notifier is given, or something else.
    """

    fans_out = True

    def __call__(self, message: str) -> None:
        """Send `message`; return when one has accepted it. Raises DeliveryError, with all reasons, if none has."""
        sent = message if isinstance(message, Message) else Message(as_text(message), random_id())
        chosen = sender.wanting(self, message) or targets(self)
        seconds = _budget()
        left = max(seconds - DISK, seconds / 2) if isolation.remaining() < float("inf") else seconds
        outcomes = side_by_side(chosen, lambda one, left: sender.send(one, sent, left), left, 0.0)
        if all(outcome.status != "sent" for outcome in outcomes):
            raise failed(chosen, outcomes)
        for one, outcome in zip(chosen, outcomes, strict=True):
            if outcome.status != "sent":
                log_failed(one, sender.keep(one, sent, outcome).reason)


class FallbackNotifier(Several):
    """Sends each message to the first of `notifiers`; to the next one only where the one before cannot deliver it.

    All have the one budget of a send: each gets an equal share of what is left of it. Of 8 s the first of two has at
    most 4, so that one that hangs leaves time for the next. One that gave no answer may have the message, though: then
    it is there twice.

    Nothing is kept on the disk when one has accepted. If none has, one message is kept, for the whole, and is tried
    from the first one on.

    Args:
        notifiers: in this order. They may be `FanoutNotifier` or `FallbackNotifier`, too.
        min_level: alerts below it are left out, see `Notifier.min_level`. One with a higher one of its own is passed
            over.

    Raises:
        ValueError: no notifier is given, or something else.
    """

    fans_out = False

    def __call__(self, message: str) -> None:
        """Send `message`; return when one has accepted it. Raises DeliveryError, with all reasons, if none has."""
        chosen = [one for one in self.notifiers if wants(one, message)] or list(self.notifiers)
        outcomes, deadline = list[Outcome](), time.monotonic() + _budget() * _OWN
        for at, notifier in enumerate(chosen):
            left = max(deadline - time.monotonic(), 0.0)
            outcomes.append(sender.send(notifier, message, left / (len(chosen) - at)))
            if outcomes[-1].status == "sent":
                return
            if at + 1 < len(chosen):
                log_failed(notifier, f"{outcomes[-1].reason}; {chat(chosen[at + 1])} is asked next", logging.WARNING)
        raise failed(chosen, outcomes)


def _budget() -> float:
    """Seconds for all: those of the call around this one; by hand those of an alert in a crash."""
    left = isolation.remaining()
    return left if left < float("inf") else CRASH_BUDGET
