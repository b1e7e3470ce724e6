"""The rules of Telegram's Bot API, from its public pages: what a bot may send and change, and how it refuses."""

from __future__ import annotations

import html
import re
import time
from typing import Any, ClassVar
from urllib.parse import quote

from twinkle_notifier.inbox import robot
from twinkle_notifier.inbox.forms import fault
from twinkle_notifier.inbox.robot import Received, Request, Response, Result, is_json, object_of, same

CHAT = "-1001234567890"
_MOST = 4096  # UTF-16 units, once the HTML is read
_FORM = {
    **dict.fromkeys(("text!", "parse_mode"), str),
    "message_thread_id": int,
    "message_id": int,
    "disable_notification": bool,
    "link_preview_options": {"is_disabled": bool, "*": object},
    "*": object,
}
_TAG = re.compile(r"<(/?)([^<>]*)>")
_TAGS = ("b", "strong", "i", "em", "u", "s", "code", "pre", "blockquote")
_ENTITY = re.compile(r"&(?!lt;|gt;|amp;|quot;|#\d+;|#x[0-9a-fA-F]+;)\w+;")


class Robot(robot.Robot):
    """A bot, in one chat."""

    service = "Telegram"
    path = "/bot"
    own_rate = 20
    own_penalty: ClassVar[float] = 30.0
    per_second = 1
    without_post: ClassVar[Response] = Response({"ok": False, "error_code": 404, "description": "Not Found"}, 404)
    edits: int = 0  # messages that were changed
    _now = ""  # the id of the message that the present request is about
    _count = 0

    @property
    def webhook(self) -> str:
        """See `robot.Robot`."""
        return f"{self.path}{quote(self.token, safe='')}/sendMessage?chat_id={CHAT}"

    def serves(self, path: str) -> bool:
        """See `robot.Robot`."""
        return path.startswith(self.path)

    def refusal(self, request: Request) -> Response | None:
        """See `robot.Robot`."""
        bot, _, method = request.path.removeprefix(self.path).partition("/")
        if method not in ("sendMessage", "editMessageText"):
            return _refuse(404, "Not Found")
        if not same(bot, quote(self.token, safe="")):
            return _refuse(401, "Unauthorized")
        payload = object_of(request.body)
        if payload is None or not is_json(request.content_type):
            return _refuse(400, "Bad Request: can't parse JSON object")
        if str(payload.get("chat_id")) != CHAT:
            return _refuse(400, "Bad Request: chat not found")
        if wrong := fault(payload, _FORM, "message"):
            return _refuse(400, f"Bad Request: {wrong}")
        return self._refusal_of_text(payload) or (self._begin(payload, method))

    def _refusal_of_text(self, payload: dict[str, Any]) -> Response | None:
        text = payload["text"]
        if payload.get("parse_mode"):
            wrong = _fault_in(text) if payload["parse_mode"] == "HTML" else "the robot knows HTML alone"
            if wrong:
                return _refuse(400, f"Bad Request: can't parse entities: {wrong}")
            text = _bare(text)
        if not text.strip():
            return _refuse(400, "Bad Request: message text is empty")
        return _refuse(400, "Bad Request: message is too long") if len(text.encode("utf-16-le")) > 2 * _MOST else None

    def _begin(self, payload: dict[str, Any], method: str) -> Response | None:
        if method == "sendMessage":
            self._now = str(self._count + 1)
            return None
        self._now = str(payload.get("message_id"))
        known = next((message for message in self.messages if message.msg_uuid == self._now), None)
        if known is None:
            return _refuse(400, "Bad Request: message to edit not found")
        same_text = known.payload["text"] == payload["text"]
        return _refuse(400, "Bad Request: message is not modified: it is exactly the same") if same_text else None

    def too_fast(self) -> Response:
        """See `robot.Robot`."""
        seconds = round(self.penalty)
        said = {"ok": False, "error_code": 429, "description": f"Too Many Requests: retry after {seconds}"}
        return Response({**said, "parameters": {"retry_after": seconds}}, 429, {"Retry-After": str(seconds)})

    def accepted(self) -> Response:
        """See `robot.Robot`."""
        message_id = int(self._now) if self._now.isdecimal() else 0
        return Response({"ok": True, "result": {"message_id": message_id, "chat": {"id": int(CHAT)}}})

    def _keep(self, request: Request) -> Result:
        before = next((at for at, message in enumerate(self.messages) if message.msg_uuid == self._now), None)
        if before is None:
            self._count += 1
            return super()._keep(request)
        self._accepted.append(time.monotonic())
        self.messages[before] = self.received(object_of(request.body) or {}, request)
        self.edits += 1
        return "accepted"

    def received(self, payload: dict[str, Any], request: Request) -> Received:
        """See `robot.Robot`. The title is the first line."""
        is_html = "parse_mode" in payload
        text = _bare(_marked(payload["text"])) if is_html else payload["text"]
        title, size = text.partition("\n")[0].strip(), len(request.body)
        kind = "HTML" if is_html else "text"
        return Received(kind, title, text, self._now, size, time.time(), self.service, payload)


def _marked(text: str) -> str:
    """`text` with code as Markdown marks it."""
    return re.sub("</?code>", "`", text.replace("<pre>", "```\n").replace("</pre>", "\n```"))


def _bare(text: str) -> str:
    return html.unescape(_TAG.sub("", text))


def _fault_in(text: str) -> str:
    """What is wrong with the HTML; empty if nothing is."""
    opened: list[str] = []
    for end, name in _TAG.findall(text):
        if name not in _TAGS:
            return f'unsupported start tag "{name}"'
        if not end:
            opened.append(name)
        elif not opened or opened.pop() != name:
            return f"unmatched end tag </{name}>"
    rest = _TAG.sub("", text)
    if opened or "<" in rest or ">" in rest:
        return "can't find the end of a tag"
    return "unknown entity" if _ENTITY.search(rest) else ""


def _refuse(code: int, description: str) -> Response:
    return Response({"ok": False, "error_code": code, "description": description}, code)
