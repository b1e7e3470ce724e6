"""Robots behind a real socket on the loopback, with a page that shows what arrived."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
import time
from collections.abc import Sequence
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import SplitResult, parse_qsl, urlsplit

from twinkle_notifier.inbox.robot import Answer, Received, Robot, Running

_READ_LIMIT = 1024 * 1024  # bytes of a request
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width"><title>Inbox ({count})</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; background: #eee }}
article {{ background: #fff; border-radius: .5rem; padding: .75rem 1rem; margin: 1rem 0 }}
h2 {{ font-size: 1rem; margin: 0 }} time {{ color: #666; font-size: .85rem }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; margin: .5rem 0 0 }}
</style><h1>Inbox</h1>{articles}"""
_ARTICLE = "<article><h2>{title}</h2><time>{time}, {size} bytes</time><pre>{text}</pre></article>"
_EMPTY = "<p>Nothing has arrived yet.</p>"
_PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the page's URL holds its token
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


class Inbox(Running):
    """A robot on ``127.0.0.1``, running from construction until `close`. Its page is at `page_url`.

    Every user of this machine reaches it. The robot takes requests that name its `token`. The page, which shows all
    messages, is for those who know its URL: that holds a random token.

    Args:
        token: the access token that a request must name.
        secret: the signing secret, for signed mode.
        keywords: one of them must be in each message, if there are any.
        rate: messages a minute; after one more the robot refuses all for `penalty` seconds.
        delay: seconds before it answers, having accepted the message.
        port: 0 for a free one.
    """

    def __init__(
        self,
        *,
        token: str = "local-token",
        secret: str | None = None,
        keywords: Sequence[str] = (),
        rate: int = 20,
        penalty: float = 600.0,
        delay: float = 0.0,
        port: int = 0,
    ) -> None:
        self._robot = Robot(token, secret, keywords, rate, penalty)
        self._server = _Server(("127.0.0.1", port), [self._robot], delay)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The webhook URL, as one would copy it from DingTalk."""
        return f"{self._root}{self._robot.webhook}"

    @property
    def page_url(self) -> str:
        """The URL of the page that shows what arrived. Without the token in it the page shows nothing."""
        return f"{self._root}/?token={self._server.page_token}"

    @property
    def _root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> int:
        """The number of requests, accepted or not."""
        return self._robot.requests

    def script(self, *answers: Answer) -> None:
        """Answer the next requests with these, whatever they hold."""
        self._robot.script(*answers)

    def wait(self, count: int, seconds: float) -> list[Received]:
        """The messages, as soon as there are `count` of them or after `seconds`."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.messages

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024  # a whole cluster may crash at once

    def __init__(self, address: tuple[str, int], robots: Sequence[Robot], delay: float) -> None:
        super().__init__(address, _Handler)
        self.robots, self.delay = {robot.path: robot for robot in robots}, delay
        self.page_token = secrets.token_urlsafe(24)

    def knows(self, host: str, token: str) -> bool:
        """Whether a request for the page comes from somebody who knows its URL.

        The host matters, too: a website could let a name of its own lead here, and so read the page in a browser.
        """
        ours = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}
        return host.lower() in ours and hmac.compare_digest(token.encode(), self.page_token.encode())

    def page(self) -> str:
        """HTML with the newest message first. It reloads itself every two seconds."""
        messages = [message for robot in self.robots.values() for message in list(robot.messages)]
        newest_first = sorted(messages, key=lambda message: message.at)[::-1]
        return _PAGE.format(count=len(messages), articles="".join(map(_article, newest_first)) or _EMPTY)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        parts, server = _split(self.path), cast(_Server, self.server)
        size = self.headers.get("Content-Length", "")
        body = self.rfile.read(min(int(size), _READ_LIMIT) if re.fullmatch("[0-9]{1,9}", size) else 0)
        if robot := server.robots.get(parts.path):
            answer = robot.answer(dict(parse_qsl(parts.query)), self.headers.get("Content-Type", ""), body)
            time.sleep(server.delay)
            self._send(200, "application/json", json.dumps(answer))
        else:
            self._send(404, "text/html", "<h1>404 Not Found</h1>")

    def do_GET(self) -> None:
        parts, server = _split(self.path), cast(_Server, self.server)
        query, host = dict(parse_qsl(parts.query)), self.headers.get("Host", "")
        if robot := server.robots.get(parts.path):
            self._send(200, "application/json", json.dumps(robot.without_post))
        elif not server.knows(host, query.get("token", "")):
            self._send(403, "text/html", "<h1>403 Forbidden</h1>The inbox has printed the page's URL, with a token.")
        elif parts.path != "/":
            self._send(404, "text/html", "<h1>404 Not Found</h1>")
        else:
            self._send(200, "text/html", server.page())

    def _send(self, status: int, kind: str, text: str) -> None:
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in _PRIVATE.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Nothing: the request line holds the tokens."""


def _split(path: str) -> SplitResult:
    try:
        return urlsplit(path)
    except ValueError:
        return urlsplit("")


def _article(message: Received) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(message.at))
    return _ARTICLE.format(title=escape(message.title), time=when, size=message.size, text=escape(message.text))
