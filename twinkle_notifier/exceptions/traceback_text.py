"""An exception's traceback as text, shortened to its two ends, quickly, whatever the exception is."""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Sequence
from itertools import islice
from textwrap import indent
from traceback import FrameSummary, StackSummary, TracebackException
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from twinkle_notifier.credentials.excerpt import beginning, ends
from twinkle_notifier.exceptions.chain import chain, members
from twinkle_notifier.exceptions.frames import FrameSnapshot, without_ours
from twinkle_notifier.exceptions.suggestions import Suggestions
from twinkle_notifier.isolation import safe, tried
from twinkle_notifier.isolation.safe import module_name, slot, text

_FRAMES = (30, 100)  # of an exception: the outermost and the innermost
_MEMBER_FRAMES = (5, 20)  # of a member of a group
_CHAIN = (5, 15)  # exceptions of a chain: the outermost, and those nearest to the root
_MEMBERS = 15  # of a group, as Python shows
_DEPTH = 5  # groups within groups
_EXCEPTIONS = 60  # in all
_TEXT = (6_000, 10_000)  # characters of what an exception says: its beginning and its end
_SOURCE = 300  # characters of a line of code
_LINES = 20  # of one expression, for which carets are shown
_NOTES = 10
_PERIOD = 6  # frames of one round of a recursion; a module within a module takes three
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


class _Place(NamedTuple):
    frame: FrameType | FrameSnapshot
    line: int
    instruction: int = -1  # the byte at which the frame's code stood; -1 if that is not known


def formatted(exc: BaseException) -> str:
    """The traceback of `exc` and of its causes, much as Python prints it, without frames of this package.

    Of thousands of frames, causes or members it shows the first and the last, and says how many are left out. The
    rounds of a recursion are counted.
    """
    return "\n".join(_Formatter().chain(exc, 0))


def stack(frames: Sequence[FrameSnapshot], first: int, last: int) -> str:
    """The calls of `frames`, which come innermost first, as a traceback shows them: innermost last.

    Of more than `first` outermost and `last` innermost ones it says how many are left out.
    """
    return "\n".join(_frames([_Place(frame, frame.f_lineno) for frame in reversed(frames)], first, last))


class _Formatter:
    def __init__(self) -> None:
        self._shown: set[int] = set()
        self._suggestions = Suggestions()

    def chain(self, exc: BaseException, depth: int) -> Iterator[str]:
        links = chain(exc, self._shown)
        self._shown |= set(map(id, links))
        first, last = _CHAIN
        left_out = max(len(links) - first - last, 0)
        for number in reversed(range(len(links))):  # the root first
            if first <= number < first + left_out:
                if number == first:
                    yield from ("", f"[{left_out} exceptions of the chain left out]", "")
                continue
            yield from self._one(links[number], depth)
            if number:
                direct = slot(links[number - 1], "__cause__") is links[number]
                yield from ("", _CAUSE if direct else _CONTEXT, "")

    def _one(self, exc: BaseException, depth: int) -> Iterator[str]:
        came = _places(without_ours(slot(exc, "__traceback__")))
        if came:
            yield "Traceback (most recent call last):"
            yield from _frames(came, *(_MEMBER_FRAMES if depth else _FRAMES))
        yield from _syntax(exc)
        said = ends(text(exc, "<its __str__ {}>"), *_TEXT) + self._suggestions.of(exc)
        yield f"{type_name(exc)}: {said}" if said else type_name(exc)
        yield from _notes(exc)
        yield from self._members(members(exc), depth)

    def _members(self, group: Sequence[BaseException], depth: int) -> Iterator[str]:
        shown = 0
        for number, member in enumerate(group[:_MEMBERS] if depth < _DEPTH else (), 1):
            if len(self._shown) >= _EXCEPTIONS:
                break
            if id(member) not in self._shown:
                yield f"  +---------------- {number} of {len(group)} ----------------"
                yield indent("\n".join(self.chain(member, depth + 1)), "  | ", lambda _line: True)
            shown = number
        if len(group) > shown:
            yield f"  [{len(group) - shown} members left out]"


def type_name(exc: BaseException) -> str:
    """Its class as Python prints it: with the module, unless that says nothing."""
    module = module_name(type(exc))
    prefix = f"{module}." if module not in ("", "builtins", "__main__") else ""
    return prefix + safe.type_name(type(exc))


def _places(tb: TracebackType | None) -> list[_Place]:
    # A traceback that was made by hand may not know its line.
    entries: list[TracebackType] = []
    while tb is not None:
        entries.append(tb)
        tb = tb.tb_next
    return [_Place(entry.tb_frame, entry.tb_lineno or 0, entry.tb_lasti) for entry in entries]


def _frames(came: list[_Place], first: int, last: int) -> Iterator[str]:
    folded = _folded(came)
    left_out = max(len(folded) - first - last, 0)
    stale: set[str] = set()
    for place in (
        [*folded[:first], f"  [{left_out} frames left out]", *folded[first + left_out :]] if left_out else folded
    ):
        yield place if isinstance(place, str) else _frame(place, stale)


