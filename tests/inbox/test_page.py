"""The inbox's page, in a real Chromium: what arrives is there at once, as its chat would show it, and stays text."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

import twinkle_notifier.inbox
from twinkle_notifier import Notifier
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Request
from twinkle_notifier.messages.message import Level, Message

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

browser = pytest.mark.browser
STATIC = Path(twinkle_notifier.inbox.__file__).with_name("static")
CHATS = ("DingTalk", "Feishu", "WeCom", "Slack", "Bark")
CRASH = """### sft failed: ValueError: the loss is <not> a number

- At: train.py:4 in train: `raise ValueError("x")`
- Metrics: loss **nan**

```
train.py:4 in train
>   4  raise ValueError("x")
```

```
Traceback (most recent call last):
  File "train.py", line 4, in <module>
ValueError: the loss is <not> a number
```
"""
HOSTILE = (
    "<script>hacked=1</script>",
    "<img src=x onerror=hacked=1>",
    '"><svg onload=hacked=1>',
    "[x](javascript:hacked=1) ![x](http://192.0.2.1/x.png)",
    "<a href='javascript:hacked=1'>x</a> <iframe srcdoc='<script>top.hacked=1</script>'></iframe>",
    "<font color='red\" onmouseover=hacked=1'>x</font> <at id=1 onclick=hacked=1></at> <style>*{display:none}</style>",
    "`<script>hacked=1</script>` &lt;script&gt;hacked=1&lt;/script&gt; <javascript:hacked=1|x>",
    "```\n</code></pre><script>hacked=1</script>\n```",
    "\u202e\u0000\ud83d\ude00 __proto__ constructor {slot} %s",
)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox(rate=100_000) as made:
        made.robots["Slack"].per_second = made.robots["Feishu"].per_second = 0  # type: ignore[misc]
        yield made


def post(url: str, payload: object) -> None:
    body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
    requests.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=30)


def ding(inbox: Inbox, title: str, text: str = "x") -> None:
    post(inbox.url, {"msgtype": "markdown", "markdown": {"title": title, "text": text}})


def tell(inbox: Inbox, service: str, text: str = CRASH, level: Level = "error") -> None:
    Notifier.from_url(inbox.urls[service])(Message(text, f"{service}{text}", level))


def titles(page: Page) -> list[str]:
    return page.locator("article:visible .title").all_inner_texts()


def chosen(page: Page) -> str:
    return page.locator("article[aria-current] .title").inner_text()


# Live


@browser
def test_what_arrives_is_there_within_a_second(page: Page, inbox: Inbox) -> None:
    """Without a reload, the newest first and selected; of ten tries one is enough on a busy machine."""
    page.goto(inbox.page_url)
    page.get_by_text("Nothing has arrived yet.").wait_for()
    page.evaluate("window.loaded = 1")
    took = []
    for number in range(10):
        began = time.monotonic()
        ding(inbox, f"message {number}")
        page.locator(f"article >> text='message {number}'").wait_for()
        took.append(time.monotonic() - began)
        if took[-1] < 1:
            break
    assert min(took) < 1
    assert chosen(page) == f"message {number}"
    assert page.locator("#message h2").inner_text() == f"message {number}"
    assert page.evaluate("window.loaded") == 1
    assert page.title() == f"Inbox ({number + 1})"


@browser
def test_nothing_is_loaded_from_elsewhere(page: Page, inbox: Inbox) -> None:
    """It works offline: each request is to the inbox itself."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for service in CHATS:
        tell(inbox, service)
    page.goto(inbox.page_url)
    for row in page.locator("article").all():
        row.click()
    assert len(asked) >= 8
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(inbox.url).netloc}


class Cable:
    """Leads to the inbox, as a proxy, until it is cut; then again."""

    def __init__(self, port: int) -> None:
        self._target, self._lines = port, list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        while self._lines:
            with suppress(OSError):
                self._lines.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._lines += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError), source, target:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)


@browser
def test_a_lost_connection_loses_no_message(chromium: Browser, inbox: Inbox) -> None:
    """What arrived meanwhile is there when it is back, each once; it says that it has no connection."""
    cable = Cable(urlsplit(inbox.url).port or 0)
    context = chromium.new_context(
        proxy={"server": f"http://127.0.0.1:{cable.port}", "bypass": "<-loopback>"}, locale="en-GB"
    )
    try:
        page = context.new_page()
        page.goto(inbox.page_url)
        ding(inbox, "before")
        page.locator("article >> text='before'").wait_for()
        for number in range(3):
            cable.cut()
            ding(inbox, f"meanwhile {number}")
            page.locator(f"article >> text='meanwhile {number}'").wait_for()
        page.locator("#state.live").wait_for()
        assert titles(page) == ["meanwhile 2", "meanwhile 1", "meanwhile 0", "before"]
        inbox.close()
        page.locator("#state:not(.live)").wait_for()
        assert len(titles(page)) == 4
    finally:
        context.close()
        cable.close()


