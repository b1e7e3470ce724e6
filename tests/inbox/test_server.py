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
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
import requests

from twinkle_notifier import DingNotifier, SlackNotifier
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.server import _Handler
from twinkle_notifier.messages.message import Message

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


def test_a_closed_inbox_takes_nothing_by_an_old_connection() -> None:
    """A session keeps one open; the inbox ends it."""
    with requests.Session() as session:
        with Inbox() as inbox:
            assert session.post(inbox.url, json=TEXT, timeout=30).json()["errcode"] == 0
        with pytest.raises(requests.ConnectionError):
            session.post(inbox.url, json=TEXT, timeout=30)
        assert len(inbox.messages) == 1


def test_an_answer_that_is_due_comes_though_the_inbox_closes() -> None:
    """The message was accepted, and its sender hears so."""
    said = list[object]()
    with Inbox(delay=1.0) as inbox:
        thread = threading.Thread(target=lambda: said.append(post(inbox.url)))
        thread.start()
        assert len(inbox.wait(1, 30)) == 1
    thread.join()
    assert said == [{"errcode": 0, "errmsg": "ok"}]


@pytest.mark.parametrize(
    "begun", ["", "GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 9\r\n\r\n{"]
)
def test_a_client_that_stops_is_let_go(begun: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its request, in the head and in the body."""
    monkeypatch.setattr(_Handler, "timeout", _Handler.timeout / 100)
    with Inbox() as inbox:
        url = urlsplit(inbox.url)
        with socket.create_connection(("127.0.0.1", url.port or 0), timeout=30) as line:
            line.sendall(begun.replace("HOST", url.netloc).encode())
            assert line.recv(65536) == b""


# The page


def test_the_page_is_files_of_its_own() -> None:
    """It loads nothing from anywhere else, and holds no message and no token: those come by its stream."""
    with Inbox() as inbox:
        post(inbox.url)
        page = requests.get(inbox.page_url, timeout=30)
        root = inbox.page_url.partition("?")[0]
        names = re.findall('(?:href|src)="([^"#]+)"', page.text)
        files = {name: requests.get(root + name, timeout=30) for name in names}
        scripts = re.findall(r'from "\./(\w+\.js)"', "".join(file.text for file in files.values()))
        files |= {name: requests.get(root + name, timeout=30) for name in scripts}
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert {name: file.status_code for name, file in files.items()} == dict.fromkeys(files, 200)
    assert {name.rpartition(".")[2] for name in files} == {"js", "css", "svg"}
    whole = page.text + "".join(file.text for file in files.values())
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)\w", whole)
    assert "innerHTML" not in whole
    assert not [text for text in (page.text,) if "hello" in text or inbox.page_url.partition("token=")[2] in text]


def test_neither_page_nor_log_shows_the_token(capfd: pytest.CaptureFixture[str]) -> None:
    """A person may show the page to others."""
    with Inbox(token="tok-0123456789", secret="SEC0123456789") as inbox:
        DingNotifier(inbox.url, "SEC0123456789")("### hello")
        page = requests.get(inbox.page_url, timeout=30).text + json.dumps(events(inbox, 1))
        own = inbox.page_url.partition("token=")[2]
        for path in (f"/nowhere?access_token=tok-0123456789&token={own}", f"/?token={own}x", f"http://[/?token={own}"):
            ask(inbox, path)
        assert len(inbox.messages) == 1
    out, err = capfd.readouterr()
    assert "hello" in page
    assert not [text for text in (page, out, err) if "tok-0" in text or "SEC0" in text or own in text]


def ask(inbox: Inbox, path: str, host: str = "", method: str = "GET", more: str = "") -> bytes:
    """The whole answer to a request, or its head if it is a stream; `host` stands for the inbox's own."""
    port = urlsplit(inbox.url).port
    host = host.replace("PORT", str(port)) or f"127.0.0.1:{port}"
    with socket.create_connection(("127.0.0.1", port or 0), timeout=30) as line:
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more.replace('PORT', str(port))}"
        line.sendall(f"{head}\r\n".encode())
        answer = b""
        while b"text/event-stream" not in answer and (more_of_it := line.recv(65536)):
            answer += more_of_it
        return answer


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/?token=", "/?token=TOKEn", "/?token=TOKE", "/?Token=TOKEN", "/TOKEN", "/nowhere", "/?token=%ff%00"),
        *("/arrivals", "/arrivals?token=TOKEn", "/arrivals?after=0"),
    ],
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
        query = urlsplit(inbox.page_url).query
        answer = ask(inbox, f"/?{query}", host)
        assert answer.split()[1] == status
        assert (b"page.js" in answer) is (status == b"200")
        if status != b"200":
            assert [ask(inbox, path, host).split()[1] for path in (f"/arrivals?{query}", "/page.js")] == [b"403"] * 2


