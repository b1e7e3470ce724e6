"""The rules of Feishu's custom robot, from its public pages: what it accepts and how it refuses."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

from twinkle_notifier.channels.feishu import signature
from twinkle_notifier.inbox import robot
from twinkle_notifier.inbox.robot import Json, Received, Request, Response, inside, object_of, same

_BODY_LIMIT = 20 * 1024  # bytes
_CLOCK_LIMIT = 3600.0  # seconds that a request's timestamp may be off
_ELEMENTS = 200  # in a card
_TABLES = 3
_ELEMENT = 10_000  # characters; what is over is cut without a word: the robot counts such a cut as a refusal
# The properties that a card of schema 2.0 may have, as far as messages of this package need them. Others are errors.
_CARD = {"schema", "config", "header", "body"}
_CONFIG = {"summary", "style", "width_mode", "enable_forward", "update_multi"}
_HEADER = {"title", "subtitle", "text_tag_list", "template"}
_TEMPLATES = {
    *("blue", "wathet", "turquoise", "green", "yellow", "orange", "red", "carmine", "violet", "purple", "indigo"),
    *("grey", "default"),
}
_AT = re.compile(r"<at\s+(?:user_)?ids?=[\"']?([\w,-]+)")
_ELEMENT_KEYS = {
    "markdown": {"tag", "content", "text_size", "text_align"},
    "hr": {"tag"},
    "div": {"tag", "text", "fields"},
    "collapsible_panel": {"tag", "expanded", "header", "elements", "border", "background_color"},
}


class Robot(robot.Robot):
    """A custom robot of a Feishu group."""

    service = "Feishu"
    path = "/open-apis/bot/v2/hook/"
    own_rate = 100
    per_second = 5
    own_penalty = 1.0
    allows_all = True  # whether a message may call everybody; a setting of the group
    without_post = Response({"code": 9499, "msg": "Bad Request", "data": {}}, 400)

    @property
    def webhook(self) -> str:
        """See `robot.Robot`."""
        return self.path + self.token

    def refusal(self, request: Request) -> Response | None:
        """See `robot.Robot`."""
        if not same(request.path.removeprefix(self.path), self.token):
            return _refuse(19001, "param invalid: incoming webhook access token invalid")
        payload = object_of(request.body)
        if payload is None or not robot.is_json(request.content_type) or len(request.body) > _BODY_LIMIT:
            return Response({"code": 9499, "msg": "Bad Request", "data": {}}, 400)
        return self._wrong_signature(payload) or self._wrong_payload(payload) or self._without_keyword(payload)

    def _wrong_signature(self, payload: dict[str, Any]) -> Response | None:
        if self.secret is None:
            return None
        seconds, sign = str(payload.get("timestamp", "")), payload.get("sign")
        on_time = seconds.isdecimal() and abs(int(seconds) - time.time()) <= _CLOCK_LIMIT
        if on_time and isinstance(sign, str) and same(sign, signature(self.secret, int(seconds))):
            return None
        return _refuse(19021, "sign match fail or timestamp is not within one hour from current time")

    def _wrong_payload(self, payload: dict[str, Any]) -> Response | None:
        card = payload.get("card")
        wrong = _wrong_payload(payload)
        if wrong is None and not self.allows_all and card and "all" in _called(_contents(card["body"]["elements"])):
            return _refused_card(200621, "at all is not permitted in this group")
        return wrong

    def _without_keyword(self, payload: dict[str, Any]) -> Response | None:
        texts = " ".join(_texts(payload))
        if self.keywords and not any(keyword in texts for keyword in self.keywords):
            return _refuse(19024, "Key Words Not Found")
        return None

    def too_fast(self) -> Response:
        """See `robot.Robot`."""
        return _refuse(11232, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]")

    def accepted(self) -> Response:
        """See `robot.Robot`."""
        return Response({"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"})

    def received(self, payload: dict[str, Any], request: Request) -> Received:
        """See `robot.Robot`. The text is that of all elements, those of folded panels, too."""
        kind, size = payload["msg_type"], len(request.body)
        if kind == "text":
            title, text = "", payload["content"]["text"]
        else:
            card = payload["card"]
            title, text = card["header"]["title"]["content"], "\n\n".join(_contents(card["body"]["elements"]))
        return Received(kind, title, text, "", size, time.time(), self.service, payload, _called([text]))


def _refuse(code: int, message: str) -> Response:
    return Response({"code": code, "msg": message, "data": {}})


def _refused_card(inner: int, why: str) -> Response:
    return _refuse(11246, f"Create card failed; ErrCode: {inner}; ErrMsg: {why}")


def _wrong_payload(payload: dict[str, Any]) -> Response | None:
    kind = payload.get("msg_type")
    if kind == "text":
        text = inside(payload, "content", "text")
        return None if isinstance(text, str) and text else _refuse(9499, "Bad Request")
    if kind == "interactive":
        return _wrong_card(payload.get("card"))
    return _refuse(19002, "params error, msg_type need")


def _wrong_card(card: Json) -> Response | None:
    if not isinstance(card, dict) or card.get("schema") != "2.0" or set(card) - _CARD:
        return _refused_card(200621, "unknown property of the card")
    header, config, body = card.get("header", {}), card.get("config", {}), card.get("body", {})
    if set(header) - _HEADER or set(config) - _CONFIG or set(body) - {"elements", "direction"}:
        return _refused_card(200621, "unknown property")
    if header.get("template", "default") not in _TEMPLATES:
        return _refused_card(200621, "unknown template")
    elements = list(_elements(body.get("elements", [])))
    if not elements or len(elements) > _ELEMENTS:
        return _refused_card(200621, f"{len(elements)} elements")
    if any(set(element) - _ELEMENT_KEYS.get(element.get("tag", ""), set()) for element in elements):
        return _refused_card(200410, "unknown element, or one with an unknown property")
    contents = [element["content"] for element in elements if element["tag"] == "markdown"]
    if not all(isinstance(content, str) and content for content in contents):
        return _refused_card(200621, "markdown needs a content")
    if any(len(content) > _ELEMENT for content in contents):
        return _refused_card(200621, "an element that would be cut")
    if sum(content.count("\n|-") for content in contents) > _TABLES:
        return _refused_card(11310, "card table number over limit")
    return None


def _called(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for text in texts for names in _AT.findall(text) for name in names.split(","))


def _elements(elements: Any) -> Iterator[dict[str, Any]]:
    for element in elements:
        yield element
        yield from _elements(element.get("elements", []))


def _contents(elements: Any) -> Iterator[str]:
    return (element["content"] for element in _elements(elements) if element["tag"] == "markdown")


def _texts(value: Json, name: str = "") -> Iterator[str]:
    """Where a keyword counts: in what is called text, title or content."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
    elif isinstance(value, str) and name in ("text", "title", "content"):
        yield value
