"""A message taken apart, for a service that lays it out in a way of its own."""

from __future__ import annotations

import re
from typing import NamedTuple

_HEADING = re.compile(r"\s*#{1,6}\s+(\S.*?)(?:\s+#+)?[ \t]*(?:\n|$)")
_FACT = re.compile(r"- ([^:\n`*<]{1,40}): (.*)(?:\n|$)")
_FENCE = re.compile(r"^(`{3,})[^`\n]*\n(.*?)\n\1`*[ \t]*$", re.MULTILINE | re.DOTALL)


class Section(NamedTuple):
    """A piece of what follows the facts: Markdown, or the lines of a code block."""

    text: str
    is_code: bool


class Parts(NamedTuple):
    """The heading of a message, the facts below it (name and Markdown), and the rest in its order.

    Each is there in a message of this package; of another each may be empty.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    rest: tuple[Section, ...]


def parts(message: str) -> Parts:
    """Take `message`, which is Markdown, apart. Nothing of it is lost but blank lines and marks."""
    heading = _HEADING.match(message)
    rest = message[heading.end() :] if heading else message
    facts: list[tuple[str, str]] = []
    rest = rest.lstrip("\n")
    while fact := _FACT.match(rest):
        facts.append((fact[1], fact[2]))
        rest = rest[fact.end() :]
    return Parts(heading[1] if heading else "", tuple(facts), tuple(_sections(rest)))


def _sections(text: str) -> list[Section]:
    found: list[Section] = []
    at = 0
    for block in _FENCE.finditer(text):
        found += [Section(text[at : block.start()].strip("\n"), False), Section(block[2], True)]
        at = block.end()
    found.append(Section(text[at:].strip("\n"), False))
    return [section for section in found if section.text.strip()]


def pieces(text: str, limit: int) -> list[str]:
    """`text` in pieces of at most `limit` characters, parted at line ends where there are any."""
    found: list[str] = []
    while len(text) > limit:
        end = text.rfind("\n", 0, limit + 1)
        end = end if end > 0 else limit
        found.append(text[:end])
        text = text[end:].removeprefix("\n")
    return [*found, text] if text else found
