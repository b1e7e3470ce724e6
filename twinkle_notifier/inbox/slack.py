"""The rules of Slack's incoming webhooks, from its public pages: what they accept and how they refuse."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from twinkle_notifier.inbox import robot
from twinkle_notifier.inbox.robot import Json, Received, Request, Response, object_of, same

_TEXT = 40_000  # characters, more is cut
_SECTION = 3_000
_HEADER = 150
_BLOCKS = 50
_ALL_BLOCKS = 13_200  # characters of the text of all blocks
_TYPES = ("section", "header", "divider", "context", "rich_text")
_CALL = re.compile(r"<([!@][^>|]+)")
_TEAM = "T0LOCAL/B0LOCAL"


class Robot(robot.Robot):
    """An incoming webhook of Slack. It has no signature and no keywords."""

    service = "Slack"
    path = "/services/"
    own_rate = 100
    per_second = 3  # "short bursts"
    own_penalty = 1.0
    without_post = Response("invalid_payload", 400)

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
        blocks = list(_blocks(payload))
        if not payload.get("text") and not blocks:
            return Response("no_text", 400)
        if any(block.get("type") == "markdown" for block in blocks):
            return Response("", 500)  # as Slack does
        if len(blocks) > _BLOCKS or not all(map(_is_sound, blocks)):
            return Response("invalid_blocks", 400)
        if sum(len(text) for text in _texts(blocks)) > _ALL_BLOCKS:
            return Response("msg_blocks_too_long", 400)
        return None

    def too_fast(self) -> Response:
        """See `robot.Robot`."""
        return Response("rate_limited", 429, {"Retry-After": "1"})

    def accepted(self) -> Response:
        """See `robot.Robot`."""
        return Response("ok")

    def received(self, payload: dict[str, Any], request: Request) -> Received:
        """See `robot.Robot`. The title is the line that a phone previews."""
        text = "\n\n".join(_texts(list(_blocks(payload)))) or payload["text"]
        kind = "blocks" if any(_blocks(payload)) else "text"
        size, called = len(request.body), tuple(_CALL.findall("\n".join(_marked(payload))))
        return Received(kind, payload["text"], text, "", size, time.time(), self.service, payload, called)


def _blocks(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from payload.get("blocks", [])
    for attachment in payload.get("attachments", []):
        yield from attachment.get("blocks", [])


def _marked(payload: dict[str, Any]) -> Iterator[str]:
    """The texts in which Slack reads marks: not code."""
    yield payload.get("text", "")
    yield from (block["text"]["text"] for block in _blocks(payload) if block["type"] == "section")


def _is_sound(block: dict[str, Any]) -> bool:
    kind, text = block.get("type"), block.get("text", {}).get("text", "")
    limit = {"section": _SECTION, "header": _HEADER}.get(str(kind))
    if kind == "section" and re.search(r"&(?!(?:amp|lt|gt);)", text):
        return False
    return kind in _TYPES and (limit is None or 0 < len(text) <= limit)


def _texts(blocks: Json) -> list[str]:
    """The text of each block, however deep it stands."""
    if isinstance(blocks, dict):
        own = [blocks["text"]] if isinstance(blocks.get("text"), str) else []
        return own + [text for inner in blocks.values() for text in _texts(inner)]
    return [text for inner in blocks for text in _texts(inner)] if isinstance(blocks, list) else []
