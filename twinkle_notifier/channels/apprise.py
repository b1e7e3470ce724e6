"""Services without a channel of their own here, by apprise: an extra, ``pip install 'twinkle_notifier[apprise]'``.

Measured with apprise 2.3.0: its `Apprise.notify` has threads that the interpreter's end waits for, and does not work
there; an object that sends twice sleeps in between; at DEBUG it logs tokens; a long text that it splits loses its code
blocks. So each message has a new object, whose own `notify` is called in a thread of ours, with a text that fits.
"""

from __future__ import annotations

import functools
import json
import logging
import re
import threading
import warnings
from collections.abc import Collection, Generator
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import unquote

from twinkle_notifier import isolation
from twinkle_notifier.channels.http import is_here
from twinkle_notifier.channels.webhook import checked_insecure, checked_text, checked_timeout, looked_up
from twinkle_notifier.credentials.masking import in_authority, mask, secrets_in_url
from twinkle_notifier.credentials.references import REDACTED, Secret, is_reference
from twinkle_notifier.errors import ArgumentError, CredentialError, DeliveryError, NotifierError
from twinkle_notifier.messages import markdown
from twinkle_notifier.messages.message import Level, as_text
from twinkle_notifier.messages.sanitize import reply
from twinkle_notifier.notifier import Notifier, checked_level

_REMEDY = "give a URL in apprise's form, or a reference such as 'env:APPRISE_URL'"
_INSTALL = "pip install 'twinkle_notifier[apprise]'"
# apprise takes every answer of the first two for a success, whatever it says.
_OURS = {
    "dingtalk": "DingNotifier",
    "wecombot": "WeComNotifier",
    "feishu": "FeishuNotifier",
    "lark": "FeishuNotifier",
}
_TYPES = {"info": "info", "success": "success", "warning": "warning", "error": "failure"}
_AS_JSON = {"ntfy": 7_500}  # bytes; from 8000 on apprise sends an attachment, which servers of one's own refuse
_SIZES = {"ntfy": 4_000}  # bytes that the service takes, where apprise allows more
_ROOM = 0.9  # of a service's limit: marks that apprise changes may take more
_TITLE = 200  # characters
_LEAST = 300  # bytes that `markdown.cut` needs
_LATER = 1.0  # seconds: a service that is silent has `timeout` first, and then counts as unknown, not as failed
_SAID = 300  # characters of what apprise says of a failure
_TOO_MANY = "429"
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+|localhost")
# Those that log what is sent, and where to.
_LOGGERS = (
    "apprise",
    "oauthlib",
    "requests_oauthlib.oauth1_auth",
    "requests_oauthlib.oauth1_session",
    "urllib3.connectionpool",
    "urllib3.util.retry",
)


