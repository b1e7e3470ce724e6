"""docs/diagnosis.md is the table of the rules as they are. ``GOLDEN=write`` writes it anew."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from twinkle_notifier.diagnosis import known
from twinkle_notifier.diagnosis.rule import Rule

PAGE = Path(__file__).parents[2] / "docs" / "diagnosis.md"
HEAD = """\
# Known errors

This page is made from the rules in `diagnosis/known/`: {rules} of them. Each adds its likely cause and its next steps to
[the message](messages.md) of an error that it is sure about, in English and in Chinese. `{{name}}` stands for what the error says there.
[How to write one](messages.md#write-a-rule).
"""


def page() -> str:
    parts = [HEAD.format(rules=len(known.KNOWN))]
    for module in iter_modules(known.__path__):
        room = import_module(f"{known.__name__}.{module.name}")
        parts.append(f"\n## {room.__doc__.strip().rstrip('.')}\n\n| rule | likely | next |\n|---|---|---|\n")
        parts += [f"{row}\n" for row in map(row_of, room.RULES)]
    return "".join(parts)


def row_of(rule: Rule) -> str:
    steps = "; ".join(rule.en.next)
    return f"| [{rule.id}]({rule.source}) | {escaped(rule.en.likely)} | {escaped(steps)} |"


def escaped(text: str) -> str:
    return re.sub(r"([|<>*_\[\]])", r"\\\1", text)


def lines(text: str) -> Iterator[str]:
    yield from text.splitlines()


def test_the_page_shows_the_rules_as_they_are() -> None:
    if os.environ.get("GOLDEN") == "write":
        PAGE.write_text(page())
    assert list(lines(PAGE.read_text())) == list(lines(page()))
