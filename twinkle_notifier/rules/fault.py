"""A fault in a rule's text, shown with a caret under it."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

from twinkle_notifier.errors import ArgumentError

_BEFORE, _AFTER = 50, 70  # characters of the rule that are shown around the fault
_CARETS = 30  # at most
_WIDE = ("W", "F")  # letters that take two columns, such as Chinese ones


def fault(source: str, at: int, end: int, says: str) -> ArgumentError:
    """The error about ``source[at:end]``: what `says` is wrong with it, and how to mend that."""
    begin = max(at - _BEFORE, 0)
    before, rest = _shown(source[begin:at]), _shown(source[at : at + _AFTER])
    marked = _shown(source[at : min(end, at + _CARETS)])
    head, tail = "…" if begin else "", "…" if len(source) > at + _AFTER else ""
    carets = "^" * max(_columns(marked), 1)
    return ArgumentError(f"{says}\n  {head}{before}{rest}{tail}\n  {' ' * _columns(head + before)}{carets}")


def nearest(word: str, known: Iterable[str]) -> str:
    """``: did you mean zscore?``; empty if none of the `known` is near."""
    found = difflib.get_close_matches(word[:60], list(known), 1)
    return f": did you mean {found[0]}?" if found else ""


def quoted(text: str) -> str:
    """`text`, which may be anything, as a part of an error."""
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def arguments(least: int, most: int) -> str:
    """How many a function takes."""
    return "1 argument" if most == 1 else f"{least} to {most} arguments"


def _shown(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" if letter.strip() else " " for letter in text)


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in _WIDE else 1 for letter in text)
