"""One request on its way: directly, by the standard library; through the environment's proxy, by requests.

Where no proxy is in the way, requests need not be loaded: it takes a tenth of a second and 10 MB, and a crash waits for
it. What it prepares for a request takes longer than the request itself on a short way.
"""

from __future__ import annotations

import base64
import errno
import functools
import http.client
import io
import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from twinkle_notifier.credentials import masked_logs, secrets_in_url
from twinkle_notifier.loading import has_proxies

_URL_MARKS = "%/:=&?~+!$,;'@()*[]"  # what stays as it is in a path and a query


class Payload(io.BytesIO):
    """A request's body that knows whether any of it was taken, and that gives nothing once it is sealed.

    It is taken when the connection stands, hands are shaken and the head is sent: before that no service can have
    accepted anything, whatever went wrong. A try that was left behind sends nothing afterwards.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.size = len(body)
        self._first: dict[str, str] = {}  # setdefault is atomic, and holds no lock when an alarm rings

    def read(self, size: int | None = -1, /) -> bytes:
        """Like any file's."""
        if self._first.setdefault("is", "taken") != "taken":
            raise TimeoutError("nobody waits for it any more")
        return super().read(size)

    def seal(self) -> bool:
        """From now on nothing can be taken unless something was. Whether it was."""
        return self._first.setdefault("is", "sealed") == "taken"


@contextmanager
def posted(url: str, payload: Payload, seconds: float, secrets: Sequence[str]) -> Iterator[Any]:
    """The answer to a POST of the JSON `payload`, with ``status``, ``headers``, and a ``read`` that may be short.

    No redirects. `seconds` bound each look-up, address and read on its own; the sum of them has no bound. None of the
    `secrets`, nor of the URL's own, is logged meanwhile. Raises whatever the way raises.
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
def _directly(parts: SplitResult, payload: Payload, headers: dict[str, str], seconds: float) -> Iterator[Any]:
    # Of a name's two addresses, IPv6 and IPv4 say, the first may be a dead end: half the time for each.
    host, seconds_each = parts.hostname or "", seconds / 2
    if parts.scheme == "https":
        secure = http.client.HTTPSConnection(host, parts.port or 443, timeout=seconds_each, context=_trusted())
        line: http.client.HTTPConnection = secure
    else:  # with a port in any case, or the end of an IPv6 address would be taken for one
        line = http.client.HTTPConnection(host, parts.port or 80, timeout=seconds_each)
    with closing(line):
        line.set_debuglevel(0)  # whatever a user has set for all: it prints the token
        line.connect()
        line.sock.settimeout(seconds)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line.request("POST", quote(target, safe=_URL_MARKS), payload, headers)
        yield line.getresponse()


@contextmanager
def _by_proxy(parts: SplitResult, payload: Payload, headers: dict[str, str], seconds: float) -> Iterator[Any]:
    """As requests does it, or directly where the proxy is not for this host."""
    import urllib3
    from requests import adapters
    from requests import utils as typed

    utils: Any = typed  # their stubs hold a function without types
    url = parts._replace(fragment="").geturl()
    proxy = utils.select_proxy(url, utils.get_environ_proxies(url))
    if not proxy:
        with _directly(parts, payload, headers, seconds) as reply:
            yield reply
        return
    proxy = utils.prepend_scheme_if_needed(proxy, "http")
    trusted = {}
    if "https" in (parts.scheme, urlsplit(proxy).scheme):
        _trusted()  # raises what tells people how to mend it; urllib3 1 takes no context for an address without a name
        issuers = _issuers()
        trusted = {"cert_reqs": "CERT_REQUIRED", "ca_cert_dir" if os.path.isdir(issuers) else "ca_certs": issuers}
    bounds = urllib3.Timeout(connect=seconds / 2, read=seconds)
    how: Any = {"timeout": bounds, "retries": False, "redirect": False}
    manager: Any = adapters.HTTPAdapter().proxy_manager_for(proxy, **trusted)
    manager.pool_classes_by_scheme = {name: _quiet(pool) for name, pool in manager.pool_classes_by_scheme.items()}
    try:
        asked = manager.urlopen("POST", url, body=payload, headers=headers, preload_content=False, **how)
        with closing(asked) as reply:
            reply.enforce_content_length = True  # urllib3 2 does so anyway
            yield reply
    finally:
        manager.clear()


def _quiet(pool: Any) -> Any:
    """A pool of urllib3 whose connections print nothing, see `_directly`."""
    connection = type(pool.ConnectionCls.__name__, (pool.ConnectionCls,), {"debuglevel": 0})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class NoIssuersError(OSError):
    """What should hold the certificates of issuers does not."""


def ready() -> None:
    """Read the certificates of issuers now: when they are needed, in a crash, their disk may be gone."""
    with suppress(OSError):  # it is said then
        _trusted()


def _trusted() -> ssl.SSLContext:
    """That by which a server is trusted. Raises NoIssuersError."""
    try:
        return _trusting(_issuers())
    except ssl.SSLError:  # an OSError, too; it says nothing of use
        raise NoIssuersError(errno.EINVAL, "no certificate in it") from None
    except (FileNotFoundError, PermissionError) as error:
        raise NoIssuersError(error.errno, error.strerror) from None


def _issuers() -> str:
    """The file, or the folder, with the certificates of those who vouch for a server, as requests takes it."""
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if named:
        return named
    import certifi

    return certifi.where()


@functools.cache
def _trusting(issuers: str) -> ssl.SSLContext:
    """Once for the process: to read a hundred certificates takes longer than anything else about a request."""
    if os.path.isdir(issuers):
        return ssl.create_default_context(capath=issuers)
    return ssl.create_default_context(cafile=issuers)
