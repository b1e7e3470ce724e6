"""The rules of WeCom's group robot, from its public pages: what it accepts and how it refuses."""

from __future__ import annotations

import re
import time
from typing import Any, ClassVar
from urllib.parse import quote

from twinkle_notifier.inbox import robot
from twinkle_notifier.inbox.forms import Each, fault
from twinkle_notifier.inbox.robot import Received, Request, Response, inside, object_of, same

_LIMITS = {"text": 2048, "markdown": 4096, "markdown_v2": 4096}  # bytes of the content
_PEOPLE = ("mentioned_list", "mentioned_mobile_list")
_CONTENT: dict[str, Any] = {kind: {"content!": str, "*": object} for kind in _LIMITS}
_CONTENT["text"] |= dict.fromkeys(_PEOPLE, Each(str))
# It shows the address that a request came from.
_HINT = (
    ", hint: [1700000000212345678901234], from ip: 203.0.113.7, more info at https://open.work.weixin.qq.com/devtool"
)


class Robot(robot.Robot):
    """A robot of a WeCom group. It has no signature and no keywords."""

    service = "WeCom"
    path = "/cgi-bin/webhook/send"
    own_rate = 20
    own_penalty: ClassVar[float] = 60.0
    without_post: ClassVar[Response] = Response({"errcode": 43002, "errmsg": "require POST http method" + _HINT})

    @property
    def webhook(self) -> str:
        """See `robot.Robot`."""
        return f"{self.path}?key={quote(self.token, safe='')}"

    def refusal(self, request: Request) -> Response | None:
        """See `robot.Robot`."""
        if not same(request.query.get("key", ""), self.token):
            return _refuse(93000, "invalid webhook url")
        payload = object_of(request.body)
        if payload is None:
            return _refuse(47001, "data format error")
        if re.search(rb"\\u[0-9a-fA-F]{4}", request.body):
            return _refuse(40033, "invalid request character, cannot contain \\uxxxx")
        return _wrong_payload(payload)

    def too_fast(self) -> Response:
        """See `robot.Robot`."""
        return _refuse(45009, "api freq out of limit")

    def accepted(self) -> Response:
        """See `robot.Robot`."""
        return Response({"errcode": 0, "errmsg": "ok"})

    def received(self, payload: dict[str, Any], request: Request) -> Received:
        """See `robot.Robot`. The title is the heading, without its colour."""
        kind, size = payload["msgtype"], len(request.body)
        text = payload[kind]["content"]
        title = re.sub("<[^>]+>", "", text.lstrip("# ").partition("\n")[0])
        content, called = payload[kind], re.findall(r"<@([^>\s]+)>", text) if kind != "markdown_v2" else []
        listed = [name for names in _PEOPLE if kind == "text" for name in content.get(names, [])]
        return Received(kind, title, text, "", size, time.time(), self.service, payload, (*called, *listed))


def _wrong_payload(payload: dict[str, Any]) -> Response | None:
    kind = payload.get("msgtype")
    if not isinstance(kind, str) or kind not in _LIMITS:
        return _refuse(40008, "invalid message type")
    text = inside(payload, kind, "content")
    if not isinstance(text, str) or not text.strip():
        return _refuse(44004, "empty content")
    if len(text.encode()) > _LIMITS[kind]:
        return _refuse(40058, f"{kind}.content exceed max length {_LIMITS[kind]}. invalid Request Parameter")
    if wrong := fault(payload[kind], _CONTENT[kind], kind):
        return _refuse(40058, f"invalid param '{wrong.where}'")
    return None


def _refuse(code: int, message: str) -> Response:
    return Response({"errcode": code, "errmsg": message + _HINT})
