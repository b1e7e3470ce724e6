"""One file for one service. A channel knows nothing of ranks, runs or repeats."""

from __future__ import annotations

import json
import os

from twinkle_notifier.base import Notifier
from twinkle_notifier.channels.ding import DingNotifier
from twinkle_notifier.errors import ArgumentError

VARIABLE = "TWINKLE_NOTIFIER"


def from_environment() -> Notifier | None:
    """The notifier that the variable ``TWINKLE_NOTIFIER`` describes; None when it is not set.

    It holds a webhook URL, whose host tells the channel, or a JSON object as `Notifier.to_dict` writes it.

    Raises:
        ValueError: it holds neither. The text shows nothing of it.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if text.startswith("{"):
        return _from_json(text)
    if DingNotifier.serves(text):
        return DingNotifier(text)
    raise ArgumentError(
        f"{VARIABLE} holds neither a DingTalk webhook URL nor a JSON object as Notifier.to_dict() writes it"
    )


def _from_json(text: str) -> Notifier:
    try:
        data = json.loads(text)
    except ValueError:
        data = None  # the error would show the text
    if data is None:
        raise ArgumentError(f"{VARIABLE} begins like JSON and is none: write it as Notifier.to_dict() does")
    return Notifier.from_dict(data)
