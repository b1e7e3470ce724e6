"""A message taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinkle_notifier.messages.parts import Parts, Section, parts, pieces


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (
            "### a\n\n- Run: x\n- Error: **E**: y\n\n```\ncode\n```",
            Parts("a", (("Run", "x"), ("Error", "**E**: y")), (Section("code", True),)),
        ),
        ("hello\nyou", Parts("", (), (Section("hello\nyou", False),))),
        ("## a ##\ntext", Parts("a", (), (Section("text", False),))),
        ("### a\n\n- no fact\n- Run: x", Parts("a", (), (Section("- no fact\n- Run: x", False),))),
        (
            "### a\n\ntext\n\n````\n```\n````\n\nmore",
            Parts("a", (), (Section("text", False), Section("```", True), Section("more", False))),
        ),
        ("", Parts("", (), ())),
        ("### a", Parts("a", (), ())),
        ("#hash", Parts("", (), (Section("#hash", False),))),
    ],
)
def test_heading_facts_and_rest(message: str, found: Parts) -> None:
    """In their order; a list counts as facts only right below the heading."""
    assert parts(message) == found


@given(st.text(alphabet="ab\n", max_size=60), st.integers(1, 20))
def test_pieces_lose_nothing(text: str, limit: int) -> None:
    """But the line ends at which they part."""
    found = pieces(text, limit)
    assert all(0 < len(piece) <= limit for piece in found)
    assert "".join(found).replace("\n", "") == text.replace("\n", "")
