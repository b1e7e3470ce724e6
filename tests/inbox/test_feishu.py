"""The rules of Feishu's robot: what it accepts, how it refuses, and its signature."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import requests

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.feishu import Robot

MARKDOWN = {"tag": "markdown", "content": "**x**"}
PANEL = {
    "tag": "collapsible_panel",
    "expanded": False,
    "header": {"title": {"tag": "plain_text", "content": "x"}},
    "elements": [MARKDOWN],
}
CARD = {
    "schema": "2.0",
    "config": {"summary": {"content": "x"}, "style": {"text_size": {"own": {"pc": "normal"}}}, "width_mode": "fill"},
    "header": {"title": {"tag": "plain_text", "content": "x"}, "template": "red"},
    "body": {"elements": [MARKDOWN, PANEL]},
}
TEXT = {"msg_type": "text", "content": {"text": "hello"}}
NODES = [{"tag": "text", "text": "see "}, {"tag": "a", "text": "it", "href": "https://example.org"}]
LINES = [NODES, [{"tag": "at", "user_id": "ou_1", "user_name": "x"}]]
POST = {"msg_type": "post", "content": {"post": {"zh_cn": {"title": "lost", "content": LINES}}}}


def ask(inbox: Inbox, payload: Any) -> tuple[int, str]:
    """The code and the words of the robot's answer."""
    said = requests.post(inbox.urls["Feishu"], json=payload, timeout=30).json()
    return said["code"], said["msg"]


def card(*place: Any, value: Any) -> dict[str, Any]:
    """A message with the card, in which this place has another value."""
    made = deepcopy(CARD)
    inner: Any = made
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return {"msg_type": "interactive", "card": made}


def post(content: Any) -> dict[str, Any]:
    return {"msg_type": "post", "content": content}


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (TEXT, ("text", "", "hello", ())),
        (POST, ("post", "lost", "see it\n", ("ou_1",))),
        ({"msg_type": "interactive", "card": CARD}, ("interactive", "x", "**x**\n\n**x**", ())),
        (
            {
                "msg_type": "interactive",
                "card": {
                    "schema": "2.0",
                    "body": {
                        "elements": [
                            {
                                "tag": "div",
                                "fields": [
                                    {"is_short": True, "text": {"tag": "lark_md", "content": "<at id=ou_1></at>"}}
                                ],
                            },
                            {
                                "tag": "button",
                                "text": {"tag": "plain_text", "content": "Log"},
                                "behaviors": [{"type": "open_url", "default_url": "https://example.org"}],
                            },
                            {"tag": "hr"},
                        ]
                    },
                },
            },
            ("interactive", "", "<at id=ou_1></at>\n\nLog", ("ou_1",)),
        ),
    ],
)
def test_keeps_what_it_accepts(payload: Any, told: tuple[str, str, str, tuple[str, ...]]) -> None:
    """Its kind, title, text, and whom it calls."""
    with Inbox() as inbox:
        assert ask(inbox, payload) == (0, "success")
        [message] = inbox.messages
    assert (message.kind, message.title, message.text, message.mentioned) == told


