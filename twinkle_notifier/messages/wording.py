"""Pieces of messages: times, durations, numbers, attempts and code blocks."""

from __future__ import annotations

import time

from twinkle_notifier.exceptions.own_code import Gaps
from twinkle_notifier.isolation import safe
from twinkle_notifier.messages.catalog import comma, phrase, readable, retold, template
from twinkle_notifier.messages.markdown import fence
from twinkle_notifier.messages.sanitize import block, line
from twinkle_notifier.runtime.launcher import Attempt

_NUMBER = 60  # characters
_GAPS = (
    "{number} frame in {names}",
    "{number} frames in {names}",
    "[{number} of your frames left out]",
    "[{number} of your frames left out, with {between}]",
)
# What this package adds to tracebacks and long texts.
_ADDED = (
    "[{number} characters left out]",
    "[{number} frames left out]",
    "[{number} members left out]",
    "[{number} notes left out]",
    "[{number} exceptions of the chain left out]",
    "[this frame {number} more times]",
    "[these {frames} frames {number} more times]",
)


def now() -> str:
    """The local time, with its zone."""
    return at_time(time.time())


def at_time(moment: float) -> str:
    """The local time of a `moment`, in seconds since 1970, with its zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z (%Z)", time.localtime(moment))


def duration(seconds: float, language: str = "en") -> str:
    """``1 h 02 min``, ``3 min 07 s``, ``8 s``."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return phrase(language, "{hours} h {minutes} min", hours=hours, minutes=f"{minutes:02}")
    if minutes:
        return phrase(language, "{minutes} min {seconds} s", minutes=minutes, seconds=f"{rest:02}")
    return phrase(language, "{seconds} s", seconds=rest)


def number(value: object) -> str:
    """A number as people read it; empty for None."""
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else line(safe.text(value), _NUMBER)


def gaps_in(language: str) -> Gaps:
    """What is said of frames that are not shown beside the user's own code."""
    one, between, left_out, among = (template(language, text) for text in _GAPS)
    return Gaps(one, between, left_out, among, comma(language))


def attempt_of(attempt: Attempt, language: str) -> str:
    """``attempt 1 of 2``; empty if it is not known."""
    if not attempt.number:
        return ""
    if not attempt.of:
        return phrase(language, "attempt {number}", number=attempt.number)
    return phrase(language, "attempt {number} of {of}", number=attempt.number, of=attempt.of)


def fenced(text: str) -> str:
    """`text` as a code block that nothing in it can end."""
    marks = fence(text)
    return f"{marks}\n{text.rstrip()}\n{marks}"


def code_block(text: str, language: str) -> str:
    """`text`, which is not ours, as a code block. What this package has added to it is in `language`."""
    return fenced(readable(language, retold(language, block(text), *_ADDED)))
