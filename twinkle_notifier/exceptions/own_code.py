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
from typing import NamedTuple

from twinkle_notifier.credentials.masking import beginning
from twinkle_notifier.exceptions.frames import is_library, is_ours, library_names, without_ours
from twinkle_notifier.isolation.safe import slot

_PLACES = (1, 4)  # that are shown: the outermost and the innermost
_LITERAL = re.compile(r"""[rbfuRBFU]{0,2}(?:"[^"]*"|'[^']*')""")
_MAY_TAKE_A_SECRET = re.compile(r"(?i)login|auth|token(?!i[sz])|secret|passw|credential|api_?key|connect")
_FEW = 3  # frames of libraries
_AROUND = 1  # lines before and after the one that failed
_SOURCE = 200  # characters of a line

_Call = tuple[FrameType, int]


class Gaps(NamedTuple):
    """What is said of frames that are not shown, with the slots ``{number}`` and ``{names}``.

    `one` and `between`: of libraries, one frame or several; `left_out`: of the user; `among`: the same, with frames of
    libraries between them, which ``{between}`` says. `comma`: between names.
    """

    one: str
    between: str
    left_out: str
    among: str
    comma: str = ", "

    def libraries(self, calls: Sequence[_Call]) -> str:
        """These calls, which are all of libraries."""
        names = self.comma.join(library_names(frame.f_code.co_filename for frame, _ in calls))
        return (self.one if len(calls) == 1 else self.between).format(number=len(calls), names=names)

    def left(self, calls: Sequence[_Call]) -> str:
        """These calls, the first and the last of which are the user's."""
        others = [call for call in calls if not _is_own(call)]
        number = len(calls) - len(others)
        between = self.libraries(others) if others else ""
        return (self.among if others else self.left_out).format(number=number, between=between)


def line_of_code(exc: BaseException) -> str:
    """The innermost line of the user's own code in the traceback of `exc`; empty if there is none. Reads a file."""
    own = [call for call in _calls(exc) if _is_own(call)]
    return _source(*own[-1]).strip() if own else ""


def own_code(exc: BaseException, gaps: Gaps) -> str:
    """The user's own places in the traceback of `exc`, outermost first, with the lines around each. Reads files.

    Between two of them `gaps` says how many frames are not shown, and whose. Of many places the middle is left out.
    Empty if there are few frames of libraries, or none of the user's: then the traceback alone shows the same.
    """
    calls = _calls(exc)
    own = sum(map(_is_own, calls))
    if not own or len(calls) - own < _FEW:
        return ""
    return "\n".join(_lines(calls, gaps))


def _calls(exc: BaseException) -> list[_Call]:
    return list(walk_tb(without_ours(slot(exc, "__traceback__"))))


def _is_own(call: _Call) -> bool:
    return not is_library(call[0]) and not is_ours(call[0])


def _lines(calls: Sequence[_Call], gaps: Gaps) -> Iterator[str]:
    own = [at for at, call in enumerate(calls) if _is_own(call)]
    first, last = _PLACES
    if left_out := own[first:-last]:
        begin, end = left_out[0], left_out[-1] + 1
        yield from _shown(calls[:begin], gaps)
        yield gaps.left(calls[begin:end])
        calls = calls[end:]
    yield from _shown(calls, gaps)


def _shown(calls: Sequence[_Call], gaps: Gaps) -> Iterator[str]:
    for is_own, group in groupby(calls, _is_own):
        if is_own:
            for frame, line in group:
                yield from _place(frame, line)
        else:
            yield gaps.libraries(list(group))


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
