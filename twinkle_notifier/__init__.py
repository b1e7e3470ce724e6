"""Tells people what happened to their training run: one message, with the cause, whatever happened to it."""

from __future__ import annotations

TYPE_CHECKING = False  # that of `typing`, whose import takes longer than all of this
if TYPE_CHECKING:
    from twinkle_notifier.base import Notifier, notify_exception, watch
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

_HOMES = {
    "ConsoleNotifier": "channels.console",
    "CredentialError": "errors",
    "DeliveryError": "errors",
    "DingNotifier": "channels.ding",
    "Mark": "claims",
    "Message": "message",
    "Notifier": "base",
    "NotifierError": "errors",
    "Outcome": "message",
    "Progress": "report",
    "Store": "claims.store",
    "TrainingRun": "run",
    "UnknownNotifierError": "errors",
    "counters": "delivery",
    "notify_exception": "base",
    "resolve": "references",
    "watch": "base",
}


def __getattr__(name: str) -> object:
    """A public name, from the module that it lives in, which is loaded by that."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = __import__(f"{__name__}.{_HOMES[name]}", fromlist=[name])
    globals()[name] = found = getattr(home, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