def test_a_browser_leaves_out_the_port_of_http() -> None:
    """The printed URL shows the page all the same, and its stream."""
    try:
        inbox = Inbox(port=80)
    except OSError as error:
        pytest.skip(f"port 80: {error.strerror}")
    with inbox:
        query = urlsplit(inbox.page_url).query
        shown = [
            ask(inbox, f"/?{query}", host, more=f"Origin: http://{host}\r\n").split()[1]
            for host in ("127.0.0.1", "localhost", "localhost:80", "evil.example")
        ]
    assert shown == [b"200", b"200", b"200", b"403"]


def test_words_say_which_header_is_wrong() -> None:
    """A tunnel, a proxy and a website differ in that."""
    with Inbox() as inbox:
        query, port = urlsplit(inbox.page_url).query, urlsplit(inbox.url).port
        host = ask(inbox, f"/?{query}", "localhost:1")
        origin = ask(inbox, f"/?{query}", more="Origin: http://evil.example\r\n")
    assert f"The Host of a request must be 127.0.0.1:{port} or localhost:{port}." in host.decode()
    assert "The Origin of this request is another website." in origin.decode()


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://evil.example:PORT", "null", "https://127.0.0.1:PORT"]
)
def test_another_site_reads_nothing_and_sends_nothing(origin: str) -> None:
    """A browser names the site that makes it ask; a robot's token is no secret."""
    with Inbox() as inbox:
        query, robot = urlsplit(inbox.page_url).query, urlsplit(inbox.urls["WeCom"])
        named = f"Origin: {origin}\r\n"
        assert [ask(inbox, f"{path}?{query}", more=named).split()[1] for path in ("/", "/arrivals")] == [b"403"] * 2
        body = json.dumps(TEXT)
        sent = f"Content-Length: {len(body)}\r\n{named}\r\n{body}"
        assert ask(inbox, f"{robot.path}?{robot.query}", method="POST", more=sent).split()[1] == b"403"
        assert (inbox.requests, inbox.messages) == (0, [])
        assert ask(inbox, f"/?{query}", more="Origin: http://127.0.0.1:PORT\r\n").split()[1] == b"200"


@pytest.mark.parametrize("host", ["evil.example:PORT", "127.0.0.1.evil.example:PORT", "[::1]:PORT"])
def test_a_name_that_was_made_to_lead_here_sends_nothing(host: str) -> None:
    """A browser names no foreign site then: page and robot have one name for it."""
    with Inbox() as inbox:
        robot, body = urlsplit(inbox.urls["WeCom"]), json.dumps(TEXT)
        answer = ask(inbox, f"{robot.path}?{robot.query}", host, "POST", f"Content-Length: {len(body)}\r\n\r\n{body}")
        assert answer.split()[1] == b"403"
        assert b"The Host of a request must be 127.0.0.1:" in answer
        assert inbox.requests == 0


