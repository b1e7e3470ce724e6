"""One file for one service, on `webhook` and `robot`. A channel knows nothing of ranks, runs or repeats."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from twinkle_notifier.channels import pasted
from twinkle_notifier.channels.bark import BarkNotifier
from twinkle_notifier.channels.dingtalk import DingNotifier
from twinkle_notifier.channels.feishu import FeishuNotifier
from twinkle_notifier.channels.slack import SlackNotifier
from twinkle_notifier.channels.telegram import TelegramNotifier
from twinkle_notifier.channels.webhook import WebhookNotifier
from twinkle_notifier.channels.wecom import WeComNotifier
from twinkle_notifier.credentials.references import is_reference, resolve
from twinkle_notifier.errors import ArgumentError, NotifierError
from twinkle_notifier.notifier import Notifier, class_named, read_by

VARIABLE = "TWINKLE_NOTIFIER_URL"
# twinkle-kit's own variable, which it sets for its workers, and whose content these read as JSON. A URL in it breaks
# them; it is read here since it may be what a user has set.
OF_TWINKLE = "TWINKLE_NOTIFIER"
# Those with a webhook URL.
SERVICES: tuple[type[WebhookNotifier], ...] = (
    DingNotifier,
    FeishuNotifier,
    WeComNotifier,
    SlackNotifier,
    BarkNotifier,
    TelegramNotifier,
)


def from_text(
    text: str,
    what: str = "the text",
    mentions: Sequence[str] = (),
    wrong: Callable[[NotifierError], object] | None = None,
) -> Notifier:
    """The notifier that `text` describes, see `Notifier.from_url`.

    Each webhook also mentions those of `mentions` whom its service can call. Of several URLs those that cannot work are
    left out, and their errors given to `wrong`; without it, or where none can work, the first error is raised.

    Raises:
        ValueError: it is none of these. The text calls it `what`, and shows nothing of it.
    """
    pieces = [text.strip()] if text.lstrip().startswith("{") else pasted.split(text)
    found, errors = list[Notifier](), list[NotifierError]()
    for piece in pieces or [""]:
        try:
            found.append(_from_one(piece, what, tuple(mentions)))
        except NotifierError as error:
            errors.append(error)
    for failed in errors:
        if wrong is None or not found:
            raise failed
        wrong(failed)
    return _together(found)


def _together(notifiers: list[Notifier]) -> Notifier:
    return notifiers[0] if len(notifiers) == 1 else _made("FanoutNotifier", *notifiers)


def _made(name: str, *arguments: Any) -> Notifier:
    kind: Callable[..., Notifier] = class_named(name)
    return kind(*arguments)


def _from_one(text: str, what: str, mentions: tuple[str, ...]) -> Notifier:
    if not is_reference(text):
        return _from_literal(text, what, mentions)
    found, by = resolve(text), f"{what}, by {text},"
    pieces = [found] if found.startswith("{") else pasted.split(found)
    return _together([_from_literal(one, by, mentions, text if one == found else "") for one in pieces])


def _from_literal(text: str, what: str, mentions: tuple[str, ...], given: str = "") -> Notifier:
    """The notifier for one URL; `given` is the reference that led to it, which stays in the notifier."""
    if text.startswith("{"):
        return _from_json(text, what)
    if said := pasted.no_robot(text):
        raise ArgumentError(f"{what} holds {said}")
    url, named = pasted.parted(text)
    served = next((service for service in SERVICES if service.serves(url)), None)
    if served is not None and served.calls_people():
        every = tuple(dict.fromkeys((*filter(served.can_call, mentions), *named)))
        called: dict[str, Any] = {"mentions": every} if every else {}
        return served(given or url, **called)
    if named:
        raise ArgumentError(f"{what} names whom to mention, with a URL of a service that takes no `mention=`: leave it")
    if served is not None:
        return served(given or url)
    address = pasted.for_apprise(url, what)
    if address is None:
        raise ArgumentError(
            f"{what} holds neither a webhook URL of {pasted.NAMES}, nor a URL of apprise, nor a JSON object as "
            "Notifier.to_dict() writes it: copy the whole URL from the chat's settings, or run `twinkle-notifier init`"
        )
    return _made("AppriseNotifier", given if given and address == text else address)


def _from_json(text: str, what: str) -> Notifier:
    try:
        data = json.loads(text)
    except ValueError:
        data = None  # the error would show the text
    if data is None:
        raise ArgumentError(f"{what} begins like JSON and is none: write it as Notifier.to_dict() does")
    return Notifier.from_dict(data)


read_by(from_text)
