"""A real Chromium, where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import chromium as real
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Skips where none can be started; `make browser`, which installs one, lets that fail."""
    if (lacking := real.lacking()) and not os.environ.get("BROWSER_NEEDED"):
        pytest.skip(f"there is {lacking}: `make browser` installs what this needs")
    with real.started() as browser:
        yield browser


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