_FOREIGN = "Host: 127.0.0.1:PORT\r\nOrigin: http://evil.example\r\n"
_OWN = "Host: 127.0.0.1:PORT\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"POST /x HTTP/1.1\r\n{_FOREIGN}Content-Length: REST\r\n\r\n{'A' * (1 << 20)}", b"403"),
        (f"POST /x HTTP/1.1\r\n{_FOREIGN}Content-Length: 9999999999\r\n\r\n", b"403"),
        (f"POST /x HTTP/1.1\r\n{_FOREIGN}Transfer-Encoding: chunked\r\n\r\n", b"403"),
        (f"POST /x HTTP/1.1\r\n{_OWN}Content-Length: REST\r\n\r\n{'A' * (1 << 20)}", b"413"),
        (f"POST /x HTTP/1.1\r\n{_OWN}Content-Length: 9999999999\r\n\r\n", b"413"),
        (f"POST /x HTTP/1.1\r\n{_OWN}Transfer-Encoding: chunked\r\n\r\n", b"411"),
        (f"POST /x HTTP/1.1\r\n{_OWN}Content-Length: -1\r\n\r\n", b"400"),
        (f"POST /x HTTP/1.1\r\n{_OWN}Content-Length: 0\r\nContent-Length: 9\r\n\r\n", b"400"),
        (f"GET /robot/send HTTP/1.1\r\n{_FOREIGN}Content-Length: REST\r\n\r\n", b"200"),
        (f"GET /page.css HTTP/1.1\r\n{_OWN}Transfer-Encoding: chunked\r\n\r\n", b"200"),
        (f"PUT /robot/send HTTP/1.1\r\n{_FOREIGN}Content-Length: REST\r\n\r\n", b"501"),
    ],
)
def test_no_request_hides_in_the_body_of_another(head: str, status: bytes) -> None:
    """A website decides what a body holds: what is left of one is never read as a request, which names no site."""
    with Inbox() as inbox:
        url, body = urlsplit(inbox.url), json.dumps(TEXT)
        hidden = f"POST {url.path}?{url.query} HTTP/1.1\r\n{_OWN}Content-Type: application/json\r\n"
        hidden = f"{hidden}Content-Length: {len(body)}\r\n\r\n{body}"
        length = len(head.partition("\r\n\r\n")[2]) + len(hidden.replace("PORT", str(url.port)))
        sent = (head + hidden).replace("PORT", str(url.port)).replace("REST", str(length))
        with socket.create_connection(("127.0.0.1", url.port or 0), timeout=30) as line:
            line.sendall(sent.encode())
            line.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: line.recv(65536), b""))
        assert (answer.split()[1], answer.count(b"HTTP/1.1 ")) == (status, 1)
        assert b"Connection: close" in answer
        assert (inbox.requests, inbox.messages) == (0, [])


def test_a_body_that_ends_too_early_is_no_message() -> None:
    """Its client was killed, or the network."""
    with Inbox() as inbox:
        robot, body = urlsplit(inbox.url), json.dumps(TEXT)
        with socket.create_connection(("127.0.0.1", robot.port or 0), timeout=30) as line:
            head = f"POST {robot.path}?{robot.query} HTTP/1.1\r\nHost: {robot.netloc}\r\nContent-Type: application/json\r\n"
            line.sendall(f"{head}Content-Length: {len(body) + 1}\r\n\r\n{body}".encode())
            line.shutdown(socket.SHUT_WR)
            assert line.recv(65536) == b""
        assert inbox.requests == 0


def test_a_client_reads_why_its_body_was_refused() -> None:
    """Though it sends all of it before it reads."""
    with Inbox() as inbox:
        reply = requests.post(inbox.url, data=b"x" * (20 << 20), timeout=30)
        assert (reply.status_code, reply.text) == (413, "<h1>413 Content Too Large: the inbox takes 1 MiB</h1>")


def test_the_pages_url_does_not_leak() -> None:
    """Not to a site that a message links to, nor into a cache; and no script but the page's own runs."""
    with Inbox() as inbox:
        page = requests.get(inbox.page_url, timeout=30)
    names = ("Referrer-Policy", "Cache-Control", "X-Content-Type-Options")
    assert [page.headers[name] for name in names] == ["no-referrer", "no-store", "nosniff"]
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["trusted-types"]) == ("'none'", "'self'", "'none'")
    assert "unsafe" not in str(policy)


# What the page is told


def events(inbox: Inbox, count: int, **seen: str) -> list[dict[str, Any]]:
    """The next events of the page's stream, each with its id."""
    url = inbox.page_url.replace("/?", "/arrivals?")
    with requests.get(url, stream=True, timeout=30, headers={"Last-Event-ID": seen["last"]} if seen else {}) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        lines = (line.decode() for line in stream.iter_lines(chunk_size=1))
        ids = (line.removeprefix("id: ") for line in lines if line.startswith("id: "))
        return [{"id": next(ids), **json.loads(next(lines).removeprefix("data: "))} for _ in range(count)]


