"""A request to a webhook: tried again within one budget, with errors that show nothing of its URL.

Not urllib3's Retry: it sleeps a Retry-After past every time-out, and repeats a POST that may have been accepted.
"""

from __future__ import annotations

import random
import ssl
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.utils import mktime_tz, parsedate_tz
from http.client import IncompleteRead, InvalidURL
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from twinkle_notifier import isolation
from twinkle_notifier.budgets import CRASH_BUDGET
from twinkle_notifier.channels import connection, issuers
from twinkle_notifier.credentials.masking import secrets_in_url
from twinkle_notifier.errors import DeliveryError
from twinkle_notifier.messages.sanitize import reply

_LIMIT = 64 * 1024  # bytes of an answer; no service needs more to say yes
_CHUNK = 64  # bytes read at once; between two reads an abandoned try notices that its time is over
_ROOM = 0.25  # seconds of the caller's budget that stay for the error
_LEAST = 0.5  # seconds; with less left there is no other try
_TRIES = 3
_PAUSES = (0.2, 0.5)  # seconds before the second and third try when nothing was sent: other ranks wait to take over
_BUSY_PAUSES = (0.5, 1.5)  # seconds, when the service is busy and does not say for how long
_LATEST = 86400.0  # seconds: the longest Retry-After
_SAID = 200  # characters of an error of the system, of TLS, of a proxy
_random = random.SystemRandom()  # that of the program is as it left it, for its checkpoints
_BUSY = (408, 429, *range(500, 600))
_NO_WAY_OUT = (
    "is there a way out from this machine? Set HTTPS_PROXY, or TWINKLE_NOTIFIER_DIR and run "
    "`twinkle-notifier flush --follow` on a node that has one"
)


_NOBODY_LISTENS = "nothing listens there. Is the server, or `twinkle-notifier inbox`, running on this machine?"


class Reply(NamedTuple):
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Lost(NamedTuple):
    """A try that got no answer. `doubtful`: its request was sent, so that it may have been accepted."""

    reason: str
    doubtful: bool
    hopeless: bool = False


def post(url: str, body: bytes, *, timeout: float, secrets: Sequence[str] = (), repeatable: bool = False) -> Reply:
    """POST the JSON `body`; no redirects, and at most 64 KiB of the answer. Proxies are the environment's.

    A try takes at most `timeout` seconds; all tries take at most 8, or what `isolation.remaining` says. There are up to
    three when nothing was sent, or the service is busy (408, 429, 5xx). When the request was sent and no answer came,
    there is one more if it is `repeatable`: the service drops a repeat.

    Raises:
        DeliveryError: no answer came, or the service was busy to the end. Its text, like what urllib3 logs, holds
            none of the `secrets` and none of the URL's query values and long path segments.
    """
    deadline = time.monotonic() + min(isolation.remaining() - _ROOM, CRASH_BUDGET)
    results: list[Reply | _Lost] = []
    while True:
        seconds = max(min(timeout, deadline - time.monotonic()), 0.0)
        results.append(_try(url, body, seconds, secrets))
        pause = _pause(results, repeatable)
        if pause is None or time.monotonic() + pause + _LEAST > deadline:
            return _outcome(results, _host(url))
        time.sleep(pause)


def _pause(results: Sequence[Reply | _Lost], repeatable: bool) -> float | None:
    """Seconds until the next try; None if there is none."""
    last, number = results[-1], len(results) - 1
    if number >= _TRIES - 1:
        return None
    if isinstance(last, Reply):
        if last.status not in _BUSY:
            return None
        asked = _retry_after(last.headers)
        return _jittered(_BUSY_PAUSES[number]) if asked is None else max(asked, _jittered(_PAUSES[0]))
    if last.hopeless or (last.doubtful and not (repeatable and len(_doubts(results)) == 1)):
        return None
    return _jittered(_PAUSES[number])


def _outcome(results: Sequence[Reply | _Lost], host: str) -> Reply:
    """The answer. Raises a DeliveryError that says what these tries show of the message."""
    last, doubts = results[-1], _doubts(results)
    if isinstance(last, Reply) and last.status not in _BUSY:
        return last
    if isinstance(last, Reply) and last.status == 429:
        said = f"{host} takes no more messages for now (HTTP 429{_later(last)})"
        raise DeliveryError(said, fate="throttled", retry_after=_retry_after(last.headers) or None)
    if doubts:  # the message may be there, whatever the later tries met
        raise DeliveryError(doubts[-1].reason, fate="unknown")
    if isinstance(last, Reply):
        raise DeliveryError(f"{host} is out of order (HTTP {last.status}{_later(last)}), or a proxy before it")
    raise DeliveryError(last.reason)


def _doubts(results: Sequence[Reply | _Lost]) -> list[_Lost]:
    return [result for result in results if isinstance(result, _Lost) and result.doubtful]


def _jittered(seconds: float) -> float:
    return seconds * _random.uniform(0.75, 1.25)


