"""The local robot behind a real socket, its page, and its command."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests

from twinkle_notifier import DingNotifier
from twinkle_notifier.inbox import Inbox

TEXT = {"msgtype": "text", "text": {"content": "hello"}}


def post(url: str, payload: object = TEXT) -> object:
    return requests.post(url, json=payload, timeout=30).json()


def test_accepts_over_a_socket() -> None:
    """By the URL that one would copy from DingTalk, signed or not."""
    with Inbox(token="a+b /=&") as inbox:
        assert post(inbox.url) == {"errcode": 0, "errmsg": "ok"}
        assert [message.text for message in inbox.messages] == ["hello"]
        assert (inbox.requests, inbox.repeats) == (1, 0)


def test_refusals_come_with_http_200() -> None:
    """As DingTalk's do."""
    with Inbox() as inbox:
        reply = requests.post(inbox.url + "x", json=TEXT, timeout=30)
        assert (reply.status_code, reply.json()["errcode"]) == (200, 300001)
        reply = requests.get(inbox.url, timeout=30)
        assert (reply.status_code, reply.json()["errcode"]) == (200, 43002)
        assert inbox.messages == []


def test_another_path_is_not_the_robot() -> None:
    """It answers with a page, as a proxy does."""
    with Inbox() as inbox:
        reply = requests.post(inbox.url.replace("/robot/send", "/robot"), json=TEXT, timeout=30)
        assert (reply.status_code, reply.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert inbox.requests == 0


def test_a_slow_robot_has_accepted_before_it_answers() -> None:
    """And takes others meanwhile."""
    with Inbox(delay=1.0) as inbox:
        began = time.monotonic()
        threads = [threading.Thread(target=post, args=(inbox.url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert len(inbox.wait(3, 30)) == 3
        for thread in threads:
            thread.join()
        assert time.monotonic() - began >= 1.0


def test_wait_returns_what_is_there() -> None:
    """As soon as it is enough, or when the time is over."""
    with Inbox() as inbox:
        assert inbox.wait(1, 0.05) == []
        timer = threading.Timer(0.1, post, (inbox.url,))
        timer.start()
        assert len(inbox.wait(1, 30)) == 1
        timer.join()


def test_a_closed_inbox_refuses_connections() -> None:
    """Its port is free again."""
    with Inbox() as inbox:
        port = int(inbox.url.split(":")[2].split("/")[0])
    with pytest.raises(requests.ConnectionError):
        post(inbox.url)
    Inbox(port=port).close()


# The page


def test_the_page_shows_what_arrived_newest_first() -> None:
    """And says so when nothing did."""
    with Inbox() as inbox:
        assert "Nothing has arrived yet" in requests.get(inbox.page_url, timeout=30).text
        for title in ("one", "two"):
            post(inbox.url, {"msgtype": "markdown", "markdown": {"title": title, "text": f"text {title}"}})
        page = requests.get(inbox.page_url, timeout=30)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert re.findall("<h2>(.*?)</h2>", page.text) == ["two", "one"]
        assert "Inbox (2)" in page.text


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '" onload="x', "{count} {}", "训练 \ud800 &amp;"])
def test_the_page_shows_messages_as_text(text: str) -> None:
    """Whatever they hold, it is not HTML, nor a reason for no page."""
    with Inbox() as inbox:
        requests.post(
            inbox.url,
            data=json.dumps({"msgtype": "markdown", "markdown": {"title": text, "text": text}}),
            headers={"Content-Type": "application/json"},
            timeout=30,
        )
        page = requests.get(inbox.page_url, timeout=30).text
        assert "<article>" in page
        assert "<script" not in page
        assert 'onload="' not in page
        assert ("{count}" in page) is ("{count}" in text)
        assert ("&amp;amp;" in page) is ("&amp;" in text)


def test_neither_page_nor_log_shows_the_token(capfd: pytest.CaptureFixture[str]) -> None:
    """A person may show the page to others."""
    with Inbox(token="tok-0123456789", secret="SEC0123456789") as inbox:
        DingNotifier(inbox.url, "SEC0123456789")("### hello")
        page = requests.get(inbox.page_url, timeout=30).text
        own = inbox.page_url.partition("token=")[2]
        for path in (f"/nowhere?access_token=tok-0123456789&token={own}", f"/?token={own}x", f"http://[/?token={own}"):
            ask(inbox, path)
        assert len(inbox.messages) == 1
    out, err = capfd.readouterr()
    assert "hello" in page
    assert not [text for text in (page, out, err) if "tok-0" in text or "SEC0" in text or own in text]


def ask(inbox: Inbox, path: str, host: str = "", method: str = "GET") -> bytes:
    """The whole answer to a request, as it came; `host` stands for the inbox's own."""
    port = urlsplit(inbox.url).port
    host = host.replace("PORT", str(port)) or f"127.0.0.1:{port}"
    with socket.create_connection(("127.0.0.1", port or 0), timeout=30) as line:
        line.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=TOKEn", "/?token=TOKE", "/?Token=TOKEN", "/TOKEN", "/nowhere", "/?token=%ff%00"]
)
def test_the_page_is_for_those_who_know_its_token(path: str) -> None:
    """Others who are logged in to this machine see no message, nor how many there are."""
    with Inbox() as inbox:
        post(inbox.url)
        own = inbox.page_url.partition("token=")[2]
        changed = {"TOKEn": own[:-1] + ("b" if own[-1] == "a" else "a"), "TOKEN": own, "TOKE": own[:-1]}
        for name, value in changed.items():
            path = path.replace(name, value)
        answer = ask(inbox, path)
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert not [word for word in (b"hello", b"Inbox", own.encode()) if word in answer]


def test_each_inbox_has_a_token_of_its_own() -> None:
    """It cannot be guessed, and is not the robot's."""
    with Inbox() as one, Inbox() as two:
        tokens = {inbox.page_url.partition("token=")[2] for inbox in (one, two)}
    assert [len(token) >= 32 for token in tokens] == [True, True]
    assert not [url for url in (one.url, two.url) if any(token in url for token in tokens)]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:PORT", b"200"),
        ("LocalHost:PORT", b"200"),
        ("evil.example:PORT", b"403"),
        ("127.0.0.1", b"403"),
        ("127.0.0.1:1", b"403"),
        ("127.0.0.1:PORT.evil.example", b"403"),
        ("x", b"403"),
    ],
)
def test_a_name_that_was_made_to_lead_here_shows_no_page(host: str, status: bytes) -> None:
    """Even with the token; a website may do so in a user's own browser."""
    with Inbox() as inbox:
        post(inbox.url)
        answer = ask(inbox, f"/?{urlsplit(inbox.page_url).query}", host)
        assert answer.split()[1] == status
        assert (b"hello" in answer) is (status == b"200")


