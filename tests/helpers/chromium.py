"""A real Chromium, driven by Playwright."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from shutil import which
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
NAMES = ("chromium", "chromium-browser", "google-chrome")


def path() -> str | None:
    """Where it is, if it is anywhere; `CHROMIUM` names another one."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(which, NAMES)), None)


def lacking() -> str:
    """What is not there."""
    return "no Chromium" if path() is None else "" if find_spec("playwright") else "no playwright"


@contextmanager
def started() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path(), args=FLAGS)
        yield browser
        browser.close()
