"""What people read is there in both languages, with the same slots."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import twinkle_notifier
from twinkle_notifier.messages.catalog import fact, facts, phrase, retold
from twinkle_notifier.messages.chinese import CHINESE

SOURCES = sorted(Path(twinkle_notifier.__path__[0]).rglob("*.py"))
SAYING = {"phrase", "fact", "says", "_says", "_milestone", "Meaning", "Trouble"}  # functions that take an English text


def trees() -> Iterator[ast.AST]:
    for source in SOURCES:
        if not source.name.startswith("chinese"):
            yield ast.parse(source.read_text("utf-8"))


def texts(node: ast.AST) -> set[str]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def said(tree: ast.AST) -> Iterator[str]:
    """The texts that are given to one of these functions as they stand."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            place = 0 if name.startswith("_") or name in ("says", "Meaning", "Trouble") else 1
            if name in SAYING and len(call.args) > place:
                yield from (text for text in texts(call.args[place]) if text not in ("restarts", "zh"))


def test_each_text_has_its_chinese() -> None:
    missing = {text for tree in trees() for text in said(tree)} - CHINESE.keys()
    assert missing == set()


def test_no_chinese_is_left_over() -> None:
    used = set().union(*map(texts, trees()))
    assert CHINESE.keys() - used == set()


@pytest.mark.parametrize("text", CHINESE)
def test_both_have_the_same_slots(text: str) -> None:
    """Else a message would lack a number, or could not be made."""
    slots = [{name for _, name, _, _ in Formatter().parse(one) if name} for one in (text, CHINESE[text])]
    assert slots[1] <= slots[0]
    assert slots[0] - slots[1] <= {"number"}  # 1 process


def test_a_text_that_is_not_there_is_said_in_english() -> None:
    """Rather than none at all."""
    assert phrase("zh", "{name} sleeps", name="sft") == "sft sleeps"
    assert facts(fact("zh", "Time", ""), fact("zh", "Time", "now"), fact("en", "Time", "now")) == [
        "- 时间: now",
        "- Time: now",
    ]


def test_what_was_said_in_english_can_be_said_again() -> None:
    """Where a part of a text has a form that is known; all else stays as it is."""
    text = "a\n[12 characters left out]\nb, with uncommitted changes\n[twelve characters left out]"
    forms = ("[{number} characters left out]", ", with uncommitted changes")
    assert retold("zh", text, *forms) == "a\n[省略 12 个字符]\nb，有未提交的修改\n[twelve characters left out]"
    assert retold("en", text, *forms) == text
