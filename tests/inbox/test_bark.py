"""The rules of Bark's server: what it accepts, and how it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from twinkle_notifier.inbox import Inbox


def ask(inbox: Inbox, payload: Any) -> tuple[int, int, str]:
    """The status, the code that repeats it, and the words of the server's answer."""
    reply = requests.post(inbox.urls["Bark"].rstrip("/"), json=payload, timeout=30)
    said = reply.json()
    return reply.status_code, said["code"], said["message"]


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"title": "t", "body": "b", "level": "timeSensitive", "id": "1"}, ("text", "t", "b", "1")),
        ({"title": "t", "body": "b", "markdown": "**m**"}, ("markdown", "t", "**m**", "")),
        ({"title": "t", "badge": 1, "more": {"a": []}}, ("text", "t", "", "")),
    ],
)
def test_keeps_what_it_accepts(payload: Any, told: tuple[str, str, str, str]) -> None:
    """Markdown counts before the body; what it does not know goes to the app."""
    with Inbox() as inbox:
        assert ask(inbox, payload) == (200, 200, "success")
        [message] = inbox.messages
    assert (message.kind, message.title, message.text, message.msg_uuid) == told


@pytest.mark.parametrize(
    ("payload", "code", "said"),
    [
        ([], 400, "request bind failed: invalid character"),
        ({"title": ["t"]}, 400, "request bind failed: push.title has a wrong value"),
        ({"markdown": 5}, 400, "request bind failed: push.markdown has a wrong value"),
        ({"body": None}, 400, "request bind failed: push.body has a wrong value"),
        ({"body": "b", "id": 1}, 400, "request bind failed: push.id has a wrong value"),
        ({"body": "b", "level": "loud"}, 400, "request bind failed: push.level has a wrong value"),
        ({"body": "b", "level": ["active"]}, 400, "request bind failed: push.level has a wrong value"),
        ({"body": "x" * 3_684}, 200, "success"),
        ({"body": "x" * 3_685}, 500, "push failed: APNS push failed: PayloadTooLarge"),
    ],
)
def test_answers_by_its_codes(payload: Any, code: int, said: str) -> None:
    """The same number as HTTP status and in the answer."""
    with Inbox() as inbox:
        assert ask(inbox, payload) == (code, code, said)
        assert len(inbox.messages) == (code == 200)


@pytest.mark.parametrize(
    "sent",
    [
        {"data": "hello", "headers": {"Content-Type": "application/json"}},
        {"data": '{"body": "b"}', "headers": {"Content-Type": "text/plain"}},
    ],
)
def test_refuses_what_it_cannot_read(sent: Any) -> None:
    """No JSON, or not said to be."""
    with Inbox() as inbox:
        reply = requests.post(inbox.urls["Bark"].rstrip("/"), **sent, timeout=30)
    assert (reply.status_code, reply.json()["code"]) == (400, 400)


def test_refuses_another_key() -> None:
    """Before it looks at the body."""
    with Inbox() as inbox:
        reply = requests.post(inbox.urls["Bark"] + "x", data="hello", timeout=30)
    assert reply.json()["message"] == "failed to get device token: failed to get device token from database"


def test_a_push_with_the_id_of_another_takes_its_place() -> None:
    """So a repeat is seen once."""
    with Inbox() as inbox:
        for payload in ({"body": "b", "id": "1"}, {"body": "b", "id": "1"}, {"body": "b"}, {"body": "b"}):
            assert ask(inbox, payload)[0] == 200
        assert (len(inbox.messages), inbox.repeats) == (3, 1)
