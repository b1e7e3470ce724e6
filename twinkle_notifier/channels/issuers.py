"""The certificates of the authorities (issuers) that vouch for a server.

The disk is read in bounded time; the certificates are then parsed in the calling thread, one by one, from memory.
OpenSSL parses a file without Python's lock, and is torn down when the process exits: a daemon thread that is parsing
one then crashes the process. From memory it parses with the lock, so that the exit waits for one certificate.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import signal
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import certifi

from twinkle_notifier import isolation

T = TypeVar("T")

_OURS = certifi.where()  # at import: in a crash it would have to load modules
_SECONDS = 2.0  # for a disk, which may be gone
_MOST = 64 * 1024 * 1024  # bytes of certificates
_ONE = re.compile(rb"-----BEGIN ((?:X509 )?CERTIFICATE)-----[^-]*-----END \1-----")
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")  # the files of a folder that OpenSSL reads


class NoIssuersError(OSError):
    """There is no certificate where the issuers' should be."""


def ready(*, by_proxy: bool) -> None:
    """Read them now: in a crash their disk may be gone. Errors are raised only by `trusting`."""
    with suppress(OSError, MemoryError):
        trusting()
        if by_proxy:
            trusting(checks_name=False)


def trusting(*, checks_name: bool = True) -> ssl.SSLContext:
    """The TLS context that checks a server, made once for the process.

    Without `checks_name` the caller checks that a certificate names the right server.

    Raises:
        NoIssuersError: there is no certificate, or the disk gives no answer. The text shows no path.
    """
    try:
        return _context(place(), checks_name)
    except TimeoutError:
        raise NoIssuersError(errno.ETIMEDOUT, "the disk gives no answer") from None
    except ssl.SSLError:  # an OSError, too; it says nothing of use
        raise NoIssuersError(errno.EINVAL, "no certificate in it") from None
    except OSError as error:
        raise NoIssuersError(error.errno, error.strerror) from None


def place() -> str:
    """The file, or the folder, as requests takes it."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or _OURS


@functools.cache
def _context(place: str, checks_name: bool) -> ssl.SSLContext:
    """Once for the process: parsing a hundred certificates takes longer than all the rest of a request."""
    context = None
    for certificate in _certificates(place):
        if not isolation.remaining():  # nobody waits any more
            raise TimeoutError
        with suppress(ssl.SSLError):  # a damaged one does not make the others useless
            if context is None:
                context = ssl.create_default_context(cadata=certificate)
            else:
                context.load_verify_locations(cadata=certificate)
    if context is None:  # OpenSSL's own form, TRUSTED CERTIFICATE, is read from files only
        context = ssl.create_default_context(cafile=place)
    context.check_hostname = checks_name
    return context


@functools.cache
def _certificates(place: str) -> tuple[str, ...]:
    read = aside(lambda: _read(place), _SECONDS).result()
    return tuple(found[0].decode("ascii", "ignore") for found in _ONE.finditer(read))


def aside(work: Callable[[], T], seconds: float) -> isolation.Answer[T]:
    """Do `work`, which may wait for a disk for ever, in a thread, for at most `seconds`."""
    caller = threading.get_ident()

    def blind() -> T:
        # A supervisor waits for signals: this thread must not receive them.
        if threading.get_ident() != caller and hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        return work()

    return isolation.call(blind, seconds)


def _read(place: str) -> bytes:
    if not os.path.isdir(place):
        return _content(place)
    hashed = [name for name in sorted(os.listdir(place)) if _HASHED.fullmatch(name)]
    found: list[bytes] = []
    for name in hashed:
        with suppress(OSError):  # a link that leads nowhere does not make the others useless
            found.append(_content(os.path.join(place, name)))
    return b"\n".join(found)


def _content(path: str) -> bytes:
    with Path(path).open("rb") as file:  # not `open`: at the interpreter's end there is none
        return file.read(_MOST)
