"""Reads what people paste: several URLs in one text, URLs of services that apprise serves, and pages that are no robot.

Nothing here sends or resolves anything. No error shows any of a text.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

from twinkle_notifier.credentials.scrub_tokens import later
from twinkle_notifier.errors import ArgumentError

_NEXT = later(r"[\s,;，；]+(?=(?:env|file):|[A-Za-z][A-Za-z0-9+.-]*://)")  # a comma may be part of a URL
_BETWEEN = " \t\r\n,;，；"
_MENTION = "mention"  # a field of ours in the query
_OURS = ("secret", _MENTION)

_FEISHU = "copy the webhook URL of a custom bot: group settings, Bots (群机器人), Add Bot, Custom Bot (自定义机器人)"
_SLACK = "copy the webhook URL of an app: api.slack.com/apps, Incoming Webhooks, Add New Webhook to Workspace"
_TEAMS = "make a workflow in the channel (..., Workflows, 'Send webhook alerts to a channel'), and copy its URL"
_DINGTALK = "copy the webhook URL of a custom robot: group settings, Bots (机器人), Add robot, Custom (自定义)"
_WECOM = "copy the webhook URL of a group's message push: the group, Message push (消息推送), Add"
_DISCORD = "copy the webhook URL of a channel: Edit Channel, Integrations, Webhooks, Copy Webhook URL"
_TELEGRAM = "write https://api.telegram.org/botTOKEN/sendMessage?chat_id=ID, with the token that @BotFather gives"
_NTFY = "write https://ntfy.sh/TOPIC, with the topic that the app subscribes to"
_SERVERCHAN = "copy the URL with the SendKey of sct.ftqq.com, https://sctapi.ftqq.com/....send"

# What host and path say of a URL that is no robot's, and where to copy one. The first that matches.
_NO_ROBOTS = (
    (r"[^/]*\.(?:feishu\.cn|larksuite\.com)/flow/", f"the trigger of a Feishu flow, which is no robot: {_FEISHU}"),
    (
        r"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/hook/",
        f"the URL of a Feishu robot of the first kind, which takes another form: {_FEISHU}",
    ),
    (
        r"[^/]*\.(?:feishu\.cn|larksuite\.com|larkoffice\.com)/(?!open-apis/bot/v2/hook/)",
        f"the URL of a page of Feishu, which is no robot: {_FEISHU}",
    ),
    (r"hooks\.slack(?:-gov)?\.com/(?:workflows|triggers)/", f"the trigger of a Slack workflow, no webhook: {_SLACK}"),
    (r"(?!hooks\.)[^/]*\.slack\.com/", f"the URL of a page of Slack, which is no webhook: {_SLACK}"),
    (
        r"[^/]*\.webhook\.office\.com/|outlook\.office(?:365)?\.com/webhook/",
        f"a connector of Teams, which Microsoft has retired: {_TEAMS}",
    ),
    (r"teams\.(?:microsoft|live|cloud\.microsoft)[^/]*/", f"the URL of a page of Teams, which is no webhook: {_TEAMS}"),
    (
        r"(?!oapi\.)(?:[^/]*\.)?dingtalk\.(?:com|io)/",
        f"the URL of a page of DingTalk, which is no robot: {_DINGTALK}",
    ),
    (r"work\.weixin\.qq\.com/", f"the URL of a page of WeCom, which is no robot: {_WECOM}"),
    (r"[^/]*discord(?:app)?\.com/(?!api/)|discord\.gg/", f"the URL of a page of Discord, no webhook: {_DISCORD}"),
    (r"(?:t\.me|web\.telegram\.org)/", f"the URL of a page of Telegram, which names no bot: {_TELEGRAM}"),
    (r"docs\.ntfy\.sh/|ntfy\.sh/(?:docs|app|account|login|signup|v1)(?:/|$)", f"a page of ntfy, and no topic: {_NTFY}"),
    (r"[^/]*\.push\.ft07\.com/", f"the URL of ServerChan's app, which apprise does not serve: {_SERVERCHAN}"),
)

# Schemas of apprise that take a refusal for success, or cannot sign: our own channels serve these chats.
_OWN_SCHEMAS = {"dingtalk": _DINGTALK, "feishu": _FEISHU, "lark": _FEISHU, "wecombot": _WECOM}


class _Form(NamedTuple):
    """How a service gives its URL, by host and path, and the URL of apprise for it. `{url}`: as it is."""

    service: str
    pattern: str
    write: str
    needs: str = ""  # a field of the query
    hint: str = ""  # where to find it


_FORMS = (
    _Form(
        "Discord",
        r"(?:(?:canary|ptb)\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/(?P<id>\d+)/(?P<token>[\w-]+)/?",
        "https://discord.com/api/webhooks/{id}/{token}{query}",
    ),
    _Form(
        "Telegram",
        r"api\.telegram\.org/bot(?P<token>\d+:[\w-]+)(?:/\w*)?",
        "tgram://{token}/{chat_id}/",
        "chat_id",
        "write to the bot, then open .../getUpdates, and append ?chat_id= and the chat's id",
    ),
    _Form("Teams", r"[^/]+\.(?:logic\.azure\.com|environment\.api\.powerplatform\.com)(?::443)?/.+", "{url}"),
    _Form("Google Chat", r"chat\.googleapis\.com/v1/spaces/.+", "{url}"),
    _Form(
        "ntfy", r"(?:[\w.-]+\.)?ntfy\.[\w.-]+(?::\d+)?/(?P<topic>[\w-]+)/?", "ntfy{s}://{at}/{topic}?format=markdown"
    ),
    _Form("ServerChan", r"sctapi\.ftqq\.com/(?P<key>\w+)\.send", "schan://{key}"),
    _Form("PushPlus", r"www\.pushplus\.plus/send/(?P<token>\w+)/?", "pushplus://{token}"),
    _Form("PushPlus", r"www\.pushplus\.plus/send/?", "pushplus://{token}", "token", "copy the URL with your token"),
    _Form(
        "PushDeer",
        r"api2\.pushdeer\.com/message/push",
        "pushdeer{s}://{pushkey}",
        "pushkey",
        "append ?pushkey= and the key that the app shows",
    ),
    _Form(
        "PushDeer",
        r"[^/]+/message/push",
        "pushdeer{s}://{at}/{pushkey}",
        "pushkey",
        "append ?pushkey= and the key that the app shows",
    ),
    _Form(
        "Gotify",
        r"[^/]+(?P<folder>(?:/[^/]+)*)/message",
        "gotify{s}://{at}{folder}/{token}?format=markdown",
        "token",
        "append ?token= and the token of an application",
    ),
)

NAMES = "DingTalk, Feishu (Lark), WeCom, Slack, Bark, " + ", ".join(dict.fromkeys(form.service for form in _FORMS))


def split(text: str) -> list[str]:
    """The URLs and references in `text`, which spaces, commas, semicolons or new lines part; each once, in order."""
    return list(dict.fromkeys(piece.strip(_BETWEEN) for piece in _NEXT().split(text.strip(_BETWEEN))))


def parted(url: str) -> tuple[str, tuple[str, ...]]:
    """`url` without the fields ``mention`` of its query, and what these say; a comma parts several in one."""
    fields = [field.partition("=") for field in (_parts(url) or SplitResult("", "", "", "", "")).query.split("&")]
    said = [unquote(value) for name, _, value in fields if name == _MENTION]
    mentions = (mention.strip() for value in said for mention in value.split(","))
    return _without(url, (_MENTION,)) if said else url, tuple(dict.fromkeys(filter(None, mentions)))


def no_robot(url: str) -> str:
    """What `url` is instead of a robot's, and which page to copy from; empty if nothing speaks against it."""
    parts = _parts(url)
    if parts is None:
        return ""
    if parts.netloc and re.search(r"\s", url):
        return "something after a space that is no URL: paste the webhook URL alone"
    if copy := _OWN_SCHEMAS.get(parts.scheme):
        return f"a URL of apprise for a chat that this package serves itself: {copy}"
    if parts.scheme not in ("http", "https"):
        return ""
    place = f"{parts.hostname}{parts.path or '/'}"
    return next((said for pattern, said in _NO_ROBOTS if re.match(pattern, place)), "")


