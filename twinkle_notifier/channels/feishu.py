"""Feishu's and Lark's custom robots.

Their contract, from Feishu's pages: POST to ``/open-apis/bot/v2/hook/T``; at most 100 messages a minute and 5 a second
per robot; 20 KB a request; the signature stands in the body; refusals come with HTTP 200 or 400 and a ``code``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any, ClassVar

from twinkle_notifier.channels import http
from twinkle_notifier.channels.robot import Draft, Meaning, Refusal, Robot, code_in, object_in
from twinkle_notifier.channels.webhook import WebhookNotifier
from twinkle_notifier.messages import markdown
from twinkle_notifier.messages.parts import parts, pieces
from twinkle_notifier.messages.wording import fenced

_TITLE = 200  # characters; a header shows four lines
_ELEMENT = 8_000  # characters; what is over about 10,000 in one element is cut without a word
_SOFT_BREAK = re.compile(r"(?<=\S)\n(?!\s|[#>|]|[-+*] |\d+[.)] )")
_COLORS = {"error": "red", "warning": "orange", "success": "green", "info": "blue"}
_TOO_MANY = Meaning("the robot, or Feishu at a full hour, takes no more messages for now", "throttled")
_SIGNATURE = Meaning(
    "the signature is wrong, or the clocks are apart: give the robot's own secret as `secret`, and set this machine's "
    "clock",
    change="clock",
)
_UNSIGNED = Meaning(
    "the robot wants a signature, and no secret is given: give its secret as `secret`, or append `&secret=` and the "
    "secret to its webhook URL"
)
_CODES = {
    11232: _TOO_MANY,
    19001: Meaning("the robot was deleted, or its URL is wrong: copy the webhook URL from the robot's settings again"),
    19002: Meaning("the request is malformed: report it as a bug of twinkle_notifier"),
    19021: _SIGNATURE,
    19022: Meaning("the robot takes messages from listed addresses only: add this machine's", "local"),
    19024: Meaning("the robot wants one of its keywords in the message: name the run so that it holds one"),
    11246: Meaning("it refused the card", change="plainer"),
}
_MALFORMED = 9499  # also "too many request"


class FeishuRobot(Robot):
    """A custom robot of a Feishu or Lark group."""

    service = "Feishu"
    hosts: ClassVar[tuple[str, ...]] = ("open.feishu.cn", "open.larksuite.com")
    path = "/open-apis/bot/v2/hook/"
    key = "token"
    example = "https://open.feishu.cn/open-apis/bot/v2/hook/..."
    per_minute = 90  # Feishu takes 100
    per_second = 4  # Feishu takes 5
    penalty: ClassVar[float] = 60.0
    size = 18_000  # Feishu takes 20,480
    drops_repeats = False
    mention: ClassVar[re.Pattern[str]] = re.compile(r"all|(?!1\d{10}$|\d+-[\d-]+$)[\w-]{1,64}", re.ASCII)
    mention_help = (
        'write open_ids ("ou_..."), user_ids, or "@all", such as mentions=("@all",); a robot cannot call mobile '
        "numbers or mail addresses"
    )

    def payload(self, text: str, draft: Draft) -> dict[str, Any]:
        """See `Robot`: a card with the traceback folded; as plain text where the card is refused."""
        return {**self._signed(draft), **(_as_text(text, draft) if draft.plain else _as_card(text, draft))}

    def _signed(self, draft: Draft) -> dict[str, str]:
        if self.secret is None:
            return {}
        seconds = round(draft.now())
        return {"timestamp": str(seconds), "sign": signature(self.secret, seconds)}

    def refusal(self, answer: http.Reply) -> Refusal | None:
        """See `Robot`: a ``code`` of 0 is success; only where there is none, a ``StatusCode`` of 0."""
        found = object_in(answer)
        field = "code" if "code" in found else "StatusCode"
        code, said = code_in(found, field), found.get("msg", found.get("StatusMessage", ""))
        if code is None:
            return self.no_robot(answer)
        said = said if isinstance(said, str) else ""
        return Refusal(code, said, self._meaning(code, said)) if code else None

    def _meaning(self, code: int, said: str) -> Meaning:
        if code == _MALFORMED:
            return _TOO_MANY if "too many" in said.lower() else Meaning("the request is malformed", change="shorter")
        return _UNSIGNED if code == 19021 and self.secret is None else _CODES.get(code, Meaning())


def signature(secret: str, seconds: int) -> str:
    """Feishu's signature for a request made at `seconds` since 1970: of nothing, by both as the key."""
    digest = hmac.new(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _as_text(text: str, draft: Draft) -> dict[str, Any]:
    # Without everybody: a group that forbids to call them refuses the card for that.
    called = [f'<at user_id="{name}">{name}</at>' for name in draft.mentions if name != "all"]
    return {"msg_type": "text", "content": {"text": "\n".join([markdown.plain(text), *called])}}


def _as_card(text: str, draft: Draft) -> dict[str, Any]:
    """A card of schema 2.0, in which an unknown property is an error."""
    found = parts(text)
    title = markdown.title(text, _TITLE)
    elements = [_markdown("\n".join(f"- **{name}** {value}" for name, value in found.facts))] if found.facts else []
    last = next((section for section in reversed(found.rest) if section.is_code), None)
    for section in found.rest:
        if section is last or (section.is_code and len(section.text) > _ELEMENT // 2):
            elements += _panel(section.text)
        else:  # the user's own code is not folded
            text = fenced(section.text) if section.is_code else _broken(section.text)
            elements += map(_markdown, pieces(text, _ELEMENT))
    if draft.mentions:
        elements.append(_markdown(" ".join(f"<at id={name}></at>" for name in draft.mentions)))
    card = {
        "schema": "2.0",
        "config": {"summary": {"content": title}},  # the preview in the list of chats
        "header": {"title": {"tag": "plain_text", "content": title}, "template": _COLORS[draft.level]},
        "body": {"elements": elements or [_markdown(title)]},
    }
    return {"msg_type": "interactive", "card": card}


def _panel(code: str) -> list[dict[str, Any]]:
    """The code, folded, under its last line."""
    fence = markdown.fence(code)
    blocks = [_markdown(f"{fence}\n{piece}\n{fence}") for piece in pieces(code, _ELEMENT)]
    last = code.rstrip().rpartition("\n")[2].strip()[:_TITLE]
    header = {"title": {"tag": "plain_text", "content": last}}
    return [{"tag": "collapsible_panel", "expanded": False, "header": header, "elements": blocks}]


def _broken(text: str) -> str:
    """`text` with each of its line ends: Feishu may drop one within a paragraph."""
    return _SOFT_BREAK.sub("<br>\n", text)


def _markdown(text: str) -> dict[str, str]:
    return {"tag": "markdown", "content": text}


class FeishuNotifier(WebhookNotifier):
    """Sends messages to a Feishu (飞书) or Lark custom robot, as cards with the traceback folded.

    Args:
        webhook_url: the robot's webhook URL. ``?secret=...`` may be appended to it; that part is taken for `secret`,
            unless that is given, too, and is no part of the URL.
        secret: the secret of a robot with the signature switched on.
        timeout: seconds for one HTTP request.
        mentions: whom failures and stalls call: open_ids (``"ou_..."``), user_ids, or ``"@all"``.
        insecure: let ``http://`` lead to another machine, where anyone on the way can read the token.
        min_level: alerts below it are left out, see `Notifier.min_level`.

    `webhook_url` and `secret` may be references, as in `DingNotifier`.

    Raises:
        ValueError: an argument that cannot work. The text names the argument and shows no token.
    """

    service_name: ClassVar[str] = FeishuRobot.service
    reference_fields: ClassVar[tuple[str, ...]] = ("webhook_url", "secret")
    _class = "FeishuNotifier"
    _fields = ("webhook_url", "secret", "timeout", "mentions", "insecure")
    _robot = FeishuRobot