def _later(reply: Reply) -> str:
    seconds = _retry_after(reply.headers)
    return "" if seconds is None else f", again in {seconds:.0f} s"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the service asks to wait. A date counts from its own clock, which may not be ours."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return min(float(asked), _LATEST)
    until = date(asked)
    left = None if until is None else until - (date(headers.get("Date", "")) or time.time())
    return None if left is None else min(max(left, 0.0), _LATEST)


def date(text: str) -> float | None:
    """A header's date in seconds since 1970; None if it is no date."""
    try:
        parsed = parsedate_tz(text)
        return None if parsed is None else float(mktime_tz(parsed))
    except (ValueError, IndexError, OverflowError):  # day 99; what the parser forgot
        return None


def _try(url: str, body: bytes, seconds: float, secrets: Sequence[str]) -> Reply | _Lost:
    payload = connection.Payload(body)
    # In a thread: its time-outs bound each look-up, address and read, not their sum.
    answer = isolation.call(lambda: _post(url, payload, seconds, secrets), seconds)
    sent = payload.seal()
    if answer.value is not None:
        return answer.value
    error = answer.error
    if error is not None and not isinstance(error, Exception):
        raise error  # Ctrl-C, where no thread could start
    # The caller raises, outside any except block: there the foreign error, with the URL, would stay as __context__.
    hidden = [*secrets, *secrets_in_url(url)]
    said = f"within {seconds:.2g} s" if error is None else f"({reply(_said(error), _SAID, hidden)})"
    if sent:
        return _Lost(f"no answer from {_host(url)} {said}: the message may be there", doubtful=True)
    hint, hopeless = _hint(error, urlsplit(url).hostname or "")
    return _Lost(f"cannot connect to {_host(url)} {said}: {hint}", doubtful=False, hopeless=hopeless)


def _post(url: str, payload: connection.Payload, seconds: float, secrets: Sequence[str]) -> Reply:
    with connection.posted(url, payload, seconds, secrets) as reply:
        return Reply(reply.status, reply.headers, _unpacked(_read(reply), reply.headers))


def _read(reply: Any) -> bytes:
    body = b""
    while len(body) < _LIMIT and isolation.remaining():
        chunk = reply.read(_CHUNK)
        if not chunk and getattr(reply, "length", None):  # the standard library accepts a body that was cut short
            raise IncompleteRead(b"", reply.length)
        if not chunk:
            break
        body += chunk
    return body[:_LIMIT]


def _unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    """The body, decompressed: a proxy may compress it unasked."""
    if headers.get("Content-Encoding", "").lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    for window in (32 + zlib.MAX_WBITS, -zlib.MAX_WBITS):  # the second for servers that leave deflate's head out
        packed = zlib.decompressobj(window)
        with suppress(zlib.error):
            plain = packed.decompress(body, _LIMIT)
            if packed.eof:  # else it only began like a packed one
                return plain
    return body


def _hint(error: Exception | None, host: str) -> tuple[str, bool]:
    """What may help when there was no connection, and whether another try is useless before that."""
    root = None if error is None else _root(error)
    if isinstance(root, ssl.SSLCertVerificationError) or _is(root, "CertificateError"):  # urllib3's, of a name
        return "its certificate is not trusted here. Name its issuer's file in REQUESTS_CA_BUNDLE", True
    if isinstance(root, issuers.NoIssuersError):
        return "there are no certificates where REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or certifi has them", True
    if _is(error, "InvalidSchema"):  # what requests raises for it
        return "a proxy of this kind needs PySocks: pip install 'requests[socks]'", True
    if _is(error, "ProxyError"):
        return "the proxy does not take it. Are HTTPS_PROXY and NO_PROXY right?", False
    if isinstance(root, ConnectionRefusedError) and is_here(host):
        return _NOBODY_LISTENS, False
    return _NO_WAY_OUT, isinstance(error, ValueError | InvalidURL)  # what is wrong with a URL stays wrong


def is_here(host: str) -> bool:
    """Whether a host is this machine, by its loopback."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # another name
        return False


def _said(error: Exception) -> str:
    """The text of a system's error. Of others only the type: their text shows URLs and a proxy's password."""
    root = _root(error)
    if isinstance(root, ssl.SSLError):
        return getattr(root, "verify_message", "") or (root.reason or "TLS failed").replace("_", " ").lower()
    if isinstance(root, OSError) and not _is(root, "RequestException"):
        return root.strerror or str(root) or type(root).__name__
    return type(root).__name__


def _is(error: BaseException | None, name: str) -> bool:
    # By name: the import of requests may be what failed, and it may hang after a fork.
    return any(kind.__name__ == name for kind in type(error).__mro__)


def _root(error: BaseException, depth: int = 10) -> BaseException:
    """The innermost error that requests and urllib3 wrapped: the outer ones add the URL and little else."""
    inside = (getattr(error, "reason", None), *error.args, error.__cause__)
    inner = next((one for one in inside if isinstance(one, BaseException) and one is not error), None)
    return error if inner is None or not depth else _root(inner, depth - 1)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
