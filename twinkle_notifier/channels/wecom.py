"""WeCom's group robots (企业微信, "消息推送").

Their contract, from WeCom's pages: POST to ``/cgi-bin/webhook/send?key=K``; at most 20 messages a minute per robot;
4096 bytes of Markdown; refusals come with HTTP 200 and an ``errcode``; no signature, and no key that drops repeats.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from twinkle_notifier.channels import http
from twinkle_notifier.channels.robot import Draft, Meaning, Refusal, Robot, code_in, object_in
from twinkle_notifier.channels.webhook import WebhookNotifier
from twinkle_notifier.messages import markdown
from twinkle_notifier.messages.message import Level
from twinkle_notifier.messages.parts import parts

_TITLE = 300  # characters of the text that calls people; WeCom takes 2048 bytes
_ESCAPE = re.compile(r"\\(?=u[0-9a-fA-F]{4})")  # WeCom refuses a text that shows one, as an error of Python's does
_MOBILE = re.compile(r"1\d{10}|\+[\d-]+")
_COLORS = {"error": "warning", "warning": "warning", "success": "info", "info": "comment"}  # WeCom has these three
_KEY = Meaning("the key is wrong, or the robot was removed: copy the webhook URL from the robot's settings again")
_MALFORMED = Meaning("the request is malformed: report it as a bug of twinkle_notifier")
_CODES = {
    -1: Meaning(kind="busy"),
    45033: Meaning("too many messages at once", kind="busy", retries=1),
    45009: Meaning("more than 20 messages a minute: the robot takes none for a minute", "throttled"),
    93000: _KEY,
    93004: Meaning("the robot is stopped: switch it on in the group's settings"),
    93008: Meaning("the robot is not in the group any more: add it again"),
    **dict.fromkeys((40004, 40006, 40007, 40008, 40009, 40033, 44004), _MALFORMED),
}
_TOO_LONG = 40058  # also a wrong key


class WeComRobot(Robot):
    """A robot of a WeCom group."""

    service = "WeCom"
    hosts: ClassVar[tuple[str, ...]] = ("qyapi.weixin.qq.com",)
    path = "/cgi-bin/webhook/send"
    key = "key"
    example = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=..."
    per_minute = 18  # WeCom takes 20
    penalty: ClassVar[float] = 60.0
    size = 4_000  # of the body; WeCom takes 4096 of the text in it
    drops_repeats = False
    mention: ClassVar[re.Pattern[str]] = re.compile(r"all|\+[\d-]{5,20}|(?!\d+-[\d-]+$)[\w.@-]{1,64}", re.ASCII)
    mention_help = 'write mobile numbers, user ids, or "@all", such as mentions=("13800000000", "zhangsan")'

    def payload(self, text: str, draft: Draft) -> dict[str, Any]:
        """See `Robot`. Only ``markdown`` has colours, and only ``markdown_v2`` code blocks."""
        text = _taken(text)
        if any(section.is_code for section in parts(text).rest):
            return {"msgtype": "markdown_v2", "markdown_v2": {"content": text}}
        return {"msgtype": "markdown", "markdown": {"content": _colored(text, draft.level)}}

    def ping(self, draft: Draft) -> dict[str, Any]:
        """See `Robot`: only a text calls anybody by a mobile number, or everybody; and ``markdown_v2`` nobody."""
        mobiles = [name for name in draft.mentions if _MOBILE.fullmatch(name)]
        others = ["@all" if name == "all" else name for name in draft.mentions if name not in mobiles]
        text = {"content": _taken(markdown.title(draft.text, _TITLE)), "mentioned_list": others}
        return {"msgtype": "text", "text": {**text, "mentioned_mobile_list": mobiles}}

    def refusal(self, answer: http.Reply) -> Refusal | None:
        """See `Robot`: an ``errcode`` of 0, and nothing else, is success. Its words end with our own address."""
        found = object_in(answer)
        code, said = code_in(found, "errcode"), found.get("errmsg", "")
        if code is None:
            return self.no_robot(answer)
        said = said.partition(", hint:")[0].partition("from ip:")[0] if isinstance(said, str) else ""
        return Refusal(code, said, _meaning(code, said)) if code else None


def _meaning(code: int, said: str) -> Meaning:
    if code == _TOO_LONG:
        return Meaning("the message is too long", change="shorter") if "exceed" in said else _KEY
    return _CODES.get(code, Meaning())


def _taken(text: str) -> str:
    return _ESCAPE.sub(lambda found: f"{found[0]}\u200b", text)


def _colored(text: str, level: str) -> str:
    found = parts(text)
    if not found.title:
        return text
    facts = "\n".join(f'> <font color="comment">{name}</font> {value}' for name, value in found.facts)
    rest = (section.text for section in found.rest)
    heading = f'### <font color="{_COLORS[level]}">{found.title}</font>'
    return "\n\n".join(filter(None, (heading, facts, *rest)))


class WeComNotifier(WebhookNotifier):
    """Sends messages to a WeCom (企业微信) group robot: Markdown in colour, and with a code block where there is code.

    Args:
        webhook_url: the robot's webhook URL, with its key.
        timeout: seconds for one HTTP request.
        mentions: whom failures and stalls call, in a second, short message: mobile numbers, user ids, or ``"@all"``.
        insecure: let ``http://`` lead to another machine, where anyone on the way can read the key.
        min_level: alerts below it are left out, see `Notifier.min_level`.

    `webhook_url` may be a reference, as in `DingNotifier`.

    Raises:
        ValueError: an argument that cannot work. The text names the argument and shows no key.
    """

    service_name: ClassVar[str] = WeComRobot.service
    reference_fields: ClassVar[tuple[str, ...]] = ("webhook_url",)
    _class = "WeComNotifier"
    _fields = ("webhook_url", "timeout", "mentions", "insecure")
    _robot = WeComRobot

    def __init__(
        self,
        webhook_url: str,
        timeout: float = 5.0,
        mentions: Sequence[str] = (),
        *,
        insecure: bool = False,
        min_level: Level | None = None,
    ) -> None:
        super().__init__(webhook_url, None, timeout, mentions, insecure=insecure, min_level=min_level)
