"""The rules of DingTalk's custom robot, from its public pages: what it accepts and how it refuses."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from twinkle_notifier.channels.dingtalk import signature
from twinkle_notifier.inbox import robot
from twinkle_notifier.inbox.robot import Json, Received, Request, Response, inside, number, object_of, same

_BODY_LIMIT = 20_000  # bytes
_PEOPLE, _MOST = ("atMobiles", "atUserIds"), 50
_NEEDED = {"markdown": ("title", "text"), "text": ("content",)}
_CLOCK_LIMIT = 3600.0  # seconds that a request's timestamp may be off

# What DingTalk says to a signed robot's URL without them, and to a signature that does not fit.
_WITHOUT_SIGNATURE = (
    "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中，"
    "请确认机器人的密钥加密和填写正确;"
    "link:请参考本接口对应文档获得具体要求，或者在https://open.dingtalk.com/document/  搜索相关文档;"
)


class Robot(robot.Robot):
    """A custom robot of a DingTalk group."""

    service = "DingTalk"
    path = "/robot/send"
    own_rate = 20
    own_penalty: ClassVar[float] = 600.0
    without_post: ClassVar[Response] = Response({"errcode": 43002, "errmsg": "requires POST"})

    @property
    def webhook(self) -> str:
        """See `robot.Robot`."""
        return f"{self.path}?access_token={quote(self.token, safe='')}"

    def refusal(self, request: Request) -> Response | None:
        """See `robot.Robot`."""
        query = request.query
        if not same(query.get("access_token", ""), self.token):
            return _refuse(300001, "token is not exist")
        if not robot.is_json(request.content_type):
            return _refuse(43004, "the Content-Type must be application/json")
        return self._wrong_signature(query) or _wrong_payload(request.body) or self._without_keyword(request.body)

    def too_fast(self) -> Response:
        """See `robot.Robot`."""
        return _refuse(130101, "send too fast, exceed 20 times per minute")

    def accepted(self) -> Response:
        """See `robot.Robot`."""
        return _refuse(0, "ok")

    def received(self, payload: dict[str, Any], request: Request) -> Received:
        """See `robot.Robot`."""
        kind, msg_uuid = payload["msgtype"], str(payload.get("msgUuid", ""))
        title, text = ("", *_texts(payload))[-2:]
        called, size = _called(payload.get("at", {}), text), len(request.body)
        return Received(kind, title, text, msg_uuid, size, time.time(), self.service, payload, called)

    def _wrong_signature(self, query: Mapping[str, str]) -> Response | None:
        if self.secret is None:
            return None
        if "timestamp" not in query and "sign" not in query:
            return _refuse(310000, _WITHOUT_SIGNATURE)
        millis = number(query.get("timestamp", ""))
        if millis is None or abs(millis / 1000 - self.clock()) > _CLOCK_LIMIT:
            return _refuse(310000, "invalid timestamp, more than one hour off")
        if not same(query.get("sign", ""), signature(self.secret, millis)):
            return _refuse(310000, "sign not match")
        return None

    def _without_keyword(self, body: bytes) -> Response | None:
        texts = " ".join(_texts(json.loads(body)))
        if self.keywords and not any(keyword in texts for keyword in self.keywords):
            return _refuse(310000, "keywords not in content")
        return None


def _refuse(code: int, message: str) -> Response:
    return Response({"errcode": code, "errmsg": message})


def _wrong_payload(body: bytes) -> Response | None:
    if len(body) > _BODY_LIMIT:
        return _refuse(460101, "message too long, exceed 20000 bytes")
    payload = object_of(body)
    if payload is None:
        return _refuse(40035, "the body is not a JSON object in UTF-8")
    kind = str(payload.get("msgtype"))
    needed = _NEEDED.get(kind)
    if needed is None:
        return _refuse(400105, "unsupported msgtype")
    if not all(isinstance(text, str) and text for text in _texts(payload)):
        return _refuse(40035, f"{kind} needs {' and '.join(needed)}")
    return None if _is_sound(payload.get("at", {})) else _refuse(40035, "at names up to 50 people in lists of texts")


def _texts(payload: dict[str, Any]) -> list[Any]:
    kind = payload["msgtype"]
    return [inside(payload, kind, key) for key in _NEEDED[kind]]


def _is_sound(at: Json) -> bool:
    if not isinstance(at, dict) or not isinstance(at.get("isAtAll", False), bool):
        return False
    lists: list[Json] = [at.get(name, []) for name in _PEOPLE]
    people = [name for names in lists if isinstance(names, list) for name in names]
    return (
        all(isinstance(names, list) for names in lists)
        and all(isinstance(name, str) for name in people)
        and len(people) <= _MOST
    )


def _called(at: Mapping[str, Any], text: str) -> tuple[str, ...]:
    """Those whom the request names, if the text does, too."""
    people = [name for names in _PEOPLE for name in at.get(names, []) if f"@{name}" in text]
    return (*people, *(["@all"] if at.get("isAtAll") else []))
