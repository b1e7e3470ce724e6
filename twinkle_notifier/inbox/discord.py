"""The rules of Discord's webhooks, from its public pages: what they accept and how they refuse.

No URL of a notifier leads here: apprise, which serves Discord, knows https://discord.com alone. A proxy that speaks TLS
in Discord's name can lead it here; tests/channels/test_apprise.py has one.
"""

from __future__ import annotations

import re
import time
from typing import Any, ClassVar
from urllib.parse import quote

from twinkle_notifier.inbox import robot
from twinkle_notifier.inbox.forms import Each, Text, fault
from twinkle_notifier.inbox.robot import Received, Request, Response, object_of, same

_ID = "100000000000000001"
_ALL_EMBEDS = 6_000  # characters
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_CALL = re.compile(r"<@[!&]?\d+>|@everyone|@here")
_EMBED = {
    "title": Text(0, 256),
    "description": Text(0, 4_096),
    "color": int,
    "url": str,
    "author": {"name": Text(0, 256), "*": object},
    "footer": {"text": Text(0, 2_048), "*": object},
    "fields": Each({"name!": Text(1, 256), "value!": Text(1, 1_024), "inline": bool}, 0, 25),
    "*": object,
}
_FORM = {
    "content": Text(0, 2_000),
    "username": Text(1, 80),
    "avatar_url": str,
    "tts": bool,
    "embeds": Each(_EMBED, 0, 10),
    "*": object,
}


class Robot(robot.Robot):
    """A webhook of a Discord channel. It has no signature and no keywords."""

    service = "Discord"
    path = "/api/webhooks/"
    scheme = ""
    own_rate = 30
    own_penalty: ClassVar[float] = 2.0
    without_post: ClassVar[Response] = Response({"message": "Unknown Webhook", "code": 10015}, 404)

    @property
    def webhook(self) -> str:
        """See `robot.Robot`."""
        return f"{self.path}{_ID}/{quote(self.token, safe='')}"

    def refusal(self, request: Request) -> Response | None:
        """See `robot.Robot`."""
        if not same(request.path, self.webhook):
            return _refuse(10015, "Unknown Webhook", 404)
        payload = object_of(request.body)
        if payload is None or not robot.is_json(request.content_type):
            return _refuse(50109, "The request body contains invalid JSON.")
        if wrong := fault(payload, _FORM, "message"):
            return _refuse(50035, f"Invalid Form Body: {wrong}")
        if not payload.get("content", "").strip() and not any(payload.get("embeds", [])):
            return _refuse(50006, "Cannot send an empty message")
        if sum(map(len, _texts(payload.get("embeds", [])))) > _ALL_EMBEDS:
            return _refuse(50035, "Invalid Form Body: embeds exceed maximum size of 6000")
        return None

    def too_fast(self) -> Response:
        """See `robot.Robot`."""
        said = {"message": "You are being rate limited.", "retry_after": self.penalty, "global": False}
        reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(round(time.time() + self.penalty))}
        return Response(said, 429, reset)

    def accepted(self) -> Response:
        """See `robot.Robot`: as without ``?wait=true``."""
        return Response("", 204)

    def received(self, payload: dict[str, Any], request: Request) -> Received:
        """See `robot.Robot`. The title is the first line; who is called, in what is no code."""
        shown = [payload.get("content", ""), *_texts(payload.get("embeds", []))]
        text = "\n".join(filter(None, shown))
        kind, size = "embeds" if payload.get("embeds") else "text", len(request.body)
        called = tuple(_CALL.findall(_CODE.sub("", payload.get("content", ""))))
        title = text.partition("\n")[0].strip()
        return Received(kind, title, text, "", size, time.time(), self.service, payload, called)


def _texts(embeds: list[dict[str, Any]]) -> list[str]:
    """The texts of all embeds that count towards their limit, in the order in which they are shown."""
    return [text for embed in embeds for text in _of_embed(embed)]


def _of_embed(embed: dict[str, Any]) -> list[str]:
    fields = [field[key] for field in embed.get("fields", []) for key in ("name", "value")]
    ends = (embed.get("author", {}).get("name", ""), embed.get("footer", {}).get("text", ""))
    return [embed.get("title", ""), embed.get("description", ""), *fields, *ends]


def _refuse(code: int, message: str, status: int = 400) -> Response:
    return Response({"message": message, "code": code}, status)
