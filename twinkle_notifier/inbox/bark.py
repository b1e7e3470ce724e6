"""The rules of Bark's server, from its source: what it accepts and how it refuses."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from twinkle_notifier.inbox import robot
from twinkle_notifier.inbox.forms import fault
from twinkle_notifier.inbox.robot import Received, Request, Response, is_json, object_of, same

_PUSH = 4096  # bytes that Apple takes
_ENVELOPE = 400  # bytes that the server adds, about
# What else there is goes to the app as it is.
_PUSH_FORM = {
    **dict.fromkeys(("title", "subtitle", "body", "markdown", "group", "id", "url", "sound", "icon", "image"), str),
    "level": frozenset({"critical", "active", "timeSensitive", "passive"}),
    "*": object,
}


class Robot(robot.Robot):
    """A device's key at a server of Bark. It has no signature, no keywords and no rate of its own."""

    service = "Bark"
    path = "/bark/"  # as behind a proxy; Bark's own server has none
    own_rate = 1000
    own_penalty: ClassVar[float] = 1.0
    without_post: ClassVar[Response] = Response({"code": 404, "message": "Cannot GET"}, 404)

    @property
    def webhook(self) -> str:
        """See `robot.Robot`."""
        return f"{self.path}{self.token}/"

    def refusal(self, request: Request) -> Response | None:
        """See `robot.Robot`."""
        key = request.path.removeprefix(self.path)
        if not same(key, self.token):
            return _answer(400, "failed to get device token: failed to get device token from database")
        payload = object_of(request.body)
        if payload is None or not is_json(request.content_type):
            return _answer(400, "request bind failed: invalid character")
        if len(request.body) + _ENVELOPE > _PUSH:
            return _answer(500, "push failed: APNS push failed: PayloadTooLarge")
        if wrong := fault(payload, _PUSH_FORM, "push"):
            return _answer(400, f"request bind failed: {wrong}")
        return None

    def too_fast(self) -> Response:
        """See `robot.Robot`."""
        return _answer(429, "Too Many Requests")

    def accepted(self) -> Response:
        """See `robot.Robot`."""
        return _answer(200, "success")

    def received(self, payload: dict[str, Any], request: Request) -> Received:
        """See `robot.Robot`."""
        text, push_id = payload.get("markdown") or payload.get("body", ""), payload.get("id", "")
        kind, title = "markdown" if "markdown" in payload else "text", payload.get("title", "")
        return Received(kind, title, text, push_id, len(request.body), time.time(), self.service, payload)


def _answer(code: int, message: str) -> Response:
    return Response({"code": code, "message": message, "timestamp": int(time.time())}, code)
