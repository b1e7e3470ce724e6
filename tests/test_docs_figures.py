"""A figure is the same in both languages of a page."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
# A rule of diagnosis.md says in each language what it says: diagnosis/test_page.py has that page.
TRANSLATIONS = [page for page in sorted(DOCS.glob("*.zh.md")) if page.name != "diagnosis.zh.md"]


def figures(page: Path) -> list[list[list[str]]]:
    """The numbers of each cell of each row, in order of size: a language may name them in another order."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\|.*", text, re.MULTILINE)
    return [[sorted(re.findall(r"\d+(?:[.,]\d+)*", cell)) for cell in re.split(r"(?<!\\)\|", row)] for row in rows]


@pytest.mark.parametrize("page", TRANSLATIONS, ids=lambda page: page.stem)
def test_the_tables_of_a_translation_have_the_same_figures(page: Path) -> None:
    """In each cell of each row."""
    english = figures(page.with_name(page.name.replace(".zh.", ".")))
    different = [pair for pair in zip_longest(figures(page), english) if pair[0] != pair[1]]
    assert different == []
