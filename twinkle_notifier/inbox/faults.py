"""A robot on the loopback whose network, proxy or machine is out of order.

A fault is a function of one connection::

    with Faulty(in_turn(status(500), accept)) as robot:
        DingNotifier(robot.url)("### hello")
        print(robot.requests, robot.messages)
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from twinkle_notifier.inbox import dingtalk
from twinkle_notifier.inbox.robot import Request as Post
from twinkle_notifier.inbox.robot import Robot, Running

_TOKEN = "token-of-a-faulty-robot"
_SENDS_MOST = 64 * 1024  # bytes at once


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Visit:
    """One request and its connection, which is closed when the fault returns."""

    number: int  # from 0
    request: Request
    robot: Robot = field(repr=False)
    connection: socket.socket = field(repr=False)
    over: threading.Event = field(repr=False)  # set when the server closes

    def accept(self) -> Fault:
        """Give the message to the robot. Returns a function that sends its answer."""
        query = dict(parse_qsl(urlsplit(self.request.path).query))
        kind = self.request.headers.get("content-type", "")
        said = self.robot.answer(Post(urlsplit(self.request.path).path, query, kind, self.request.body))
        body = said.content if isinstance(said.content, str) else json.dumps(said.content)
        return answer(said.status, body.encode(), **said.headers)

    def send(self, data: bytes) -> None:
        """Send these bytes; nothing, when the client is gone."""
        with suppress(OSError):
            self.connection.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send one of these bytes a second, until the client is gone."""
        for number in range(len(data)):
            try:
                self.connection.sendall(data[number : number + 1])
            except OSError:
                return
            if self.over.wait(1.0):
                return


Fault = Callable[[Visit], None]


class Faulty(Running):
    """A robot on the loopback that does `fault` with each request, running from construction until `close`.

    With a `certificate`, a file that holds one and its key, it speaks TLS. `service`: the robot of which service it is.
    """

    def __init__(
        self,
        fault: Fault,
        *,
        certificate: str | None = None,
        host: str = "127.0.0.1",
        service: type[Robot] = dingtalk.Robot,
    ) -> None:
        self.requests: list[Request] = []
        self._fault, self._robot, self._over = fault, service(_TOKEN, rate=1000), threading.Event()
        self._context = _tls(certificate) if certificate else None
        self._listener = socket.create_server((host, 0), backlog=128)
        self._connections: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._serve, name="faulty-robot", daemon=True).start()

    @property
    def url(self) -> str:
        """The webhook URL."""
        host = self._listener.getsockname()[0]
        return _url(self.port, "https" if self._context else "http", host, type(self._robot))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Stop listening, and close all connections."""
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the accept
        self._listener.close()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._visit, args=(connection,), daemon=True).start()

    def _visit(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.append(connection)
        with suppress(OSError):  # the client has gone, or never wanted TLS
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                request = _read(connection)
                if request is None:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                else:
                    with self._lock:
                        number = len(self.requests)
                        self.requests.append(request)
                    self._fault(Visit(number, request, self._robot, connection, self._over))


def _tls(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _url(port: int, scheme: str = "http", host: str = "127.0.0.1", service: type[Robot] = dingtalk.Robot) -> str:
    return f"{scheme}://{host}:{port}{service(_TOKEN).webhook}"


def _read(connection: socket.socket) -> Request | None:
    """One request; None for anything else, such as a TLS greeting."""
    with connection.makefile("rb") as stream:
        if not stream.peek(1)[:1].isalpha():
            return None
        first = stream.readline(65_536).decode("latin-1").split()
        if len(first) != 3:
            return None
        lines = iter(lambda: stream.readline(65_536).decode("latin-1").strip(), "")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        body = stream.read(length)
    return Request(first[1], headers, body) if len(body) == length else None


# Faults


def accept(visit: Visit) -> None:
    """No fault: what a sound robot does."""
    visit.accept()(visit)


def late(seconds: float) -> Fault:
    """The message is accepted, and the answer comes after `seconds`."""

    def accept_late(visit: Visit) -> None:
        said = visit.accept()
        visit.over.wait(seconds)
        said(visit)

    return accept_late


def accept_and_close(visit: Visit) -> None:
    """The message is accepted, and no answer comes."""
    visit.accept()


def close(_visit: Visit) -> None:
    """The connection is closed without an answer."""


def reset(visit: Visit) -> None:
    """The connection is reset."""
    visit.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def blackhole(visit: Visit) -> None:
    """No answer, ever."""
    visit.over.wait()


def drip_head(visit: Visit) -> None:
    """The head of an answer, one byte a second."""
    visit.drip(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(1000)))


def drip_body(visit: Visit) -> None:
    """A head, and the body one byte a second."""
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    visit.drip(b"x" * 10_000)


def truncate(visit: Visit) -> None:
    """A body that ends before its Content-Length."""
    visit.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"errcode":0')


def status(code: int, **headers: str) -> Fault:
    """An answer with this status; ``Retry_After="1"`` is a header of it."""
    return answer(code, b"", **headers)


def redirect(code: int, to: str, size: int = 0) -> Fault:
    """A redirect to another URL, in an answer of `size` bytes."""
    return _large(f"{code} Elsewhere", size, f"Location: {to}\r\n")


def says(said: object) -> Fault:
    """This JSON, with HTTP 200."""
    return answer(200, json.dumps(said).encode(), Content_Type="application/json")


def page(visit: Visit) -> None:
    """A page of HTML, as a hotel's or a company's proxy gives."""
    answer(200, b"<html><body>Please log in</body></html>", Content_Type="text/html")(visit)


def large(size: int) -> Fault:
    """An answer of `size` bytes."""
    return _large("200 OK", size)


def in_turn(*faults: Fault) -> Fault:
    """The first fault for the first request, the second for the second; the last fault for all further requests."""
    return lambda visit: faults[min(visit.number, len(faults) - 1)](visit)


def answer(code: int, body: bytes, **headers: str) -> Fault:
    """An answer with this status, this body, and headers such as ``Retry_After="1"``."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    head = f"HTTP/1.1 {code} So\r\nDate: {date}\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
    return lambda visit: visit.send(head.encode() + body)


def _large(first: str, size: int, header: str = "") -> Fault:
    def answer(visit: Visit) -> None:
        visit.send(f"HTTP/1.1 {first}\r\nContent-Length: {size}\r\n{header}\r\n".encode())
        for _ in range(0, size, _SENDS_MOST):
            try:
                visit.connection.sendall(b"x" * _SENDS_MOST)
            except OSError:
                return

    return answer


# Addresses where no robot is


@contextmanager
def refusing(service: type[Robot] = dingtalk.Robot) -> Generator[str]:
    """The URL of a port that refuses connections."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, so that it is nobody else's; not listening
        yield _url(closed.getsockname()[1], service=service)


@contextmanager
def dead(host: str = "127.0.0.1", port: int = 0, service: type[Robot] = dingtalk.Robot) -> Generator[str]:
    """The URL of a port that answers no SYN, like an address behind a firewall: its queue is full (Linux)."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind((host, port))
        full.listen(0)
        for _ in range(3):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        time.sleep(0.1)  # until they are in the queue
        yield _url(full.getsockname()[1], host=host, service=service)
