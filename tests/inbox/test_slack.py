"""The rules of Slack's incoming webhook: what it accepts, and by which word it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from twinkle_notifier.inbox import Inbox

WORDS = {"type": "text", "text": "x"}
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "a &lt; b <@U1>"}}
CODE = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_preformatted", "elements": [WORDS], "language": "python"}],
}
LIST = {
    "type": "rich_text",
    "elements": [
        {"type": "rich_text_list", "style": "bullet", "elements": [{"type": "rich_text_section", "elements": [WORDS]}]}
    ],
}
CONTEXT = {"type": "context", "elements": [{"type": "plain_text", "text": "x"}]}


def ask(inbox: Inbox, payload: Any) -> tuple[int, str]:
    """Status and word of the webhook's answer."""
    reply = requests.post(inbox.urls["Slack"], json=payload, timeout=30)
    return reply.status_code, reply.text


def blocks(*blocks: Any) -> dict[str, Any]:
    return {"text": "x", "attachments": [{"color": "danger", "blocks": [*blocks]}]}


def section(**fields: Any) -> dict[str, Any]:
    return blocks({"type": "section", **fields})


def mrkdwn(text: Any) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"text": "hello <!channel>"}, ("text", "hello <!channel>", "hello <!channel>", ("!channel",))),
        ({"text": "x" * 40_001}, ("text", "x" * 40_000, "x" * 40_000, ())),
        ({"blocks": [SECTION]}, ("blocks", "", "a &lt; b <@U1>", ("@U1",))),
        ({"text": "t", "blocks": [SECTION, CODE]}, ("blocks", "t", "a &lt; b <@U1>\n\nx", ("@U1",))),
        (blocks(CODE, LIST, CONTEXT, {"type": "divider"}), ("blocks", "x", "x\n\nx\n\nx", ())),
        (section(fields=[mrkdwn("*k*"), mrkdwn("<@U2>")]), ("blocks", "x", "*k*\n\n<@U2>", ("@U2",))),
        ({"attachments": [{"title": "a", "text": "b"}]}, ("text", "", "a\n\nb", ())),
    ],
)
def test_keeps_what_it_accepts(payload: Any, told: tuple[str, str, str, tuple[str, ...]]) -> None:
    """What a phone previews, the text of all blocks, and whom it calls: not in code."""
    with Inbox() as inbox:
        assert ask(inbox, payload) == (200, "ok")
        [message] = inbox.messages
    assert (message.kind, message.title, message.text, message.mentioned) == told