@pytest.mark.parametrize(
    ("payload", "inner"),
    [
        (card("zzz", value=1), "ErrCode: 200621; ErrMsg: card.zzz is an unknown property"),
        (card("schema", value="1.0"), "200621"),
        (card("header", value=None), "200621"),
        (card("header", value=5), "200621"),
        (card("header", "zzz", value=1), "200621"),
        (card("header", "template", value="pink"), "200621"),
        (card("header", "template", value=["red"]), "200621"),
        (card("header", "title", "zzz", value=1), "200621"),
        (card("header", "title", "tag", value="markdown"), "200621"),
        (card("header", "title", "content", value=5), "200621"),
        (card("header", value={"template": "red"}), "ErrMsg: card.header.title is missing"),
        (card("config", "summary", "zzz", value=1), "200621"),
        (card("config", "summary", value="x"), "200621"),
        (card("config", "width_mode", value="wide"), "200621"),
        (card("body", value=[]), "200621"),
        (card("body", "elements", value="x"), "200621"),
        (card("body", "elements", value=[]), "200621"),
        (card("body", "elements", value=[MARKDOWN] * 201), "200621"),
        (card("body", "elements", 0, value="x"), "200410"),
        (card("body", "elements", 0, value={}), "200410"),
        (card("body", "elements", 0, "tag", value="note"), "200410"),
        (card("body", "elements", 0, "tag", value=["markdown"]), "200410"),
        (card("body", "elements", 0, "zzz", value=1), "200621"),
        (card("body", "elements", 0, "content", value=""), "200621"),
        (card("body", "elements", 0, "content", value="x" * 10_001), "200621"),
        (card("body", "elements", 0, "content", value="\n|-" * 4), "11310"),
        (card("body", "elements", 1, "expanded", value="no"), "200621"),
        (card("body", "elements", 1, "header", value=5), "200621"),
        (card("body", "elements", 1, "header", value={"title": {"tag": "x"}, "zzz": 1}), "200621"),
        (card("body", "elements", 1, "header", "title", "tag", value="x"), "200621"),
        (card("body", "elements", 1, "header", "zzz", value=1), "200621"),
        (card("body", "elements", 1, "elements", 0, "tag", value="action"), "200410"),
        (
            card(
                "body",
                "elements",
                0,
                value={
                    "tag": "button",
                    "text": {"tag": "plain_text", "content": "x"},
                    "behaviors": [{"type": "callback"}],
                },
            ),
            "200621",
        ),
        ({"msg_type": "interactive"}, "200621"),
        ({"msg_type": "interactive", "card": "{}"}, "200621"),
    ],
)
def test_refuses_a_card(payload: Any, inner: str) -> None:
    """One in which anything is unknown, missing or of another type; by the code within the code."""
    with Inbox() as inbox:
        code, said = ask(inbox, payload)
        assert inbox.messages == []
    assert code == 11246
    assert inner in said


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, 19002),
        ({"msg_type": "markdown", "content": {"text": "x"}}, 19002),
        ({"msg_type": ["text"], "content": {"text": "x"}}, 19002),
        ({"msg_type": "text"}, 9499),
        ({"msg_type": "text", "content": "x"}, 9499),
        ({"msg_type": "text", "content": {"text": ""}}, 9499),
        ({"msg_type": "text", "content": {"text": 5}}, 9499),
        (post({}), 9499),
        (post({"post": {}}), 9499),
        (post({"post": {"xx_xx": {"content": LINES}}}), 9499),
        (post({"post": {"zh_cn": {"title": "x"}}}), 9499),
        (post({"post": {"zh_cn": {"title": 5, "content": LINES}}}), 9499),
        (post({"post": {"zh_cn": {"content": []}}}), 9499),
        (post({"post": {"zh_cn": {"content": NODES}}}), 9499),
        (post({"post": {"zh_cn": {"content": [["x"]]}}}), 9499),
        (post({"post": {"zh_cn": {"content": [[{"tag": "code", "text": "x"}]]}}}), 9499),
        (post({"post": {"zh_cn": {"content": [[{"tag": "text"}]]}}}), 9499),
        (post({"post": {"zh_cn": {"content": [[{"tag": "a", "text": "x"}]]}}}), 9499),
    ],
)
def test_refuses_a_malformed_request(payload: Any, code: int) -> None:
    """A kind that it does not know, or content that is not of its kind."""
    with Inbox() as inbox:
        assert ask(inbox, payload)[0] == code
        assert inbox.messages == []


@pytest.mark.parametrize(
    "sent",
    [
        {"data": "hello", "headers": {"Content-Type": "application/json"}},
        {"data": "[]", "headers": {"Content-Type": "application/json"}},
        {"data": '{"msg_type": "text", "content": {"text": "x"}}', "headers": {"Content-Type": "text/plain"}},
        {"json": {"msg_type": "text", "content": {"text": "x" * 20_480}}},
    ],
)
def test_refuses_what_it_cannot_read(sent: Any) -> None:
    """With HTTP 400: no JSON object, another content type, more than 20 KB."""
    with Inbox() as inbox:
        reply = requests.post(inbox.urls["Feishu"], **sent, timeout=30)
    assert (reply.status_code, reply.json()["code"], reply.json()["msg"]) == (400, 9499, "Bad Request")


def test_refuses_another_token() -> None:
    """Before it looks at the body."""
    with Inbox() as inbox:
        reply = requests.post(inbox.urls["Feishu"] + "x", data="hello", timeout=30).json()
    assert reply["code"] == 19001


# Seconds, secret and sign, as several public clients have them.
VECTORS = [
    (1599360473, "demo", "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="),
    (1700000000, "twinkle-test-secret", "kZdKPXT3ZSq5I3tNaS3RyhweAI+hoZkcTo6wWjjc1d8="),
    (1700000000, "密钥é", "ZAI0nYNPmFJDP7B+Rw5ZroeRySCE2D+43YyGPo4YZMg="),
]
WRONG_WAY_ROUND = (1700000000, "twinkle-test-secret", "G9TuI9Nc6RxGA+fk5H4MGM/JnMmi3ZX9vuSAupqOi78=")  # as DingTalk's


