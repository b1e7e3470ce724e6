"""The user's own part of a traceback: each place with the lines around it, and what lies between in a few words."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from os.path import basename
from textwrap import dedent
from traceback import walk_tb
from types import FrameType

from twinkle_notifier.credentials.masking import beginning
from twinkle_notifier.exceptions.frames import is_library, is_ours, library_name, without_ours
from twinkle_notifier.isolation.safe import slot

_PLACES = (1, 4)  # that are shown: the outermost and the innermost
_LITERAL = re.compile(r"""[rbfuRBFU]{0,2}(?:"[^"]*"|'[^']*')""")
_MAY_TAKE_A_SECRET = re.compile(r"(?i)login|auth|token(?!i[sz])|secret|passw|credential|api_?key|connect")
_FEW = 3  # frames of libraries
_AROUND = 1  # lines before and after the one that failed
_SOURCE = 200  # characters of a line
_NAMES = 4  # of libraries

_Call = tuple[FrameType, int]


def line_of_code(exc: BaseException) -> str:
    """The innermost line of the user's own code in the traceback of `exc`; empty if there is none. Reads a file."""
    own = [call for call in _calls(exc) if _is_own(call)]
    return _source(*own[-1]).strip() if own else ""


def own_code(exc: BaseException, between: str) -> str:
    """The user's own places in the traceback of `exc`, outermost first, with the lines around each. Reads files.

    `between` says how many frames of libraries lie between two of them, with the slots ``{number}`` and ``{names}``.
    Empty if there are few, or none of the user's: then the traceback alone shows the same.
    """
    calls = _calls(exc)
    own = sum(map(_is_own, calls))
    if not own or len(calls) - own < _FEW:
        return ""
    return "\n".join(_lines(calls, between))


def _calls(exc: BaseException) -> list[_Call]:
    return list(walk_tb(without_ours(slot(exc, "__traceback__"))))


def _is_own(call: _Call) -> bool:
    return not is_library(call[0]) and not is_ours(call[0])


def _lines(calls: Sequence[_Call], between: str) -> Iterator[str]:
    own = [call for call in calls if _is_own(call)]
    first, last = _PLACES
    left_out = set(map(id, own[first:-last] if len(own) > first + last else []))
    for is_own, group in groupby((call for call in calls if id(call) not in left_out), _is_own):
        found = list(group)
        if is_own:
            for frame, line in found:
                yield from _place(frame, line)
        else:
            yield between.format(number=len(found), names=", ".join(_libraries(found)))


def _place(frame: FrameType, line: int) -> Iterator[str]:
    yield f"{basename(frame.f_code.co_filename)}:{line} in {frame.f_code.co_name}"
    numbers = range(max(line - _AROUND, frame.f_code.co_firstlineno), line + _AROUND + 1)
    lines = [_source(frame, number) if number == line else _neighbour(frame, number) for number in numbers]
    shown = dedent("\n".join(lines)).split("\n")
    for number, text in zip(numbers, shown, strict=True):
        if text.strip():
            yield f"{'>' if number == line else ' '} {number:>4}  {text}"


def _neighbour(frame: FrameType, line: int) -> str:
    """A line that only stands beside. No traceback shows it, so what may be a secret there is left out.

    An argument has no name: it may belong to a call in this line, or in the one above.
    """
    text = _source(frame, line)
    may_hold_one = _LITERAL.match(text.lstrip()) or _MAY_TAKE_A_SECRET.search(text)
    return _LITERAL.sub('"…"', text) if may_hold_one else text


def _source(frame: FrameType, line: int) -> str:
    return beginning(linecache.getline(frame.f_code.co_filename, line, frame.f_globals).rstrip(), _SOURCE)


def _libraries(calls: Sequence[_Call]) -> list[str]:
    """Their names, each once, outermost first."""
    paths = (library_name(frame.f_code.co_filename).replace("\\", "/") for frame, _ in calls)
    names = list(dict.fromkeys(path.partition("/")[0].removesuffix(".py") for path in paths))
    return names if len(names) <= _NAMES else [*names[:_NAMES], "..."]
