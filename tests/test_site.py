"""What `make docs` builds, and what it refuses."""

from __future__ import annotations

import os
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
    env = {**os.environ, "SITE_URL": "https://docs.example.org/"}  # each page names it, and asks nothing of it
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env)


BROKEN = """
[a](nowhere.md) [b](run.md#nowhere)

<img src="https://a.example/1.png" srcset="https://b.example/2.png 2x">
<object data="//c.example/3"></object>
<p style="background: url(https://d.example/4.png)"></p>
"""
ADDRESSES = ("https://a.example/1.png", "https://b.example/2.png", "//c.example/3", "https://d.example/4.png")
COMPLAINTS = {"'nowhere.md'", "'run.md#nowhere'", *(f"stalls.html asks another machine: {at}" for at in ADDRESSES)}


@pytest.mark.stress  # `.ci/run` builds the site, too; a second time takes a minute
def test_the_site_is_whole_and_what_is_broken_ends_its_build(tmp_path: Path) -> None:
    """One build, as each takes long: of a page with some faults, which are all that it complains of.

    Each page is there in both languages, in English where it has no translation, and as plain text.
    """
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in BESIDE:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    with (tmp_path / "docs" / "stalls.md").open("a") as page:
        page.write(BROKEN)
    done = build(tmp_path)
    assert done.returncode != 0
    warnings = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    assert {fault for fault in COMPLAINTS if any(fault in line for line in warnings)} == COMPLAINTS, warnings
    assert [line for line in warnings if not any(fault in line for fault in COMPLAINTS)] == []

    pages = {path.stem for path in (ROOT / "docs").glob("*.md") if not path.stem.endswith(".zh")}
    for language in ("", "zh/"):
        site = tmp_path / "site" / language
        assert {path.stem for path in site.glob("*.html")} - {"404"} == pages
        listed = re.findall(r"\]\((\w+)\.md\)", (site / "llms.txt").read_text())
        assert sorted(listed) == sorted(pages)
        assert "# Contributing" in (site / "contributing.md").read_text()
        assert "Send one alert about `exc`" in (site / "llms-full.txt").read_text()
    assert "按需加装" in (tmp_path / "site/zh/index.html").read_text()
    built = (tmp_path / "site").rglob("*.html")
    assert {str(path): left for path in built if (left := misread(path.read_text()))} == {}


def misread(html: str) -> list[str]:
    """Marks of Markdown that are still there, and text that was taken for an attribute."""
    text = re.sub(r"<(pre|code|script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    marks = r"\*\*[^*<]+\*\*|\]\([^)]*\)|\{#[^}]*\}|<t[dh] (?!style=)[^>]*>|^(?:<p>)?- .*"
    return re.findall(marks, text, re.MULTILINE)