# As each chat shows it


@browser
def test_each_chat_shows_what_it_can(page: Page, inbox: Inbox) -> None:
    """The lock screen's line, the heading's colour, code where the chat has code, and the marks as they are where not."""
    for service in CHATS:
        tell(inbox, service)
    page.goto(inbox.page_url)
    page.locator("article").nth(4).wait_for()
    seen = {}
    for row in page.locator("article").all():
        row.click()
        service = row.locator(".from b").inner_text()
        seen[service] = page.locator(".bubble").inner_text(), page.locator(".lock .two").inner_text()
        if service == "DingTalk":  # a phone shows no code
            assert page.locator(".bubble code, .bubble pre").count() == 0
            assert '`raise ValueError("x")`' in seen[service][0]
            assert page.locator(".bubble blockquote").count() == 2
            page.keyboard.press("d")
            assert page.locator(".bubble code").all_inner_texts() == ['raise ValueError("x")']
            page.keyboard.press("p")
        if service == "Feishu":
            assert page.locator(".head-red").inner_text() == "sft failed: ValueError: the loss is <not> a number"
            panel = page.locator("details")
            assert panel.get_attribute("open") is None
            panel.locator("summary").click()
            assert panel.locator("pre").inner_text().startswith("Traceback")
        if service == "WeCom":
            assert page.locator(".bubble li").count() == 2
            assert page.locator(".bubble pre").count() == 2
        if service == "Slack":
            bar = page.locator(".attachment").evaluate("node => getComputedStyle(node).borderLeftColor")
            assert bar == "rgb(209, 36, 47)"
            assert page.locator(".attachment strong").all_inner_texts()[:2] == ["At:", "Metrics:"]
    assert set(seen) == set(CHATS)
    for text, line in seen.values():
        assert "sft failed: ValueError: the loss is <not> a number" in text
        assert line


@browser
def test_a_chat_shows_no_more_than_it_can(page: Page, inbox: Inbox) -> None:
    """WeCom's coloured Markdown has no lists and no code blocks, its newer one no colours, and a text no marks at all."""
    source = '### <font color="warning">x</font>\n- *one*\n```\ncode\n```\n> <font color="nope">y</font>'
    for kind in ("markdown", "markdown_v2", "text"):
        post(inbox.urls["WeCom"], {"msgtype": kind, kind: {"content": source}})
    post(inbox.urls["Slack"], {"text": "*b* _i_ `c` <https://example.org|link> <!channel> &lt;x&gt; ## no"})
    page.goto(inbox.page_url)
    page.locator("article").nth(3).wait_for()
    found = []
    for row in page.locator("article").all():
        row.click()
        bubble = page.locator(".bubble")
        names = bubble.locator("*").evaluate_all("nodes => nodes.map(node => node.localName)")
        found.append((bubble.inner_text(), {name for name in names if name not in ("div", "p", "br", "span")}))
    assert found[0] == ("b i c link @channel <x> ## no", {"strong", "em", "code", "a"})
    assert found[1] == (source, set())
    assert found[2][1] == {"ul", "li", "em", "pre", "code", "blockquote"}
    assert '<font color="nope">y</font>' in found[2][0]
    assert found[3][1] == {"blockquote"}
    assert "- *one*" in found[3][0]


@browser
def test_a_refusal_stands_beside_its_request(page: Page, inbox: Inbox) -> None:
    """With the service's code and words, what a person can do, and no line on the lock screen."""
    post(inbox.url + "x", {"msgtype": "text", "text": {"content": "hello"}})
    post(inbox.urls["Slack"], "no object")
    page.goto(inbox.page_url)
    page.locator("article").nth(1).click()
    why = page.locator(".why").inner_text()
    assert "Refused: 300001 token is not exist" in why
    assert "copy the webhook URL from the robot's settings again" in why
    assert page.locator(".request").inner_text().count("access_token=***") == 1
    assert page.locator(".raw").inner_text() == '{"msgtype": "text", "text": {"content": "hello"}}'
    assert page.locator(".lock").count() == 0
    page.get_by_label("Request", exact=True).locator("select").select_option("Well laid out")
    assert page.locator(".raw").inner_text().splitlines()[1] == '  "msgtype": "text",'
    assert json.loads(page.locator(".raw").inner_text())["text"] == {"content": "hello"}
    page.locator("article").nth(0).click()
    assert "Refused: 400 invalid_payload" in page.locator(".why").inner_text()
    assert "no message that could be shown" in page.locator(".bubble").inner_text()


