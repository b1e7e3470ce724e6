"""How often progress messages are sent: what the code says, else the environment, else the user's file."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation import safe
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.runtime.durations import LONGEST, NUMBER, seconds_in
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.user_file import user_file

VARIABLE = "TWINKLE_NOTIFIER_PROGRESS_EVERY"
LEAST = 60.0  # seconds between two messages: a robot takes about twenty a minute, for all runs together
_MOST = 365 * 86400.0  # seconds
_SHOWN = 50  # characters of another text, in an error
_LEAST_PART = 0.0001  # of the steps
_OFF = ("", "off", "0", "no", "false")
_PART = rf"{NUMBER}\s*%"
_HOW = 'give a time such as "2h", "90m" or "1h30m", or a part of the steps such as "10%"'


class Every(NamedTuple):
    """How often: `seconds` apart, or if these are 0, after each such `part` of the steps. `text`: as it was given."""

    text: str
    seconds: float = 0.0
    part: float = 0.0


def every(given: object = None) -> Every | None:
    """How often: what is `given`, else what the environment says, else the user's file; None: not at all.

    Raises:
        ArgumentError: `given` is none of these. A bad value elsewhere is logged and ignored.
    """
    if given is not None:
        return parsed(given, "progress_every")
    if text := os.environ.get(VARIABLE, "").strip():
        return _usable(text, VARIABLE)
    file = user_file()
    return _usable(file.progress_every, f"progress_every in {file.path}")


def parsed(given: object, name: str) -> Every | None:
    """What `given` asks for: ``"2h"``, ``"90m"``, ``"10%"``; None for ``"off"``. Raises ArgumentError, with `name`."""
    if not isinstance(given, str):
        shown = repr(given) if safe.is_plain(given) else f"a {safe.type_name(type(given))}"
        raise ArgumentError(f"{name} is {shown:.50}: {_HOW}")
    text, shown = " ".join(given[: LONGEST + 1].split()).lower(), shown_in_log(given, _SHOWN)
    if text in _OFF:
        return None
    if (part := re.fullmatch(_PART, text)) is not None:
        return _by_part(text, float(part[1]) / 100, name)
    seconds = seconds_in(given)
    if seconds is None:
        raise ArgumentError(f"{name} is {shown!r}: {_HOW}")
    if not LEAST <= seconds <= _MOST:
        raise ArgumentError(f'{name} is {shown!r}: give a minute ("1m") at least, and a year ("365d") at most')
    return Every(text, seconds=seconds)


def _by_part(text: str, part: float, name: str) -> Every:
    if not _LEAST_PART <= part < 1:
        raise ArgumentError(
            f'{name} is {text!r:.50}: give a part of the steps between "0.01%" and "99%", such as "10%"'
        )
    return Every(text, part=part)


def _usable(text: str, source: str) -> Every | None:
    try:
        return parsed(text, source)
    except ArgumentError as error:
        log.warning("no progress messages: %s", error)
        return None
