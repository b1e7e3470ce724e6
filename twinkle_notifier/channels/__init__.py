"""One file for one service, on `webhook` and `robot`. A channel knows nothing of ranks, runs or repeats."""

from __future__ import annotations

import json
import os

from twinkle_notifier.channels.dingtalk import DingNotifier
from twinkle_notifier.channels.feishu import FeishuNotifier
from twinkle_notifier.channels.slack import SlackNotifier
from twinkle_notifier.channels.webhook import WebhookNotifier
from twinkle_notifier.channels.wecom import WeComNotifier
from twinkle_notifier.credentials.references import is_reference, resolve
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.notifier import Notifier

VARIABLE = "TWINKLE_NOTIFIER_URL"
# twinkle-kit's own variable, which it sets for its workers, and whose content these read as JSON. A URL in it breaks
# them; it is read here since it may be what a user has set.
OF_TWINKLE = "TWINKLE_NOTIFIER"
# Those with a webhook URL.
SERVICES: tuple[type[WebhookNotifier], ...] = (DingNotifier, FeishuNotifier, WeComNotifier, SlackNotifier)


def from_environment() -> Notifier | None:
    """The notifier that ``TWINKLE_NOTIFIER_URL`` describes, else ``TWINKLE_NOTIFIER``; None when neither is set.

    Raises:
        ValueError: it does not hold what `from_text` takes. The text shows nothing of it.
    """
    for variable in (VARIABLE, OF_TWINKLE):
        if text := os.environ.get(variable, "").strip():
            return from_text(text, variable)
    return None


def from_text(text: str, what: str) -> Notifier:
    """The notifier that `text` describes: a webhook URL, whose host names the channel, or JSON as `to_dict` writes it.

    It may be a reference to either, ``env:NAME`` or ``file:PATH``. A reference to a URL stays one in the notifier.

    Raises:
        ValueError: it is none of these. The text calls it `what`, and shows nothing of it.
    """
    text = text.strip()
    if not is_reference(text):
        return _from_literal(text, what)
    found = resolve(text)
    served = _serving(found)
    return served(text) if served else _from_literal(found, f"{what}, by {text},")


def _serving(url: str) -> type[WebhookNotifier] | None:
    return next((service for service in SERVICES if service.serves(url)), None)


def _from_literal(text: str, what: str) -> Notifier:
    if text.startswith("{"):
        return _from_json(text, what)
    if served := _serving(text):
        return served(text)
    names = " or ".join(service.service_name for service in SERVICES)
    raise ArgumentError(f"{what} holds neither a {names} webhook URL nor a JSON object as Notifier.to_dict() writes it")


def _from_json(text: str, what: str) -> Notifier:
    try:
        data = json.loads(text)
    except ValueError:
        data = None  # the error would show the text
    if data is None:
        raise ArgumentError(f"{what} begins like JSON and is none: write it as Notifier.to_dict() does")
    return Notifier.from_dict(data)
