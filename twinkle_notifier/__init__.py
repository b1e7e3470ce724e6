"""Tells people what happened to their training run: one message, with the cause, whatever happened to it."""

from __future__ import annotations

from twinkle_notifier import repeats
from twinkle_notifier.base import Notifier, notify_exception
from twinkle_notifier.channels.console import ConsoleNotifier
from twinkle_notifier.channels.ding import DingNotifier
from twinkle_notifier.claims import Mark
from twinkle_notifier.claims.store import Store
from twinkle_notifier.delivery import counters
from twinkle_notifier.errors import CredentialError, DeliveryError, NotifierError, UnknownNotifierError
from twinkle_notifier.message import Message, Outcome
from twinkle_notifier.references import resolve
from twinkle_notifier.report import Progress
from twinkle_notifier.run import TrainingRun
from twinkle_notifier.watching import watch

__all__ = [
    "ConsoleNotifier",
    "CredentialError",
    "DeliveryError",
    "DingNotifier",
    "Mark",
    "Message",
    "Notifier",
    "NotifierError",
    "Outcome",
    "Progress",
    "Store",
    "TrainingRun",
    "UnknownNotifierError",
    "counters",
    "notify_exception",
    "resolve",
    "watch",
]

repeats.install()
