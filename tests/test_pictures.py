"""The pictures of README and docs show what is sent now."""

from __future__ import annotations

import json
from itertools import product

import pytest
from manifest import (
    CHATS,
    KINDS,
    LANGUAGES,
    LIMIT,
    MANIFEST,
    PAGE_LIMIT,
    PICTURES,
    ROOT,
    made_of,
    page_picture,
    picture,
)

NAMES = [picture(*each) for each in product(CHATS, KINDS, LANGUAGES)]
NAMES += map(page_picture, LANGUAGES)


def test_each_picture_was_made_of_the_golden_alert_of_today() -> None:
    """A message that changed needs new pictures: `make pictures` makes them all."""
    assert json.loads(MANIFEST.read_text()) == made_of(), "make pictures"


def test_no_picture_is_missing_or_left_over() -> None:
    """And each is small."""
    there = sorted(path for path in PICTURES.iterdir() if path != MANIFEST)
    assert there == sorted(NAMES)
    limits = {path: PAGE_LIMIT if path.name.startswith("inbox") else LIMIT for path in there}
    assert [path.name for path in there if not 1_000 < path.stat().st_size < limits[path]] == []
    assert [path.name for path in there if path.read_bytes()[8:12] != b"WEBP"] == []


@pytest.mark.parametrize("name", [path.name for path in NAMES])
def test_each_picture_is_shown(name: str) -> None:
    """In README.md or a page of docs/, with words for who does not see it."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
    lines = [line for page in pages for line in page.read_text("utf-8").splitlines() if name in line]
    assert lines
    assert all("alt=" in line or "![" in line for line in lines)
