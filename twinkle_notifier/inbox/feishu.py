"""The rules of Feishu's custom robot, from its public pages: what it accepts and how it refuses."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from twinkle_notifier.channels.feishu import signature
from twinkle_notifier.inbox import robot
from twinkle_notifier.inbox.forms import UNKNOWN_KIND, Each, Kinds, Text, fault
from twinkle_notifier.inbox.robot import Json, Received, Request, Response, inside, number, object_of, same

_BODY_LIMIT = 20 * 1024  # bytes
_CLOCK_LIMIT = 3600.0  # seconds that a request's timestamp may be off
_ELEMENTS = 200  # in a card
_TABLES = 3
_ELEMENT = 10_000  # characters; what is over is cut without a word: the robot counts such a cut as a refusal
_AT = re.compile(r"<at\s+(?:user_)?ids?=[\"']?([\w,-]+)")

# What a card of schema 2.0 may have, as far as messages of this package need it. In such a card all else is an error.
_TEMPLATES = frozenset(
    {
        *("blue", "wathet", "turquoise", "green", "yellow", "orange", "red", "carmine", "violet", "purple", "indigo"),
        *("grey", "default"),
    }
)
_WORDS = {"tag!": frozenset({"plain_text", "lark_md"}), "content!": str}
_LAYOUT = dict.fromkeys(
    ("padding", "vertical_spacing", "horizontal_spacing", "vertical_align", "horizontal_align"), str
) | {"direction": frozenset({"vertical", "horizontal"})}
_COMMON = {"element_id": str, "margin": str}
_JUMP = {"type!": frozenset({"open_url"}), "default_url!": Text(1), "pc_url": str, "ios_url": str, "android_url": str}
_PANEL_HEADER = {
    "title": {"tag!": frozenset({"plain_text", "markdown", "lark_md"}), "content!": str},
    **dict.fromkeys(("background_color", "padding", "vertical_align", "width", "icon_position"), str),
    "icon_expanded_angle": int,
}
_KINDS: dict[str, Any] = {
    "markdown": {"content!": Text(1, _ELEMENT), "text_size": str, "text_align": str, **_COMMON},
    "hr": _COMMON,
    "div": {"text": _WORDS, "fields": Each({"text!": _WORDS, "is_short": bool}), **_COMMON},
    "button": {"text!": _WORDS, "type": str, "size": str, "width": str, "behaviors": Each(_JUMP), **_COMMON},
}
_KINDS["collapsible_panel"] = {
    "header!": _PANEL_HEADER,
    "elements": Each(Kinds("tag", _KINDS)),
    "expanded": bool,
    "background_color": str,
    "border": {"color": str, "corner_radius": str},
    **_LAYOUT,
    **_COMMON,
}
_CARD = {
    "schema!": frozenset({"2.0"}),
    "config": {
        "summary": {"content": str},
        "style": {"text_size": {"*": {"*": str}}, "color": {"*": {"*": str}}},
        "width_mode": frozenset({"default", "compact", "fill"}),
        "enable_forward": bool,
        "update_multi": bool,
    },
    "header": {
        "title!": _WORDS,
        "subtitle": _WORDS,
        "text_tag_list": Each({"tag!": frozenset({"text_tag"}), "text!": _WORDS, "color": str, **_COMMON}, 0, 3),
        "template": _TEMPLATES,
        "padding": str,
    },
    "body!": {"elements!": Each(Kinds("tag", _KINDS), 1), **_LAYOUT},
}
_STYLE = {"style": Each(frozenset({"bold", "italic", "underline", "lineThrough"}))}
_NODE = Kinds(
    "tag",
    {
        "text": {"text!": str, "un_escape": bool, **_STYLE},
        "a": {"text!": str, "href!": Text(1), **_STYLE},
        "at": {"user_id!": Text(1), "user_name": str, **_STYLE},
        "img": {"image_key!": Text(1), "width": int, "height": int},
    },
)
_CONTENT = {
    "text": {"text!": Text(1)},
    "post": {
        "post!": {
            language: {"title": str, "content!": Each(Each(_NODE), 1)}
            for language in ("zh_cn", "en_us", "ja_jp", "zh_hk", "zh_tw")
        }
    },
}


class Robot(robot.Robot):
    """A custom robot of a Feishu group."""

    service = "Feishu"
    path = "/open-apis/bot/v2/hook/"
    own_rate = 100
    per_second = 5
    own_penalty: ClassVar[float] = 1.0
    allows_all = True  # whether a message may call everybody; a setting of the group
    without_post: ClassVar[Response] = Response({"code": 9499, "msg": "Bad Request", "data": {}}, 400)

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
        seconds, sign = number(str(payload.get("timestamp", ""))), payload.get("sign")
        on_time = seconds is not None and abs(seconds - self.clock()) <= _CLOCK_LIMIT
        if on_time and isinstance(sign, str) and same(sign, signature(self.secret, seconds or 0)):
            return None
        return _refuse(19021, "sign match fail or timestamp is not within one hour from current time")

    def _wrong_payload(self, payload: dict[str, Any]) -> Response | None:
        if wrong := _wrong_payload(payload):
            return wrong
        is_card = payload["msg_type"] == "interactive"
        if is_card and not self.allows_all and "all" in _called(_texts(payload["card"])):
            return _refused_card(200621, "at all is not permitted in this group")
        return None

    def _without_keyword(self, payload: dict[str, Any]) -> Response | None:
        texts = " ".join(_texts(_said(payload)))
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
        title, text, called = _READ[kind](_said(payload))
        return Received(kind, title, text, "", size, time.time(), self.service, payload, called)


def _refuse(code: int, message: str) -> Response:
    return Response({"code": code, "msg": message, "data": {}})


def _refused_card(inner: int, why: str) -> Response:
    return _refuse(11246, f"Create card failed; ErrCode: {inner}; ErrMsg: {why}")


def _said(payload: dict[str, Any]) -> Any:
    return payload.get("card" if payload["msg_type"] == "interactive" else "content")


def _wrong_payload(payload: dict[str, Any]) -> Response | None:
    kind = payload.get("msg_type")
    if kind == "interactive":
        return _wrong_card(payload.get("card"))
    if not isinstance(kind, str) or kind not in _CONTENT:
        return _refuse(19002, "params error, msg_type need")
    content: Any = payload.get("content")
    if fault(content, _CONTENT[kind]) or (kind == "post" and not content["post"]):
        return _refuse(9499, "Bad Request")
    return None


def _wrong_card(card: Json) -> Response | None:
    if wrong := fault(card, _CARD, "card"):
        return _refused_card(200410 if wrong.why == UNKNOWN_KIND else 200621, str(wrong))
    elements = list(_elements(inside(card, "body", "elements")))
    if len(elements) > _ELEMENTS:
        return _refused_card(200621, f"{len(elements)} elements")
    if sum(element.get("content", "").count("\n|-") for element in elements) > _TABLES:
        return _refused_card(11310, "card table number over limit")
    return None


def _called(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for text in texts for names in _AT.findall(text) for name in names.split(","))


def _elements(elements: Any) -> Iterator[dict[str, Any]]:
    for element in elements:
        yield element
        yield from _elements(element.get("elements", []))


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


# Title, text, and who is called


def _of_text(content: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    return "", content["text"], _called([content["text"]])


def _of_post(content: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    post = next(iter(content["post"].values()))
    lines = ["".join(node.get("text", "") for node in line) for line in post["content"]]
    called = (node["user_id"] for line in post["content"] for node in line if node["tag"] == "at")
    return post.get("title", ""), "\n".join(lines), tuple(called)


def _of_card(card: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    elements = card["body"]["elements"]
    shown = [text for element in _elements(elements) for text in _texts({**element, "header": {}, "elements": []})]
    text = "\n\n".join(shown)
    return str(inside(card, "header", "title", "content") or ""), text, _called([text])


_READ = {"text": _of_text, "post": _of_post, "interactive": _of_card}
