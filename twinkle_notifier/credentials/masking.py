"""Keeping secrets out of logs, errors and checkpoints."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

from twinkle_notifier.credentials.references import REDACTED, is_reference

_SECRET_NAME = re.compile(
    r"secret|token|pass|pwd|credential|auth|signature|hook|url|dsn|uri|key(?!word)",
    re.IGNORECASE,
)
_SHORTEST = 4  # characters; masking "a" wherever it stands would destroy the text and hide nothing


def secrets_in_url(url: str) -> list[str]:
    """The parts of a webhook URL that grant access: query values, a password, long path segments."""
    parts = urlsplit(url)
    values = [value for _, value in parse_qsl(parts.query)]
    written = [field.partition("=")[2] for field in parts.query.split("&")]
    values += [value for value in written if value and value not in values]
    segments = [segment for segment in parts.path.split("/") if len(segment) >= 16]
    return [*values, *segments, *([parts.password] if parts.password else [])]


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of the `secrets`, raw or URL-encoded."""
    forms = {secret for secret in secrets if len(secret) >= _SHORTEST}
    for _ in range(2):  # encoded once, and once more by whoever did not know
        written = [form for form in forms if not form.isalnum() or not form.isascii()]  # the rest is the same encoded
        forms |= {encoded for form in written for encoded in (quote(form), quote(form, safe=""), quote_plus(form))}
    small = text.casefold()  # a quick look first: a text may have megabytes, and seldom holds one
    if not any(form.casefold() in small for form in forms):
        return text
    longest_first = sorted(forms, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), REDACTED, text, flags=re.IGNORECASE)  # %2B is %2b


class _Mask(logging.Filter):
    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = list(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = mask(record.getMessage(), self._secrets), None
        return True


@contextmanager
def masked_logs(secrets: Iterable[str]) -> Generator[None]:
    """Keep `secrets` out of what urllib3 logs meanwhile: at DEBUG it writes the path and query of each request."""
    mask_filter = _Mask(secrets)
    loggers = [logging.getLogger(name) for name in ("urllib3.connectionpool", "urllib3.util.retry")]
    for logger in loggers:
        logger.addFilter(mask_filter)
    try:
        yield
    finally:
        for (
            logger
        ) in loggers:  # a new list: another thread may go through the old one just now, and skip its own filter
            logger.filters = [kept for kept in logger.filters if kept is not mask_filter]


def redact(value: Any, name: str = "") -> Any:
    """A copy of serialized state that is safe on a disk: references stay, literal secrets become ``***``.

    A text counts as secret by its field's name (url, token, key ...) or by its shape (a URL, or a long word of mixed
    characters), since a notifier that a user wrote tells us no more.
    """
    if isinstance(value, dict):
        return {key: value[key] if key == "class" else redact(value[key], f"{name}.{key}") for key in value}
    if isinstance(value, list):
        return [redact(item, name) for item in value]
    if not isinstance(value, str) or is_reference(value):
        return value
    return REDACTED if value and (_SECRET_NAME.search(name) or _looks_secret(value)) else value


def _looks_secret(text: str) -> bool:
    if "://" in text:
        return True
    return any(
        len(word) >= 16 and bool(re.search(r"\d", word)) and bool(re.search(r"[A-Za-z]", word)) for word in text.split()
    )


def holds_redacted(value: Any) -> bool:
    """Whether something in `value` was taken out by `redact`, so that it cannot work as it is."""
    if isinstance(value, dict):
        return any(holds_redacted(item) for item in value.values())
    if isinstance(value, list):
        return any(holds_redacted(item) for item in value)
    return bool(value == REDACTED)
