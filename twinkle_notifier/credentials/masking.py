"""Keeping secrets out of logs, errors and checkpoints, and out of what is cut from a long text."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

from twinkle_notifier.credentials.references import REDACTED, is_reference
from twinkle_notifier.credentials.scrub_tokens import later
from twinkle_notifier.credentials.scrubber import scrub
from twinkle_notifier.isolation.safe import is_dict, is_list, items_in

_SECRET_NAME = re.compile(
    r"secret|token|pass|pwd|credential|auth|signature|hook|url|dsn|uri|key(?!word)",
    re.IGNORECASE,
)
_IN_PATH = 16  # characters of a part of a path that is no word
# Fields of a webhook's URL that say how it posts. Their values are words of a message: "true", "1200".
_OPEN = frozenset(["message_thread_id", "thread_id", "parse_mode", "disable_notification", "wait"])
_DIGITS = 6  # of a number that may be a secret, at least
_SHORTEST = 4  # characters of a secret; to mask each "a" would destroy the text and hide nothing


def secrets_in_url(url: str) -> list[str]:
    """The parts of a webhook URL that grant access: query values, a password, long path segments.

    A short number is none, unless the name of its field is a secret's: a message may well have the number of a topic.
    """
    parts = urlsplit(url)
    written = [field.partition("=")[::2] for field in parts.query.split("&")]
    fields = [*parse_qsl(parts.query), *written]
    values = list(dict.fromkeys(value for name, value in fields if value and not _is_open(name, value)))
    segments = [segment for segment in parts.path.split("/") if len(segment) >= _IN_PATH]
    segments += [segment[3:] for segment in segments if segment.startswith("bot")]  # Telegram's token, which follows
    return [*values, *segments, *([parts.password] if parts.password else [])]


def _is_open(name: str, value: str) -> bool:
    is_short = len(value) < _DIGITS and value.isascii() and value.isdigit()
    return name in _OPEN or (is_short and not _SECRET_NAME.search(name))


def in_authority(url: str) -> list[str]:
    """What grants access before the path of a service's own form of URL, such as ``tgram://TOKEN/CHAT``."""
    parts = urlsplit(url)
    pieces = re.split("[@:]", parts.netloc) if parts.scheme not in ("http", "https") else []
    return [piece for piece in pieces if len(piece) >= _IN_PATH and "." not in piece]  # else it is a host


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of the `secrets`, raw or URL-encoded."""
    forms = {secret for secret in secrets if len(secret) >= _SHORTEST}
    for _ in range(2):  # some code encodes what is encoded already
        written = [form for form in forms if not form.isalnum() or not form.isascii()]  # the rest is the same encoded
        forms |= {encoded for form in written for encoded in (quote(form), quote(form, safe=""), quote_plus(form))}
    small = text.casefold()  # a quick test: a text may have megabytes, and rarely holds a secret
    if not any(form.casefold() in small for form in forms):
        return text
    longest_first = sorted(forms, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), REDACTED, text, flags=re.IGNORECASE)  # %2B is %2b


@contextmanager
def masked_logs(secrets: Iterable[str]) -> Generator[None]:
    """Keep `secrets` out of what urllib3 logs meanwhile: at DEBUG it writes the path and query of each request."""
    known = list(secrets)
    loggers = [logging.getLogger(name) for name in ("urllib3.connectionpool", "urllib3.util.retry")]

    def masked(record: logging.LogRecord) -> bool:
        record.msg, record.args = mask(record.getMessage(), known), None
        return True

    for logger in loggers:
        logger.addFilter(masked)
    try:
        yield
    finally:
        for logger in loggers:
            # A new list, as another thread may be iterating over the old one, and would skip a filter.
            logger.filters = [kept for kept in logger.filters if kept is not masked]


def redact(value: Any, name: str = "") -> Any:
    """A copy of serialized state that is safe on a disk: references stay, literal secrets become ``***``.

    A text counts as secret by its field's name (url, token, key ...) or its form (a URL, or a long word of mixed
    characters): no more is known of a notifier that a user wrote.
    """
    if is_dict(value):
        return {key: value[key] if key == "class" else redact(value[key], f"{name}.{key}") for key in value}
    if is_list(value):
        return [redact(item, name) for item in value]
    if not isinstance(value, str) or is_reference(value):
        return value
    is_person = name.endswith("mentions") and "://" not in value  # Feishu's ids of people are such words
    return REDACTED if value and (_SECRET_NAME.search(name) or (_looks_secret(value) and not is_person)) else value


def _looks_secret(text: str) -> bool:
    return "://" in text or any(
        len(word) >= 16 and re.search(r"\d", word) and re.search(r"[A-Za-z]", word) for word in text.split()
    )


def holds_redacted(value: object) -> bool:
    """Whether `redact` took something out of `value`, so that it cannot be used."""
    return bool(value == REDACTED) or any(map(holds_redacted, items_in(value)))


# Characters beyond a cut that are scrubbed, too, and then dropped: a secret up to this length is masked as a whole.
_EDGE = 16_384
_ANSI = later(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_]|\x9b[0-?]*[ -/]*[@-~]")
_LINE_ENDS = later("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Characters that reverse the direction of text, or show nothing.
_INVISIBLE = later("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_CONTROLS = later("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
# The rest of a private key whose beginning is cut off.
_TORN_KEY = later(r"\A(?:(?!-----BEGIN ).){0,20000}?-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----", re.DOTALL)


def beginning(text: str, limit: int) -> str:
    """The first `limit` characters of `text` at most, without secrets: these are masked first, then the text is cut."""
    if len(text) <= limit + _EDGE:
        return _readable(text)[:limit]
    return _readable(text[: limit + _EDGE])[:-_EDGE] or REDACTED  # all of it may have become shorter than the edge


def ending(text: str, limit: int) -> str:
    """The last `limit` characters of `text` at most, without secrets, as `beginning`."""
    if len(text) <= limit + _EDGE:
        return _readable(text)[-limit:]
    return masked_end(text[-limit - _EDGE :])[_EDGE:] or REDACTED


def masked_end(text: str) -> str:
    """`text` without secrets; if its beginning is cut off, also without the rest of a private key there."""
    return _TORN_KEY().sub(REDACTED, _readable(text))


def ends(text: str, first: int, last: int) -> str:
    """`text` without secrets; if it is longer, its `first` and `last` characters, and how many are left out."""
    left_out = len(text) - first - last
    if left_out <= 0:
        return _readable(text)
    return f"{beginning(text, first)}\n[{left_out} characters left out]\n{ending(text, last)}"


def shortened(text: str, first: int, last: int) -> str:
    """`text`; if it is longer, its `first` and `last` characters, and how many are left out."""
    left_out = len(text) - first - last
    if left_out <= 0:
        return text
    return f"{text[:first]}\n[{left_out} characters left out]\n{text[-last:]}"


def printable(text: str) -> str:
    """`text` without colours and terminal controls, which a service may refuse."""
    if not (text.isascii() and text.replace("\n", "").isprintable()):  # most are
        text = _LINE_ENDS().sub("\n", _ANSI().sub("", text))
        text = _CONTROLS().sub("\ufffd", _INVISIBLE().sub("", text))
    return text


def _readable(text: str) -> str:
    """`text` without colours, terminal controls and secrets."""
    return scrub(printable(text))
