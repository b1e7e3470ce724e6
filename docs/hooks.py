"""What the site needs besides mkdocs.yml: the pages that lie beside docs/, plain text for programs, and a check."""

from __future__ import annotations

import inspect
import logging
import re
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
OUTSIDE = {
    "benchmarks.md": "benchmarks/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
HEAD = "# {name}\n\n> {description}\n\nEach page as plain text; llms-full.txt has all of them in one.\n\n{pages}\n"
NOT_ASKED_FOR = {"alternate", "author", "canonical", "license", "next", "prev"}  # rel of a <link>
ELSEWHERE = re.compile(r"(?:https?:)?//[^\s,]+")
ASKED_BY_CSS = re.compile(r"""(?:url\(|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")

log = logging.getLogger("mkdocs.hooks")


class AskedFor(HTMLParser):
    """What a browser asks another machine for by itself. A link that a reader follows is not among it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._is_style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """What an element loads, by its attributes."""
        self._is_style = tag == "style"
        given = {name: value or "" for name, value in attrs}
        places = [given.get(name, "") for name in ("src", "srcset", "poster")]
        places += [given.get("data", "")] if tag == "object" else []
        places += (
            [given.get("href", "")] if tag == "link" and not NOT_ASKED_FOR & set(given.get("rel", "").split()) else []
        )
        self.found += [address for place in places for address in ELSEWHERE.findall(place)]
        self.found += ASKED_BY_CSS.findall(given.get("style", ""))

    def handle_data(self, data: str) -> None:
        """What a style sheet within the page loads."""
        self.found += ASKED_BY_CSS.findall(data) if self._is_style else []


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """A page of the repository's root in place of the one that leads to it, and links to it."""
    source = OUTSIDE.get(page.file.src_uri)
    return _moved((ROOT / source).read_text() if source else markdown)


def _moved(text: str) -> str:
    """With links that lead to the same from the site."""
    for page, source in OUTSIDE.items():
        text = re.sub(rf"\]\((\.\./)?{re.escape(source)}", f"]({page}", text)
    return re.sub(r"\]\((\.\./)?docs/", "](", text)


def on_post_build(config: MkDocsConfig) -> None:
    """Plain text of the pages, and the check that no page asks another machine. Called once for each language."""
    site, language = Path(config.site_dir), config.theme["language"]
    _write_plain(config, site / language if language != "en" else site, language)
    if not config.site_url:
        for path in site.glob("sitemap.xml*"):  # its addresses would begin with "None"
            path.unlink()
    for path in site.rglob("*"):
        if path.suffix in (".html", ".css"):
            text = path.read_text()
            for address in AskedFor(text).found if path.suffix == ".html" else ASKED_BY_CSS.findall(text):
                log.warning("%s asks another machine: %s", path.relative_to(site), address)


def _write_plain(config: MkDocsConfig, folder: Path, language: str) -> None:
    pages = {page: _plain(Path(config.docs_dir), page, language) for page in _pages(config.nav)}
    for page, text in pages.items():
        (folder / page).write_text(text)
    titles = {page: text.partition("\n")[0].lstrip("# ") for page, text in pages.items()}
    listed = "\n".join(f"- [{title}]({page})" for page, title in titles.items())
    head = HEAD.format(name=config.site_name, description=config.site_description, pages=listed)
    (folder / "llms.txt").write_text(head)
    (folder / "llms-full.txt").write_text("\n\n".join(pages.values()))


def _pages(nav: Any) -> list[str]:
    """Of the navigation, in its order."""
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in _pages(part)]


def _plain(docs: Path, page: str, language: str) -> str:
    translated = docs / page.replace(".md", f".{language}.md")
    source = ROOT / OUTSIDE[page] if page in OUTSIDE else docs / page
    text = _moved((translated if translated.exists() else source).read_text())
    return re.sub(r"^::: (\S+).*\n(?:    .*\n)*", lambda found: _described(found[1]), text, flags=re.MULTILINE)


def _described(path: str) -> str:
    """A public name, as its docstring has it."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except ImportError:  # its framework is not installed here
        docstring = griffe.load(path).docstring
        return f"### {name}\n\n{docstring.value if docstring else ''}\n"
    try:
        signature = re.sub(r"(: |-> )'([^']+)'", r"\1\2", str(inspect.signature(found)))
    except ValueError:  # an exception's class has none
        signature = ""
    return f"### {name}\n\n```py\n{name}{signature}\n```\n\n{inspect.getdoc(found)}\n"
