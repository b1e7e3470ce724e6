"""What people read, in English or Chinese. The English text is the key to the Chinese one."""

from __future__ import annotations

import re
from functools import cache

from twinkle_notifier.messages.chinese import CHINESE


def phrase(language: str, text: str, **values: object) -> str:
    """`text`, which is English, in `language` (``en`` or ``zh``), with `values` in its ``{slots}``."""
    return template(language, text).format_map(values)


def template(language: str, text: str) -> str:
    """`text`, which is English, in `language`, with its ``{slots}`` as they are."""
    return CHINESE.get(text, text) if language == "zh" else text


def retold(language: str, text: str, *known: str) -> str:
    """`text`, with each part of it that has one of the `known` English forms in `language`."""
    if language != "zh":
        return text
    for form in known:

        def said(found: re.Match[str], form: str = form) -> str:
            return phrase(language, form, **found.groupdict())

        text = _pattern(form).sub(said, text)
    return text


@cache
def _pattern(form: str) -> re.Pattern[str]:
    """What has this form: in its ``{slots}`` is anything, in one that is a ``number`` digits."""
    slots = re.sub(r"\\\{(\w+)\\\}", lambda slot: _SLOTS.get(slot[1], rf"(?P<{slot[1]}>.*)"), re.escape(form))
    return re.compile(slots)


_SLOTS = {
    **{name: rf"(?P<{name}>\d+)" for name in ("number", "frames", "rank")},
    **{name: rf"(?P<{name}>[\w.<>]+)" for name in ("kind", "of")},  # a class
}
# What stands for a text that cannot be had, see `isolation.safe.text`.
_UNREADABLE = (
    "<its __str__ did not return>",
    "<its __str__ raised {kind}>",
    "<a note whose __str__ did not return>",
    "<a note whose __str__ raised {kind}>",
    "<a {of} whose __str__ did not return>",
    "<a {of} whose __str__ raised {kind}>",
)


def readable(language: str, text: str) -> str:
    """`text`, which is not ours, with what stands in it for a text that could not be had in `language`."""
    return retold(language, text, *_UNREADABLE) if "__str__" in text else text


def language_of(message: str) -> str:
    """The language of a `message` of this package, by its fact of the time."""
    return "zh" if f"\n- {phrase('zh', 'Time')}: " in message else "en"


def listed(language: str, *parts: str) -> str:
    """Those `parts` that are not empty, in one line."""
    return phrase(language, ", ").join(filter(None, parts))


def comma(language: str) -> str:
    """What stands between names of one kind, as of libraries or hosts."""
    return phrase(language, "{one}, {other}", one="", other="")


def fact(language: str, name: str, value: str) -> str:
    """A list item of Markdown: the `name` of a fact, in `language`, and its `value`. Empty if that is."""
    return f"- {phrase(language, name)}: {value}" if value else ""


def facts(*lines: str) -> list[str]:
    """Those list items that are not empty."""
    return [line for line in lines if line]
