"""The rules of the local robot: what it accepts, how it refuses, and what it forgets."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from twinkle_notifier.channels.dingtalk import signature
from twinkle_notifier.inbox.dingtalk import Robot
from twinkle_notifier.inbox.robot import Request, Response

JSON = "application/json; charset=utf-8"
OK = {"errcode": 0, "errmsg": "ok"}
TEXT = {"msgtype": "text", "text": {"content": "hello"}}
MARKDOWN = {"msgtype": "markdown", "markdown": {"title": "hello", "text": "### hello"}}


def robot(secret: str | None = None, keywords: tuple[str, ...] = (), rate: int = 20, penalty: float = 600) -> Robot:
    return Robot("tok", secret, keywords, rate, penalty)


def answer(
    to: Robot, payload: Any = TEXT, query: Mapping[str, str] | None = None, kind: str = JSON, body: bytes | None = None
) -> tuple[int, str]:
    body = body if body is not None else json.dumps(payload, ensure_ascii=False).encode()
    said = to.answer(Request(to.path, {"access_token": "tok"} if query is None else query, kind, body)).content
    assert isinstance(said, dict)
    return said["errcode"], said["errmsg"]


def signed(secret: str = "SEC", ahead: float = 0.0, **other: str) -> dict[str, str]:
    millis = round((time.time() + ahead) * 1000)
    return {"access_token": "tok", "timestamp": str(millis), "sign": signature(secret, millis), **other}


@pytest.mark.parametrize(
    ("payload", "told"), [(TEXT, ("text", "", "hello")), (MARKDOWN, ("markdown", "hello", "### hello"))]
)
def test_keeps_what_it_accepts(payload: Any, told: tuple[str, str, str]) -> None:
    """Its kind, title, text, id and size."""
    mine = robot()
    assert answer(mine, {**payload, "msgUuid": "id-1"}) == (0, "ok")
    [message] = mine.messages
    assert (message.kind, message.title, message.text) == told
    assert message.msg_uuid == "id-1"
    assert message.size == len(json.dumps({**payload, "msgUuid": "id-1"}))


@pytest.mark.parametrize("query", [{}, {"access_token": ""}, {"access_token": "other"}, {"access_token": "令牌"}])
def test_refuses_a_wrong_token(query: dict[str, str]) -> None:
    """Before it looks at anything else."""
    assert answer(mine := robot(), query=query, kind="text/plain", body=b"") == (300001, "token is not exist")
    assert mine.messages == []


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_refuses_another_content_type(kind: str) -> None:
    """What curl sends by default."""
    assert answer(robot(), kind=kind)[0] == 43004


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"ahead": 3500}, "ok"),
        ({"ahead": -3500}, "ok"),
        ({"ahead": 3700}, "invalid timestamp"),
        ({"ahead": -3700}, "invalid timestamp"),
        ({"timestamp": ""}, "invalid timestamp"),
        ({"timestamp": "now"}, "invalid timestamp"),
        ({"secret": "other"}, "sign not match"),
        ({"sign": ""}, "sign not match"),
        ({"sign": "签名"}, "sign not match"),
    ],
)
def test_refuses_a_wrong_signature(how: dict[str, Any], said: str) -> None:
    """By the secret, and by a clock that is more than one hour off."""
    code, text = answer(robot("SEC"), query=signed(**how))
    assert code == (0 if said == "ok" else 310000)
    assert said in text


def test_refuses_without_a_signature() -> None:
    """A signed robot takes no other, and says so in DingTalk's own words."""
    code, said = answer(robot("SEC"))
    assert code == 310000
    assert said.startswith(
        "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中"
    )


