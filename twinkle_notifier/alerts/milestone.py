"""An alert that nobody waits for: a training started, or ended."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from twinkle_notifier.budgets import BACKGROUND_BUDGET
from twinkle_notifier.delivery import sender
from twinkle_notifier.isolation.background import background
from twinkle_notifier.messages import report
from twinkle_notifier.messages.message import Message, Outcome
from twinkle_notifier.runtime.launcher import Attempt, Where

log = logging.getLogger("twinkle_notifier")


def post(notifier: Callable[[str], object] | None, headline: str, name: str, facts: list[str]) -> None:
    """Send it in the background, from rank 0; what there is no time for at exit is kept on the disk."""
    where = Where.here()
    if notifier is None or where.rank != 0:
        return
    text = report.milestone(headline, name, where, facts, Attempt.here())
    message = Message(text, uuid.uuid4().hex)
    background.post(lambda: _send(notifier, message), otherwise=lambda: _keep(notifier, message))


def _send(notifier: Callable[[str], object], message: Message) -> None:
    outcome = sender.deliver(notifier, message, BACKGROUND_BUDGET)
    if outcome.status != "sent":
        log.warning("alert not sent for %r: %s", message.splitlines()[0], outcome.reason)


def _keep(notifier: Callable[[str], object], message: Message) -> None:
    sender.keep(notifier, message, Outcome("unknown", "there was no time to send it"))
