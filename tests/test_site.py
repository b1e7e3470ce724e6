"""What `make docs` builds, and what it refuses."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BESIDE = ("mkdocs.yml", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """The site of a copy, as `make docs` builds it."""
    command = [sys.executable, "-P", "-m", "mkdocs", "build"]  # not --quiet: it hides what is strict, too
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in BESIDE:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_site_has_each_page_in_both_languages_and_as_plain_text(copy: Path) -> None:
    """A page without a translation is there in English. A page that lies beside docs/ is there as a whole."""
    done = build(copy)
    assert done.returncode == 0, done.stderr
    pages = {path.stem for path in (ROOT / "docs").glob("*.md") if not path.stem.endswith(".zh")}
    for language in ("", "zh/"):
        site = copy / "site" / language
        assert {path.stem for path in site.glob("*.html")} - {"404"} == pages
        listed = re.findall(r"\]\((\w+)\.md\)", (site / "llms.txt").read_text())
        assert sorted(listed) == sorted(pages)
        assert "# Contributing" in (site / "contributing.md").read_text()
        assert "Send one alert about `exc`" in (site / "llms-full.txt").read_text()
    assert "先装好" in (copy / "site/zh/index.html").read_text()
    built = (copy / "site").rglob("*.html")
    assert {str(path): left for path in built if (left := misread(path.read_text()))} == {}


def misread(html: str) -> list[str]:
    """Marks of Markdown that are still there, and text that was taken for an attribute."""
    text = re.sub(r"<(pre|code|script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    marks = r"\*\*[^*<]+\*\*|\]\([^)]*\)|\{#[^}]*\}|<t[dh] (?!style=)[^>]*>|^(?:<p>)?- .*"
    return re.findall(marks, text, re.MULTILINE)


def test_what_is_broken_ends_the_build(copy: Path) -> None:
    """A link to no page, a link to no heading, and what a browser would ask another machine for."""
    with (copy / "docs" / "stalls.md").open("a") as page:
        page.write('\n[a](nowhere.md) [b](run.md#nowhere)\n\n<img src="https://example.org/a.png">\n')
    done = build(copy)
    assert done.returncode != 0
    for complaint in ("'nowhere.md'", "'#nowhere'", "stalls.html asks another machine: https://example.org/a.png"):
        assert complaint in done.stderr.replace("run.md#nowhere", "#nowhere")