def test_the_stream_tells_what_was_accepted() -> None:
    """Of each service, with its level where a message shows one, and the request without what grants access."""
    with Inbox() as inbox:
        post(inbox.url, {"msgtype": "markdown", "markdown": {"title": "sft 失败：x", "text": "### sft 失败：x"}})
        SlackNotifier(inbox.urls["Slack"])(Message("### done", "1", "success"))
        one, two = events(inbox, 2)
    assert [(each["id"], each["service"], each["result"], each["level"]) for each in (one, two)] == [
        ("1", "DingTalk", "accepted", "error"),
        ("2", "Slack", "accepted", "success"),
    ]
    assert (one["line"], two["line"]) == ("POST /robot/send?access_token=***", "POST /services/***")
    assert json.loads(one["body"])["markdown"]["title"] == "sft 失败：x"
    assert (one["status"], json.loads(one["answer"])) == (200, {"errcode": 0, "errmsg": "ok"})


def test_the_stream_tells_what_was_refused_and_why() -> None:
    """By the service's own code and words, and what a person can do."""
    with Inbox(secret="SEC0123456789") as inbox:
        post(inbox.url)
        requests.post(inbox.urls["Slack"], data=b"\xff", timeout=30)
        requests.post(inbox.urls["Feishu"], data=b"[" * 100_000, timeout=30)
        unsigned, word, deep = events(inbox, 3)
    assert (unsigned["result"], unsigned["code"]) == ("refused", "310000")
    assert unsigned["meaning"]["en"].startswith("the robot is in signed mode, and no secret is given")
    assert unsigned["meaning"]["zh"].startswith("机器人开启了加签，但没有给密钥")
    assert (word["code"], word["words"], word["status"], word["level"]) == ("400", "invalid_payload", 400, "unknown")
    assert (word["body"], deep["size"], len(deep["body"])) == ("\ufffd", 100_000, 65_536)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/robot/sendd?access_token=TOKEN", "/robot/sendd?access_token=***"),
        ("/open-apis/bot/hook/TOKEN", "/open-apis/bot/hook/***"),
        ("/open-apis/bot/v2/hoook/0123abcd-0123-abcd", "/open-apis/bot/v2/hoook/***"),
    ],
)
def test_a_message_to_a_wrong_path_is_shown(path: str, line: str) -> None:
    """Its sender waits for it; there are words that say which paths there are."""
    token = "tok/0123"
    with Inbox(token=token) as inbox:
        post(inbox.url)
        reply = requests.post(urljoin(inbox.url, path.replace("TOKEN", quote(token, safe=""))), json=TEXT, timeout=30)
        told = events(inbox, 2)[1]
    assert (reply.status_code, reply.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert (told["service"], told["result"], told["code"], told["status"]) == ("unknown", "refused", "404", 404)
    assert (told["line"], json.loads(told["body"]), told["answer"]) == (f"POST {line}", TEXT, reply.text)
    for robot in inbox.robots.values():
        for words in told["meaning"].values():
            assert f"{robot.path.rstrip('/') or '/'} ({robot.service})" in words
    assert told["meaning"]["zh"].startswith("没有机器人使用这个路径：")


def test_a_repeat_is_told_as_one() -> None:
    """It was accepted, and the chat shows it once."""
    with Inbox() as inbox:
        for _ in range(2):
            post(inbox.url, {**TEXT, "msgUuid": "1"})
        assert [each["result"] for each in events(inbox, 2)] == ["accepted", "repeated"]


def test_a_browser_that_comes_back_misses_nothing() -> None:
    """Nor does it get anything twice: it names what it has seen."""
    with Inbox(rate=1000) as inbox:
        for number in range(5):
            post(inbox.url, {"msgtype": "text", "text": {"content": str(number)}})
        assert [each["id"] for each in events(inbox, 5)] == ["1", "2", "3", "4", "5"]
        later = threading.Timer(0.1, post, (inbox.url,))
        later.start()
        assert [each["id"] for each in events(inbox, 3, last="3")] == ["4", "5", "6"]
        later.join()
        assert [each["id"] for each in events(inbox, 1, last="what")] == ["1"]
        with requests.get(f"{inbox.page_url.replace('/?', '/arrivals?')}&last=5", stream=True, timeout=30) as stream:
            ids = (line for line in stream.iter_lines(chunk_size=1) if line.startswith(b"id: "))
            assert next(ids) == b"id: 6"  # a page that was hidden asks so, as it opens a new stream


def test_the_stream_tells_what_is_no_longer_kept() -> None:
    """The page lets go of it, too: what a reader holds is as bounded as what the inbox holds."""
    body = b"x" * 65_536
    with Inbox() as inbox, requests.Session() as session:
        for _ in range(1100):
            session.post(inbox.url, data=body, timeout=30)
        url, seen = inbox.page_url.replace("/?", "/arrivals?"), {"Last-Event-ID": "1100"}
        with requests.get(url, stream=True, timeout=30, headers=seen) as stream:
            lines = (line for line in stream.iter_lines(chunk_size=1) if not line.startswith(b"id"))
            told = [next(lines) for _ in range(4)]
            session.post(inbox.url, data=body, timeout=30)
            told += [next(lines)[:5] for _ in range(2)] + [next(lines) for _ in range(2)]
        kept = 1100 - int(told[3].removeprefix(b"data: "))
        assert told[2:] == [b"event: oldest", b"data: %d" % (1100 - kept), b"", b"data:", b"", b"event: oldest"]
        assert 64 << 20 > kept * 65_536 > 60 << 20
        assert int(events(inbox, 1)[0]["id"]) == 1101 - kept


def test_the_stream_ends_with_the_inbox() -> None:
    """Its reader is not left waiting."""
    inbox = Inbox()
    with requests.get(inbox.page_url.replace("/?", "/arrivals?"), stream=True, timeout=30) as stream:
        inbox.close()
        assert stream.content.startswith(b"retry:")


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
        with requests.get(urls[1].replace("/?", "/arrivals?"), stream=True, timeout=30) as stream:
            assert (
                "### hello"
                in next(line for line in stream.iter_lines(chunk_size=1) if line.startswith(b"data")).decode()
            )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out.strip(), err) == (0, "", "")


