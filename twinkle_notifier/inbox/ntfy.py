"""The rules of an ntfy server, from its source and pages: what it accepts and how it refuses.

It speaks as far as apprise does: a message is JSON at ``/`` that names its topic. A text that is too long for that is
sent to ``/TOPIC`` as an attachment; a server of one's own takes none, unless it has a folder for them.
"""

from __future__ import annotations

import re
import time
from typing import Any, ClassVar
from urllib.parse import quote

from twinkle_notifier.inbox import robot
from twinkle_notifier.inbox.forms import Each, fault
from twinkle_notifier.inbox.robot import Received, Request, Response, object_of, same

_BODY, _MESSAGE = 8192, 4096  # bytes
_PRIORITIES = range(6)
_FORM = {
    **dict.fromkeys(("topic", "title", "message", "click", "icon", "attach", "filename", "delay"), str),
    "tags": Each(str),
    "priority": int,
    "markdown": bool,
    "*": object,
}


class Robot(robot.Robot):
    """A topic of an ntfy server; all others are forbidden, as on one with access control."""

    service = "ntfy"
    path = "/"
    scheme = "ntfy"
    own_rate = 60
    own_penalty: ClassVar[float] = 5.0
    without_post: ClassVar[Response] = Response({"code": 40401, "http": 404, "error": "page not found"}, 404)

    @property
    def webhook(self) -> str:
        """See `robot.Robot`."""
        return self.path + quote(self.token, safe="")

    def serves(self, path: str) -> bool:
        """See `robot.Robot`."""
        return path in (self.path, self.webhook)

    def refusal(self, request: Request) -> Response | None:
        """See `robot.Robot`."""
        if request.path != self.path:
            return _refuse(40014, "invalid request: attachments not allowed")
        if len(request.body) > _BODY:
            return _refuse(41303, "JSON body too large")
        payload = object_of(request.body)
        if payload is None or fault(payload, _FORM):
            return _refuse(40024, "invalid request: request body must be valid JSON")
        return self._forbidden(payload.get("topic", "")) or _wrong_payload(payload)

    def _forbidden(self, topic: str) -> Response | None:
        if not re.fullmatch("[-_A-Za-z0-9]{1,64}", topic):
            return _refuse(40009, "invalid request: topic invalid")
        return None if same(topic, self.token) else _refuse(40301, "forbidden")

    def too_fast(self) -> Response:
        """See `robot.Robot`."""
        return _refuse(42901, "limit reached: too many requests, please be nice")

    def accepted(self) -> Response:
        """See `robot.Robot`."""
        return Response({"id": "local", "time": int(time.time()), "event": "message", "topic": self.token})

    def received(self, payload: dict[str, Any], request: Request) -> Received:
        """See `robot.Robot`."""
        kind, title = "markdown" if payload.get("markdown") else "text", payload.get("title", "")
        text, size = payload.get("message") or "triggered", len(request.body)
        return Received(kind, title, text, "", size, time.time(), self.service, payload)


def _wrong_payload(payload: dict[str, Any]) -> Response | None:
    if payload.get("priority", 0) not in _PRIORITIES:
        return _refuse(40007, "invalid priority parameter")
    if len(payload.get("message", "").encode("utf-8", "surrogatepass")) > _MESSAGE:  # it becomes an attachment
        return _refuse(40014, "invalid request: attachments not allowed")
    return None


def _refuse(code: int, error: str) -> Response:
    return Response({"code": code, "http": code // 100, "error": error}, code // 100)
