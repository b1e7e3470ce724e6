"""The pages that people read, and what can be told of one without building the site."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRANSLATIONS = [ROOT / "README.zh.md", *sorted((ROOT / "docs").glob("*.zh.md"))]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "README.zh.md"]  # README.md first


def blocks(page: Path, language: str = "python") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> list[str]:
    """Of the headings of `page`, as GitHub and the site make them, or as ``{#anchor}`` says."""
    headings = re.findall(r"^#+ (.*)", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.M), re.M)
    given = [re.search(r"\{#(.+)\}$", heading) for heading in headings]
    made = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return [one[1] if one else other for one, other in zip(given, made, strict=True)]