def _frame(place: _Place, known: set[str]) -> str:
    code, line = place.frame.f_code, place.line
    path = code.co_filename
    if path not in known:
        known.add(path)
        tried(lambda: linecache.checkcache(path))
    heading = f'  File "{path}", line {line}, in {code.co_name}'
    source = _source(place, line)
    if source and (marked := tried(lambda: _with_carets(place)).value):
        return marked
    source = beginning(source.strip(), _SOURCE)
    return f"{heading}\n    {source}" if source else heading


def _source(place: _Place, line: int) -> str:
    # A module's loader may be the user's.
    found = tried(lambda: linecache.getline(place.frame.f_code.co_filename, line, place.frame.f_globals)).value
    return str(found or "")


def _with_carets(place: _Place) -> str:
    """The frame as Python 3.11 shows it, with carets under what failed; empty where that is long, or shows a secret.

    Python reads the lines from the same cache, which holds them by now.
    """
    code, line = place.frame.f_code, place.line
    first, last, start, end = _position(place)
    if first != line or None in (last, start, end) or not line <= last < line + _LINES:
        return ""
    lines = [_source(place, number) for number in range(line, last + 1)]
    whole = "".join(lines)
    if max(map(len, lines)) > _SOURCE or beginning(whole, len(whole)) != whole:  # a secret in it would stay
        return ""
    made: Any = FrameSummary  # its types are those of Python 3.10, which knows no columns
    summary = made(code.co_filename, line, code.co_name, end_lineno=last, colno=start, end_colno=end)
    layout: Any = StackSummary()
    return str(layout.format_frame_summary(summary)).rstrip("\n")


def _position(place: _Place) -> Any:
    """The first and last line of what failed, and where it starts and ends in them; None for what is not known."""
    positions = getattr(place.frame.f_code, "co_positions", None)  # since Python 3.11
    if positions is None or place.instruction < 0:
        return None, None, None, None
    return next(islice(positions(), place.instruction // 2, None))


def _folded(came: list[_Place]) -> list[_Place | str]:
    """The same frames. Of a recursion, of one function or a few in turn, two rounds stay and the others are counted."""
    keys = [(id(place.frame.f_code), place.line) for place in came]
    folded: list[_Place | str] = []
    at = 0
    while at < len(came):
        period, rounds = _rounds(keys, at)
        if rounds > 3:
            folded += came[at : at + 2 * period]
            again = "this frame" if period == 1 else f"these {period} frames"
            folded.append(f"  [{again} {rounds - 2} more times]")
            at += period * rounds
        else:
            folded.append(came[at])
            at += 1
    return folded


def _rounds(keys: list[tuple[int, int]], at: int) -> tuple[int, int]:
    """How many frames from `at` on repeat, and how often."""
    for period in range(1, _PERIOD + 1):
        end = at + period
        if end < len(keys) and keys[end] == keys[at]:
            one_round = keys[at:end]
            while keys[end : end + period] == one_round:
                end += period
            if (end - at) // period > 3:
                return period, (end - at) // period
    return 1, 1


def _syntax(exc: BaseException) -> Iterator[str]:
    """The place of a syntax error."""
    if issubclass(type(exc), SyntaxError):
        path, line, code = (slot(exc, name, SyntaxError) for name in ("filename", "lineno", "text"))
        if issubclass(type(path), str):
            if marked := tried(lambda: _with_syntax_carets(exc)).value:
                yield marked
                return
            yield f'  File "{text(path)}", line {text(line)}'
            if issubclass(type(code), str) and (code := text(code).strip()):
                yield f"    {beginning(code, _SOURCE)}"


def _with_syntax_carets(exc: BaseException) -> str:
    """The place as Python shows it; empty where a field is not of a plain type, is long, or holds a secret."""
    names = ("filename", "lineno", "offset", "text", "end_lineno", "end_offset")
    path, line, start, code, last, end = (slot(exc, name, SyntaxError) for name in names)
    if not all(map(safe.is_plain, (path, line, start, code, last, end))) or type(code) is not str:
        return ""
    if len(code) > _SOURCE or beginning(code, _SOURCE) != code:
        return ""
    stand_in = SyntaxError("", (path, line, start, code, last, end))
    *shown, _ = TracebackException(SyntaxError, stand_in, None).format_exception_only()
    return "".join(shown).rstrip("\n")


def _notes(exc: BaseException) -> Iterator[str]:
    notes = dict.get(slot(exc, "__dict__"), "__notes__")
    if notes is not None:
        notes = list(notes) if type(notes) in (list, tuple) else [notes]
        yield from (ends(text(note, "<a note whose __str__ {}>"), *_TEXT) for note in notes[:_NOTES])
        if len(notes) > _NOTES:
            yield f"[{len(notes) - _NOTES} notes left out]"
