"""Titles, code blocks and cutting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinkle_notifier.channels import markdown


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("### Training Complete\n\n- Steps: 1000", "Training Complete"),
        ("hello\n\n## second line", "second line"),
        ("\n\n  no heading \nmore", "no heading"),
        ("#no-heading\nx", "#no-heading"),
        ("# closed ##", "closed"),
        ("# " + "训练" * 40, "训练" * 32),
        ("", ""),
    ],
)
def test_title(message: str, title: str) -> None:
    """The first heading without its marks, else the first line that is not empty; 64 characters at most."""
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
        ("in <module>", r"in \<module>"),
        ("a*b*c", r"a\*b\*c"),
        ("x = y[0](z)", r"x = y\[0](z)"),
        ("x[0] < y", "x[0] < y"),
        ("# heading", r"\# heading"),
        ("- item", r"\- item"),
    ],
)
def test_code_is_literal(line: str, shown: str) -> None:
    """What Markdown would read as more than text is escaped, and nothing else."""
    assert markdown.unfenced(f"```\n{line}\n```") == f"> {shown}"


@given(st.text(), st.integers(min_value=200, max_value=400))
def test_cut_keeps_the_limit(message: str, limit: int) -> None:
    """Never more bytes than the limit, always whole characters, and nothing is touched that fits."""
    message = message * 20
    short = markdown.cut(message, limit)
    assert len(short.encode("utf-8", "replace")) <= limit
    assert short == message or len(message.encode("utf-8", "replace")) > limit


def test_cut_keeps_both_ends() -> None:
    """The beginning and, three times as long, the end; with the number of bytes that are missing."""
    lines = "\n".join(f"line {n:04}" for n in range(1000))
    short = markdown.cut(lines, 1000)
    assert short.startswith("line 0000\n")
    assert short.endswith("line 0999")
    assert "bytes left out" in short
