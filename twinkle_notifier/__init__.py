"""Sends people one message about what happened to their training run, with the cause, whatever it was."""

from __future__ import annotations

from twinkle_notifier.alerts.api import notify_exception
from twinkle_notifier.alerts.by_hand import alert
from twinkle_notifier.alerts.watch import watch
from twinkle_notifier.alerts.workers import WorkerError
from twinkle_notifier.channels.apprise import AppriseNotifier
from twinkle_notifier.channels.bark import BarkNotifier
from twinkle_notifier.channels.console import ConsoleNotifier
from twinkle_notifier.channels.dingtalk import DingNotifier
from twinkle_notifier.channels.feishu import FeishuNotifier
from twinkle_notifier.channels.several import FallbackNotifier, FanoutNotifier
from twinkle_notifier.channels.slack import SlackNotifier
from twinkle_notifier.channels.telegram import TelegramNotifier
from twinkle_notifier.channels.wecom import WeComNotifier
from twinkle_notifier.claims.store import Store
from twinkle_notifier.controller_run import ControllerRun
from twinkle_notifier.credentials.references import Secret, resolve
from twinkle_notifier.delivery.sender import counters
from twinkle_notifier.errors import ArgumentError, CredentialError, DeliveryError, NotifierError, UnknownNotifierError
from twinkle_notifier.isolation import remaining
from twinkle_notifier.messages.message import Message, Outcome
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.runtime import log_repeats
from twinkle_notifier.sweep import Sweep
from twinkle_notifier.training_run import TrainingRun

__all__ = [
    "AppriseNotifier",
    "ArgumentError",
    "BarkNotifier",
    "ConsoleNotifier",
    "ControllerRun",
    "CredentialError",
    "DeliveryError",
    "DingNotifier",
    "FallbackNotifier",
    "FanoutNotifier",
    "FeishuNotifier",
    "Message",
    "Notifier",
    "NotifierError",
    "Outcome",
    "Progress",
    "Secret",
    "SlackNotifier",
    "Store",
    "Sweep",
    "TelegramNotifier",
    "TrainingRun",
    "UnknownNotifierError",
    "WeComNotifier",
    "WorkerError",
    "alert",
    "counters",
    "notify_exception",
    "remaining",
    "resolve",
    "watch",
]

log_repeats.install()
