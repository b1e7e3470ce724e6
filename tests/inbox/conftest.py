"""A real Chromium, where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from shutil import which
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Skips where none can be started; `make browser`, which installs one, lets that fail."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(which, NAMES)), None)
    lacking = "no Chromium" if path is None else "" if find_spec("playwright") else "no playwright"
    if lacking and not os.environ.get("BROWSER_NEEDED"):
        pytest.skip(f"there is {lacking}: `make browser` installs what this needs")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """One that has been nowhere, and keeps nothing."""
    made = chromium.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB")
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab. Whatever goes wrong in it fails the test."""
    wrong: list[Any] = []
    tab = context.new_page()
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    tab.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    yield tab
    tab.close()
    assert wrong == []
