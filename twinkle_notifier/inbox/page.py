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
        self.token = secrets.token_urlsafe(24)
        self._arrivals = arrivals
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    def knows_host(self, host: str) -> bool:
        """Whether a browser asked for this page by its own address.

        A website could let a name of its own lead here, and so read the page in a browser.
        """
        return host.lower() in self._hosts

    def knows_origin(self, origin: str | None) -> bool:
        """Whether no other site makes a browser send this; a program names no origin."""
        return origin is None or origin.lower() in {f"http://{host}" for host in self._hosts}

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

        Each event has an id, so that a browser which lost the connection goes on where it was.
        """
        number = int(last) if re.fullmatch("[0-9]{1,15}", last) else 0
        write(b"retry: 500\n\n")
        while (new := self._arrivals.after(number, _SILENCE)) is not None:
            write("".join(f"id: {each.number}\ndata: {each.told}\n\n" for each in new).encode() or b":\n\n")
            number = new[-1].number if new else number


def _read(name: str) -> bytes:
    return (files("twinkle_notifier.inbox") / "static" / name).read_bytes()