@pytest.mark.linux
@pytest.mark.stress
def test_the_commands_memory_is_bounded() -> None:
    """Whatever it accepts and refuses, and however many pages stop to read."""
    command = [sys.executable, "-m", "twinkle_notifier.inbox", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
    lines = list[socket.socket]()
    try:
        assert process.stdout is not None
        printed = [process.stdout.readline().rpartition(" ")[2].strip() for _ in range(6)]
        page, bark = urlsplit(printed[1]), printed[5].rstrip("/")
        begun = _resident(process.pid)
        with requests.Session() as session:
            large = {"title": "x", "body": "x", "x": [[]] * 850}
            for _ in range(990):  # of Bark, whose rate is the highest; what is read of each takes 54 kB
                assert session.post(bark, json=large, timeout=30).status_code == 200
            for _ in range(1100):
                session.post(printed[0], data=b"[" * 65_536, timeout=30)
        kept = _resident(process.pid)
        for _ in range(20):
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(("127.0.0.1", page.port or 0))
            line.sendall(f"GET /arrivals?{page.query} HTTP/1.1\r\nHost: {page.netloc}\r\n\r\n".encode())
            lines.append(line)
            assert b"text/event-stream" in line.recv(4096)
        assert requests.get(printed[1], timeout=30).status_code == 200
        assert kept - begun < 106 << 20
        assert _resident(process.pid) - kept < 64 << 20
    finally:
        for line in lines:
            line.close()
        process.kill()
        process.communicate()


def _resident(pid: int) -> int:
    """The most bytes of memory that a process has had."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0]) << 10


@pytest.mark.linux
def test_clients_that_stop_keep_no_alert_away() -> None:
    """However many they are, and though a process may have few files open."""
    command = f"ulimit -n 256; exec {sys.executable} -m twinkle_notifier.inbox --port 0"
    process = subprocess.Popen(
        ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/"
    )
    lines = list[socket.socket]()
    try:
        assert process.stdout is not None
        url = process.stdout.readline().rpartition(" ")[2].strip()
        for _ in range(600):
            lines.append(socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=30))
            lines[-1].sendall(b"POST / HTTP/1.1\r\nHo")
        assert post(url) == {"errcode": 0, "errmsg": "ok"}
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[1] == ""
    finally:
        for line in lines:
            line.close()
        process.kill()
        process.communicate()


def test_the_command_names_a_wrong_argument() -> None:
    """With how to use it."""
    command = [sys.executable, "-m", "twinkle_notifier.inbox", "--port", "many"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=180, cwd="/")
    assert done.returncode == 2
    assert "--port" in done.stderr
