"""What arrived at the robots, in order and bounded, for the page: the requests, and what they were answered."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from twinkle_notifier.channels import http
from twinkle_notifier.channels.bark import BarkRobot
from twinkle_notifier.channels.dingtalk import DingRobot
from twinkle_notifier.channels.feishu import FeishuRobot
from twinkle_notifier.channels.robot import NO_ROBOT
from twinkle_notifier.channels.slack import SlackRobot
from twinkle_notifier.channels.telegram import TelegramRobot
from twinkle_notifier.channels.wecom import WeComRobot
from twinkle_notifier.inbox.level import level_of
from twinkle_notifier.inbox.robot import Request, Response, Result, Robot, inside, object_of
from twinkle_notifier.messages.catalog import phrase, retold

KEPT = 10_000  # requests
_BYTES = 64 << 20  # of all that is kept
_BODY = 64 << 10  # bytes of a request's body; no service takes more
_PATH = 200  # characters of a path that leads to no robot
_TOKEN = 16  # characters of a part of it that may be a token
_NO_PATH = "no robot has this path: copy a URL that the inbox has printed. There are {paths}"
_CODES = ("errcode", "code", "StatusCode", "error_code")
_WORDS = ("errmsg", "msg", "message", "error", "description")
# Who says what a refusal means, in the words that an alert's own log would have.
_SENDERS = {
    sender.service: sender for sender in (DingRobot, FeishuRobot, WeComRobot, SlackRobot, BarkRobot, TelegramRobot)
}


class Arrival(NamedTuple):
    """One request: its number, from 1, and what the page shows of it, as JSON in one line."""

    number: int
    shown: str


class Arrivals:
    """The newest requests. A reader gets the next one after the last that it has seen, or waits for it."""

    def __init__(self) -> None:
        self._kept: deque[Arrival] = deque()
        self._bytes = 0
        self._last = 0
        self.is_closed: bool = False
        self._changed = threading.Condition()

    def add(self, robot: Robot, request: Request, response: Response, result: Result) -> None:
        """Keep a request with its answer. The oldest ones go when there are too many."""
        meaning = _meaning(robot, request, response) if result == "refused" else ""
        self._keep(_described(robot.service, _shown(robot, request), request, response, result, meaning))

    def add_stray(self, request: Request, response: Response, paths: str) -> None:
        """Keep a request that came to none of the robots' `paths`, as somebody waits for it.

        Its service is "unknown", and the page shows it as no message.
        """
        meaning = _NO_PATH.format(paths=paths)
        segments = (part if len(part) < _TOKEN else "***" for part in request.path[:_PATH].split("/"))
        line = _with_query("/".join(segments), request)
        self._keep(_described("unknown", line, request, response, "refused", meaning))

    def _keep(self, described: dict[str, Any]) -> None:
        with self._changed:
            self._last += 1
            self._kept.append(Arrival(self._last, json.dumps({"number": self._last, **described})))
            self._bytes += len(self._kept[-1].shown)
            while len(self._kept) > KEPT or self._bytes > _BYTES:
                self._bytes -= len(self._kept.popleft().shown)
            self._changed.notify_all()

    def after(self, number: int, seconds: float) -> Arrival | None:
        """The first after this number that is kept; None if none comes within `seconds`, or `is_closed`."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_closed or self._last > number, seconds)
            new = min(self._last - number, len(self._kept))
            return self._kept[-new] if new > 0 and not self.is_closed else None

    @property
    def oldest(self) -> int:
        """The number of the oldest that is kept, or of the first to come."""
        with self._changed:
            return self._last - len(self._kept) + 1

    def close(self) -> None:
        """Let go all who wait."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()


def _described(
    service: str, line: str, request: Request, response: Response, result: Result, meaning: str
) -> dict[str, Any]:
    body, payload = request.body[:_BODY], object_of(request.body)
    code, words = _code_and_words(response)
    return {
        "at": round(time.time(), 3),
        "service": service,
        "result": result,
        "code": code,
        "words": words,
        "meaning": {one: _in_language(one, meaning) for one in ("en", "zh")} if meaning else None,
        "level": (level_of(service, payload) if payload else None) or "unknown",
        "size": len(request.body),
        "line": f"POST {line}",
        "type": request.content_type[:200],
        "body": body.decode("utf-8", "replace"),
        "status": response.status,
        "answer": response.content if isinstance(response.content, str) else json.dumps(response.content),
    }


def _shown(robot: Robot, request: Request) -> str:
    """Path and query, without what grants access: the page may be shown to others."""
    path = f"{robot.path}***" if robot.path.endswith("/") and len(robot.path) > 1 else robot.path
    return _with_query(path, request)


def _with_query(path: str, request: Request) -> str:
    public = {key: value if key == "timestamp" else "***" for key, value in request.query.items()}
    query = urlencode(public, safe="*", errors="replace")
    return f"{path}?{query}" if query else path


def _code_and_words(response: Response) -> tuple[str, str]:
    if isinstance(response.content, str):
        return str(response.status), response.content
    return _first(response.content, _CODES) or str(response.status), _first(response.content, _WORDS)


def _first(content: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((str(content[key]) for key in keys if key in content), "")


def _in_language(language: str, meaning: str) -> str:
    return retold(language, phrase(language, meaning), NO_ROBOT, _NO_PATH)


def _meaning(robot: Robot, request: Request, response: Response) -> str:
    """What a person can do about a refusal; empty where apprise is the sender."""
    sender = _SENDERS.get(robot.service)
    if sender is None:
        return ""
    is_signed = "sign" in request.query or isinstance(inside(object_of(request.body), "sign"), str)
    text = response.content if isinstance(response.content, str) else json.dumps(response.content)
    reply = http.Reply(response.status, response.headers, text.encode("utf-8", "replace"))
    found = sender("http://127.0.0.1/", "-" if is_signed else None, 1.0).refusal(reply)
    return re.sub(r"\s+", " ", found.meaning.hint) if found else ""