class AppriseNotifier(Notifier):
    """Sends messages by apprise, to any of the services that it knows: ``AppriseNotifier("ntfys://ntfy.sh/TOPIC")``.

    A message counts as sent when apprise says so. For some services it says so though they refuse; docs/channels.md
    names them. A message that is too long for the service loses its middle.

    Args:
        url: a URL in apprise's form, which it documents for each service. It may be a reference, ``env:NAME`` or
            ``file:PATH``, that is looked up at each message. It is a secret as a whole.
        timeout: seconds for one message.
        insecure: let the message leave this machine in the clear (``ntfy://`` instead of ``ntfys://``), or without a
            check of the server's certificate (``verify=no``).
        min_level: alerts below it are left out, see `Notifier.min_level`.

    Raises:
        ValueError: an argument that cannot work, or apprise is not installed. The text shows nothing of the URL but
            its scheme.
    """

    ends_in_time = True
    reference_fields: ClassVar[tuple[str, ...]] = ("url",)
    service_name: ClassVar[str] = "apprise"

    def __init__(
        self, url: str, timeout: float = 5.0, *, insecure: bool = False, min_level: Level | None = None
    ) -> None:
        self.insecure: bool = checked_insecure(insecure)
        self._url = Secret(checked_text("url", url, _REMEDY).strip())
        self.timeout: float = checked_timeout(timeout)
        self.min_level: Level | None = checked_level(min_level)
        _load()
        if not is_reference(self.url):
            self._checked(self.url)

    @property
    def url(self) -> str:
        """The URL, or the reference to it, as it was given."""
        return self._url.value

    def __call__(self, message: str) -> None:
        """Send `message`; return when apprise says that the service has it.

        Raises:
            DeliveryError: apprise says that it has not, or nothing within `timeout`.
            CredentialError: a reference leads nowhere, or a pickle has left the URL out.
        """
        text = as_text(message)
        if not text.strip():
            raise ArgumentError("the message is empty: no service takes one")
        url = self._looked_up()
        answer = isolation.call(lambda: self._sent(url, text), self.timeout)
        if answer.returned:
            if (said := answer.result()) is not None:
                raise _refused(said, url)
            return
        if isinstance(answer.error, NotifierError):
            raise answer.error.with_traceback(None) from None  # its frames hold the URL
        if answer.error is None:
            raise DeliveryError(f"no answer by apprise within {self.timeout:g} s", fate="unknown")
        raise DeliveryError(f"apprise raised {type(answer.error).__name__}")

    def check_setup(self) -> None:
        """See `Notifier`."""
        self._checked(self._looked_up())

    def to_dict(self) -> dict[str, Any]:
        """See `Notifier`."""
        given = {"insecure": True} if self.insecure else {}
        level = {"min_level": self.min_level} if self.min_level else {}
        return {"class": "AppriseNotifier", "url": self.url, "timeout": self.timeout, **given, **level}

    @classmethod
    def taken_from_checkpoint(cls, data: dict[str, Any]) -> dict[str, Any]:
        """See `Notifier`."""
        if data.get("insecure") is True:
            raise ArgumentError("it is insecure=True, and only who starts the run may say that")
        return data

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        isolation.tried(_load)  # a spawned rank gets its notifier by a pickle; without apprise each message says so

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.to_dict() == self.to_dict()

    def __hash__(self) -> int:
        return hash((self.url, self.timeout))

    def __repr__(self) -> str:
        shown = self.url if is_reference(self.url) else f"{_scheme(self.url)}://{REDACTED}"
        given = [f"url={shown!r}", f"timeout={self.timeout:g}", *(["insecure=True"] if self.insecure else [])]
        given += [f"min_level={self.min_level!r}"] if self.min_level else []
        return f"{type(self).__name__}({', '.join(given)})"

    def _looked_up(self) -> str:
        if self.url == REDACTED:
            raise CredentialError(
                "this AppriseNotifier was unpickled, and pickles hold no secrets: give a reference such as "
                "'env:APPRISE_URL', which stays, as its url"
            )
        return looked_up(self.url)

    def _checked(self, url: str) -> Any:
        """A new object of apprise for `url`. Raises ArgumentError if there is none, or if it may not be used."""
        scheme = _scheme(url)
        with _quiet():
            made = _load().Apprise.instantiate(url)
        if made is None:
            raise ArgumentError(f"apprise takes no such {scheme}:// URL: see its page of the service")
        if ours := _OURS.get(made.schema) or _OURS.get(scheme):
            raise ArgumentError(f"apprise counts refusals of {scheme}:// as sent: use {ours}, which reads them")
        if not self.insecure and not is_here(made.host or ""):
            self._check_secure(made, scheme)
        made.redirects = False  # a redirect would hand the message to another host
        made.socket_connect_timeout, made.socket_read_timeout = self.timeout, self.timeout + _LATER
        return made

    def _check_secure(self, made: Any, scheme: str) -> None:
        protocol: Collection[Any] | str | None = made.protocol
        clear = (protocol,) if protocol is None or isinstance(protocol, str) else protocol
        if (made.schema in clear or scheme in clear) and not made.secure:
            forms = made.secure_protocol if isinstance(made.secure_protocol, str) else ""
            use = f"use {forms}://, or insist" if forms else "insist"
            raise ArgumentError(
                f"{scheme}:// is not encrypted, so anyone on the way could read it: {use} with insecure=True"
            )
        if not made.verify_certificate:
            raise ArgumentError("verify=no trusts any server: leave it out, or insist with insecure=True")

    def _sent(self, url: str, message: str) -> str | None:
        """What apprise says of a failure; None if it says that the message is sent. It may take long."""
        made = self._checked(url)
        lines = _Lines()
        made.logger = logging.Logger("apprise")  # attached to nothing: the program's own handlers see none of it
        made.logger.addHandler(lines)
        title, body = _fitted(mask(message, _secrets(url)), made, _scheme(url))
        kind = _TYPES.get(getattr(message, "level", "info"), "info")
        with _quiet():
            sent = made.notify(body=body, title=title, notify_type=kind, body_format="markdown")
        return None if sent else " ".join(lines.lines[-2:])


