"""A request's retries within one budget, and what its errors say."""

from __future__ import annotations

import random
import re
import time
from email.utils import formatdate
from typing import Any

import pytest

from twinkle_notifier import DeliveryError, isolation
from twinkle_notifier.channels import http
from twinkle_notifier.inbox.faults import (
    Fault,
    Faulty,
    Visit,
    accept,
    blackhole,
    close,
    in_turn,
    redirect,
    refusing,
    says,
    status,
)

BODY = b'{"msgtype": "text", "text": {"content": "hello"}}'


def lost(url: str, *, timeout: float = 5.0, repeatable: bool = True) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        http.post(url, BODY, timeout=timeout, repeatable=repeatable)
    return caught.value


def test_gives_the_answer() -> None:
    """Whatever its status, unless that asks for patience."""
    with Faulty(in_turn(says({"errcode": 0}), status(404), redirect(307, "http://127.0.0.1:1/"))) as robot:
        replies = [http.post(robot.url, BODY, timeout=5) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 404, 307]
    assert replies[0].body == b'{"errcode": 0}'


@pytest.mark.parametrize(("repeatable", "requests"), [(True, 2), (False, 1)])
def test_a_doubtful_request_is_repeated_once_if_that_is_harmless(repeatable: bool, requests: int) -> None:
    """Else its fate stays unknown after the first."""
    with Faulty(close) as robot:
        error = lost(robot.url, repeatable=repeatable)
        assert (error.fate, error.final, len(robot.requests)) == ("unknown", False, requests)
        assert "the message may be there" in error.reason


def test_what_was_not_sent_may_be_tried_again() -> None:
    """Two more times, in about a second: other ranks wait to take over."""
    began = time.monotonic()
    with refusing() as url:
        error = lost(url, repeatable=False)
    assert 0.5 < time.monotonic() - began < 5
    assert (error.fate, error.final) == ("failed", False)
    assert error.reason.startswith("cannot connect to 127.0.0.1:")
    assert (
        "(Connection refused): nothing listens there. Is the server, or `twinkle-notifier inbox`, running"
        in error.reason
    )


def test_a_doubt_stays() -> None:
    """A repeat that cannot even connect does not make the first undone."""
    robot = Faulty(lambda _visit: robot.close())
    error = lost(robot.url)
    assert (error.fate, len(robot.requests)) == ("unknown", 1)


@pytest.mark.parametrize(("code", "fate"), [(429, "throttled"), (408, "failed"), (500, "failed"), (599, "failed")])
def test_a_service_without_time_is_asked_three_times(code: int, fate: str) -> None:
    """Then the error names its status."""
    with Faulty(status(code)) as robot:
        error = lost(robot.url)
        assert (error.fate, error.final, len(robot.requests)) == (fate, False, 3)
        assert f"HTTP {code}" in error.reason


def test_a_retry_leaves_the_program_s_random_numbers() -> None:
    """They belong to the training, whose checkpoints hold where they stand."""
    before = random.getstate()
    with Faulty(in_turn(status(500), says({}))) as robot:
        http.post(robot.url, BODY, timeout=5)
        assert len(robot.requests) == 2
    assert random.getstate() == before


@pytest.mark.parametrize("asked", ["1", "date"])
def test_it_waits_as_long_as_it_is_asked_to(asked: str) -> None:
    """In seconds, or until a moment by the service's own clock, which is years off."""
    now = 86400 * 365.0
    headers = {"Retry_After": "1"} if asked == "1" else {"Retry_After": formatdate(now + 2), "Date": formatdate(now)}
    with Faulty(in_turn(_dated(headers), says({}))) as robot:
        began = time.monotonic()
        assert http.post(robot.url, BODY, timeout=5).body == b"{}"
        assert time.monotonic() - began >= 1.0


def _dated(headers: dict[str, str]) -> Fault:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return lambda visit: visit.send(f"HTTP/1.1 503 So\r\nContent-Length: 0\r\n{lines}\r\n".encode())


@pytest.mark.parametrize("asked", ["60", "9" * 400, "Wed, 01 Jan 2098 00:00:00 GMT"])
@pytest.mark.parametrize(("code", "fate"), [(429, "throttled"), (503, "failed")])
def test_what_is_too_long_to_wait_for_is_not_waited_for(asked: str, code: int, fate: str) -> None:
    """One request, and the error at once."""
    with Faulty(status(code, Retry_After=asked)) as robot:
        began = time.monotonic()
        assert lost(robot.url).fate == fate
        assert time.monotonic() - began < 5
        assert len(robot.requests) == 1


@pytest.mark.parametrize(
    "asked", ["", "soon", "-5", "1e3", "Wed, 01 Foo 2098 00:00:00 GMT", "Mon, 01 Jan 1990 00:00:00 GMT"]
)
def test_a_retry_after_that_says_nothing_is_none(asked: str) -> None:
    """Or lies in the past."""
    with Faulty(in_turn(status(503, Retry_After=asked), says({}))) as robot:
        assert http.post(robot.url, BODY, timeout=5).status == 200
        assert len(robot.requests) == 2


@pytest.mark.parametrize("timeout", [0.4, 5.0])
def test_the_caller_s_time_is_enough(timeout: float) -> None:
    """All tries end before it does, so that it hears what was wrong."""
    with Faulty(blackhole) as robot:
        answer = isolation.call(lambda: http.post(robot.url, BODY, timeout=timeout, repeatable=True), 1.5)
        assert isinstance(answer.error, DeliveryError)
        assert answer.error.fate == "unknown"
        assert len(robot.requests) == (2 if timeout < 1 else 1)


def test_an_answer_is_cut() -> None:
    """At 64 KiB, though it says that there is more."""

    def endless(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)

    with Faulty(endless) as robot:
        assert len(http.post(robot.url, BODY, timeout=5).body) == 64 * 1024


def test_what_a_proxy_answers_is_one_harmless_line(hostile: str, harm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reason for letting nothing through."""
    words = re.sub(r"[\r\n]", "\x0b", hostile).encode("latin-1", "replace")
    with Faulty(lambda visit: visit.send(b"HTTP/1.1 407 " + words + b"\r\nContent-Length: 0\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        error = lost("https://robot.example/robot/send?access_token=tok-0123456789abcdef")
        assert proxy.requests
    assert harm(error.reason) == []
    assert "cannot connect to robot.example" in error.reason


def test_a_wait_that_a_service_asks_for_is_shown_short() -> None:
    """However many digits it has."""
    with Faulty(status(429, Retry_After="9" * 5000)) as robot:
        assert "again in 86400 s" in lost(robot.url).reason


def test_a_proxy_s_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when the proxy is not there, nor when its URL is none."""
    with refusing() as url, Faulty(accept) as robot:
        port = url.split(":")[2].split("/")[0]
        for proxy in (f"http://user:pass-word@127.0.0.1:{port}", "http://user:pass-word@[broken"):
            monkeypatch.setenv("HTTP_PROXY", proxy)
            error = lost(robot.url)
            assert (error.fate, error.final) == ("failed", False)
            assert "pass-word" not in f"{error!r} {error.__context__!r} {error.__cause__!r}"
        assert robot.requests == []
