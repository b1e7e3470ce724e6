"""Sends one request: directly by the standard library, or through the environment's proxy by requests.

requests is loaded only behind a proxy, when a notifier is made: its import takes as long as that of this package.
Loading it always would make the import too slow. Loading it in a crash would lose the alert of a process that has no
file left.
"""

from __future__ import annotations

import base64
import codecs
import http.client
import importlib
import io
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from twinkle_notifier import surroundings, system
from twinkle_notifier.channels import issuers
from twinkle_notifier.credentials.masking import masked_logs, secrets_in_url
from twinkle_notifier.diagnosis import user_rules

for _name in ("ascii", "idna", "latin-1"):  # for host names and headers
    codecs.lookup(_name)  # at the interpreter's end, or without files, none can be loaded

_PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_LOAD = 10.0  # seconds to load requests, from a disk that may be gone
_URL_MARKS = "%/:=&?~+!$,;'@()*[]"  # not quoted in a path and a query


class Payload(io.BytesIO):
    """A request's body that knows whether any of it was read, and gives nothing once it is sealed.

    It is read only after the connection, the TLS handshake and the headers. If none of it was read, no service can have
    accepted the message, whatever went wrong; and a try that was abandoned sends nothing afterwards.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.size: int = len(body)
        self._first: dict[str, str] = {}  # setdefault is atomic, and holds no lock when an alarm rings

    def read(self, size: int | None = -1, /) -> bytes:
        """Like any file's."""
        if self._first.setdefault("is", "taken") != "taken":
            raise TimeoutError("nobody waits for it any more")
        return super().read(size)

    def seal(self) -> bool:
        """Let nothing be read from now on, unless reading has begun. Returns whether it has."""
        return self._first.setdefault("is", "sealed") == "taken"


@contextmanager
def posted(url: str, payload: Payload, seconds: float, secrets: Sequence[str]) -> Generator[Any]:
    """The answer to a POST of the JSON `payload`, with ``status``, ``headers``, and a ``read`` that may be short.

    No redirects. `seconds` bound each look-up, address and read; their sum has no bound. Meanwhile no log shows the
    `secrets`, nor those in the URL. Raises the errors of sockets, TLS, http.client and requests.
    """
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(payload.size)}
    headers |= {"Accept-Encoding": "identity", "User-Agent": "twinkle-notifier"}
    if parts.username or parts.password:
        user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    if not has_proxies():
        with _directly(parts, payload, headers, seconds) as reply:
            yield reply
        return
    with masked_logs([*secrets, *secrets_in_url(url)]), _by_proxy(parts, payload, headers, seconds) as reply:
        yield reply


@contextmanager
def _directly(parts: SplitResult, payload: Payload, headers: dict[str, str], seconds: float) -> Generator[Any]:
    # A name may have two addresses, IPv6 and IPv4, of which the first is a dead end: half the time for each.
    host, seconds_each = parts.hostname or "", seconds / 2
    if parts.scheme == "https":
        secure = http.client.HTTPSConnection(host, parts.port or 443, timeout=seconds_each, context=issuers.trusting())
        line: http.client.HTTPConnection = secure
    else:  # always with a port, or the end of an IPv6 address would be taken for one
        line = http.client.HTTPConnection(host, parts.port or 80, timeout=seconds_each)
    with closing(line):
        line.set_debuglevel(0)  # also where a user has set it for all: it prints the token
        line.connect()
        line.sock.settimeout(seconds)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line.request("POST", quote(target, safe=_URL_MARKS), payload, headers)
        yield line.getresponse()


@contextmanager
def _by_proxy(parts: SplitResult, payload: Payload, headers: dict[str, str], seconds: float) -> Generator[Any]:
    """By requests, or directly where the proxy is not for this host."""
    import urllib3  # `ready` has loaded it; if it could not, this may fail or hang
    from requests import PreparedRequest
    from requests import utils as typed

    utils: Any = typed  # their stubs hold a function without types
    url = parts._replace(fragment="").geturl()
    proxies = utils.get_environ_proxies(url)
    if not utils.select_proxy(url, proxies):
        with _directly(parts, payload, headers, seconds) as reply:
            yield reply
        return
    request: Any = PreparedRequest()
    request.method, request.headers, request.body = "POST", headers, payload
    request.prepare_url(url, None)
    # No `verify`: for True some versions of requests take certificates of their own, for a path urllib3 reads it.
    bounds = urllib3.Timeout(connect=seconds / 2, read=seconds)
    how: Any = {"timeout": bounds, "verify": None, "proxies": proxies}
    with closing(_adapter(parts.scheme)) as adapter, closing(adapter.send(request, stream=True, **how)) as answer:
        answer.raw.enforce_content_length = True  # urllib3 2 does so anyway
        yield answer.raw


def _adapter(scheme: str) -> Any:
    """An adapter of requests that trusts our issuers, and whose connections print no token, see `_directly`."""
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
            by_tls = urlsplit(str(proxy)).scheme == "https"
            if by_tls or scheme == "https":
                # urllib3 checks the name itself; version 1 could not do so with a context that does.
                options["ssl_context"] = issuers.trusting(checks_name=False)
            if by_tls:
                options["proxy_ssl_context"] = issuers.trusting()
            return super().proxy_manager_for(proxy, **options)

        def cert_verify(
            self, conn: Any, *_: Any, **__: Any
        ) -> None:  # requests calls it with the pool before each request
            conn.cert_reqs = "CERT_REQUIRED"
            conn.ConnectionCls = type(conn.ConnectionCls.__name__, (conn.ConnectionCls,), {"debuglevel": 0})

    return Adapter()


def has_proxies() -> bool:
    """Whether a proxy may be set. On other systems than Linux the system's settings count, too."""
    return system.HAS_PROXY_SETTINGS or any(map(os.environ.__contains__, _PROXIES))


def ready() -> None:
    """Read from the disk what a request needs, so that a crash need not. Errors are raised only by the request."""
    if sys.exc_info()[1] is not None:  # this is a crash: a launcher ends the other ranks within 0.1 s of the first
        return  # `notify_exception` defers its signal, and the request reads what it needs
    user_rules.ready()
    surroundings.ready()
    if has_proxies() and "requests.adapters" not in sys.modules:
        issuers.aside(lambda: importlib.import_module("requests.adapters"), _LOAD)
    issuers.ready(by_proxy=has_proxies())
