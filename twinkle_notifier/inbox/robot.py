"""The rules of DingTalk's custom robot, from its public pages: what it accepts and how it refuses."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

from twinkle_notifier.channels.dingtalk import signature

_BODY_LIMIT = 20_000  # bytes
_CLOCK_LIMIT = 3600.0  # seconds that a request's timestamp may be off
_MINUTE = 60.0

# What DingTalk answers to a signed robot's URL without timestamp and signature, and to a signature that does not fit.
_WITHOUT_SIGNATURE = (
    "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中，"
    "请确认机器人的密钥加密和填写正确;"
    "link:请参考本接口对应文档获得具体要求，或者在https://open.dingtalk.com/document/  搜索相关文档;"
)

T = TypeVar("T")
Answer = dict[str, Any]
_OK: Answer = {"errcode": 0, "errmsg": "ok"}


@dataclass(frozen=True)
class Received:
    """A message that the robot has accepted."""

    kind: str
    title: str
    text: str
    msg_uuid: str
    size: int
    at: float


class Running:
    """What a user gets of a robot that listens on the loopback, from construction until `close`."""

    _robot: Robot

    @property
    def messages(self) -> list[Received]:
        """What was accepted, in order, each message once."""
        return list(self._robot.messages)

    @property
    def repeats(self) -> int:
        """The number of requests that repeated an accepted message's ``msgUuid``, and were dropped for it."""
        return self._robot.repeats

    def close(self) -> None:
        """Stop listening."""
        raise NotImplementedError

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, _type: object, _exc: BaseException | None, _traceback: TracebackType | None) -> None:
        self.close()


class Robot:
    """One robot of one service: its security settings, its rate, and what it has accepted.

    The server uses only what is public here; a robot of another service has the same.
    """

    path = "/robot/send"
    without_post: ClassVar[Answer] = {"errcode": 43002, "errmsg": "requires POST"}  # what it answers to a GET

    def __init__(self, token: str, secret: str | None, keywords: Sequence[str], rate: int, penalty: float) -> None:
        self.token: str = token
        self.secret: str | None = secret
        self.keywords: tuple[str, ...] = tuple(keywords)
        self.rate: int = rate
        self.penalty: float = penalty
        self.messages: list[Received] = []
        self.requests: int = 0
        self.repeats: int = 0
        self._scripted: deque[Answer] = deque()
        self._accepted: deque[float] = deque()
        self._closed_until = 0.0
        self._lock = threading.Lock()

    @property
    def webhook(self) -> str:
        """Path and query of its webhook URL."""
        return f"{self.path}?access_token={quote(self.token, safe='')}"

    def script(self, *answers: Answer) -> None:
        """Answer the next requests with these, whatever they hold."""
        self._scripted.extend(answers)

    def answer(self, query: Mapping[str, str], content_type: str, body: bytes) -> Answer:
        """The answer that DingTalk would give; an accepted message is kept."""
        with self._lock:
            self.requests += 1
            if self._scripted:
                return self._scripted.popleft()
            return self._refusal(query, content_type, body) or self._accept(json.loads(body), len(body))

    def _refusal(self, query: Mapping[str, str], content_type: str, body: bytes) -> Answer | None:
        if not _same(query.get("access_token", ""), self.token):
            return _refuse(300001, "token is not exist")
        if content_type.partition(";")[0].strip() != "application/json":
            return _refuse(43004, "the Content-Type must be application/json")
        return self._wrong_signature(query) or _wrong_payload(body) or self._without_keyword(body) or self._too_fast()

    def _wrong_signature(self, query: Mapping[str, str]) -> Answer | None:
        if self.secret is None:
            return None
        if "timestamp" not in query and "sign" not in query:
            return _refuse(310000, _WITHOUT_SIGNATURE)
        millis = query.get("timestamp", "")
        if not millis.isdecimal() or abs(int(millis) / 1000 - time.time()) > _CLOCK_LIMIT:
            return _refuse(310000, "invalid timestamp, more than one hour off")
        if not _same(query.get("sign", ""), signature(self.secret, int(millis))):
            return _refuse(310000, "sign not match")
        return None

    def _without_keyword(self, body: bytes) -> Answer | None:
        payload = json.loads(body)
        texts = " ".join(payload[payload["msgtype"]].values())
        if self.keywords and not any(keyword in texts for keyword in self.keywords):
            return _refuse(310000, "keywords not in content")
        return None

    def _too_fast(self) -> Answer | None:
        now = time.monotonic()
        while self._accepted and now - self._accepted[0] > _MINUTE:
            self._accepted.popleft()
        if now >= self._closed_until and len(self._accepted) >= self.rate:
            self._closed_until = now + self.penalty
        return _refuse(130101, "send too fast, exceed 20 times per minute") if now < self._closed_until else None

    def _accept(self, payload: dict[str, Any], size: int) -> Answer:
        msg_uuid = str(payload.get("msgUuid", ""))
        if msg_uuid and any(message.msg_uuid == msg_uuid for message in self.messages):
            self.repeats += 1
            return _OK
        kind = payload["msgtype"]
        content = payload[kind]
        text = content.get("text", content.get("content", ""))
        self._accepted.append(time.monotonic())
        self.messages.append(Received(kind, content.get("title", ""), text, msg_uuid, size, time.time()))
        return _OK


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())


def _refuse(code: int, message: str) -> Answer:
    return {"errcode": code, "errmsg": message}


def _wrong_payload(body: bytes) -> Answer | None:
    if len(body) > _BODY_LIMIT:
        return _refuse(460101, "message too long, exceed 20000 bytes")
    try:
        payload = json.loads(body.decode("utf-8"))
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        return _refuse(40035, "the body is not a JSON object in UTF-8")
    kind = payload.get("msgtype")
    needed = {"markdown": ("title", "text"), "text": ("content",)}.get(kind if isinstance(kind, str) else "")
    if needed is None:
        return _refuse(400105, "unsupported msgtype")
    content = payload.get(kind)
    if not isinstance(content, dict) or not all(isinstance(content.get(key), str) and content[key] for key in needed):
        return _refuse(40035, f"{kind} needs {' and '.join(needed)}")
    return None
