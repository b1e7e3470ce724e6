"""The words of a rule: numbers, durations, names of metrics and functions, marks."""

from __future__ import annotations

import math
import re
from typing import Literal, NamedTuple

from twinkle_notifier.rules.fault import fault, quoted

ARROW = "=>"  # what follows is no condition
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NAME = 200  # characters
_WORD = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?P<unit>ms|min|[smhd])?(?![\w.@])
    | (?P<name>[^\W\d][\w.@]*(?:/[\w.@]+)*)
    | (?P<mark>=>|>=|<=|==|!=|&&|\|\||[-+*/%()\[\],<>|&!~=])
    | (?P<quote>["'`])
    """,
    re.VERBOSE,
)
_SAME = {"&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", "~": "not"}
_WORDS = ("and", "or", "not", "is")


class Token(NamedTuple):
    """One word, which is ``source[at:end]``. `text` of a name is without its quotes."""

    kind: Literal["number", "name", "mark", "end"]
    text: str
    at: int
    end: int
    value: float = 0.0  # of a number; of a duration in seconds


def tokens(source: str) -> list[Token]:
    """The words of `source` up to its ``=>``, which is the `end`. Raises ArgumentError."""
    found: list[Token] = []
    at = 0
    while at < len(source):
        match = _WORD.match(source, at)
        if match is None:
            raise fault(source, at, at + 1, _unreadable(source, at))
        kind = match.lastgroup
        end = match.end()
        if match["number"]:
            found.append(_number(source, match))
        elif kind == "name":
            word = match["name"]
            found.append(Token("mark" if word in _WORDS else "name", word, at, end))
        elif kind == "quote":
            end = source.find(match["quote"], at + 1) + 1
            if not end:
                raise fault(source, at, at + 1, f"the quote {match['quote']} is not closed: write one behind the name")
            found.append(Token("name", source[at + 1 : end - 1], at, end))
        elif match["mark"] == ARROW:
            break
        elif kind == "mark":
            found.append(Token("mark", _SAME.get(match["mark"], match["mark"]), at, end))
        if found and found[-1].kind == "name" and not 0 < len(found[-1].text) <= _NAME:
            raise fault(source, at, end, f"the name of a metric has 1 to {_NAME} characters")
        at = end
    return [*found, Token("end", "", at, at + len(ARROW))]


def _number(source: str, match: re.Match[str]) -> Token:
    value = float(match["number"]) * _UNITS.get(match["unit"] or "", 1.0)
    if not math.isfinite(value):
        raise fault(source, match.start(), match.end(), "this number is too large: write one below 1e308")
    return Token("number", match[0], match.start(), match.end(), value)


def _unreadable(source: str, at: int) -> str:
    if source[at] in ".0123456789":
        return 'this is no number; if it is a metric, put its name into quotes: "1st_loss"'
    return (
        f'{quoted(source[at])} is not known here; if it is part of a metric\'s name, put that into quotes: "eval-loss"'
    )
