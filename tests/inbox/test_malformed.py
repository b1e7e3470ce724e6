"""No request crashes a robot: each place of a sound message in turn holds what does not belong there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import requests

from twinkle_notifier.inbox import Inbox

WORDS = {"tag": "plain_text", "content": "x"}
MARKDOWN = {"tag": "markdown", "content": "<at id=ou_1></at>"}
PANEL = {"tag": "collapsible_panel", "header": {"title": WORDS}, "elements": [MARKDOWN]}
FIELDS = {"tag": "div", "text": WORDS, "fields": [{"is_short": True, "text": WORDS}]}
RICH = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}]}
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "fields": [{"type": "mrkdwn", "text": "x"}]}
SOUND = {
    "DingTalk text": {"msgtype": "text", "text": {"content": "x"}, "at": {"atMobiles": ["1"], "isAtAll": True}},
    "DingTalk markdown": {"msgtype": "markdown", "markdown": {"title": "x", "text": "x"}, "msgUuid": "1"},
    "Feishu text": {"msg_type": "text", "content": {"text": "x"}},
    "Feishu post": {
        "msg_type": "post",
        "content": {"post": {"zh_cn": {"title": "x", "content": [[{"tag": "at", "user_id": "all"}]]}}},
    },
    "Feishu card": {
        "msg_type": "interactive",
        "card": {
            "schema": "2.0",
            "config": {"summary": {"content": "x"}},
            "header": {"title": WORDS, "template": "red"},
            "body": {"elements": [MARKDOWN, PANEL, FIELDS]},
        },
    },
    "WeCom text": {"msgtype": "text", "text": {"content": "x", "mentioned_list": ["@all"]}},
    "WeCom markdown": {"msgtype": "markdown", "markdown": {"content": "x"}},
    "Slack text": {"text": "x", "attachments": [{"color": "good", "title": "x", "fields": [{"title": "x"}]}]},
    "Slack blocks": {"text": "x", "blocks": [SECTION, RICH], "attachments": [{"blocks": [SECTION, RICH]}]},
    "ntfy JSON": {"topic": "local-token", "title": "x", "message": "x", "tags": ["x"], "priority": 3},
    "Discord text": {"content": "x", "username": "x", "tts": False},
    "Discord embed": {
        "embeds": [{"title": "x", "author": {"name": "x"}, "fields": [{"name": "x", "value": "x"}], "color": 1}]
    },
    "Bark push": {"title": "x", "body": "x", "markdown": "x", "level": "active", "id": "1"},
}
ODD: list[Any] = [None, True, 5, 1.5, "", "x", "\ud800", [], ["x"], [[["x"]]], [None], {}, {"x": 1}, {"text": [5]}]
DEEP = json.loads("[" * 300 + "]" * 300)


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to each value within."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (key,)
        yield from ((key, *rest) for rest in places(each))


def changed(value: Any, place: tuple[Any, ...], odd: Any) -> Any:
    """A copy with `odd` at this place."""
    made = inner = deepcopy(value)
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = odd
    return made


def variants(sound: dict[str, Any]) -> Iterator[Any]:
    for place in places(sound):
        for odd in (*ODD, DEEP):
            yield changed(sound, place, odd)
        if isinstance(place[-1], str):
            yield from (changed(sound, (*place[:-1], name), DEEP) for name in ("odd", "text", "title"))
    yield from ODD


@pytest.mark.parametrize("name", SOUND)
def test_no_request_crashes_a_robot(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Each gets an answer; what is taken is shown on the page; and no traceback is printed."""
    with Inbox(rate=100_000, keywords=("x", "1")) as inbox, requests.Session() as session:
        robot = inbox.robots[name.split()[0]]
        robot.per_second = 0  # type: ignore[misc]
        at = "/" if robot.service == "ntfy" else robot.webhook.rstrip("/")
        url = inbox.url.partition("/robot/")[0] + at
        assert session.post(url, data=json.dumps(SOUND[name]), headers={"Content-Type": "application/json"}).ok
        assert len(inbox.messages) == 1
        sent = 1
        for payload in variants(SOUND[name]):
            reply = session.post(url, data=json.dumps(payload), headers={"Content-Type": "application/json"})
            assert reply.status_code in (200, 204, 400, 403, 500), payload
            sent += 1
        assert (inbox.requests, session.get(inbox.page_url).status_code) == (sent, 200)
    assert capfd.readouterr().err == ""


def test_a_card_of_many_panels_in_each_other_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """However deep they lie."""
    with Inbox() as inbox:
        for depth in (30, 150):
            element: dict[str, Any] = MARKDOWN
            for _ in range(depth):
                element = {"tag": "collapsible_panel", "header": {}, "elements": [element]}
            card = {"schema": "2.0", "body": {"elements": [element]}}
            reply = requests.post(inbox.urls["Feishu"], json={"msg_type": "interactive", "card": card}, timeout=30)
            assert "is too deep" in reply.json()["msg"]
    assert capfd.readouterr().err == ""