@functools.cache
def _load() -> Any:
    """apprise, with what it loads for the first URL: a crash is no time for that. Raises ArgumentError without it."""
    with _quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports deprecated modules, and a program may raise warnings as errors
        apprise = _imported()
        apprise.Apprise.instantiate("json://127.0.0.1")
    return apprise


def _imported() -> Any:
    try:
        import apprise
    except ImportError:
        raise ArgumentError(f"AppriseNotifier needs apprise: {_INSTALL}") from None
    return apprise


def _scheme(url: str) -> str:
    found = re.match(r"\s*([A-Za-z][A-Za-z0-9+.-]{0,30})://", url)
    return found[1].lower() if found else "?"


def _secrets(url: str) -> list[str]:
    """The parts of `url` that are long enough to be no word of a message."""
    try:
        return [*secrets_in_url(url), *in_authority(url)]
    except ValueError:  # apprise takes more than what is a URL elsewhere
        return []


def _fitted(message: str, made: Any, scheme: str) -> tuple[str, str]:
    """The title and the rest of `message`, within the limit of the service, with every code block closed."""
    title = markdown.title(message, min(made.title_maxlen or _TITLE, _TITLE))
    heading, _, rest = message.lstrip().partition("\n")
    body = rest.strip("\n") if heading.lstrip("# ").strip() == title else message
    if not body.strip():
        title, body = "", message
    limit = int(made.body_maxlen * _ROOM) - len(title) - 2  # where there is no title, apprise puts it into the text
    name = scheme.removesuffix("s")
    size = max(min(_SIZES.get(name, 4 * limit), 4 * limit), _LEAST)
    while (over := _over(fitted := markdown.cut(body, size), limit, _AS_JSON.get(name))) > 1 and size > _LEAST:
        size = max(min(size - 1, int(size / over)), _LEAST)
    return title, fitted[: max(limit, 1)]


def _over(text: str, limit: int, as_json: int | None) -> float:
    """How many times too long `text` is: in characters, or in bytes of escaped JSON."""
    in_json = len(json.dumps(text)) / as_json if as_json else 0.0
    return max(len(text) / max(limit, 1), in_json)


def _refused(said: str, url: str) -> DeliveryError:
    pieces = re.split(r"[/?&=@:,]", url.partition("://")[2])
    secrets = [form for piece in pieces for form in (piece, unquote(piece)) if not _HOST.fullmatch(form)]
    found = re.search(r"error=(\d{3,6})\b", said)  # HTTP's, or the service's own that begins with it
    code = int(found[1]) if found else None
    shown = reply(said, _SAID, secrets) or "it does not say why"
    return DeliveryError(
        f"apprise could not send it ({shown})",
        fate="throttled" if str(code).startswith(_TOO_MANY) else "failed",
        code=code,
    )


class _Lines(logging.Handler):
    """Keeps the warnings of apprise: the reason of a failure."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        self.lines.append(record.getMessage())


class _NotHere(logging.Filter):
    """Leaves out what one thread logs."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        return threading.get_ident() != self._thread


@contextmanager
def _quiet() -> Generator[None]:
    """Keep out of the log what apprise logs in this thread: at DEBUG it has tokens, and URLs it does not take at all.

    What the program itself logs by apprise, in other threads, is as it was.
    """
    here = _NotHere()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(here)
    try:
        yield
    finally:
        for logger in loggers:
            # A new list, as another thread may be iterating over the old one, and would skip a filter.
            logger.filters = [kept for kept in logger.filters if kept is not here]
