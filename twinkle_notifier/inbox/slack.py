"""The rules of Slack's incoming webhooks, from its public pages: what they accept and how they refuse."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any, ClassVar

from twinkle_notifier.inbox import robot
from twinkle_notifier.inbox.forms import Each, Kinds, Text, fault
from twinkle_notifier.inbox.robot import Json, Received, Request, Response, inside, object_of, same

_TEXT = 40_000  # characters, more is cut
_BLOCKS = 50
_ATTACHMENTS = 100
_ALL_BLOCKS = 13_200  # characters of the text of all blocks
_CALL = re.compile(r"<([!@][^>|]+)")
_TEAM = "T0LOCAL/B0LOCAL"

# What blocks may have, as far as messages need them; pictures, buttons and menus are left out.
_PLAIN, _MRKDWN = {"text!": Text(1, 3_000), "emoji": bool}, {"text!": Text(1, 3_000), "verbatim": bool}
_TEXTS = Kinds("type", {"plain_text": _PLAIN, "mrkdwn": _MRKDWN})
_FIELD = {"type!": frozenset({"plain_text", "mrkdwn"}), "text!": Text(1, 2_000), "emoji": bool, "verbatim": bool}
_STYLE = dict.fromkeys(("bold", "italic", "strike", "code", "underline"), bool)
_LINK = {"url!": Text(1), "text": str, "unsafe": bool, "style": _STYLE}
_INLINE = Kinds(
    "type",
    {
        "text": {"text!": str, "style": _STYLE},
        "link": _LINK,
        "emoji": {"name!": Text(1), "unicode": str},
        "user": {"user_id!": Text(1), "style": _STYLE},
        "usergroup": {"usergroup_id!": Text(1), "style": _STYLE},
        "channel": {"channel_id!": Text(1), "style": _STYLE},
        "broadcast": {"range!": frozenset({"here", "channel", "everyone"})},
    },
)
_SECTION = {"elements!": Each(_INLINE)}
_RICH = Kinds(
    "type",
    {
        "rich_text_section": _SECTION,
        "rich_text_quote": {"elements!": Each(_INLINE), "border": int},
        "rich_text_preformatted": {"elements!": Each(_INLINE), "border": int, "language": str},
        "rich_text_list": {
            "style!": frozenset({"bullet", "ordered"}),
            "elements!": Each(Kinds("type", {"rich_text_section": _SECTION})),
            **dict.fromkeys(("indent", "offset", "border"), int),
        },
    },
)
_COMMON = {"block_id": Text(1, 255)}
_BLOCK = Kinds(
    "type",
    {
        "section": {"text": _TEXTS, "fields": Each(_FIELD, 1, 10), "expand": bool, **_COMMON},
        "header": {"text!": {"type!": frozenset({"plain_text"}), "text!": Text(1, 150), "emoji": bool}, **_COMMON},
        "context": {"elements!": Each(_TEXTS, 1, 10), **_COMMON},
        "divider": _COMMON,
        "rich_text": {"elements!": Each(_RICH, 1), **_COMMON},
    },
)
_SHOWN = ("pretext", "title", "text", "fallback")  # of an attachment
_ATTACHMENT = {
    **dict.fromkeys((*_SHOWN, "color", "footer", "author_name"), str),
    "blocks": Each(object),
    "fields": Each({"title": str, "value": str, "short": bool}),
    "*": object,
}
_PAYLOAD = {"text": str, "attachments": Each(_ATTACHMENT), "*": object}


class Robot(robot.Robot):
    """An incoming webhook of Slack. It has no signature and no keywords."""

    service = "Slack"
    path = "/services/"
    own_rate = 100
    per_second = 3  # "short bursts"
    own_penalty: ClassVar[float] = 1.0
    without_post: ClassVar[Response] = Response("invalid_payload", 400)

    @property
    def webhook(self) -> str:
        """See `robot.Robot`."""
        return f"{self.path}{_TEAM}/{self.token}"

    def refusal(self, request: Request) -> Response | None:
        """See `robot.Robot`."""
        if not same(request.path.removeprefix(self.path), f"{_TEAM}/{self.token}"):
            return Response("no_service", 404)
        payload = object_of(request.body)
        if payload is None or not robot.is_json(request.content_type):
            return Response("invalid_payload", 400)
        return _wrong_payload(payload) or _wrong_blocks(list(_blocks(payload)))

    def too_fast(self) -> Response:
        """See `robot.Robot`."""
        return Response("rate_limited", 429, {"Retry-After": "1"})

    def accepted(self) -> Response:
        """See `robot.Robot`."""
        return Response("ok")

    def received(self, payload: dict[str, Any], request: Request) -> Received:
        """See `robot.Robot`. The title is the line that a phone previews."""
        title, blocks = payload.get("text", "")[:_TEXT], list(_blocks(payload))
        text = "\n\n".join(_texts(blocks) or _shown(payload)) or title
        called = tuple(_CALL.findall("\n".join((title, *_marked(blocks)))))
        kind = "blocks" if blocks else "text"
        return Received(kind, title, text, "", len(request.body), time.time(), self.service, payload, called)


def _wrong_payload(payload: dict[str, Any]) -> Response | None:
    if fault(payload, _PAYLOAD):
        return Response("invalid_payload", 400)
    if len(payload.get("attachments", [])) > _ATTACHMENTS:
        return Response("too_many_attachments", 400)
    if not isinstance(payload.get("blocks", []), list):
        return Response("invalid_blocks", 400)
    if not (payload.get("text") or list(_blocks(payload)) or any(_shown(payload))):
        return Response("no_text", 400)
    return None


def _wrong_blocks(blocks: list[Any]) -> Response | None:
    if any(inside(block, "type") == "markdown" for block in blocks):
        return Response("", 500)  # as Slack does
    if len(blocks) > _BLOCKS or fault(blocks, Each(_BLOCK)) or not all(map(_is_sound, blocks)):
        return Response("invalid_blocks", 400)
    if sum(len(text) for text in _texts(blocks)) > _ALL_BLOCKS:
        return Response("msg_blocks_too_long", 400)
    return None


def _blocks(payload: dict[str, Any]) -> Iterator[Any]:
    yield from payload.get("blocks", [])
    for attachment in payload.get("attachments", []):
        yield from attachment.get("blocks", [])


def _shown(payload: dict[str, Any]) -> list[str]:
    """What attachments without blocks show."""
    return [attachment[key] for attachment in payload.get("attachments", []) for key in _SHOWN if key in attachment]


def _marked(blocks: list[Any]) -> Iterator[str]:
    """The texts of sections in which Slack reads marks."""
    for block in blocks:
        if block["type"] == "section":
            texts = [block.get("text", {}), *block.get("fields", [])]
            yield from (text["text"] for text in texts if text.get("type") == "mrkdwn")


def _is_sound(block: dict[str, Any]) -> bool:
    """Whether a section has a text or fields, and marks are escaped."""
    is_empty = block["type"] == "section" and not block.keys() & {"text", "fields"}
    return not is_empty and not any(re.search(r"&(?!(?:amp|lt|gt);)", text) for text in _marked([block]))


def _texts(blocks: Json) -> list[str]:
    """The text of each block, however deep it stands."""
    if isinstance(blocks, dict):
        own = [blocks["text"]] if isinstance(blocks.get("text"), str) else []
        return own + [text for inner in blocks.values() for text in _texts(inner)]
    return [text for inner in blocks for text in _texts(inner)] if isinstance(blocks, list) else []
