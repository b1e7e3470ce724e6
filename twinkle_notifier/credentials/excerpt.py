"""The ends of a long text: secrets are masked first, then the text is cut."""

from __future__ import annotations

import re

from twinkle_notifier.credentials.scrub_tokens import later
from twinkle_notifier.credentials.scrubber import scrub

# Characters beyond a cut that are looked at, too, and then dropped: a secret up to this length is masked as a whole.
_EDGE = 16_384
_MASK = "***"
_ANSI = later(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_]|\x9b[0-?]*[ -/]*[@-~]")
_LINE_ENDS = later("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# What turns the direction of text around, and what shows nothing at all.
_INVISIBLE = later("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_CONTROLS = later("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
# The rest of a private key whose beginning is cut off.
_TORN_KEY = later(r"\A(?:(?!-----BEGIN ).){0,20000}?-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----", re.DOTALL)


def beginning(text: str, limit: int) -> str:
    """The first `limit` characters of `text` at most, without secrets: these are masked first, then the text is cut."""
    if len(text) <= limit + _EDGE:
        return _readable(text)[:limit]
    return _readable(text[: limit + _EDGE])[:-_EDGE] or _MASK  # nothing else fits into what was looked at


def ending(text: str, limit: int) -> str:
    """The last `limit` characters of `text` at most, without secrets, as `beginning`."""
    if len(text) <= limit + _EDGE:
        return _readable(text)[-limit:]
    return masked_end(text[-limit - _EDGE :])[_EDGE:] or _MASK


def masked_end(text: str) -> str:
    """`text`, whose beginning may have been cut off, without secrets, and without the rest of one that stands there."""
    return _TORN_KEY().sub(_MASK, _readable(text))


def ends(text: str, first: int, last: int) -> str:
    """`text` without secrets, or its `first` and `last` characters and how many are left out between."""
    left_out = len(text) - first - last
    if left_out <= 0:
        return _readable(text)
    return f"{beginning(text, first)}\n[{left_out} characters left out]\n{ending(text, last)}"


def shortened(text: str, first: int, last: int) -> str:
    """`text`, or its `first` and `last` characters and how many are left out between."""
    left_out = len(text) - first - last
    if left_out <= 0:
        return text
    return f"{text[:first]}\n[{left_out} characters left out]\n{text[-last:]}"


def _readable(text: str) -> str:
    """Without colours, what controls a terminal, and secrets."""
    if not (text.isascii() and text.replace("\n", "").isprintable()):  # most are
        text = _LINE_ENDS().sub("\n", _ANSI().sub("", text))
        text = _CONTROLS().sub("\ufffd", _INVISIBLE().sub("", text))
    return scrub(text)