def for_apprise(url: str, what: str) -> str | None:
    """The URL that apprise takes for `url`; None if it is of no service that is known.

    Raises:
        ArgumentError: it lacks what names the receiver. The text calls it `what`.
    """
    parts = _parts(url)
    if parts is None or not parts.netloc:
        return None
    if parts.scheme not in ("http", "https"):
        return url
    for form in _FORMS:
        if found := re.fullmatch(form.pattern, f"{_at(parts, named=False)}{parts.path}"):
            return _written(form, _without(url, _OURS), found.groupdict(""), what)
    return None


def service(address: str) -> str:
    """What people call the service that apprise serves by `address`; its schema, if that is all that is known."""
    parts = _parts(address)
    if parts is None or not parts.netloc:
        return ""
    if parts.scheme in ("http", "https"):
        place = f"{_at(parts, named=False)}{parts.path}"
        return next((form.service for form in _FORMS if re.fullmatch(form.pattern, place)), "")
    schemas = {form.write.partition("://")[0].replace("{s}", "s"): form.service for form in _FORMS}
    return schemas.get(parts.scheme, parts.scheme)


def _written(form: _Form, url: str, groups: dict[str, str], what: str) -> str:
    parts = urlsplit(url)
    fields = dict(parse_qsl(parts.query))
    if form.needs and not fields.get(form.needs):
        raise ArgumentError(f"{what} holds a URL of {form.service} that names no {form.needs}: {form.hint}")
    needed = {form.needs: quote(fields[form.needs], safe="@-")} if form.needs else {}
    return form.write.format_map(
        {
            "url": url,
            "at": _at(parts, named=True),
            "s": "" if parts.scheme == "http" else "s",
            "query": f"?{parts.query}" if parts.query else "",
            **groups,
            **needed,
        }
    )


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        # Others may have a token there, which is no port: tgram://123:AAbb/-100
        return parts if parts.scheme not in ("http", "https") or parts.port != 0 else None
    except ValueError:  # no URL at all; the error would show it
        return None


def _at(parts: SplitResult, *, named: bool) -> str:
    """Host and port; if `named`, also the user's name and password before them."""
    user, _, place = parts.netloc.rpartition("@")
    return f"{user}@{place.lower()}" if named and user else place.lower()


def _without(url: str, names: tuple[str, ...]) -> str:
    """`url` without these fields of its query; the rest of it stays as it is, to the letter."""
    parts = urlsplit(url)
    kept = [field for field in parts.query.split("&") if field.partition("=")[0] not in names]
    return urlunsplit(parts._replace(query="&".join(kept)))
