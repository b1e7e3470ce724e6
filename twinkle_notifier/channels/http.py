"""One HTTP request to a webhook, and errors that show nothing of its URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from twinkle_notifier import foreign
from twinkle_notifier.credentials import mask, masked_logs, secrets_in_url
from twinkle_notifier.errors import DeliveryError

if TYPE_CHECKING:
    import requests

_LIMIT = 64 * 1024  # bytes of an answer; no service needs more to say yes


@dataclass(frozen=True)
class Reply:
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(url: str, body: bytes, *, timeout: float, secrets: Sequence[str] = ()) -> Reply:
    """POST the JSON `body`; no redirects, and at most 64 KiB of the answer. Takes at most `timeout` seconds.

    Raises:
        DeliveryError: no answer came. Its text, like what urllib3 logs, holds none of the `secrets` and none of the
            URL's query values and long path segments.
    """
    secrets = [*secrets, *secrets_in_url(url)]
    # requests' own timeout bounds each look-up, address and read on its own; the sum of them has no bound.
    answer = foreign.call(lambda: _post(url, body, timeout, secrets), timeout)
    if answer.error is None and not answer.returned:
        raise DeliveryError(f"no answer from {_host(url)} within {timeout:g} s", fate="unknown")
    reply = answer.result()
    # Raised out here: inside the except block the foreign error, URL and all, would hang on as __context__.
    if not isinstance(reply, Reply):
        raise _translated(reply, url, secrets)
    return reply


def _post(url: str, body: bytes, timeout: float, secrets: Sequence[str]) -> Reply | requests.RequestException:
    import requests

    headers = {"Content-Type": "application/json; charset=utf-8"}
    with masked_logs(secrets):
        try:
            with requests.post(
                url, body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
            ) as reply:
                return Reply(reply.status_code, reply.headers, _read(reply))
        except requests.RequestException as error:
            return error


def _read(reply: requests.Response) -> bytes:
    body = b""
    for chunk in reply.iter_content(4096):
        body += chunk
        if len(body) >= _LIMIT:
            break
    return body[:_LIMIT]


def _translated(error: requests.RequestException, url: str, secrets: Sequence[str]) -> DeliveryError:
    import requests
    from urllib3.exceptions import NewConnectionError

    host = _host(url)
    unsent = (requests.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.SSLError)
    root = _root(error)
    reason = mask(f"{type(root).__name__}: {root}", secrets)
    if isinstance(error, unsent) or isinstance(root, NewConnectionError):
        return DeliveryError(f"cannot connect to {host} ({reason})")
    return DeliveryError(f"no answer from {host} ({reason})", fate="unknown")


def _root(error: BaseException) -> BaseException:
    """The innermost error that urllib3 wrapped: the outer ones say little more than the URL."""
    inner = getattr(error, "reason", None) or next(iter(error.args), None)
    return _root(inner) if isinstance(inner, BaseException) and inner is not error else error


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
