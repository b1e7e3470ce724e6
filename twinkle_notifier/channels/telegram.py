"""Telegram's bots.

Their contract, from the pages of the Bot API: POST of JSON to ``/botTOKEN/sendMessage``; success is ``{"ok": true}``
and the message with its id, a refusal a code and a description; 4096 characters once the HTML is read; about one
message a second to a chat and 20 a minute to a group; ``/botTOKEN/editMessageText`` changes a message, which rings no
phone.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit, urlunsplit

from twinkle_notifier.channels import http
from twinkle_notifier.channels.robot import Draft, Meaning, Refusal, Robot, code_in, object_in
from twinkle_notifier.channels.webhook import WebhookNotifier
from twinkle_notifier.credentials.masking import mask, secrets_in_url
from twinkle_notifier.credentials.references import REDACTED
from twinkle_notifier.isolation.safe import is_dict
from twinkle_notifier.messages import markdown
from twinkle_notifier.messages.message import Level, as_text
from twinkle_notifier.messages.parts import parts

_TITLE = 300  # characters
_BOLD = re.compile(r"\*\*(?=\S)([^`*]+?)(?<=\S)\*\*")
_CODE = re.compile(r"`([^`\n]+)`")
_TOKEN = Meaning("there is no such bot: copy the token that it was given")
_CHAT = Meaning("the bot cannot write to this chat: add it to the group, or write to it first, and check chat_id")
_GONE = Meaning("the message that it should change is gone, or too old")
# What a description says in any case; the first that it holds.
_WORDS = {
    "can't parse entities": Meaning("it refused the message's form", change="plainer"),
    "message is too long": Meaning("the message is too long", change="shorter"),
    "MESSAGE_ID_INVALID": _GONE,
    "message to edit not found": _GONE,
    "message can't be edited": _GONE,
    "Unauthorized": _TOKEN,
    "Not Found": _TOKEN,
    "chat not found": _CHAT,
    "Forbidden": _CHAT,
    "group chat was upgraded": Meaning("the group has a new id: change chat_id in the URL"),
}
_SAME = "message is not modified"  # which it is not, as it says the same already


class TelegramRobot(Robot):
    """A bot, and the chat that it writes to."""

    service = "Telegram"
    hosts: ClassVar[tuple[str, ...]] = ("api.telegram.org",)
    path = "/bot"
    key = "chat_id"
    example = "https://api.telegram.org/botTOKEN/sendMessage?chat_id=ID"
    per_minute = 18
    per_second = 1
    penalty: ClassVar[float] = 30.0
    size = 4_000  # bytes; it counts characters, of which there are fewer
    drops_repeats = False

    @classmethod
    def serves(cls, url: str) -> bool:
        """See `Robot`: also a server of your own, by the path ``/botTOKEN/sendMessage``."""
        try:
            parted = urlsplit(url)
        except ValueError:  # no URL at all
            return False
        ours = parted.hostname in cls.hosts or re.fullmatch(r"/bot[^/]+/sendMessage", parted.path)
        return parted.scheme in ("http", "https") and bool(ours)

    @classmethod
    def missing(cls, url: str) -> str:
        """See `Robot`."""
        if not _bot(url).removeprefix(cls.path):
            return "bot's token"
        fields = parse_qs(urlsplit(url).query)
        return "" if fields.get(cls.key) else "chat_id (write to the bot, open .../getUpdates, and append ?chat_id=ID)"

    @classmethod
    def shown(cls, url: str) -> str:
        """See `Robot`."""
        parted = urlsplit(mask(url, secrets_in_url(url)))
        user, at, host = parted.netloc.rpartition("@")
        netloc = f"{REDACTED if user else ''}{at}{host}"
        return urlunsplit(parted._replace(netloc=netloc, path=f"{cls.path}{REDACTED}/sendMessage"))

    def address(self, draft: Draft) -> str:
        """See `Robot`: the method that a page names, such as ``getUpdates``, does not count."""
        method = "editMessageText" if draft.edits else "sendMessage"
        return urlunsplit(urlsplit(self.url)._replace(path=f"{_bot(self.url)}/{method}", query="", fragment=""))

    def payload(self, text: str, draft: Draft) -> dict[str, Any]:
        """See `Robot`."""
        fields = parse_qs(urlsplit(self.url).query)
        where: dict[str, Any] = {name: fields[name][0] for name in ("chat_id",) if name in fields}
        if draft.edits:
            where["message_id"] = int(draft.edits) if draft.edits.isdecimal() else draft.edits
        else:
            threads = {name: int(fields[name][0]) for name in _THREAD if fields.get(name, [""])[0].isdecimal()}
            where |= {**threads, "disable_notification": draft.quiet}
        said = {"text": markdown.plain(text)} if draft.plain else {"text": _html(text), "parse_mode": "HTML"}
        return {**where, **said, "link_preview_options": {"is_disabled": True}}

    def refusal(self, answer: http.Reply) -> Refusal | None:
        """See `Robot`: ``ok``, and nothing else, is success."""
        found = object_in(answer)
        if found.get("ok") is True:
            return None
        code, said = code_in(found, "error_code"), str(found.get("description", ""))
        if code is None or found.get("ok") is not False:
            return self.no_robot(answer)
        if _SAME in said:
            return None
        return Refusal(code, said, next((meaning for word, meaning in _WORDS.items() if word in said), Meaning()))

    def id_in(self, answer: http.Reply) -> str | None:
        """See `Robot`."""
        result: object = object_in(answer).get("result")
        found = result.get("message_id") if is_dict(result) else None
        return str(found) if type(found) is int and 0 < found < 2**63 else None


_THREAD = ("message_thread_id",)  # a topic of a forum


def _bot(url: str) -> str:
    """``/botTOKEN``, of a URL's path."""
    first = urlsplit(url).path.removeprefix("/").partition("/")[0]
    return f"/{first}" if first.startswith("bot") else TelegramRobot.path


