"""The rules of an ntfy server: what it accepts, and by which code it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from twinkle_notifier.inbox import Inbox

TOPIC = "runs_of-us1"


def root(inbox: Inbox) -> str:
    return inbox.apprise_urls["ntfy"].replace("ntfy://", "http://").removesuffix(TOPIC)


def ask(inbox: Inbox, payload: Any) -> tuple[int, Any]:
    """The status and the answer."""
    reply = requests.post(root(inbox), json=payload, timeout=30)
    return reply.status_code, reply.json()


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"title": "a", "message": "b", "markdown": True}, ("markdown", "a", "b")),
        ({"message": "行" * 1_365, "tags": ["x"], "priority": 5}, ("text", "", "行" * 1_365)),
        ({"more": [1]}, ("text", "", "triggered")),
    ],
)
def test_keeps_what_it_accepts(payload: Any, told: tuple[str, str, str]) -> None:
    """Up to 4096 bytes; without a message it writes one of its own."""
    with Inbox(token=TOPIC) as inbox:
        body = {"topic": TOPIC, **payload}
        reply = requests.post(root(inbox), data=json.dumps(body, ensure_ascii=False).encode(), timeout=30)
        assert (reply.status_code, reply.json()["event"], reply.json()["topic"]) == (200, "message", TOPIC)
        [message] = inbox.messages
    assert (message.service, message.kind, message.title, message.text) == ("ntfy", *told)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ([], 40024),
        ({"topic": 5}, 40024),
        ({"topic": TOPIC, "title": ["x"]}, 40024),
        ({"topic": TOPIC, "message": {}}, 40024),
        ({"topic": TOPIC, "tags": "x"}, 40024),
        ({"topic": TOPIC, "priority": "high"}, 40024),
        ({"topic": TOPIC, "priority": 6}, 40007),
        ({}, 40009),
        ({"topic": "a b"}, 40009),
        ({"topic": "x" * 65}, 40009),
        ({"topic": "other"}, 40301),
        ({"topic": TOPIC, "message": "x" * 4_097}, 40014),
        ({"topic": TOPIC, "message": "x" * 8_192}, 41303),
    ],
)
def test_answers_by_its_codes(payload: Any, code: int) -> None:
    """Which begin with the HTTP status."""
    with Inbox(token=TOPIC) as inbox:
        status, said = ask(inbox, payload)
        assert inbox.messages == []
    assert (status, said["code"], said["http"]) == (code // 100, code, code // 100)
    assert said["error"]


def test_takes_no_attachments() -> None:
    """As a server without a folder for them."""
    with Inbox(token=TOPIC) as inbox:
        reply = requests.post(root(inbox) + TOPIC, data=b"x", params={"filename": "a.txt"}, timeout=30)
    assert (reply.status_code, reply.json()["code"]) == (400, 40014)


def test_says_when_there_are_too_many() -> None:
    """More than its rate."""
    with Inbox(token=TOPIC, rate=2) as inbox:
        assert [ask(inbox, {"topic": TOPIC})[0] for _ in range(3)] == [200, 200, 429]
        assert ask(inbox, {"topic": TOPIC})[1]["code"] == 42901


def test_the_page_of_the_inbox_stays_where_it_is() -> None:
    """A visit of its address is no message to ntfy."""
    with Inbox(token=TOPIC) as inbox:
        ask(inbox, {"topic": TOPIC, "title": "lost"})
        page = requests.get(inbox.page_url, timeout=30)
        assert (page.status_code, "page.js" in page.text) == (200, True)
        assert requests.get(root(inbox), timeout=30).status_code == 403