@pytest.mark.parametrize(
    ("payload", "status", "word"),
    [
        ([], 400, "invalid_payload"),
        ({"text": 5}, 400, "invalid_payload"),
        ({"text": "x", "attachments": "x"}, 400, "invalid_payload"),
        ({"text": "x", "attachments": ["x"]}, 400, "invalid_payload"),
        ({"text": "x", "attachments": [{"color": 5}]}, 400, "invalid_payload"),
        ({"text": "x", "attachments": [{"blocks": {}}]}, 400, "invalid_payload"),
        ({"text": "x", "attachments": [{"fields": [{"title": 5}]}]}, 400, "invalid_payload"),
        ({"text": "x", "attachments": [{"text": "x"}] * 101}, 400, "too_many_attachments"),
        ({"text": "x", "attachments": [{"text": "x"}] * 100}, 200, "ok"),
        ({}, 400, "no_text"),
        ({"text": ""}, 400, "no_text"),
        ({"attachments": [{"color": "good"}]}, 400, "no_text"),
        ({"text": "x", "blocks": "x"}, 400, "invalid_blocks"),
        ({"text": "x", "blocks": ["x"]}, 400, "invalid_blocks"),
        (blocks({}), 400, "invalid_blocks"),
        (blocks({"type": ["section"]}), 400, "invalid_blocks"),
        (blocks({"type": "video"}), 400, "invalid_blocks"),
        (blocks({"type": "divider", "bogus": 1}), 400, "invalid_blocks"),
        (blocks({"type": "divider", "block_id": 5}), 400, "invalid_blocks"),
        (section(), 400, "invalid_blocks"),
        (section(text="x"), 400, "invalid_blocks"),
        (section(text={"type": "markdown", "text": "x"}), 400, "invalid_blocks"),
        (section(text=mrkdwn("")), 400, "invalid_blocks"),
        (section(text=mrkdwn(5)), 400, "invalid_blocks"),
        (section(text=mrkdwn("a & b")), 400, "invalid_blocks"),
        (section(text={"type": "plain_text", "text": "a & b"}), 200, "ok"),
        (section(text=mrkdwn("x" * 3_000)), 200, "ok"),
        (section(text=mrkdwn("x" * 3_001)), 400, "invalid_blocks"),
        (section(fields=[mrkdwn("x")] * 11), 400, "invalid_blocks"),
        (section(fields=[mrkdwn("x" * 2_001)]), 400, "invalid_blocks"),
        (section(fields=[mrkdwn("a & b")]), 400, "invalid_blocks"),
        (blocks({"type": "header", "text": {"type": "plain_text", "text": "x" * 150}}), 200, "ok"),
        (blocks({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}), 400, "invalid_blocks"),
        (blocks({"type": "header", "text": mrkdwn("x")}), 400, "invalid_blocks"),
        (blocks({"type": "context", "elements": []}), 400, "invalid_blocks"),
        (blocks({"type": "rich_text", "elements": "zz", "bogus": 1}), 400, "invalid_blocks"),
        (blocks({"type": "rich_text", "elements": []}), 400, "invalid_blocks"),
        (blocks({"type": "rich_text", "elements": [{"type": "rich_text_code"}]}), 400, "invalid_blocks"),
        (blocks({"type": "rich_text", "elements": [{**CODE["elements"][0], "bogus": 1}]}), 400, "invalid_blocks"),
        (blocks({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": ["x"]}]}), 400, "invalid_blocks"),
        (blocks(*[{"type": "divider"}] * 50), 200, "ok"),
        (blocks(*[{"type": "divider"}] * 51), 400, "invalid_blocks"),
        (blocks(*[{"type": "section", "text": mrkdwn("x" * 2_640)}] * 5), 200, "ok"),
        (blocks(*[{"type": "section", "text": mrkdwn("x" * 2_640)}] * 5, CODE), 400, "msg_blocks_too_long"),
        (blocks({"type": "markdown", "text": "x"}), 500, ""),
    ],
)  # fmt: skip
def test_answers_by_its_words(payload: Any, status: int, word: str) -> None:
    """One for each way to be wrong, with its HTTP status."""
    with Inbox() as inbox:
        assert ask(inbox, payload) == (status, word)
        assert len(inbox.messages) == (word == "ok")


@pytest.mark.parametrize(
    ("sent", "status", "word"),
    [
        ({"data": "hello", "headers": {"Content-Type": "application/json"}}, 400, "invalid_payload"),
        ({"data": '{"text": "x"}', "headers": {"Content-Type": "text/plain"}}, 400, "invalid_payload"),
    ],
)
def test_refuses_what_it_cannot_read(sent: Any, status: int, word: str) -> None:
    """No JSON, or not said to be."""
    with Inbox() as inbox:
        reply = requests.post(inbox.urls["Slack"], **sent, timeout=30)
    assert (reply.status_code, reply.text) == (status, word)


def test_refuses_another_token() -> None:
    """Before it looks at the body."""
    with Inbox() as inbox:
        reply = requests.post(inbox.urls["Slack"] + "x", data="hello", timeout=30)
    assert (reply.status_code, reply.text) == (404, "no_service")


def test_says_when_to_come_again() -> None:
    """With one message too many."""
    with Inbox(rate=1) as inbox:
        assert ask(inbox, {"text": "x"}) == (200, "ok")
        reply = requests.post(inbox.urls["Slack"], json={"text": "x"}, timeout=30)
    assert (reply.status_code, reply.text, reply.headers["Retry-After"]) == (429, "rate_limited", "1")
