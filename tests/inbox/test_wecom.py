"""The rules of WeCom's robot: what it accepts, and by which code it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from twinkle_notifier.inbox import Inbox

HINT = ", hint: ["  # before the address that the request came from


def ask(inbox: Inbox, payload: Any) -> tuple[int, str]:
    """Code and words of the robot's answer."""
    body = json.dumps(payload, ensure_ascii=False).encode()
    said = requests.post(inbox.urls["WeCom"], data=body, timeout=30).json()
    return said["errcode"], said["errmsg"]


def message(kind: Any, content: Any) -> dict[str, Any]:
    return {"msgtype": kind, str(kind): content}


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (
            message("text", {"content": "a\n<@x>", "mentioned_list": ["@all"], "mentioned_mobile_list": ["138"]}),
            ("a", ("x", "@all", "138")),
        ),
        (
            message("markdown", {"content": '### <font color="info">a</font>\n<@x>', "mentioned_list": ["y"]}),
            ("a", ("x",)),
        ),
        (message("markdown_v2", {"content": "# a\n```\n<@x>\n```"}), ("a", ())),
    ],
)
def test_keeps_what_it_accepts(payload: Any, told: tuple[str, tuple[str, ...]]) -> None:
    """Its title, and whom it calls: only a text by a list, and ``markdown_v2`` nobody."""
    with Inbox() as inbox:
        assert ask(inbox, payload) == (0, "ok")
        [received] = inbox.messages
    assert (received.kind, received.text) == (payload["msgtype"], payload[payload["msgtype"]]["content"])
    assert (received.title, received.mentioned) == told


@pytest.mark.parametrize(
    ("payload", "code", "said"),
    [
        ([], 47001, "data format error"),
        ({}, 40008, "invalid message type"),
        (message(["markdown"], {"content": "x"}), 40008, "invalid message type"),
        (message({"markdown": 1}, {"content": "x"}), 40008, "invalid message type"),
        (message(5, {"content": "x"}), 40008, "invalid message type"),
        (message("card", {"content": "x"}), 40008, "invalid message type"),
        ({"msgtype": "text"}, 44004, "empty content"),
        (message("text", "x"), 44004, "empty content"),
        (message("text", {"content": " \n"}), 44004, "empty content"),
        (message("text", {"content": ["x"]}), 44004, "empty content"),
        (message("text", {"content": "x", "mentioned_list": "@all"}), 40058, "invalid param 'text.mentioned_list'"),
        (
            message("text", {"content": "x", "mentioned_mobile_list": [138]}),
            40058,
            "invalid param 'text.mentioned_mobile_list[0]'",
        ),
        (message("text", {"content": "行" * 682}), 0, "ok"),
        (message("text", {"content": "行" * 683}), 40058, "text.content exceed max length 2048"),
        (message("markdown", {"content": "行" * 1365}), 0, "ok"),
        (message("markdown", {"content": "行" * 1366}), 40058, "markdown.content exceed max length 4096"),
        (message("markdown_v2", {"content": "x" * 4097}), 40058, "markdown_v2.content exceed max length 4096"),
    ],
)
def test_answers_by_its_codes(payload: Any, code: int, said: str) -> None:
    """One for each way to be wrong; the words end with our own address."""
    with Inbox() as inbox:
        found, words = ask(inbox, payload)
        assert len(inbox.messages) == (code == 0)
    assert (found, words[: len(said)]) == (code, said)
    assert (HINT in words) is (code != 0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"hello", 47001),
        (b'{"msgtype": "text", "text": {"content": "\xff"}}', 47001),
        (b'{"msgtype": "text", "text": {"content": "\\u884c"}}', 40033),
        (b'{"msgtype": "text", "text": {"content": "\\uD800"}}', 40033),
    ],
)
def test_refuses_what_it_cannot_read(body: bytes, code: int) -> None:
    """No JSON in UTF-8, or characters that are written by their number."""
    with Inbox() as inbox:
        assert requests.post(inbox.urls["WeCom"], data=body, timeout=30).json()["errcode"] == code


@pytest.mark.parametrize("key", ["", "other", "密钥"])
def test_refuses_another_key(key: str) -> None:
    """Before it looks at the body."""
    with Inbox() as inbox:
        url = inbox.urls["WeCom"].partition("?")[0]
        reply = requests.post(url, params={"key": key}, data="hello", timeout=30).json()
    assert reply["errcode"] == 93000


def test_takes_twenty_messages_a_minute() -> None:
    """Then none for a minute; refused ones do not count."""
    with Inbox() as inbox:
        codes = [ask(inbox, {})[0]] + [ask(inbox, message("text", {"content": "x"}))[0] for _ in range(22)]
    assert codes == [40008] + [0] * 20 + [45009] * 2
