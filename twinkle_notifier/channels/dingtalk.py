"""DingTalk's custom robots, and the file to copy for another service.

Their contract, from DingTalk's pages: POST to ``/robot/send?access_token=T``; at most 20 messages a minute per robot;
20,000 bytes a request; refusals come with HTTP 200; a repeat with the same ``msgUuid`` is dropped.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from twinkle_notifier.channels import http
from twinkle_notifier.channels.robot import Draft, Meaning, Refusal, Robot, code_in, object_in
from twinkle_notifier.channels.webhook import WebhookNotifier
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.messages import markdown
from twinkle_notifier.messages.message import Level
from twinkle_notifier.notifier import Notifier

_TITLE = 64  # characters
_MOBILE = re.compile(r"1\d{10}|\+[\d-]+")  # another number is a user id
_TOO_MANY = Meaning("more than 20 messages a minute: the robot takes none for 10 minutes", "throttled")
_TOKEN = Meaning("the access token is wrong: copy the webhook URL from the robot's settings again")
_MALFORMED = Meaning("the request is malformed: report it as a bug of twinkle_notifier")
_KEYWORD = Meaning("the robot wants one of its keywords in the message: name the run so that it holds one")
_SIGNATURE = Meaning("the signature is wrong: give the robot's own secret (SEC...) as `secret`")
_CLOCK = Meaning("the clocks are apart: set this machine's clock", "local", "clock")
_ADDRESS = Meaning("the robot takes messages from listed addresses only: add this machine's", "local")
_UNSIGNED = Meaning(
    "the robot is in signed mode, and no secret is given: give its secret (SEC...) as `secret`, or append `&secret=` "
    "and the secret to its webhook URL"
)
_CODES = {
    -1: Meaning(kind="busy"),
    130101: _TOO_MANY,
    410100: _TOO_MANY,
    90030: Meaning("the robot has used up its messages of the day", "throttled"),
    300001: _TOKEN,
    300005: _TOKEN,
    400101: _TOKEN,
    400013: Meaning("the group is gone: make a robot in another group"),
    400102: Meaning("the robot is switched off: switch it on in the group's settings"),
    400106: Meaning("the robot is not in the group any more: add it again"),
    **dict.fromkeys((400105, 40035, 43002, 43004), _MALFORMED),
    **dict.fromkeys((460101, 101002), Meaning(change="shorter")),  # the second in 2019
    **dict.fromkeys(range(430101, 430105), Meaning(change="plainer")),  # unsafe content
}
_REFUSED = 310000
# What that code means, by the robot's words, which are English or Chinese. The first that matches: its words about a
# wrong signature name the timestamp, too ("机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳 ..."), and
# those about an old one the signature ("机器人发送签名过期;solution: ... timestampms ...").
_REFUSALS = (
    (r"keyword|关键词", _KEYWORD),
    (r"sign\w* (?:does )?not match|签名不匹配", _SIGNATURE),
    (r"timestamp|时间戳|签名过期", _CLOCK),
    (r"sign|签名", _SIGNATURE),
    (r"\bip\b|白名单", _ADDRESS),
)


class DingRobot(Robot):
    """A custom robot of a DingTalk group."""

    service = "DingTalk"
    hosts: ClassVar[tuple[str, ...]] = ("oapi.dingtalk.com", "oapi.dingtalk.io")
    path = "/robot/send"
    key = "access_token"
    example = "https://oapi.dingtalk.com/robot/send?access_token=..."
    per_minute = 18  # DingTalk takes 20
    penalty: ClassVar[float] = 600.0
    size = 18_000  # DingTalk takes 20,000
    drops_repeats = True
    mention: ClassVar[re.Pattern[str]] = re.compile(r"all|\+[\d-]{5,20}|(?!\d+-[\d-]+$)[\w.-]{1,64}", re.ASCII)
    mention_help = (
        'write mobile numbers as DingTalk knows them ("13800000000", "+852-60000000"), user ids, or "@all", such as '
        'mentions=("13800000000",)'
    )

    def address(self, draft: Draft) -> str:
        """See `Robot`."""
        if self.secret is None:
            return self.url
        millis = round(draft.now() * 1000)
        parts = urlsplit(self.url)
        kept = [(key, value) for key, value in parse_qsl(parts.query) if key not in ("timestamp", "sign")]
        signed = [*kept, ("timestamp", str(millis)), ("sign", signature(self.secret, millis))]
        return urlunsplit(parts._replace(query=urlencode(signed, quote_via=quote)))

    def payload(self, text: str, draft: Draft) -> dict[str, Any]:
        """See `Robot`. A phone shows no code blocks."""
        at, called = _at(draft.mentions)
        if draft.plain:
            return {"msgtype": "text", "text": {"content": text + called}, "msgUuid": draft.id, **at}
        shown = {"title": markdown.title(draft.text, _TITLE), "text": markdown.unfenced(text) + called}
        return {"msgtype": "markdown", "markdown": shown, "msgUuid": draft.id, **at}

    def refusal(self, answer: http.Reply) -> Refusal | None:
        """See `Robot`: an ``errcode`` of 0, and nothing else, is success."""
        found = object_in(answer)
        code, said = code_in(found, "errcode"), found.get("errmsg", "")
        if code is None:
            return self.no_robot(answer)
        said = said if isinstance(said, str) else ""
        meaning = self._meaning(said) if code == _REFUSED else _CODES.get(code, Meaning())
        return Refusal(code, said, meaning) if code else None

    def _meaning(self, said: str) -> Meaning:
        found = next((meaning for words, meaning in _REFUSALS if re.search(words, said, re.IGNORECASE)), Meaning())
        return _UNSIGNED if self.secret is None and found in (_SIGNATURE, _CLOCK) else found


def _at(mentions: Sequence[str]) -> tuple[dict[str, Any], str]:
    """What DingTalk needs to call people, in the request and in the text: it wants them in both."""
    if not mentions:
        return {}, ""
    people = [name for name in mentions if name != "all"]
    mobiles = [name for name in people if _MOBILE.fullmatch(name)]
    others = [name for name in people if name not in mobiles]
    at = {"atMobiles": mobiles, "atUserIds": others, "isAtAll": "all" in mentions}
    return {"at": at}, "\n\n" + " ".join(f"@{name}" for name in people) if people else ""


def signature(secret: str, millis: int) -> str:
    """DingTalk's signature for a request made at `millis` since 1970, before URL encoding."""
    digest = hmac.new(secret.encode(), f"{millis}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class DingNotifier(WebhookNotifier):
    """Sends messages to a DingTalk (钉钉) custom robot, as Markdown.

    The chat's preview shows the first heading. What DingTalk cannot show on a phone (code blocks) becomes quotations,
    and what is over its limit of 20,000 bytes loses its middle.

    Args:
        ding_url: the robot's webhook URL with its access token. ``&secret=SEC...`` may be appended to it; that part is
            taken for `secret`, unless that is given, too, and is no part of the URL.
        secret: the signing secret (``SEC...``) of a robot in signed mode.
        timeout: seconds for one HTTP request.
        mentions: whom failures and stalls call: mobile numbers, user ids, or ``"@all"``.
        insecure: let ``http://`` lead to another machine, where anyone on the way can read the token.
        webhook_url: another name of `ding_url`, which other services use.
        min_level: alerts below it are left out, see `Notifier.min_level`.

    `ding_url` and `secret` may be references, ``env:NAME`` or ``file:PATH``: they are looked up at each message, and
    `to_dict`, checkpoints, pickles and `repr` hold the reference alone. Literal ones are ``***`` in a pickle, unless
    `multiprocessing` hands it to a child that it starts; copies keep them.

    Raises:
        ValueError: an argument that cannot work. The text names the argument and shows no token.
    """

    service_name: ClassVar[str] = DingRobot.service
    reference_fields: ClassVar[tuple[str, ...]] = ("ding_url", "secret")
    _class = "DingNotifier"
    _fields = ("ding_url", "secret", "timeout", "mentions", "insecure")
    _robot = DingRobot

    def __init__(
        self,
        ding_url: str = "",
        secret: str | None = None,
        timeout: float = 5.0,
        mentions: Sequence[str] = (),
        *,
        insecure: bool = False,
        webhook_url: str = "",
        min_level: Level | None = None,
    ) -> None:
        if ding_url and webhook_url:
            raise ArgumentError("ding_url and webhook_url are one: give either")
        super().__init__(webhook_url or ding_url, secret, timeout, mentions, insecure=insecure, min_level=min_level)

    @classmethod
    def _from_dict_impl(cls, data: dict[str, Any]) -> Notifier:
        named = {"ding_url": data["webhook_url"]} if "webhook_url" in data else {}
        return super()._from_dict_impl({**named, **data})

    @property
    def ding_url(self) -> str:
        """The webhook URL without a secret, or the reference to it, as it was given."""
        return self._url