@browser
def test_a_request_to_no_robot_is_no_message(page: Page, inbox: Inbox) -> None:
    """No chat is drawn: what it is, why, and the request as it came."""
    body = {"msgtype": "text", "text": {"content": "hello"}}
    post(inbox.url.replace("/robot/send", "/robot/sendd"), body)
    page.goto(inbox.page_url)
    page.locator("article").click()
    assert page.locator("#message h2").inner_text() == "Not a message"
    assert page.locator(".phone, .desk").count() == 0
    why = page.locator(".why").inner_text()
    assert "no robot has this path: copy a URL that the inbox has printed" in why
    assert "/robot/send (DingTalk)" in why
    assert "It came to no robot" in why
    assert json.loads(page.locator(".raw").inner_text()) == body
    assert page.locator(".request pre").first.inner_text().startswith("POST /robot/sendd?access_token=***")


# Hostile messages


def hostile(text: str) -> dict[str, list[Any]]:
    words = {"tag": "plain_text", "content": text}
    card = {
        "schema": "2.0",
        "config": {"summary": {"content": text}},
        "header": {"title": words, "subtitle": words, "template": "red"},
        "body": {
            "elements": [
                {"tag": "markdown", "content": text},
                {
                    "tag": "button",
                    "text": words,
                    "behaviors": [{"type": "open_url", "default_url": "javascript:hacked=1"}],
                },
                {
                    "tag": "collapsible_panel",
                    "header": {"title": words},
                    "elements": [{"tag": "markdown", "content": text}],
                },
            ]
        },
    }
    piece = {"type": "link", "url": "javascript:hacked=1", "text": text}
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [piece]}]}
    post_of = {
        "post": {"zh_cn": {"title": text, "content": [[{"tag": "a", "text": text, "href": "javascript:hacked=1"}]]}}
    }
    return {
        "DingTalk": [{"msgtype": "markdown", "markdown": {"title": text, "text": text}}, text],
        "Feishu": [{"msg_type": "interactive", "card": card}, {"msg_type": "post", "content": post_of}],
        "WeCom": [{"msgtype": kind, kind: {"content": text}} for kind in ("markdown", "markdown_v2", "text")],
        "Slack": [{"text": text, "attachments": [{"color": f"red;{text}", "blocks": [rich]}]}, {"text": text}],
        "Bark": [{"title": text, "markdown": text}],
    }


