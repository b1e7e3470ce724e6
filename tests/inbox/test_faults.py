"""The robot with faults: what a client meets there, and what it records."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import requests
from urllib3.exceptions import ReadTimeoutError

from twinkle_notifier import DingNotifier
from twinkle_notifier.inbox.faults import (
    Fault,
    Faulty,
    accept,
    accept_and_close,
    blackhole,
    close,
    dead,
    drip_body,
    in_turn,
    large,
    page,
    redirect,
    refusing,
    reset,
    says,
    status,
    truncate,
)

TEXT = {"msgtype": "text", "text": {"content": "hello"}, "msgUuid": "id-1"}


def post(url: str, timeout: float = 30) -> requests.Response:
    return requests.post(url, json=TEXT, timeout=timeout, allow_redirects=False)


def test_a_sound_one_is_a_robot() -> None:
    """As strict as the other; it records what was asked."""
    with Faulty(accept) as robot:
        DingNotifier(robot.url)("### hello")
        assert [message.title for message in robot.messages] == ["hello"]
        assert post(robot.url + "x").json()["errcode"] == 300001
        assert [request.path.partition("?")[0] for request in robot.requests] == ["/robot/send"] * 2
        assert robot.requests[0].headers["content-type"] == "application/json; charset=utf-8"
        assert b'"msgtype": "markdown"' in robot.requests[0].body


@pytest.mark.parametrize("fault", [close, reset, truncate, accept_and_close])
def test_connections_break(fault: Fault) -> None:
    """After the request, which counts."""
    with Faulty(fault) as robot:
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            post(robot.url)
        assert len(robot.requests) == 1
        assert len(robot.messages) == (fault is accept_and_close)


def test_an_accepted_message_is_not_accepted_again() -> None:
    """Though nobody heard that it was."""
    with Faulty(in_turn(accept_and_close, accept)) as robot:
        with pytest.raises(requests.ConnectionError):
            post(robot.url)
        assert post(robot.url).json()["errcode"] == 0
        assert (len(robot.requests), len(robot.messages), robot.repeats) == (2, 1, 1)


@pytest.mark.parametrize("fault", [blackhole, drip_body])
def test_there_is_no_end(fault: Fault) -> None:
    """Until the server is closed, which no client holds up."""
    with Faulty(fault) as robot:
        thread = threading.Thread(target=pytest.raises, args=(requests.RequestException, post, robot.url))
        thread.start()
        thread.join(1.5)
        assert thread.is_alive()
    thread.join(30)
    assert not thread.is_alive()


def test_a_body_drips() -> None:
    """One byte, and the next not before a second has passed."""
    with Faulty(drip_body) as robot, requests.post(robot.url, json=TEXT, timeout=0.7, stream=True) as reply:
        assert reply.raw.read(1) == b"x"
        began = time.monotonic()
        with pytest.raises(ReadTimeoutError):
            reply.raw.read(2)
        assert time.monotonic() - began >= 0.7


def test_answers_are_what_was_asked_for() -> None:
    """Status, headers and body."""
    with Faulty(
        in_turn(status(429, Retry_After="7"), says({}), page, redirect(307, "http://x/"), large(1000))
    ) as robot:
        replies = [post(robot.url) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [429, 200, 200, 307, 200]
    assert replies[0].headers["Retry-After"] == "7"
    assert replies[1].json() == {}
    assert "Please log in" in replies[2].text
    assert replies[3].headers["Location"] == "http://x/"


def test_what_is_no_http_is_told_so() -> None:
    """As a greeting of TLS; it is no request."""
    with Faulty(accept) as robot:
        with pytest.raises(requests.exceptions.SSLError):
            post(robot.url.replace("http:", "https:"))
        assert robot.requests == []


def test_nobody_is_there() -> None:
    """A closed port refuses at once; a dead address does not even do that."""
    with refusing() as url, pytest.raises(requests.ConnectionError):
        post(url)
    began = time.monotonic()
    with dead() as url, pytest.raises(requests.ConnectTimeout):
        post(url, timeout=0.3)
    assert time.monotonic() - began >= 0.3


def test_a_closed_one_refuses_connections() -> None:
    """Its port is free again."""
    with Faulty(accept) as robot:
        port = robot.port
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