def signed(secret: str, at: float, **fields: Any) -> tuple[int, str]:
    """What a robot with this secret, whose clock shows `at`, says of a text with these fields."""
    with Inbox(secret=secret) as inbox:
        inbox.robots["Feishu"].clock = lambda: at
        return ask(inbox, {**TEXT, **fields})


@pytest.mark.parametrize(("seconds", "secret", "sign"), VECTORS)
@pytest.mark.parametrize("as_number", [False, True])
def test_takes_a_right_signature(seconds: int, secret: str, sign: str, as_number: bool) -> None:
    """And the seconds as a text or a number."""
    assert signed(secret, seconds, timestamp=seconds if as_number else str(seconds), sign=sign) == (0, "success")


@pytest.mark.parametrize(
    ("at", "timestamp", "sign"),
    [
        (WRONG_WAY_ROUND[0], str(WRONG_WAY_ROUND[0]), WRONG_WAY_ROUND[2]),
        (VECTORS[1][0] + 3601, str(VECTORS[1][0]), VECTORS[1][2]),
        (VECTORS[1][0] - 3601, str(VECTORS[1][0]), VECTORS[1][2]),
        (VECTORS[1][0], str(VECTORS[1][0] + 1), VECTORS[1][2]),
        (VECTORS[1][0], "", VECTORS[1][2]),
        (VECTORS[1][0], "9" * 5000, VECTORS[1][2]),
        (VECTORS[1][0], "1.7e9", VECTORS[1][2]),
        (VECTORS[1][0], str(VECTORS[1][0]), VECTORS[2][2]),
        (VECTORS[1][0], str(VECTORS[1][0]), None),
        (VECTORS[1][0], str(VECTORS[1][0]), "\ud800"),
    ],
)
def test_refuses_a_wrong_signature(at: int, timestamp: str, sign: Any) -> None:
    """DingTalk's way round, a clock that is an hour off, and what is no signature at all."""
    assert signed("twinkle-test-secret", at, timestamp=timestamp, sign=sign) == (
        19021,
        "sign match fail or timestamp is not within one hour from current time",
    )


def test_takes_a_signature_of_an_hour_ago() -> None:
    """To the second."""
    seconds, secret, sign = VECTORS[1]
    assert signed(secret, seconds + 3600, timestamp=str(seconds), sign=sign)[0] == 0


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (TEXT, 19024),
        ({"msg_type": "text", "content": {"text": "an alert"}}, 0),
        (card("header", "title", "content", value="alert"), 0),
        (card("config", "width_mode", value="compact"), 19024),
        (post({"post": {"zh_cn": {"content": [[{"tag": "text", "text": "alert"}]]}}}), 0),
        (post({"post": {"zh_cn": {"content": [[{"tag": "a", "text": "x", "href": "https://alert"}]]}}}), 19024),
    ],
)
def test_wants_a_keyword(payload: Any, code: int) -> None:
    """In a text, a title or a content, and not in a link."""
    with Inbox(keywords=("alert", "compact")) as inbox:
        assert ask(inbox, payload)[0] == code


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (card("body", "elements", 0, "content", value="<at id=all></at>"), 11246),
        (card("body", "elements", 0, "content", value="<at id=ou_1></at>"), 0),
        ({"msg_type": "text", "content": {"text": '<at user_id="all">x</at>'}}, 0),
    ],
)
def test_a_group_may_forbid_to_call_everybody(payload: Any, code: int) -> None:
    """It refuses the card for that."""
    with Inbox() as inbox:
        robot = inbox.robots["Feishu"]
        assert isinstance(robot, Robot)
        robot.allows_all = False
        assert ask(inbox, payload)[0] == code


def test_takes_five_messages_in_a_second() -> None:
    """Then it is throttled; refused ones do not count."""
    with Inbox() as inbox:
        codes = [ask(inbox, {})[0] for _ in range(6)] + [ask(inbox, TEXT)[0] for _ in range(30)]
    assert codes[:11] == [19002] * 6 + [0] * 5
    assert set(codes[11:]) == {0, 11232} or set(codes[11:]) == {11232}


def test_answers_a_visit_of_its_url() -> None:
    """As a person's browser makes one."""
    with Inbox() as inbox:
        reply = requests.get(inbox.urls["Feishu"], timeout=30)
    assert (reply.status_code, reply.json()["code"]) == (400, 9499)