@browser
@pytest.mark.parametrize("depth", [300, 3000, 32_000])
def test_a_deep_request_holds_nothing_up(depth: int, page: Page, inbox: Inbox) -> None:
    """It is not laid out: each level makes each line longer, and 64 KB become gigabytes. The next alert is shown."""
    deep = "[" * depth + "1," * ((65_000 - 2 * depth) // 2) + "1" + "]" * depth
    ding(inbox, "before", json.dumps({"brackets in a text": ["}" * 50, '"' * 50]}))
    page.goto(inbox.page_url)
    page.locator("article").wait_for()
    laid_out = page.get_by_label("Request", exact=True).locator("select")
    laid_out.select_option("Well laid out")
    assert page.locator(".raw").inner_text().count("\n") == 6
    requests.post(inbox.url + "x", data=deep.encode(), headers={"Content-Type": "application/json"}, timeout=30)
    page.locator("article").nth(1).wait_for()
    assert page.locator(".raw").inner_text() == deep
    ding(inbox, "a real alert")
    page.locator("article >> text='a real alert'").wait_for()


@browser
def test_the_request_is_shown_as_it_came(page: Page, inbox: Inbox) -> None:
    """Its own escapes, numbers and keys; what cannot be seen in it is written by its number."""
    unseen = {"\u202e": r"\u202e", "\0": r"\u0000", "\u2066": r"\u2066", "\u200b": r"\u200b"}
    body = r'{"a": "\u0041", "n": 12345678901234567890, "k": 1, "k": 2, "bidi": "x' + "".join(unseen) + '"}'
    requests.post(inbox.url, data=body.encode(), headers={"Content-Type": "application/json"}, timeout=30)
    page.goto(inbox.page_url)
    assert page.locator(".raw").inner_text() == body.translate(str.maketrans(unseen))


NAMES = ("__proto__", "constructor", "toString", "hasOwnProperty")
STRANGE: list[Any] = [*NAMES, {"toString": 1}, ["x"], None, 5, {"__proto__": 1}]


def strange(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Messages that have this where a chat has a name of its own."""
    entity = f"&{value};" if isinstance(value, str) else "&lt;"
    pieces = [{"type": value, "text": "told"}, {"user_id": value}, {"channel_id": value, "style": value}]
    section = {"type": "rich_text_section", "elements": pieces}
    elements = [{"tag": value}, {"tag": "div", "text": {"tag": value, "content": "told"}, "fields": [value]}]
    header = {"title": {"content": "told"}, "template": value, "text_tag_list": [value]}
    return [
        ("DingTalk", {"msgtype": "markdown", "markdown": {"title": "told", "text": f"told {entity}"}}),
        ("DingTalk", {"msgtype": value, "markdown": {"title": "told", "text": "told"}}),
        ("Feishu", {"msg_type": "interactive", "card": {"header": header, "body": {"elements": elements}}}),
        ("Feishu", {"msg_type": "text", "content": {"text": f"told <font color={value}>told</font>"}}),
        ("WeCom", {"msgtype": value}),
        ("WeCom", {"msgtype": "text", "text": {"content": "told", "mentioned_list": [value]}}),
        (
            "Slack",
            {
                "text": "told",
                "blocks": [{"type": value}, {"type": "rich_text", "elements": [section, {"type": value}]}],
            },
        ),
        ("Slack", {"text": "told", "attachments": [{"color": value, "text": "told", "pretext": value}]}),
        ("Bark", {"title": "told", "markdown": value, "body": value}),
    ]


@browser
@pytest.mark.parametrize("value", STRANGE, ids=str)
def test_a_strange_name_is_none_of_the_pages_own(value: Any, page: Page, inbox: Inbox) -> None:
    """Names that each object of JavaScript has, and what is no name: each message is drawn, and the next one is."""
    page.goto(inbox.page_url)
    for number, (service, payload) in enumerate(strange(value)):
        post(inbox.urls[service], payload)
        page.locator("article").nth(number).wait_for(state="attached")
        page.locator(f"article[aria-current] >> text='{service}'").wait_for()
        assert page.locator("#message .about b").inner_text() == service  # the pane is the selected row's
        assert json.loads(page.locator(".raw").inner_text()) == payload
        drawn = page.locator("#message .stage").inner_text()
        assert not re.search(r"\[object|native code|undefined", drawn)


@browser
def test_what_cannot_be_drawn_is_said(page: Page, inbox: Inbox) -> None:
    """Its request is there all the same, and so is the next message."""
    page.goto(inbox.page_url)
    page.evaluate(
        "make = document.createElement.bind(document), document.createElement = name => name === 'hr' ? nothing : make(name)"
    )
    post(inbox.urls["WeCom"], {"msgtype": "markdown_v2", "markdown_v2": {"content": "told\n\n---\n"}})
    page.locator(".bubble >> text='This message cannot be drawn. Its request is beside it.'").wait_for()
    assert json.loads(page.locator(".raw").inner_text())["msgtype"] == "markdown_v2"
    assert page.locator("#message h2").inner_text() == chosen(page) == "told"
    ding(inbox, "next")
    page.locator("#message h2 >> text='next'").wait_for()


@browser
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_message_runs_no_script(text: str, page: Page, inbox: Inbox) -> None:
    """Nor does it load, click or style anything, in any chat, on a phone or a desktop, accepted or refused."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for service, payloads in hostile(text).items():
        for payload in payloads:
            post(inbox.urls[service], payload)
    page.goto(inbox.page_url)
    page.locator("article").nth(9).wait_for()
    for shape in ("p", "d"):
        page.keyboard.press(shape)
        for row in page.locator("article").all():
            row.click()
            bad = "script, iframe, img, svg, style, object, embed, [onclick], [onmouseover], [style*=url]"
            assert page.locator("#message").locator(bad).count() == 0
            links = page.locator("#message a").evaluate_all("nodes => nodes.map(node => node.protocol)")
            assert set(links) <= {"http:", "https:"}
            for summary in page.locator("summary").all():
                summary.click()
    assert page.evaluate("typeof hacked") == "undefined"
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(inbox.url).netloc}


@browser
@pytest.mark.parametrize(
    "mark", ["*", "**", "_a", "`", "[", "> ", "- ", "<", "&", "|-", "~~", "![](", "# ", "```\n", " "]
)
def test_a_long_row_of_marks_is_read_in_time(mark: str, page: Page, inbox: Inbox) -> None:
    """A page that hangs shows no message. The page's own limit of 30 s is for a busy machine."""
    text = mark * (18_000 // len(mark))
    ding(inbox, "one", text)
    post(inbox.urls["WeCom"], {"msgtype": "markdown_v2", "markdown_v2": {"content": text[:4000] + "x"}})
    post(inbox.urls["Slack"], {"text": text})
    ding(inbox, "last")
    page.goto(inbox.page_url)
    page.locator("article").nth(3).wait_for()
    for row in page.locator("article").all():
        row.click()
    assert page.locator("#message h2").inner_text() == "one"


# Many, and how one finds one


SCROLL = """node => new Promise(done => {
    const taken = [];
    let before = performance.now();
    const step = () => {
        node.scrollBy(0, 500);
        const now = performance.now();
        taken.push(now - before);
        before = now;
        taken.length < 30 ? requestAnimationFrame(step) : done(taken);
    };
    requestAnimationFrame(step);
})"""


@browser
def test_five_thousand_messages_scroll(page: Page, inbox: Inbox) -> None:
    """All are there, those that are seen alone cost something, and the last is one key away."""
    robot, url = inbox.robots["DingTalk"], urlsplit(inbox.url)
    query = dict([url.query.split("=")])

    def fill(*numbers: int) -> None:
        for number in range(*numbers):
            payload = {"msgtype": "markdown", "markdown": {"title": f"message {number}", "text": CRASH}}
            robot.answer(Request(url.path, query, "application/json", json.dumps(payload).encode()))

    def scroll() -> float:
        """Milliseconds a step: the median of the best of three tries."""
        side = page.locator(".side")
        side.evaluate("node => node.scrollTo(0, 0)")
        return float(min(sorted(side.evaluate(SCROLL))[15] for _ in range(3)))

    fill(50)
    page.goto(inbox.page_url)
    page.locator("article").nth(49).wait_for(state="attached")
    few = scroll()
    fill(50, 5000)
    page.locator("article").nth(4999).wait_for(state="attached")
    assert page.locator("#count").inner_text() == "5000"
    drawn = "shown = row => row.lastChild.checkVisibility({contentVisibilityAuto: true}), [...document.querySelectorAll('article')].filter(shown).length"
    assert 0 < page.evaluate(drawn) < 500
    page.locator("article").first.focus()
    page.keyboard.press("End")
    assert chosen(page) == "message 0"
    assert page.locator("article[aria-current]").get_attribute("aria-posinset") == "5000"
    assert scroll() < 10 * few + 50
    assert page.locator(".side").evaluate("node => node.scrollTop") > 20_000
    ding(inbox, "one more")
    page.locator("article >> text='one more'").wait_for(state="attached")
    assert chosen(page) == "message 0"  # who reads an old one is left there


@browser
def test_the_filters_show_what_fits(page: Page, inbox: Inbox) -> None:
    """By service, level, result, and words; those that arrive later, too."""
    tell(inbox, "Slack", "### sft ended after 3 h 20 min", "success")
    tell(inbox, "Slack")
    tell(inbox, "DingTalk")
    post(inbox.url + "x", {"msgtype": "text", "text": {"content": "wrong token"}})
    page.goto(inbox.page_url)
    page.locator("article").nth(3).wait_for()
    filters = page.get_by_role("search")
    failed = "sft failed: ValueError: the loss is <not> a number"
    for name, value, expected in [
        ("Service", "Slack", [failed, "sft ended after 3 h 20 min"]),
        ("Level", "success", ["sft ended after 3 h 20 min"]),
        ("Level", "unknown", ["wrong token"]),
        ("Result", "refused", ["wrong token"]),
        ("Result", "repeated", []),
    ]:
        filters.get_by_label(name).select_option(value)
        assert titles(page) == expected
        assert page.locator("#count").inner_text() == f"{len(expected)} of 4"
        assert page.locator("#message h2").count() == bool(expected)
        filters.get_by_label(name).select_option("")
    assert len(titles(page)) == 4
    filters.get_by_label("Search").fill("WRONG tok")
    assert titles(page) == ["wrong token"]
    ding(inbox, "not this")
    page.locator("#count >> text='1 of 5'").wait_for()
    assert titles(page) == ["wrong token"]


@browser
def test_the_keyboard_is_enough(page: Page, inbox: Inbox) -> None:
    """Up, down, ends, filters, shapes, the request, help; and single keys can be switched off."""
    for number in range(4):
        ding(inbox, f"message {number}")
    page.goto(inbox.page_url)
    page.locator("article").nth(3).wait_for()
    for key, expected in [
        ("j", 2),
        ("ArrowDown", 1),
        ("k", 2),
        ("End", 0),
        ("j", 0),
        ("Home", 3),
        ("ArrowUp", 3),
        ("j", 2),
    ]:
        page.keyboard.press(key)
        assert chosen(page) == f"message {expected}"
        assert page.evaluate("document.activeElement.getAttribute('aria-current')") == "true"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("/")
    page.keyboard.type("message 1jk?")
    assert page.locator("input[name=search]").input_value() == "message 1jk?"
    page.keyboard.press("Escape")
    assert page.locator("input[name=search]").input_value() == ""
    assert len(titles(page)) == 4
    assert page.evaluate("document.activeElement.localName") == "article"
    page.keyboard.press("/")
    page.keyboard.type("message 1")
    assert titles(page) == ["message 1"]
    page.keyboard.press("Escape")
    assert len(titles(page)) == 4
    page.keyboard.press("/")
    page.keyboard.type("message 1")
    page.keyboard.press("Enter")
    assert titles(page) == ["message 1"]
    assert page.evaluate("document.activeElement.localName") == "article"
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert len(titles(page)) == 4
    page.keyboard.press("d")
    assert page.locator(".desk").count() == 1
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.className") == "raw"
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys of the keyboard").is_visible()
    page.get_by_label("Single keys do this").uncheck()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    page.keyboard.press("p")
    assert page.locator(".desk").count() == 1


@browser
def test_who_reads_a_message_stays_there(page: Page, inbox: Inbox) -> None:
    """With the keyboard in it: the next one is in the list, and selected when the reader has left."""
    ding(inbox, "read")
    page.goto(inbox.page_url)
    page.locator("article").wait_for()
    page.keyboard.press("r")
    page.evaluate("mine = document.activeElement")
    ding(inbox, "next")
    page.locator("article >> text='next'").wait_for()
    assert page.evaluate("document.activeElement === mine && mine.className === 'raw'")
    assert chosen(page) == page.locator("#message h2").inner_text() == "read"
    page.keyboard.press("d")
    assert page.evaluate("document.activeElement.id") == "message"
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    ding(inbox, "followed")
    page.locator("article[aria-current] >> text='followed'").wait_for()


STREAMS = """
    streams = [];
    EventSource = class extends EventSource {
        came = 0;
        constructor(url) {
            super(url);
            streams.push(this);
            this.addEventListener("message", () => this.came++);
        }
    };
"""


@browser
def test_what_comes_at_once_is_drawn_at_once(page: Page, inbox: Inbox) -> None:
    """However many messages came since the last frame, the list changes once."""
    page.add_init_script(STREAMS)
    page.goto(inbox.page_url)
    page.locator("#state.live").wait_for()
    page.evaluate("""
        real = requestAnimationFrame, frames = [], requestAnimationFrame = does => frames.push(does), changes = 0;
        new MutationObserver(all => changes += all.length).observe(document.getElementById("list"), {childList: true});
    """)
    for number in range(30):
        ding(inbox, f"message {number}")
    page.wait_for_function("streams[0].came === 30", polling=50)
    assert page.locator("article").count() == 0
    page.evaluate("requestAnimationFrame = real, frames.forEach(does => does())")
    page.locator("article").nth(29).wait_for(state="attached")
    assert page.evaluate("[frames.length, changes]") == [1, 1]


@browser
def test_what_the_inbox_has_dropped_is_dropped(page: Page, inbox: Inbox) -> None:
    """The page holds no more than the inbox does. A selected message that goes gives way to the newest."""
    page.add_init_script(STREAMS)
    page.goto(inbox.page_url)
    for number in range(5):
        ding(inbox, f"message {number}")
    page.locator("article").nth(4).wait_for()
    page.keyboard.press("End")
    page.evaluate("streams[0].dispatchEvent(new MessageEvent('oldest', {data: '4'}))")
    page.locator("#count >> text='2'").wait_for()
    assert titles(page) == ["message 4", "message 3"]
    assert chosen(page) == page.locator("#message h2").inner_text() == "message 4"
    ding(inbox, "next")
    page.locator("#count >> text='3'").wait_for()
    assert chosen(page) == "next"  # from the newest on, the next ones are followed
    page.evaluate("streams[0].dispatchEvent(new MessageEvent('oldest', {data: '7'}))")
    page.get_by_text("Nothing has arrived yet.").wait_for()
    ding(inbox, "after")
    page.locator("article[aria-current] >> text='after'").wait_for()


@browser
def test_the_oldest_give_way_to_the_newest(page: Page, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the inbox, once there are more than it keeps, and so in the page that is open, and in one that is opened."""
    monkeypatch.setattr("twinkle_notifier.inbox.arrivals.KEPT", 20)
    page.goto(inbox.page_url)
    for number in range(5):
        ding(inbox, f"message {number}")
    page.locator("article").nth(4).wait_for()
    page.keyboard.press("End")
    assert chosen(page) == "message 0"
    for number in range(5, 28):
        ding(inbox, f"message {number}")
    page.locator("#count >> text=/^20$/").wait_for()
    page.locator("article >> text='message 27'").wait_for()
    page.locator("article >> text='message 7'").wait_for(state="detached")
    kept = [f"message {number}" for number in range(27, 7, -1)]
    assert titles(page) == kept
    assert chosen(page) == "message 27"
    page.reload()
    page.locator("article").nth(19).wait_for()
    assert titles(page) == kept


@browser
def test_a_hidden_tab_holds_no_connection(page: Page, inbox: Inbox) -> None:
    """A browser has six to a host. When the tab is shown it catches up, and each message is there once."""
    page.add_init_script(STREAMS)
    page.goto(inbox.page_url)
    ding(inbox, "before")
    page.locator("article").wait_for()
    hide = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(f"Object.defineProperty(document, 'hidden', {{value: true, configurable: true}}), {hide}")
    assert page.evaluate("streams.map(stream => stream.readyState)") == [2]
    ding(inbox, "meanwhile")
    page.evaluate(f"delete document.hidden, {hide}")
    page.locator("article[aria-current] >> text='meanwhile'").wait_for()
    page.locator("#state.live").wait_for()
    assert titles(page) == ["meanwhile", "before"]
    assert page.evaluate("streams.map(stream => stream.readyState)") == [2, 1]


# For every eye and ear

CONTRAST = """() => {
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
    const behind = node => {
        for (; node; node = node.parentElement) {
            const colour = numbers(getComputedStyle(node).backgroundColor);
            if (colour[3] === undefined || colour[3] === 1) return colour;
        }
        return numbers(getComputedStyle(document.documentElement).colorScheme === 'dark' ? 'rgb(0,0,0)' : 'rgb(255,255,255)');
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest('.unseen, .skip, .bar')) continue;
        const [one, two] = [light(numbers(getComputedStyle(node).color)), light(behind(node))].sort((a, b) => b - a);
        const ratio = (one + .05) / (two + .05);
        if (ratio < 4.5) found.push([node.className || node.localName, walker.currentNode.data.slice(0, 20), ratio.toFixed(2)]);
    }
    return found;
}"""


@browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_can_be_read(theme: Any, chromium: Browser, inbox: Inbox) -> None:
    """A contrast of 4.5 at least (WCAG's AA), in each chat and theme; as the system has it, and by the switch."""
    for service in CHATS:
        tell(inbox, service)
        tell(inbox, service, "### sft ended\n\n- Run: sft [log](https://example.org)", "success")
    post(inbox.url + "x", {"msgtype": "text", "text": {"content": "hello"}})
    context = chromium.new_context(color_scheme=theme, viewport={"width": 1400, "height": 900}, locale="en-GB")
    try:
        page = context.new_page()
        page.goto(inbox.page_url)
        page.locator("article").nth(10).wait_for()
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", back))) > 384) is (theme == "light")
        for shape in ("p", "d"):
            page.keyboard.press(shape)
            for row in page.locator("article").all():
                row.click()
                assert page.evaluate(CONTRAST) == []
        page.keyboard.press("?")
        assert page.evaluate(CONTRAST) == []
        page.keyboard.press("Escape")
        page.get_by_label("Theme").select_option("dark" if theme == "light" else "light")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != back
    finally:
        context.close()


@browser
def test_a_screen_reader_can_tell_it(page: Page, context: BrowserContext, inbox: Inbox) -> None:
    """Each control has a name, the list is a feed of articles with names and levels."""
    tell(inbox, "Slack")
    tell(inbox, "DingTalk", "### sft started", "info")
    page.goto(inbox.page_url)
    page.locator("article").nth(1).wait_for()
    session = context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    told = [
        (node["role"]["value"], node["name"]["value"], {each["name"] for each in node.get("properties", [])})
        for node in nodes
        if not node["ignored"] and "name" in node and "role" in node
    ]
    controls = {"button", "combobox", "textbox", "searchbox", "checkbox", "link", "article", "feed", "dialog", "region"}
    assert [one for one in told if one[0] in controls and not one[1]] == []
    names = {role: [name for found, name, _ in told if found == role] for role in controls | {"heading", "status"}}
    assert names["feed"] == ["Messages"]
    assert [re.sub(r" *\d\d:\d\d:\d\d *", " ", name) for name in names["article"]] == [
        "DingTalk sft started",
        "Slack sft failed: ValueError: the loss is <not> a number",
    ]
    described = [node["description"]["value"] for node in nodes if node.get("role", {}).get("value") == "article"]
    assert described == ["info", "error"]
    assert {"Inbox 2", "sft started", "Request", "Answer"} <= set(names["heading"])
    assert "The selected message" in names["region"]


@browser
def test_what_arrives_is_said_aloud(page: Page, inbox: Inbox) -> None:
    """The first one, too; how many came, the last one's title, level and result; but no more of it than one can hear."""
    page.add_init_script(STREAMS)
    ding(inbox, "there before")
    page.goto(inbox.page_url)
    page.locator("article").wait_for()
    news = page.locator("[role=log]")
    tell(inbox, "DingTalk", "### sft started", "info")
    news.get_by_text("New: DingTalk, sft started, info", exact=True).wait_for(state="attached")
    post(inbox.url + "x", {"msgtype": "text", "text": {"content": "W" * 18_000}})
    news.get_by_text("WW, unknown, refused").wait_for(state="attached")
    assert len(str(news.text_content())) < 250
    page.evaluate("real = requestAnimationFrame, requestAnimationFrame = does => frame = does")
    for number in range(3):
        ding(inbox, f"message {number}")
    page.wait_for_function("streams[0].came === 6", polling=50)
    page.evaluate("requestAnimationFrame = real, frame()")
    news.get_by_text("3 new, the last: DingTalk, message 2, unknown", exact=True).wait_for(state="attached")


@browser
def test_it_speaks_chinese(chromium: Browser, inbox: Inbox) -> None:
    """As the browser does, or by the switch."""
    post(inbox.url + "x", {"msgtype": "text", "text": {"content": "hello"}})
    context = chromium.new_context(locale="zh-CN")
    try:
        page = context.new_page()
        page.goto(inbox.page_url)
        page.locator("article").wait_for()
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        assert page.locator("article .from b").inner_text() == "钉钉"
        assert page.get_by_role("search").get_by_label("服务").count() == 1
        assert "已拒绝：300001" in page.locator(".why").inner_text()
        assert "请从机器人设置里重新复制 webhook URL" in page.locator(".why").inner_text()
        page.get_by_label("Language").select_option("en")
        assert page.locator("h1").inner_text() == "Inbox 1"
    finally:
        context.close()


@browser
@pytest.mark.parametrize("width", [360, 760, 1100])
def test_a_narrow_window_is_no_wider_than_it_is(width: int, page: Page, inbox: Inbox) -> None:
    """Nothing stands out at its side."""
    for service in CHATS:
        tell(inbox, service)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(inbox.page_url)
    page.locator("article").nth(4).wait_for()
    for shape in ("p", "d"):
        page.keyboard.press(shape)
        for row in page.locator("article").all():
            row.click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@browser
def test_an_inbox_that_ended_is_said_to_have_ended(context: BrowserContext, inbox: Inbox) -> None:
    """After ten seconds, which the page's clock has sooner. A short gap is "Connecting"."""
    page = context.new_page()
    page.clock.install()
    page.goto(inbox.page_url)
    page.locator("#state.live").wait_for()
    state = page.locator("#state")
    with page.expect_event("requestfailed", lambda request: "REFUSED" in request.failure):
        inbox.close()
    assert state.inner_text() == "Connecting …"
    page.clock.fast_forward(10_000)
    assert state.inner_text().startswith("No connection. The inbox has ended")
    with page.expect_event("requestfailed", lambda request: "REFUSED" in request.failure):
        pass  # one more try, that says nothing else
    assert state.inner_text().startswith("No connection. The inbox has ended")


@browser
def test_a_time_of_another_day_has_its_date(page: Page, inbox: Inbox) -> None:
    """As the next day begins, too. A year that is not this one stands there as well."""
    now = datetime.now()
    page.clock.install(time=now)
    page.goto(inbox.page_url)
    ding(inbox, "one")
    time_of_one = page.locator("article >> text='one' >> xpath=../.. >> time")

    def shown() -> str:
        return str(time_of_one.text_content())  # the inner text of a row that is not yet drawn is empty

    assert re.fullmatch(r"\d\d:\d\d:\d\d", shown())
    page.clock.set_system_time(now + timedelta(days=1))
    ding(inbox, "two")
    page.locator("article >> text='two'").wait_for()
    assert re.fullmatch(rf"{now.day} {now:%b}t?( \d{{4}})?,? (at )?\d\d:\d\d:\d\d", shown())
    page.clock.set_system_time(now + timedelta(days=400))
    page.reload()
    assert re.fullmatch(rf"{now.day} {now:%b}t? {now.year},? (at )?\d\d:\d\d:\d\d", shown())


@browser
def test_a_browser_that_keeps_nothing_shows_the_page(page: Page, inbox: Inbox) -> None:
    """As one does that blocks a site's data; the switches hold until the page is closed."""
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no') }})")
    page.goto(inbox.page_url)
    ding(inbox, "one")
    page.locator("article").wait_for()
    page.get_by_label("Language").select_option("zh")
    page.get_by_label("主题").select_option("dark")
    page.get_by_role("button", name="桌面").click()
    assert page.locator(".desk").count() == 1


@browser
def test_without_javascript_the_page_says_what_it_needs(chromium: Browser, inbox: Inbox) -> None:
    """In both languages, as it cannot know which."""
    context = chromium.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(inbox.page_url)
        needs = page.locator("noscript p")
        assert needs.is_visible()
        assert needs.inner_text() == "This page needs JavaScript. 本页面需要 JavaScript。"
    finally:
        context.close()


# Without a browser


def test_all_that_the_page_says_has_its_chinese() -> None:
    """And no Chinese is left over."""
    files = {path.name: path.read_text("utf-8") for path in STATIC.iterdir()}
    chinese = files["words.js"].partition("const CHINESE = {")[2].partition("\n};")[0]
    keys = set(re.findall(r'^  (?:"([^"]+)"|(\w+)):', chinese, re.MULTILINE))
    there = {quoted or bare for quoted, bare in keys}
    code = "".join(text for name, text in files.items() if name.endswith(".js"))
    words = re.findall(r"\b(?:say|tell)\(((?:[^()]|\([^()]*\))*)\)", code)  # both sides of a ternary, too
    words += re.findall(r"(?:\bnote:|const (?:LEVELS|RESULTS|ENDED) =|\bstate =|\"data-say\":)([^\n]+)", code)
    said = {text for part in words for text in re.findall(r'"([^"\n]+)"', part)}
    said |= set(re.findall(r'data-(?:say|label)="([^"]+)"', files["index.html"]))
    assert there == said
