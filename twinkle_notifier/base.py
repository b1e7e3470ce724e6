"""The documented import path of `Notifier`, `notify_exception` and `watch`."""

from twinkle_notifier.alerts.api import notify_exception
from twinkle_notifier.alerts.watch import watch
from twinkle_notifier.notifier import Notifier

__all__ = ["Notifier", "notify_exception", "watch"]
