"""The rules of Discord's webhook: what it accepts, and by which code it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from twinkle_notifier.inbox import Inbox


def url(inbox: Inbox) -> str:
    return inbox.url.partition("/robot/")[0] + inbox.robots["Discord"].webhook


def ask(inbox: Inbox, payload: Any) -> tuple[int, int]:
    """The status, and the code of a refusal."""
    reply = requests.post(url(inbox), json=payload, timeout=30)
    return reply.status_code, reply.json()["code"] if reply.content else 0


def embed(**fields: Any) -> dict[str, Any]:
    return {"embeds": [fields]}


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"content": "lost\n`@here` <@5>", "tts": False}, ("text", "lost", "lost\n`@here` <@5>", ("<@5>",))),
        ({"content": "a\n```\n@everyone\n```\n@here <@&7>"}, ("text", "a", "a\n```\n@everyone\n```\n@here <@&7>", ("@here", "<@&7>"))),
        (embed(title="t", description="d", fields=[{"name": "k", "value": "v"}], author={"name": "us"}), ("embeds", "t", "t\nd\nk\nv\nus", ())),
        ({"content": "x" * 2_000}, ("text", "x" * 2_000, "x" * 2_000, ())),
    ],
)  # fmt: skip
def test_keeps_what_it_accepts(payload: Any, told: tuple[str, str, str, tuple[str, ...]]) -> None:
    """The first line, all texts, and whom it calls: nobody in code. Success has no body."""
    with Inbox() as inbox:
        assert ask(inbox, payload) == (204, 0)
        [message] = inbox.messages
    assert (message.service, message.kind, message.title, message.text, message.mentioned) == ("Discord", *told)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ([], 50109),
        ({}, 50006),
        ({"content": " \n"}, 50006),
        ({"embeds": []}, 50006),
        ({"embeds": [{}]}, 50006),
        ({"content": 5}, 50035),
        ({"content": "x" * 2_001}, 50035),
        ({"content": "x", "username": ""}, 50035),
        ({"embeds": "x"}, 50035),
        ({"embeds": ["x"]}, 50035),
        ({"embeds": [{"title": "x"}] * 11}, 50035),
        (embed(title="x" * 257), 50035),
        (embed(description="x" * 4_097), 50035),
        (embed(title="x", color="red"), 50035),
        (embed(fields=[{"name": "k", "value": "v"}] * 26), 50035),
        (embed(fields=[{"name": "k", "value": ""}]), 50035),
        (embed(fields=[{"name": "k", "value": "x" * 1_025}]), 50035),
        ({"embeds": [{"description": "x" * 3_001}] * 2}, 50035),
    ],
)
def test_answers_by_its_codes(payload: Any, code: int) -> None:
    """One for each way to be wrong, with HTTP 400."""
    with Inbox() as inbox:
        assert ask(inbox, payload) == (400, code)
        assert inbox.messages == []


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"data": "hello", "headers": {"Content-Type": "application/json"}}, 400, 50109),
        ({"data": '{"content": "x"}', "headers": {"Content-Type": "text/plain"}}, 400, 50109),
    ],
)
def test_refuses_what_it_cannot_read(sent: Any, status: int, code: int) -> None:
    """No JSON, or not said to be."""
    with Inbox() as inbox:
        reply = requests.post(url(inbox), **sent, timeout=30)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_refuses_another_webhook() -> None:
    """Before it looks at the body."""
    with Inbox() as inbox:
        reply = requests.post(url(inbox) + "x", data="hello", timeout=30)
    assert (reply.status_code, reply.json()) == (404, {"message": "Unknown Webhook", "code": 10015})


def test_says_when_to_come_again() -> None:
    """With one message too many."""
    with Inbox(rate=1, penalty=3.0) as inbox:
        assert ask(inbox, {"content": "x"}) == (204, 0)
        reply = requests.post(url(inbox), json={"content": "x"}, timeout=30)
    assert (reply.status_code, reply.json()["retry_after"], reply.headers["X-RateLimit-Remaining"]) == (429, 3.0, "0")


def test_no_notifier_is_given_its_url() -> None:
    """apprise speaks to discord.com alone; ntfy it can be led to."""
    with Inbox() as inbox:
        assert "Discord" not in {**inbox.urls, **inbox.apprise_urls}
        assert list(inbox.apprise_urls) == ["ntfy"]
