"""The rules of a training: those of its code, else of the environment, else of the user's file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.rules.rule import MOST, Rule, rules_of
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.user_file import user_file

VARIABLE = "TWINKLE_NOTIFIER_RULES"  # a rule a line, or parted by semicolons; `off` for none at all
_OFF = ("off", "0", "no", "false")
_TEXT = 64 * 1024  # characters of the variable


def chosen(given: Iterable[object] | None = None) -> tuple[Rule, ...] | None:
    """The rules; None where they are switched off, which leaves out NaN and infinity, too.

    Raises:
        ArgumentError: one that is `given` is wrong. Others that are wrong are logged and left out.
    """
    if given is not None:
        return rules_of(given) or None
    text = os.environ.get(VARIABLE, "")
    if text.strip().lower() in _OFF:
        return None
    if text.strip():
        return _usable(parted(text[:_TEXT]), VARIABLE)
    file = user_file()
    if file.rules is None:
        return ()
    return _usable(file.rules, f"rules in {file.path}") if file.rules else None


def parted(text: str) -> list[str]:
    """The rules of a text, one a line or parted by semicolons."""
    return [rule for one in re.split(r"[;\n]", text) if (rule := one.strip())]


def _usable(texts: Sequence[str], source: str) -> tuple[Rule, ...]:
    if len(texts) > MOST:
        log.warning("%s: there are %d rules: only the first %d count", source, len(texts), MOST)
    found: list[Rule] = []
    for text in texts[:MOST]:
        try:
            found += rules_of([text])
        except ArgumentError as error:
            log.warning("%s: a rule is left out: %s", source, str(error).removeprefix("rules, number 1: "))
    return tuple(found)
