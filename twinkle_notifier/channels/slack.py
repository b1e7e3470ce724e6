"""Slack's incoming webhooks.

Their contract, from Slack's pages: POST to ``/services/T.../B.../X...``; about one message a second; success is HTTP
200 with the body ``ok``, a refusal an HTTP status with one word; 50 blocks, 3000 characters a section.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from twinkle_notifier.channels import http
from twinkle_notifier.channels.robot import Draft, Meaning, Refusal, Robot
from twinkle_notifier.channels.webhook import WebhookNotifier
from twinkle_notifier.messages import markdown
from twinkle_notifier.messages.message import Level
from twinkle_notifier.messages.parts import parts, pieces

_TITLE = 300  # characters; a phone previews this line alone
_SECTION = 2_900  # characters; Slack takes 3000
_CODE = 6_000  # characters of one block
_WORD = 60  # characters; a longer answer is no word of Slack's
_COLORS = {"error": "#d1242f", "warning": "#e08b00", "success": "#1a7f37", "info": "#0969da"}
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_HEADING = re.compile(r"^#{1,6} +([^*\s][^*\n]*)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]+)\]\((https?://[^)\s]+)\)")
_URL = Meaning("the webhook is gone or its URL is wrong: copy the webhook URL from the app's page again")
_CHANNEL = Meaning("the channel is gone or closed to the app: make a webhook for another channel")
_FORM = Meaning("it refused the message's form", change="plainer")
_WORDS = {
    **dict.fromkeys(
        ("no_service", "no_service_id", "no_active_hooks", "no_team", "invalid_token", "team_disabled"), _URL
    ),
    **dict.fromkeys(
        ("channel_not_found", "channel_is_archived", "action_prohibited", "posting_to_general_channel_denied"), _CHANNEL
    ),
    "user_not_found": Meaning("the user of this webhook is gone: make a webhook for a channel"),
    **dict.fromkeys(("invalid_payload", "invalid_blocks", "no_text", "too_many_attachments"), _FORM),
    "msg_blocks_too_long": Meaning("the message is too long", change="shorter"),
}


class SlackRobot(Robot):
    """An incoming webhook of a Slack app."""

    service = "Slack"
    hosts: ClassVar[tuple[str, ...]] = ("hooks.slack.com", "hooks.slack-gov.com")
    path = "/services/"
    key = "token"
    example = "https://hooks.slack.com/services/..."
    per_minute = 55
    per_second = 1
    penalty: ClassVar[float] = 30.0
    size = 11_500  # the text of all blocks may have about 13,200 characters
    drops_repeats = False
    mention: ClassVar[re.Pattern[str]] = re.compile("all|channel|here|[UWS][A-Z0-9]{6,20}")
    mention_help = (
        'write member ids ("U...", in the menu of a member\'s profile), ids of user groups ("S..."), "@all" or '
        '"@here", such as mentions=("U012AB3CD",)'
    )

    @classmethod
    def missing(cls, url: str) -> str:
        """See `Robot`: team, webhook and token."""
        return "" if re.search(r"/services/[^/]+/[^/]+/[^/]+$", url.partition("?")[0]) else "token"

    def payload(self, text: str, draft: Draft) -> dict[str, Any]:
        """See `Robot`: one line as the text, all else in an attachment that has a colour."""
        called = "".join(f" {_call(name)}" for name in draft.mentions)
        if draft.plain:
            return {"text": _escaped(markdown.plain(text)) + called}
        title = _escaped(markdown.title(text, _TITLE))
        attachment = {"color": _COLORS[draft.level], "blocks": _blocks(text), "fallback": title}
        return {"text": title + called, "attachments": [attachment]}

    def refusal(self, answer: http.Reply) -> Refusal | None:
        """See `Robot`: the word ``ok``, and nothing else, is success."""
        word = answer.body.decode("utf-8", "replace").strip()
        if answer.status == 200 and word == "ok":
            return None
        if not re.fullmatch(r"[a-z_]+", word[: _WORD + 1]) or len(word) > _WORD:
            return self.no_robot(answer)
        return Refusal(answer.status, word, _WORDS.get(word, Meaning()))


def _call(name: str) -> str:
    """Slack's own way to call somebody."""
    if name.startswith("S"):
        return f"<!subteam^{name}>"
    return {"all": "<!channel>", "channel": "<!channel>", "here": "<!here>"}.get(name, f"<@{name}>")


def _blocks(text: str) -> list[dict[str, Any]]:
    found = parts(text)
    facts = "\n".join(f"*{_escaped(name)}:* {_mrkdwn(value)}" for name, value in found.facts)
    blocks = [*map(_section, pieces(facts, _SECTION))]
    for section in found.rest:
        if section.is_code:
            blocks += map(_code, pieces(section.text, _CODE))
        else:
            blocks += map(_section, pieces(_mrkdwn(section.text), _SECTION))
    return blocks or [_section(_mrkdwn(found.title or text)[:_SECTION])]


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _code(code: str) -> dict[str, Any]:
    """Not escaped: it is no mrkdwn."""
    lines = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": code}]}
    return {"type": "rich_text", "elements": [lines]}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mrkdwn(text: str) -> str:
    """Markdown in Slack's own marks: headings, bold text and links; what else Slack does not know stays as it is."""
    bold = _BOLD.sub(lambda found: f"*{found[1]}*", _escaped(text))
    return _LINK.sub(lambda link: f"<{link[2]}|{link[1]}>", _HEADING.sub(lambda found: f"*{found[1].rstrip()}*", bold))


class SlackNotifier(WebhookNotifier):
    """Sends messages to a Slack incoming webhook: one line that phones preview, and the rest in colour below it.

    Args:
        webhook_url: the webhook URL of a Slack app.
        timeout: seconds for one HTTP request.
        mentions: whom failures and stalls call: members (``"U..."``), groups (``"S..."``), ``"@all"``, ``"@here"``.
        insecure: let ``http://`` lead to another machine, where anyone on the way can read the token.
        min_level: alerts below it are left out, see `Notifier.min_level`.

    `webhook_url` may be a reference, as in `DingNotifier`.

    Raises:
        ValueError: an argument that cannot work. The text names the argument and shows no token.
    """

    service_name: ClassVar[str] = SlackRobot.service
    reference_fields: ClassVar[tuple[str, ...]] = ("webhook_url",)
    _class = "SlackNotifier"
    _fields = ("webhook_url", "timeout", "mentions", "insecure")
    _robot = SlackRobot

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
