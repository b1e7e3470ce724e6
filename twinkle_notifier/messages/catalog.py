"""What people read, in English or Chinese. The English text is the key to the Chinese one."""

from __future__ import annotations

from twinkle_notifier.messages.chinese import CHINESE


def phrase(language: str, text: str, **values: object) -> str:
    """`text`, which is English, in `language` (``en`` or ``zh``), with `values` in its ``{slots}``."""
    return (CHINESE.get(text, text) if language == "zh" else text).format_map(values)


def fact(language: str, name: str, value: str) -> str:
    """A list item of Markdown: the `name` of a fact, in `language`, and its `value`. Empty if that is."""
    return f"- {phrase(language, name)}: {value}" if value else ""


def facts(*lines: str) -> list[str]:
    """Those list items that are not empty."""
    return [line for line in lines if line]