def _html(text: str) -> str:
    """Markdown as the HTML that Telegram reads: headings and names in bold, code as such."""
    found = parts(text)
    blocks = [f"<b>{_escaped(found.title[:_TITLE])}</b>"] if found.title else []
    facts = [f"<b>{_escaped(name)}:</b> {_inline(value)}" for name, value in found.facts]
    blocks += ["\n".join(facts)] if facts else []
    for section in found.rest:
        blocks.append(f"<pre>{_escaped(section.text)}</pre>" if section.is_code else _inline(section.text))
    return "\n\n".join(blocks)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _inline(text: str) -> str:
    escaped = _escaped(text)
    bold = _BOLD.sub(lambda found: f"<b>{found[1]}</b>", escaped)
    return _CODE.sub(lambda found: f"<code>{found[1]}</code>", bold) if "<b>" not in bold else bold


class TelegramNotifier(WebhookNotifier):
    """Sends messages by a Telegram bot. It keeps one progress message up to date, without a sound.

    Args:
        webhook_url: ``https://api.telegram.org/botTOKEN/sendMessage?chat_id=ID``, also with ``message_thread_id=``.
        timeout: seconds for one HTTP request.
        insecure: let ``http://`` lead to another machine, where anyone on the way can read the token.
        min_level: alerts below it are left out, see `Notifier.min_level`.

    `webhook_url` may be a reference, as in `DingNotifier`.

    Raises:
        ValueError: an argument that cannot work. The text names the argument and shows no token.
    """

    service_name: ClassVar[str] = TelegramRobot.service
    reference_fields: ClassVar[tuple[str, ...]] = ("webhook_url",)
    ends_in_time = True
    _class = "TelegramNotifier"
    _fields = ("webhook_url", "timeout", "insecure")
    _robot = TelegramRobot

    def __init__(
        self, webhook_url: str, timeout: float = 5.0, *, insecure: bool = False, min_level: Level | None = None
    ) -> None:
        super().__init__(webhook_url, None, timeout, insecure=insecure, min_level=min_level)

    def edit(self, message_id: str, message: str) -> None:
        """See `Notifier`. Raises as a call does."""
        self._shielded(lambda: self._send(as_text(message), message_id))