def test_the_pages_url_does_not_leak() -> None:
    """Not to a site that a message links to, nor into a cache; the page goes on to reload itself."""
    with Inbox() as inbox:
        page = requests.get(inbox.page_url, timeout=30)
    assert (page.headers["Referrer-Policy"], page.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert '<meta http-equiv="refresh" content="2">' in page.text
    assert inbox.page_url.partition("token=")[2] not in page.text


@pytest.mark.parametrize("path", ["//[", "http://[/", "/?token=%", "*", "/\x7f"])
def test_what_is_no_path_gets_an_answer(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    """And no traceback."""
    with Inbox() as inbox:
        assert [ask(inbox, path, method=method).split()[1][:1] for method in ("GET", "POST")] == [b"4", b"4"]
    assert capfd.readouterr().err == ""


# The command


@pytest.mark.parametrize("secret", [None, "SEC0123456789"])
def test_the_command_runs_until_ctrl_c(secret: str | None) -> None:
    """It prints a URL that works and one of the page; Ctrl-C ends it without a traceback."""
    command = [sys.executable, "-m", "twinkle_notifier.inbox", "--port", "0", *(["--secret", secret] if secret else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
    try:
        assert process.stdout is not None
        urls = [process.stdout.readline().rpartition(" ")[2].strip() for _ in range(3)]
        DingNotifier(urls[0], secret)("### hello")
        assert "<h2>hello</h2>" in requests.get(urls[1], timeout=30).text
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out.strip(), err) == (0, "", "")


def test_the_command_names_a_wrong_argument() -> None:
    """With how to use it."""
    command = [sys.executable, "-m", "twinkle_notifier.inbox", "--port", "many"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=180, cwd="/")
    assert done.returncode == 2
    assert "--port" in done.stderr
