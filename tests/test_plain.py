"""Text of others, as it stands in a message."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.plain import block, line, shortened
from twinkle_notifier.report import fenced

SHORT = settings(max_examples=60, deadline=None, derandomize=True, database=None)
UGLY = st.text(st.sampled_from("`~@<>![](){}#*-_=+:/|.1ae \n\r\t\x00\x1b\x9b[31m\u2028\u202e\ud800训")) | st.text()


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("@13800000000", "@13800000000"),
        ("a@all", "@all"),
        ("call @所有人", "@所有人"),
        ("@everyone", "@everyone"),
        ("<!channel>", "<!channel>"),
        ("<@U024BE7LH>", "<@U"),
        ('<at user_id="all">x</at>', "<at"),
        ('<at user_id="all">x</at>', "</at"),
        ("![x](https://host/x.png)", "](https"),
        ("[click](https://host)", "](https"),
        ("<https://host|click>", "<https"),
        ("```\nout of it", "```"),
        ("````", "```"),
    ],
)
def test_marks_do_nothing(text: str, mark: str) -> None:
    """In a line and in a code block; without what nobody sees, the text is the same."""
    for shown in (line(text, 300), block(text)):
        assert mark not in shown
        assert shown.replace("\u200b", "").split() == text.split()


@pytest.mark.parametrize(
    "text", ["<b>bold</b>", "<!-- x -->", "<script>", "# heading", "- item", "> quote", "1. one", "a\n\n# heading"]
)
def test_a_line_stays_one(text: str) -> None:
    """HTML is broken, and nothing begins a line of its own."""
    shown = line(text, 300)
    assert not re.search(r"<[a-z/!]|\n", shown)


@pytest.mark.parametrize("text", ["def f(x) -> <module>", "x = y[0](z)", "w = q @ k", "me@host.org", "@ 5", "a < b"])
def test_code_stays_as_it_is(text: str) -> None:
    """What no service takes for a mark in a code block is not touched."""
    assert block(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x9b31mred", "red"),
        ("a\x00b\x07", "a\ufffdb\ufffd"),
        ("a\ud800b", "a\ufffdb"),
        ("\u202egnp.exe", "gnp.exe"),
        ("10%\r20%\r\n30%\u2028end", "10%\n20%\n30%\nend"),
        ("训练\t完成", "训练\t完成"),
    ],
)
def test_what_controls_a_screen_is_taken_out(text: str, shown: str) -> None:
    """Colours whole; what has no meaning in a message is replaced."""
    assert block(text) == shown


@given(UGLY)
@SHORT
def test_any_text_stands_in_a_message(text: str) -> None:
    """As UTF-8, in one line or in a block that it does not end, and the same when it is made fit once more."""
    one, many = line(text, 80), block(text)
    assert "\n" not in one
    assert len(one.replace("\u200b", "")) <= 80
    assert "```" not in one + many
    assert fenced(many).startswith("```\n")
    assert (one + many).encode().decode() == one + many
    assert line(one, 200) == one


def test_a_long_text_keeps_both_ends() -> None:
    """And says how much is missing."""
    assert shortened("abcdef", 3, 3) == "abcdef"
    assert shortened("abcdefgh", 3, 2) == "abc\n[3 characters left out]\ngh"
    assert line("x" * 500, 20) == "x" * 19 + "…"


def test_a_secret_at_the_cut_is_masked_first() -> None:
    """Or its beginning would stay."""
    assert line("x" * 70 + " hf_0123456789abcdefghij0123", 80) == "x" * 70 + " ***"
