"""Titles, code blocks and cutting."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.messages import markdown


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("### Training Complete\n\n- Steps: 1000", "Training Complete"),
        ("hello\n\n## second line", "second line"),
        ("\n\n  no heading \nmore", "no heading"),
        ("#no-heading\nx", "#no-heading"),
        ("# closed ##", "closed"),
        ("# " + "训练" * 40, "训练" * 31 + "训…"),
        (
            "# sft failed: OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
            "sft failed: OutOfMemoryError: …Tried to allocate 2.00 GiB",
        ),
        ("", ""),
    ],
)
def test_title(message: str, title: str) -> None:
    """The first heading without its marks, else the first line that is not empty; 64 characters at most, of whole words."""
    assert markdown.title(message, 64) == title


def test_code_blocks_become_quotations() -> None:
    """Each line stands on its own and keeps its indentation, by no-break spaces."""
    assert (
        markdown.unfenced("a\n\n```python\nif x:\n    y()\n```\n\nb")
        == "a\n\n> if x:  \n> \u00a0\u00a0\u00a0\u00a0y()\n\nb"
    )


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("return fn(*args, **kwargs)", "return fn(*args, **kwargs)"),
        ("in __init__", r"in \_\_init\_\_"),
        ("self._run_stage()", "self._run_stage()"),
        ("in <module>", "in &lt;module&gt;"),
        ("> quoted", "\u200b&gt; quoted"),
        ("a &lt; b && c", "a &amp;lt; b && c"),
        ("a*b*c", r"a\*b\*c"),
        ("x = y[0](z)", r"x = y\[0](z)"),
        ("x[0] < y", "x[0] &lt; y"),
        ("# heading", "\u200b# heading"),
        ("- item", "\u200b- item"),
        ("1. item", "\u200b1. item"),
        ("---", "\u200b---"),
        ("x" * 600 + "<img>", "x" * 600 + "&lt;img&gt;"),
    ],
)
def test_code_is_literal(line: str, shown: str) -> None:
    """What Markdown would read as more than text is escaped, and nothing else."""
    assert markdown.unfenced(f"```\n{line}\n```") == f"> {shown}"


def test_html_outside_of_code_is_text() -> None:
    """But the marks of a quotation stay."""
    text = markdown.unfenced("### a <b>\n\n> one\n > > two -> three\n\n`<c>`")
    assert text == "### a &lt;b&gt;\n\n> one\n > > two -&gt; three\n\n`&lt;c&gt;`"


SHORT = settings(max_examples=150, deadline=None, derandomize=True, database=None)
LIMITS = st.one_of(st.integers(300, 1000), st.sampled_from([2048, 4096, 9000, 18_000]))
LINES = st.lists(
    st.text(st.sampled_from("ab`~#> -训🙂\ud800")) | st.sampled_from(["```", "````", "x" * 900]), max_size=30
)


@given(st.text(), LIMITS)
@SHORT
def test_cut_keeps_the_limit(message: str, limit: int) -> None:
    """Never more bytes than the limit, always whole characters, and nothing is touched that fits."""
    message = message * 20
    short = markdown.cut(message, limit)
    assert len(short.encode("utf-8", "replace")) <= limit
    assert short == message or len(message.encode("utf-8", "replace")) > limit


@given(LINES, LINES, LINES, LIMITS, st.integers(1, 60))
@SHORT
def test_cut_of_any_lines_keeps_the_limit(
    facts: list[str], code: list[str], after: list[str], limit: int, times: int
) -> None:
    """Wherever its fences are, even if they are not closed."""
    message = "\n".join(["### heading", *facts, "```", *(code * times), "```", *after])
    short = markdown.cut(message, limit)
    assert len(short.encode("utf-8", "replace")) <= limit
    assert short.startswith("### heading")


FACT = st.text(st.sampled_from("ab*_:/训🙂"), max_size=80).map("- Fact: {}".format)
CODE = st.text(st.sampled_from("ab` .训🙂"), max_size=200).filter(lambda line: not line.startswith("```"))


@given(st.lists(FACT, max_size=12), st.lists(CODE, max_size=30), LIMITS, st.integers(1, 60))
@SHORT
def test_cut_keeps_the_structure_of_a_report(facts: list[str], code: list[str], limit: int, times: int) -> None:
    """The heading and, in half of the limit, the facts; then one block, closed, with a note in its middle."""
    before = "\n".join(["### 训练 failed", "", *facts]) + "\n\n"
    message = f"{before}```\n" + "\n".join([*(code * times), "ValueError: x"]) + "\n```"
    short = markdown.cut(message, limit)
    assert len(short.encode()) <= limit
    assert short.startswith("### 训练 failed\n")
    if len(before.encode()) <= limit // 2:
        assert short.startswith(f"{before}```\n")
    fences = [line for line in short.split("\n") if line.startswith("```")]
    assert fences == ["```", "```"]
    assert short.endswith("ValueError: x\n```")
    assert short == message or "left out …" in short or "\n…\n" in short


def test_cut_keeps_both_ends() -> None:
    """The beginning and, three times as long, the end; with the number of bytes that are missing."""
    lines = "\n".join(f"line {n:04}" for n in range(1000))
    short = markdown.cut(lines, 1000)
    assert short.startswith("line 0000\n")
    assert short.endswith("line 0999")
    assert "bytes left out" in short


@pytest.mark.parametrize("limit", [300, 500, 2048, 4096, 9000, 18_000])
def test_cut_of_a_report(limit: int) -> None:
    """The facts stay, and of the traceback the outermost frame and the error."""
    facts = "### sft failed: ValueError\n\n- Run: sft\n- Rank: 3 of 64\n- Host: node-07\n\n"
    frames = "\n".join(f'  File "train.py", line {n}, in f{n}' for n in range(2000))
    short = markdown.cut(f"{facts}```\nTraceback:\n{frames}\nValueError: lost\n```", limit)
    assert short.startswith(f"{facts}```\nTraceback:\n")
    assert short.endswith("\nValueError: lost\n```")
    assert limit - 100 < len(short) <= limit
    [note] = re.findall(r"\n… (\d+) bytes left out …\n", short)
    assert int(note) > 50_000
    if limit > 500:
        assert '  File "train.py", line 0, in f0\n' in short


def test_a_heading_that_is_too_long_loses_its_end() -> None:
    """Not the facts below it alone."""
    short = markdown.cut("### " + "训" * 300 + "\n\n- Run: x\n\n```\nTraceback\nValueError\n```", 300)
    assert short.startswith("### 训训")
    assert short.endswith("…\n\n```\nTraceback\nValueError\n```")


def test_a_cut_line_makes_no_fence() -> None:
    """Though the cut meets a run of the same marks within it."""
    for limit in range(300, 340):
        short = markdown.cut("### x\n\n```\n" + "x" * 400 + "`" * 900 + "x" * 20 + "\n```", limit)
        assert [line for line in short.split("\n") if line.startswith("```")] == ["```", "```"]


def test_ten_megabytes_take_little_time() -> None:
    """In one line, in many, and as fences."""
    began = time.process_time()
    for text in ("x" * 10**7, "训练 \n" * 10**6, "```\n" * 10**6):
        assert len(markdown.unfenced(markdown.cut(f"### x\n\n```\n{text}\n```", 18_000))) < 40_000
    assert time.process_time() - began < 10


@pytest.mark.parametrize(("time", "note"), [("- Time: now", "bytes left out …"), ("- 时间: now", "字节 …")])
def test_a_cut_is_said_in_the_language_of_the_message(time: str, note: str) -> None:
    """That is seen by its fact of the time: a message on the disk holds its text alone."""
    lines = "\n".join(f"line {number}" for number in range(300))
    assert note in markdown.cut(f"### sft\n\n```\n{lines}\n```\n\n{time}", 1000)
