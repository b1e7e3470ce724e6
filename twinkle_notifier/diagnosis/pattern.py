"""Patterns: how a line of an error begins, with slots for what differs, as ``Tried to allocate {asked:size}``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from twinkle_notifier.errors import ArgumentError

_SLOT = re.compile(r"\{(\w*)(?::(\w+))?\}")
_FIELD = re.compile(r"\{ *\w* *(?:![a-z]|[:.\[][^{}\s\0]{0,30})? *\}")  # of Python's own texts: {name!r}
_LONGEST = 300  # characters that a slot takes
_LAST_WORD = re.compile(r"[^/\\\s]*$")
_WORD = re.compile(r"\w+")
_NUMBER = r"[-+]?\d{1,20}(?:[.,]\d{1,20}){0,6}"
# What a slot may be. A text ends where the literal behind it begins; these end by themselves.
_TYPES = {
    "int": re.compile(r"[-+]?\d{1,20}"),
    "number": re.compile(_NUMBER),
    "size": re.compile(_NUMBER + r" ?(?:[KMGT]i?B|bytes)\b"),  # as torch writes it
    "word": re.compile(r"[^\s,;:'\"`()\[\]]{1,300}"),
}
_POWERS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# "GB" is torch's older word for GiB.
_UNITS = {"bytes": 1} | {f"{letter}{end}": size for letter, size in _POWERS.items() for end in ("iB", "B")}
_SIZES = ((2**30, "GiB"), (2**20, "MiB"))
_VALUE = re.compile(rf"({_NUMBER})(?: ?([A-Za-z]+))?$")


class _Slot(NamedTuple):
    name: str
    shape: re.Pattern[str] | None  # None: any text
    literal: str  # that follows


class Pattern:
    """How a line of an error begins. It takes time in proportion to the line: nothing is tried twice.

    ``{name}`` stands for a text of 1 to 300 characters, ``{}`` for one that may be empty and gets no name;
    ``{name:word}`` for one without spaces, quotes or brackets, ``{name:int}``, ``{name:number}`` and ``{name:size}``
    (``7.65 GiB``) for numbers. Upper and lower case differ.
    """

    def __init__(self, text: str) -> None:
        """Raises ArgumentError: two slots stand side by side, or one is written in another way."""
        if (found := _FIELD.search(_SLOT.sub("\0", text))) is not None:
            raise ArgumentError(f"{text!r}: {found[0]} is no slot; write {{name}}, or {{name:{'|'.join(_TYPES)}}}")
        pieces = _SLOT.split(text)
        self.text: str = text
        self.begins: str = pieces[0]
        self._slots: list[_Slot] = []
        for name, kind, literal in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            if kind and kind not in _TYPES:
                raise ArgumentError(f"{text!r}: there is no {kind!r}; a slot is a {', '.join(_TYPES)}, or any text")
            if self._slots and not self._slots[-1].literal:
                raise ArgumentError(f"{text!r}: two slots stand side by side; write what is between them")
            self._slots.append(_Slot(name, _TYPES[kind] if kind else None, literal))
        self._last: str = next((slot.literal for slot in reversed(self._slots) if slot.literal), "")
        self.key: str = self._key()

    def _key(self) -> str:
        """A word that each line has which it matches: without it no line need be tried. Empty if there is none."""
        marked = "\0".join([self.begins, *(slot.literal for slot in self._slots)]) + "\0"
        # A word beside a slot may be a part of a longer one, and so may the last, as lines go on.
        whole = [found[0] for found in _WORD.finditer(marked) if not _touches(marked, found)]
        return max(whole, key=len, default="")

    @property
    def slots(self) -> list[str]:
        """The names of its slots."""
        return [slot.name for slot in self._slots if slot.name]

    @property
    def says(self) -> bool:
        """Whether it has a word or a sign of its own. Without one it matches all lines, or all numbers."""
        return any(map(str.strip, (self.begins, *(slot.literal for slot in self._slots))))

    def match(self, line: str) -> dict[str, str] | None:
        """What the slots hold in `line`, or None if it begins in another way."""
        if not line.startswith(self.begins) or self._last not in line:
            return None
        at, found = len(self.begins), dict[str, str]()
        for slot in self._slots:
            end = _end(slot, line, at)
            if end is None:
                return None
            if slot.name:
                found[slot.name] = _whole(line, at, end)
            at = end + len(slot.literal)
        return found


def _whole(line: str, at: int, end: int) -> str:
    """What a slot holds. A text that was too long loses its last word or part of a path: that may be half a secret."""
    text = line[at:end].strip()
    if end - at < _LONGEST or end >= len(line):
        return text
    return _LAST_WORD.sub("", text) + "…"


def _touches(marked: str, found: re.Match[str]) -> bool:
    return marked[found.start() - 1 : found.start()] == "\0" or marked[found.end() : found.end() + 1] == "\0"


def _end(slot: _Slot, line: str, at: int) -> int | None:
    """Where the slot ends that begins at `at`; None if it, or what must follow it, is not there."""
    if slot.shape is not None:
        found = slot.shape.match(line, at)
        return found.end() if found is not None and line.startswith(slot.literal, found.end()) else None
    if not slot.literal:
        return min(len(line), at + _LONGEST) if len(line) > at or not slot.name else None
    end = line.find(slot.literal, at + bool(slot.name), at + _LONGEST + len(slot.literal))
    return end if end >= 0 else None


def words(line: str) -> Iterator[str]:
    """The words of `line`, among which the `key` of each pattern is that matches it."""
    return (found[0] for found in _WORD.finditer(line))


@lru_cache(maxsize=256)
def value(text: str) -> float | None:
    """The number in ``7.65 GiB`` (in bytes), ``1,024`` or ``12``; None if it is no number."""
    found = _VALUE.match(text)
    if found is None or (found[2] and found[2] not in _UNITS):
        return None
    try:
        return float(found[1].replace(",", "")) * (_UNITS[found[2]] if found[2] else 1)
    except ValueError:  # 1.2.3
        return None


def size(number: float) -> str:
    """``7.65 GiB``, as torch writes it; `value` reads it."""
    for unit, name in _SIZES:
        if number >= unit:
            return f"{number / unit:.2f} {name}"
    return f"{number:g} bytes"
