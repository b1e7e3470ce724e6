"""The page that shows what arrived: its files, who may see it, and the stream of what arrives (server-sent events)."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from importlib.resources import files

from twinkle_notifier.inbox.arrivals import Arrivals

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the page's URL holds its token
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # No script, style or picture but the page's own files, and no text of a message is ever read as HTML.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
}
_HTTP_PORT = 80
STREAM = "/arrivals"
# They hold no message: whoever reaches this machine may read them.
_FILES = {
    **{f"/{name}.js": "text/javascript" for name in ("page", "view", "chats", "slack", "markdown", "dom", "words")},
    "/page.css": "text/css",
    "/icon.svg": "image/svg+xml",
}
_SILENCE = 15.0  # seconds after which the stream says that it is alive


class Page:
    """The page of a server at `port` of the loopback, for those who know its `token`."""

    def __init__(self, port: int, arrivals: Arrivals) -> None:
        self.token: str = secrets.token_urlsafe(24)
        self._arrivals = arrivals
        names = ("127.0.0.1", "localhost")
        self._hosts = [f"{name}:{port}" for name in names]
        if port == _HTTP_PORT:
            self._hosts += names  # a browser leaves out this port

    def fault(self, host: str, origin: str | None) -> str:
        """Why a request is not one of this machine's user, by its headers; empty if it is.

        A website could let a name of its own lead here, and so read the page in a browser, or send to a robot: the
        `host` tells. It can make a browser send elsewhere, which the `origin` tells; a program names none.
        """
        if host.lower() not in self._hosts:
            return f"The Host of a request must be {' or '.join(self._hosts)}."
        if origin is not None and origin.lower() not in {f"http://{own}" for own in self._hosts}:
            return "The Origin of this request is another website."
        return ""

    def knows_token(self, token: str) -> bool:
        """Whether somebody has the page's URL."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())

    def file(self, path: str, is_known: bool) -> tuple[str, bytes] | None:
        """The type and content of a file of the page; the page itself is for those who know its token."""
        if path == "/" and is_known:
            return "text/html", _read("index.html")
        return (_FILES[path], _read(path[1:])) if path in _FILES else None

    def stream(self, last: str, write: Callable[[bytes], object]) -> None:
        """Write what arrived after the event `last`, and what arrives from now on, until the inbox is closed.

        Each has an id, so that a browser which lost the connection goes on where it was. Whatever is older than what
        an event `oldest` tells is no longer kept. One is written at a time: a reader that stops holds no others.
        """
        number = int(last) if re.fullmatch("[0-9]{1,15}", last) else 0
        known = 1
        write(b"retry: 500\n\n")
        while not self._arrivals.is_closed:
            if (oldest := self._arrivals.oldest) != known:
                write(f"event: oldest\ndata: {oldest}\n\n".encode())
                known = oldest
            new = self._arrivals.after(number, _SILENCE)
            write(f"id: {new.number}\ndata: {new.shown}\n\n".encode() if new else b":\n\n")
            number = new.number if new else number


def _read(name: str) -> bytes:
    return (files("twinkle_notifier.inbox") / "static" / name).read_bytes()
