"""A heading in as many characters as a phone's preview has: who, how, which error, and the path or number in it."""

from __future__ import annotations

import re
from functools import partial

_MOST = 1_000  # characters that are looked at
_WORD = 20  # characters that a plain cut gives up to end with a word
_LONG, _SHORT = 40, 24  # characters of a word
_NAME = 12  # characters of a run's name
_ENDS = 4  # of them at its end
_LEAST = 8  # characters of a path's or a number's surroundings

# How a heading says the attempt, in both languages.
_ATTEMPTS = (
    (re.compile(r" (?:in|after) attempt \d+(?: of \d+)?(?=:|$)"), ""),
    (re.compile(r" 在第 \d+(?:/\d+)? 次尝试[中后](?=\w)"), " "),
)
_ASIDE = re.compile(r"(?<=\S) ?[(（][^()（）]*[)）]$")  # at the end: the exit code, the rank
_NAMED = re.compile(r"^[!-~]{13,}(?= )")
_LETTERS = re.compile(r"[!-~]+")  # Chinese has no spaces between words
_PATH = re.compile(r"(?P<opened>['\"(\[]?)[^\s/\\'\"(\[]*[/\\]\S*?(?P<last>[^\s/\\]+[/\\]?)(?=\s|$)")
_HEAD = re.compile(r".{1,90}?(?:: |：)(?:[A-Za-z_][\w.]*: )?")
_QUOTED = re.compile(r"'[^']+'|\bSIG[A-Z0-9]{2,}\b|\bran out of memory\b")
_NUMBER = re.compile(r"\d[\d.]*(?:,\d{3})*(?: [KMGT]i?B\b)?")


def shortened(heading: str, limit: int) -> str:
    """`heading` in at most `limit` characters.

    The attempt goes first, then what stands in parentheses at its end. Then words lose their middle, and paths their
    folders. Then words go that stand between the kind of the error and the path, quotation or number it is about. Else
    it ends with a word, if one is near, and ``…``.
    """
    heading = heading if len(heading) <= _MOST else f"{heading[: _MOST - 1]}…"
    for shorter in _STEPS:
        if len(heading) <= limit:
            return heading
        heading = shorter(heading)
    if len(heading) <= limit:
        return heading
    return _around_what_matters(heading, limit) or _cut(heading, limit)


def _without_attempt(heading: str) -> str:
    for attempt, instead in _ATTEMPTS:
        heading = attempt.sub(instead, heading, count=1)
    return heading


def _without_aside(heading: str) -> str:
    return _ASIDE.sub("", heading)


def _with_short_paths(longest: int, heading: str) -> str:
    """The last part of each that is longer, and of a URL that without what it asks for."""

    def short(found: re.Match[str]) -> str:
        last = found["last"].partition("?")[0] if "://" in found[0] else found["last"]
        shorter = f"{found['opened']}…/{last}"
        return shorter if len(found[0]) > longest and len(shorter) < len(found[0]) else found[0]

    return _PATH.sub(short, heading)


def _with_short_name(heading: str) -> str:
    return _NAMED.sub(lambda found: f"{found[0][: _NAME - _ENDS - 1]}…{found[0][-_ENDS:]}", heading)


def _with_short_words(longest: int, heading: str) -> str:
    """Each word in `longest` characters; but a class keeps its name, as people search for it."""

    def short(found: re.Match[str]) -> str:
        word, end = found[0], longest // 2
        return word if len(word) <= longest or word.endswith(":") else f"{word[: longest - end - 1]}…{word[-end:]}"

    return _LETTERS.sub(short, heading)


_STEPS = (
    _without_attempt,
    _without_aside,
    partial(_with_short_paths, _SHORT),
    _with_short_name,
    partial(_with_short_words, _LONG),
    partial(_with_short_words, _SHORT),
    partial(_with_short_paths, 0),
)


def _around_what_matters(heading: str, limit: int) -> str:
    """The head of it, and the end of the words up to what the error is about; empty if that is not to be had."""
    head = _HEAD.match(heading)
    begin = head.end() if head else 0
    room = limit - begin - 2  # for two marks of what is left out
    matters = _what_matters(heading, begin, room)
    if matters is None or matters[1] <= len(_cut(heading, limit)) - 1 or room < _LEAST:
        return ""
    first, end = matters
    words = heading[begin:end][-room:]
    gap = words.find(" ", 0, max(len(words) - (end - first), 0))
    more = "…" if heading[end:].strip(" .)]'\"") else heading[end:].strip()[:1]
    return f"{heading[:begin]}…{words[gap + 1 :].removeprefix('…')}{more}"


def _what_matters(heading: str, begin: int, room: int) -> tuple[int, int] | None:
    """Where the last path stands, else the last quotation, else the first number with those that fit behind it."""
    for kind in (_PATH, _QUOTED):
        if found := list(kind.finditer(heading, begin)):
            return found[-1].span()
    numbers = [found.span() for found in _NUMBER.finditer(heading, begin)]
    fitting = [span for span in numbers if span[1] - numbers[0][0] <= room]
    return (fitting[0][0], fitting[-1][1]) if fitting else None


def _cut(heading: str, limit: int) -> str:
    kept = heading[: limit - 1]
    word = kept.rfind(" ", limit - _WORD) if heading[limit - 1] != " " else -1
    return f"{kept[:word] if word > 0 else kept}…"