def test_an_unsigned_robot_looks_at_no_signature() -> None:
    """As one with keywords does not."""
    assert answer(robot(), query=signed("other", -9999)) == (0, "ok")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 40035),
        (b"hello", 40035),
        (b"[]", 40035),
        (json.dumps(TEXT).encode("utf-16"), 40035),
        (b'{"msgtype": "text", "text": {"content": "\xff"}}', 40035),
        (b"{}", 400105),
        (b'{"msgtype": ["text"], "text": {"content": "x"}}', 400105),
        (b'{"msgtype": "image", "image": {}}', 400105),
        (b'{"msgtype": "text"}', 40035),
        (b'{"msgtype": "text", "text": "x"}', 40035),
        (b'{"msgtype": "text", "text": {"content": ""}}', 40035),
        (b'{"msgtype": "text", "text": {"content": 5}}', 40035),
        (b'{"msgtype": "markdown", "markdown": {"text": "x"}}', 40035),
        (b'{"msgtype": "markdown", "markdown": {"title": "x"}}', 40035),
        (b'{"msgtype": "markdown", "text": {"content": "x"}}', 40035),
    ],
)
def test_refuses_a_malformed_request(body: bytes, code: int) -> None:
    """Whatever is wrong with it, it is answered and not kept."""
    assert answer(mine := robot(), body=body)[0] == code
    assert mine.messages == []


def test_refuses_what_is_too_long() -> None:
    """More than 20,000 bytes, not characters."""

    def of(size: int) -> bytes:
        frame = '{"msgtype": "text", "text": {"content": "%s"}}'
        return (frame % ("x" * (size - len(frame) + 2 - 3) + "训")).encode()

    assert [len(of(size)) for size in (20_000, 20_001)] == [20_000, 20_001]
    assert [answer(robot(), body=of(size))[0] for size in (20_000, 20_001)] == [0, 460101]


@pytest.mark.parametrize(("text", "code"), [("sft 训练 ended", 0), ("an alert", 0), ("hello", 310000), ("", 40035)])
def test_wants_one_of_its_keywords(text: str, code: int) -> None:
    """Any of them."""
    assert answer(robot(keywords=("训练", "alert")), {"msgtype": "text", "text": {"content": text}})[0] == code


def test_a_keyword_counts_in_the_message() -> None:
    """Not in the names of the request's fields; and however the text is written in JSON."""
    assert answer(robot(keywords=("msgtype",)))[0] == 310000
    escaped = json.dumps({"msgtype": "text", "text": {"content": "训练"}}).encode()
    assert answer(robot(keywords=("训练",)), body=escaped)[0] == 0


def test_refuses_all_after_too_many() -> None:
    """Those above its rate, and then every one, though the minute is over; refused ones do not count."""
    mine = robot(rate=2)
    codes = [answer(mine, body=b"")[0] for _ in range(5)]
    codes += [answer(mine)[0] for _ in range(4)]
    assert codes == [40035] * 5 + [0, 0, 130101, 130101]
    assert (len(mine.messages), mine.requests) == (2, 9)


def test_the_penalty_outlasts_the_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 10 minutes at DingTalk; when it is over messages are accepted again."""
    long, short = robot(rate=1, penalty=600), robot(rate=1, penalty=0.05)
    for mine in (long, short):
        assert [answer(mine)[0], answer(mine)[0]] == [0, 130101]
    monkeypatch.setattr("twinkle_notifier.inbox.robot._MINUTE", 0.0)
    time.sleep(0.1)
    assert [answer(long)[0], answer(short)[0]] == [130101, 0]


def test_a_slow_sender_is_never_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last minute counts."""
    monkeypatch.setattr("twinkle_notifier.inbox.robot._MINUTE", 0.01)
    mine = robot(rate=1)
    for _ in range(3):
        assert answer(mine)[0] == 0
        time.sleep(0.02)


def test_drops_repeats_by_their_id() -> None:
    """They are accepted and counted, and not kept again. Without an id there are none."""
    mine = robot()
    for payload in (TEXT, TEXT, {**TEXT, "msgUuid": "1"}, {**MARKDOWN, "msgUuid": "1"}):
        assert answer(mine, payload) == (0, "ok")
    assert (len(mine.messages), mine.repeats, mine.requests) == (3, 1, 4)


def test_gives_scripted_answers_first() -> None:
    """Whatever the requests hold; they are counted."""
    mine = robot()
    mine.script({"errcode": -1, "errmsg": "busy"}, {"odd": []})
    nothing = Request("", {}, "", b"")
    assert mine.answer(nothing) == Response({"errcode": -1, "errmsg": "busy"})
    assert mine.answer(nothing) == Response({"odd": []})
    assert mine.answer(Request(mine.path, {"access_token": "tok"}, JSON, json.dumps(TEXT).encode())) == Response(OK)
    assert (len(mine.messages), mine.requests) == (1, 3)
