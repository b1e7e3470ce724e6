"""The level that an arrived message shows: by its colour, or by a heading as this package writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from twinkle_notifier.inbox.robot import Json, inside
from twinkle_notifier.messages.chinese import CHINESE
from twinkle_notifier.messages.message import Level

_FEISHU: dict[str, Level] = {"red": "error", "orange": "warning", "green": "success", "blue": "info"}
_SLACK: dict[str, Level] = {
    "#d1242f": "error",
    "#e08b00": "warning",
    "#1a7f37": "success",
    "#0969da": "info",
    "danger": "error",
    "warning": "warning",
    "good": "success",
}
_WECOM: dict[str, Level] = {"warning": "warning", "info": "success", "comment": "info"}
_FONT = re.compile(r'^#{1,6} <font color="(\w+)">')
_LINE = 500  # characters of a heading that are looked at
_WORDINGS: dict[str, Level] = {
    "{name} failed": "error",
    "{name} failed for good in {attempt}": "error",
    "{name} exited": "error",
    "{name} exited for good in {attempt}": "error",
    "{name} restarts after {attempt}": "warning",
    "{name} was interrupted": "warning",
    "{name} was interrupted ({signal})": "warning",
    "{name} was preempted": "warning",
    "{name} was preempted ({signal})": "warning",
    "{name} was preempted in {attempt}": "warning",
    "{name} has made no progress for {duration}": "warning",
    "{name} has been silent for {duration}": "warning",
    "{name} resumed after {duration}": "success",
    "{name} ended after {duration}": "success",
    "{name} started": "info",
    "{name} restarted ({attempt})": "info",
}
# As a title without room for the attempt says it.
_SHORT: dict[str, Level] = {
    "{name} failed for good": "error",
    "{name} 彻底失败": "error",
    "{name} exited for good": "error",
    "{name} 彻底退出": "error",
    "{name} restarts": "warning",
    "{name} 重启": "warning",
}


def _pattern(wording: str) -> re.Pattern[str]:
    """A heading of this wording; an error may follow."""
    texts = re.split(r"\{\w+\}", wording)
    return re.compile(".+?".join(map(re.escape, texts)) + r"(?:: .*|：.*| \(.*|（.*)?", re.DOTALL)


def _headings() -> Iterator[tuple[re.Pattern[str], Level]]:
    for text, level in _WORDINGS.items():
        yield _pattern(text), level
        yield _pattern(CHINESE[text]), level
    for text, level in _SHORT.items():
        yield _pattern(text), level


_HEADINGS = [*_headings()]


def level_of(service: str, payload: dict[str, Any]) -> Level | None:
    """The level that a payload to `service` shows; None if it shows none.

    WeCom has one colour for errors and warnings: there the heading decides. DingTalk, Bark and others have no colour.
    """
    by_colour = _colour(service, payload)
    by_heading = _of_heading(_heading(payload))
    return by_heading or by_colour if service == "WeCom" else by_colour or by_heading


def _colour(service: str, payload: dict[str, Any]) -> Level | None:
    if service == "Feishu":
        return _FEISHU.get(str(inside(payload, "card", "header", "template")))
    if service == "Slack":
        attachments: Json = payload.get("attachments")
        first = attachments[0] if isinstance(attachments, list) and attachments else None
        return _SLACK.get(str(inside(first, "color")).lower())
    content = inside(payload, "markdown", "content") if service == "WeCom" else None
    font = _FONT.match(content) if isinstance(content, str) else None
    return _WECOM.get(str(font[1])) if font else None


def _of_heading(line: str) -> Level | None:
    return next((level for pattern, level in _HEADINGS if pattern.fullmatch(line[:_LINE])), None)


def _heading(payload: dict[str, Any]) -> str:
    """Where each service has its heading, as far as the payload has one."""
    places = (
        ("card", "header", "title", "content"),
        ("markdown", "title"),
        ("markdown", "content"),
        ("markdown_v2", "content"),
        ("text", "content"),
        ("content", "text"),
        ("title",),
        ("text",),
    )
    found = (inside(payload, *place) for place in places)
    text = next((text for text in found if isinstance(text, str) and text), "")
    line = re.sub(r"<[^>]{1,40}>", "", text.lstrip("# ").partition("\n")[0])
    return line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()
