"""``make pictures``: docs/pictures, by the inbox's page, of the golden alerts.

Each golden script runs as in tests/test_golden.py. What the robots accepted must be the golden text, so a picture shows
what a test holds. What is another on each machine (times, hosts, folders) is one made-up value everywhere.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import chromium
import requests
from manifest import CHATS, KINDS, LANGUAGES, LIMIT, PAGE_LIMIT, PICTURES, golden, page_picture, picture, write
from scenes import SECRET, Scene
from test_golden import HOW, normal, rendered

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Received

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCALE = 1.5
CHAT = 640  # pixels of a phone's chat, at most
SAMPLES = {
    "folder": "/data/sft",
    "host": "node-07",
    "pid": "4711",
    "version": "3.12.3",
    "time": "2026-03-14 02:15:09",
    "line": "128",
    "number": "1.5",
    "python": "/usr/lib/python3.12",
    "packages": "/opt/venv/lib/python3.12/site-packages",
}
DURATION = {"en": "12 min 30 s", "zh": "12 分 30 秒"}
CLOCK = """
for (const node of document.querySelectorAll('.bar span:first-child, .who small')) node.textContent = '02:15';
for (const node of document.querySelectorAll('time')) node.textContent = '02:15:09';
"""
FITTED = f"""node => {{
    node.style.height = 'auto';
    node.style.height = Math.max(300, Math.min({CHAT}, node.scrollHeight)) + 'px';
}}"""
CLEAR = "document.body.style.background = 'transparent'"


def accepted(kind: str, language: str, folder: Path) -> list[Received]:
    """What the robots accept of a golden script, which is what its golden file says."""
    file = golden(kind, language)
    with Inbox(secret=SECRET) as inbox:
        scene = Scene(HOW[file.stem], folder, inbox, None)
        (folder / "state").mkdir(mode=0o700)
        (folder / "train.py").write_text((file.with_name(f"chats_{kind}.py")).read_text())
        try:
            scene.play()
        finally:
            scene.close()
        if rendered(scene) != file.read_text():
            sys.exit(f"{file.name} is not what is sent now: see `make golden`")
        return inbox.messages


def shown(value: Any, folder: Path, language: str) -> Any:
    """A payload with made-up values for what is another each time."""
    if isinstance(value, dict):
        return {key: shown(inner, folder, language) for key, inner in value.items()}
    if isinstance(value, list):
        return [shown(inner, folder, language) for inner in value]
    if not isinstance(value, str):
        return value
    samples = SAMPLES | {"duration": DURATION[language]}
    return re.sub(r"<(\w+)>", lambda found: samples.get(found[1], found[0]), normal(value, folder))


def draw(browser: Browser, messages: list[Received], kind: str, language: str, folder: Path) -> None:
    """The first message at each chat, on a phone; and the page, with one message that was refused."""
    with Inbox() as inbox:
        for chat in CHATS:
            payload = dict(next(message.payload for message in messages if message.service == chat))
            of_feishu = {key: payload.pop(key, None) for key in ("timestamp", "sign")}
            assert bool(of_feishu["sign"]) is (chat == "Feishu")
            post(inbox.urls[chat], shown(payload, folder, language))
        assert [message.service for message in inbox.messages] == list(CHATS)
        with opened(browser, inbox, language, SCALE, 1100) as page:
            page.evaluate(CLEAR)
            clear = {"color": {"r": 0, "g": 0, "b": 0, "a": 0}}
            page.context.new_cdp_session(page).send("Emulation.setDefaultBackgroundColorOverride", clear)
            for place, chat in enumerate(reversed(CHATS)):
                page.locator("article").nth(place).click()
                page.evaluate(CLOCK)
                page.locator(".phone .chat").evaluate(FITTED)
                picture(chat, kind, language).write_bytes(taken(page, ".phone", LIMIT))
        if kind == "crash":
            post(f"{inbox.url}x", {"msgtype": "text", "text": {"content": "hello"}})
            with opened(browser, inbox, language, 1.0, 780) as page:
                page.locator("article").nth(3).click()
                page.evaluate(CLOCK)
                page_picture(language).write_bytes(taken(page, "body", PAGE_LIMIT))


def post(url: str, payload: Any) -> None:
    body = json.dumps(payload, ensure_ascii=False).encode()
    requests.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=30)


@contextmanager
def opened(browser: Browser, inbox: Inbox, language: str, scale: float, height: int) -> Iterator[Page]:
    context = browser.new_context(
        locale="zh-CN" if language == "zh" else "en-GB",
        viewport={"width": 1320, "height": height},
        device_scale_factor=scale,
        color_scheme="light",
    )
    page = context.new_page()
    page.goto(inbox.page_url)
    page.locator("article").nth(len(CHATS) - 1).wait_for()
    yield page
    context.close()


def taken(page: Page, selector: str, limit: int) -> bytes:
    """A picture of an element, as good as fits into the limit."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    asked = {"format": "webp", "clip": {**box, "scale": 1}, "captureBeyondViewport": selector != "body"}
    session = page.context.new_cdp_session(page)
    for quality in (80, 65, 50, 35, 20):
        data = base64.b64decode(session.send("Page.captureScreenshot", {**asked, "quality": quality})["data"])
        if len(data) < limit:
            break
    return data


def main() -> None:
    """Write all of them anew."""
    PICTURES.mkdir(exist_ok=True)
    with chromium.started() as browser:
        for kind in KINDS:
            for language in LANGUAGES:
                began = time.monotonic()
                with tempfile.TemporaryDirectory() as folder:
                    draw(browser, accepted(kind, language, Path(folder)), kind, language, Path(folder))
                print(f"{kind} {language}: {time.monotonic() - began:.0f} s", flush=True)
    write()


if __name__ == "__main__":
    main()
