"""Robots behind a real socket on the loopback, with a page that shows what arrived."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from twinkle_notifier.inbox import bark, dingtalk, discord, feishu, ntfy, page, slack, telegram, wecom
from twinkle_notifier.inbox.arrivals import Arrivals
from twinkle_notifier.inbox.connections import Connections
from twinkle_notifier.inbox.robot import Answer, Received, Request, Response, Robot, Running

_READ_LIMIT = 1024 * 1024  # bytes of a request's body
_CLIENT = 30.0  # seconds for a client to send some more of a request, or to take some more of its answer
_LEFT_OVER = 2.0  # seconds for which what a refused client still sends is thrown away, so that it reads the answer
_READER = 60.0  # seconds for a browser to take what the stream has for it
_SERVICES: tuple[type[Robot], ...] = (
    *(dingtalk.Robot, feishu.Robot, wecom.Robot, slack.Robot, bark.Robot, telegram.Robot),
    *(ntfy.Robot, discord.Robot),  # by apprise
)


class Inbox(Running):
    """A robot of each service on ``127.0.0.1``, running from construction until `close`. Its page is at `page_url`.

    Whoever is logged in to this machine reaches them. A robot takes what names its `token`; the page, which shows all
    messages, is for those who know its URL: that holds a random token.

    Args:
        token: the access token that a request must name.
        secret: the signing secret, for signed mode.
        keywords: one of them must be in each message, if there are any.
        rate: messages a minute; after one more a robot refuses all for `penalty` seconds. None: as its service does.
        delay: seconds before it answers, having accepted the message.
        port: 0 for a free one.
    """

    def __init__(
        self,
        *,
        token: str = "local-token",
        secret: str | None = None,
        keywords: Sequence[str] = (),
        rate: int | None = None,
        penalty: float | None = None,
        delay: float = 0.0,
        port: int = 0,
    ) -> None:
        self.robots: dict[str, Robot] = {
            robot.service: robot(token, secret, keywords, rate, penalty) for robot in _SERVICES
        }
        self._server = _Server(("127.0.0.1", port), list(self.robots.values()), delay)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The webhook URL, as one would copy it from DingTalk."""
        return self.urls["DingTalk"]

    @property
    def urls(self) -> dict[str, str]:
        """The webhook URL of each service's robot that a notifier of this package sends to by itself."""
        return {name: f"{self._root}{robot.webhook}" for name, robot in self.robots.items() if robot.scheme == "http"}

    @property
    def apprise_urls(self) -> dict[str, str]:
        """The URL, for `AppriseNotifier`, of each robot that apprise can be led to."""
        others = {name: robot for name, robot in self.robots.items() if robot.scheme not in ("http", "")}
        return {
            name: f"{robot.scheme}{self._root.removeprefix('http')}{robot.webhook}" for name, robot in others.items()
        }

    @property
    def page_url(self) -> str:
        """The URL of the page that shows what arrived. Without the token in it the page shows nothing."""
        return f"{self._root}/?token={self._server.page.token}"

    @property
    def _root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def messages(self) -> list[Received]:
        """What was accepted, in order."""
        return self._server.messages()

    @property
    def requests(self) -> int:
        """How many requests came, accepted or not."""
        return sum(robot.requests for robot in self.robots.values())

    @property
    def repeats(self) -> int:
        """How many requests repeated an accepted message's ``msgUuid``, and were dropped for it."""
        return sum(robot.repeats for robot in self.robots.values())

    def script(self, *answers: Answer) -> None:
        """Give these answers to the next requests of DingTalk's robot, whatever they hold."""
        self.robots["DingTalk"].script(*answers)

    def wait(self, count: int, seconds: float) -> list[Received]:
        """The messages, as soon as there are `count` of them or after `seconds`."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.messages

    def close(self) -> None:
        """Stop listening, and close all connections; a request that came whole gets its answer."""
        self._server.arrivals.close()
        self._server.shutdown()
        self._server.connections.close()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    request_queue_size = 1024  # a whole cluster may crash at once

    def __init__(self, address: tuple[str, int], robots: Sequence[Robot], delay: float) -> None:
        super().__init__(address, _Handler)
        self.robots, self.delay = list(robots), delay
        self.arrivals, self.connections = Arrivals(), Connections()
        for robot in robots:
            robot.on_answer = self.arrivals.add
        self.page = page.Page(self.server_port, self.arrivals)

    def process_request(self, request: Any, client_address: Any) -> None:
        """See `ThreadingHTTPServer`."""
        if self.connections.add(request):
            super().process_request(request, client_address)
        else:
            super().shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """See `ThreadingHTTPServer`."""
        self.connections.remove(request)
        super().shutdown_request(request)

    def robot(self, path: str) -> Robot | None:
        """The robot whose URL has this path."""
        return next((robot for robot in self.robots if robot.serves(path)), None)

    @property
    def token(self) -> str:
        """What a request to a robot must name, as it stands in a path."""
        return quote(self.robots[0].token, safe="")

    @property
    def paths(self) -> str:
        """Which paths there are, for somebody who has mistaken one."""
        return ", ".join(f"{robot.path.rstrip('/') or '/'} ({robot.service})" for robot in self.robots)

    def messages(self) -> list[Received]:
        """What all robots have accepted, in order."""
        messages = [message for robot in self.robots for message in list(robot.messages)]
        return sorted(messages, key=lambda message: message.at)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets: the second would wait 40 ms

    timeout = _CLIENT
    _is_read = True  # the last request, to its end

    def handle_one_request(self) -> None:
        """See `BaseHTTPRequestHandler`. What was not read to its end closes the connection: the rest is no request."""
        self.close_connection = True
        if self._server.connections.wait(self.connection):
            super().handle_one_request()
            self.close_connection |= not self._is_read

    def finish(self) -> None:
        """See `BaseHTTPRequestHandler`. A connection that is closed on unread bytes loses its last answer."""
        with suppress(OSError):
            super().finish()
            if not self._is_read:
                deadline = time.monotonic() + _LEFT_OVER
                self.connection.shutdown(socket.SHUT_WR)
                while (left := deadline - time.monotonic()) > 0:
                    self.connection.settimeout(left)
                    if not self.connection.recv(65536):
                        return

    def do_POST(self) -> None:
        self._is_read = False
        parts, server = _split(self.path), self._server
        kind, query = self.headers.get("Content-Type", ""), dict(parse_qsl(parts.query))
        if fault := server.page.fault(self.headers.get("Host", ""), self.headers.get("Origin")):
            self._forbid(fault)
        elif fault := self._wrong_size():
            self._send(int(fault[:3]), "text/html", f"<h1>{fault}</h1>")
        elif (body := self._body()) is None or not server.connections.begin(self.connection):
            return
        elif robot := server.robot(parts.path):
            answer = robot.answer(Request(parts.path, query, kind, body))
            time.sleep(server.delay)
            self._respond(answer)
        else:
            path = parts.path.replace(server.token, "***")
            answer = Response("404 Not Found", 404)
            server.arrivals.add_stray(Request(path, query, kind, body), answer, server.paths)
            self._respond(answer)

    def do_GET(self) -> None:
        self._is_read = "Transfer-Encoding" not in self.headers and self.headers.get("Content-Length", "0") == "0"
        parts, server = _split(self.path), self._server
        own, query = server.page, dict(parse_qsl(parts.query))
        is_known = own.knows_token(query.get("token", ""))
        fault = own.fault(self.headers.get("Host", ""), self.headers.get("Origin"))
        if not server.connections.begin(self.connection):
            return
        if not fault and (file := own.file(parts.path, is_known)):
            self._send(200, *file)
        elif parts.path != "/" and (robot := server.robot(parts.path)):
            self._respond(robot.without_post)
        elif fault or not is_known:
            self._forbid(fault or "The inbox has printed the page's URL, with a token.")
        elif parts.path == page.STREAM:
            # A browser names it as it connects again, and the page itself as it opens a new stream.
            self._stream(self.headers.get("Last-Event-ID") or query.get("last", ""))
        else:
            self._send(404, "text/html", "<h1>404 Not Found</h1>")

    @property
    def _server(self) -> _Server:
        return cast(_Server, self.server)

    def _wrong_size(self) -> str:
        """Why the body is not read, as a status and words; empty if it can be."""
        sizes = set(self.headers.get_all("Content-Length", ["0"]))
        if "Transfer-Encoding" in self.headers:
            return "411 Length Required: send a Content-Length"
        if len(sizes) > 1 or not re.fullmatch("[0-9]+", min(sizes)):
            return "400 Bad Request: the Content-Length is no number"
        if len(min(sizes)) > 9 or int(min(sizes)) > _READ_LIMIT:
            return "413 Content Too Large: the inbox takes 1 MiB"
        return ""

    def _body(self) -> bytes | None:
        """All of it; None if the client stops before."""
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        self._is_read = len(body) == size
        return body if self._is_read else None

    def _stream(self, last: str) -> None:
        self.close_connection = True
        self.connection.settimeout(_READER)
        self.send_response(200)
        for name, value in {"Content-Type": "text/event-stream", **page.HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # the reader left, or reads no more
            self._server.page.stream(last, self.wfile.write)

    def _forbid(self, why: str) -> None:
        self._send(403, "text/html", f"<h1>403 Forbidden</h1>{why}")

    def _respond(self, response: Response) -> None:
        is_word = isinstance(response.content, str)
        text = response.content if isinstance(response.content, str) else json.dumps(response.content)
        self._send(response.status, "text/html" if is_word else "application/json", text, response.headers)

    def _send(
        self, status: int, kind: str, content: str | bytes, more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        body = content.encode("utf-8", "replace") if isinstance(content, str) else content
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in {**page.HEADERS, **more, **({} if self._is_read else {"Connection": "close"})}.items():
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
