"""An exception's traceback as text: long ones are shortened to their two ends, and no exception can make it fail."""

from __future__ import annotations

import builtins
import difflib
import linecache
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from textwrap import indent
from traceback import FrameSummary, StackSummary, TracebackException, walk_tb
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.credentials.masking import beginning, ends
from twinkle_notifier.exceptions.chain import chain, members
from twinkle_notifier.exceptions.frames import FrameSnapshot, without_ours
from twinkle_notifier.isolation import safe, tried
from twinkle_notifier.isolation.safe import items_in, module_name, slot, text

_FRAMES = (30, 100)  # of an exception: the outermost and the innermost
_MEMBER_FRAMES = (5, 20)  # of a member of a group
_CHAIN = (5, 15)  # exceptions of a chain: the outermost, and those nearest to the root
_MEMBERS = 15  # of a group, as Python shows
_DEPTH = 5  # groups within groups
_EXCEPTIONS = 60  # in all
_TEXT = (6_000, 10_000)  # characters of an exception's message: its beginning and its end
_SOURCE = 300  # characters of a line of code
_LINES = 20  # of one expression, for which carets are shown
_NOTES = 10
_PERIOD = 6  # frames at most in one round of a recursion; a module within a module takes three
_SECONDS = 0.5  # for a user's object to list its names
_NAMES = 750  # that are compared with the missing one, as in Python
_NAME_LENGTH = 40  # characters; longer names are not compared, as in Python
_ALIKE = 0.7  # how alike a suggested name must be
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


class _Place(NamedTuple):
    frame: FrameType | FrameSnapshot
    line: int
    instruction: int = -1  # the index of the bytecode that ran; -1 if it is not known


def formatted(exc: BaseException) -> str:
    """The traceback of `exc` and of its causes, much as Python prints it, without frames of this package.

    If there are many frames, causes or members it shows the first and the last, and says how many are left out. The
    rounds of a recursion are counted.
    """
    return "\n".join(_Formatter().chain(exc, 0))


def stack(frames: Sequence[FrameSnapshot], first: int, last: int) -> str:
    """The calls of `frames`, innermost first, in the form of a traceback: innermost last.

    It shows the `first` outermost and `last` innermost ones, and says how many are left out.
    """
    return "\n".join(_frames([_Place(frame, frame.f_lineno) for frame in reversed(frames)], first, last))


class _Formatter:
    def __init__(self) -> None:
        self._shown: set[int] = set()
        self._hung = False  # whether a user's object hung; the next exception often has the same object

    def chain(self, exc: BaseException, depth: int) -> Iterator[str]:
        links = chain(exc, self._shown)
        self._shown |= set(map(id, links))
        first, last = _CHAIN
        left_out = len(links) - first - last
        for number in reversed(range(len(links))):  # the root first
            if not first <= number < first + left_out:
                yield from self._one(links[number], depth)
                direct = number and slot(links[number - 1], "__cause__") is links[number]
                yield from ("", _CAUSE if direct else _CONTEXT, "") if number else ()
            elif number == first:
                yield from ("", f"[{left_out} exceptions of the chain left out]", "")

    def _one(self, exc: BaseException, depth: int) -> Iterator[str]:
        came = _places(without_ours(slot(exc, "__traceback__")))
        if came:
            yield "Traceback (most recent call last):"
            yield from _frames(came, *(_MEMBER_FRAMES if depth else _FRAMES))
        yield from _syntax(exc)
        said = ends(text(exc, "<its __str__ {}>"), *_TEXT) + self._suggestion(exc)
        yield f"{type_name(exc)}: {said}" if said else type_name(exc)
        yield from _notes(exc)
        yield from self._members(members(exc), depth)

    def _suggestion(self, exc: BaseException) -> str:
        """Python's suggestion for `exc`, ``. Did you mean: 'loss'?``; empty if there is none, or its object raises.

        Takes half a second at most. After an object that hung no other is asked.
        """
        stand_in = None if self._hung else _stand_in(exc)
        if stand_in is None:
            return ""
        answer = isolation.call(lambda: _suggestion(stand_in, slot(exc, "__traceback__")), _SECONDS)
        self._hung = not answer.returned and answer.error is None
        return answer.value or ""

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
    """The class of `exc` as Python prints it, with its module unless that is builtins or the script."""
    module = module_name(type(exc))
    prefix = f"{module}." if module not in ("", "builtins", "__main__") else ""
    return prefix + safe.type_name(type(exc))


def _places(tb: TracebackType | None) -> list[_Place]:
    places: list[_Place] = []
    while tb is not None:
        places.append(_Place(tb.tb_frame, tb.tb_lineno or 0, tb.tb_lasti))  # one that was made by hand may have no line
        tb = tb.tb_next
    return places


def _frames(came: list[_Place], first: int, last: int) -> Iterator[str]:
    shown = _folded(came)
    if (left_out := len(shown) - first - last) > 0:
        shown[first : first + left_out] = [f"  [{left_out} frames left out]"]
    known: set[str] = set()
    for place in shown:
        yield place if isinstance(place, str) else _frame(place, known)


def _frame(place: _Place, known: set[str]) -> str:
    code, line = place.frame.f_code, place.line
    path = code.co_filename
    if path not in known:
        known.add(path)
        tried(lambda: linecache.checkcache(path))
    source = _source(place, line)
    if source and (marked := tried(lambda: _with_carets(place)).value):
        return marked
    source = beginning(source.strip(), _SOURCE)
    return f'  File "{path}", line {line}, in {code.co_name}' + f"\n    {source}" * bool(source)


def _source(place: _Place, line: int) -> str:
    # It may call a loader of the user's.
    found = tried(lambda: linecache.getline(place.frame.f_code.co_filename, line, place.frame.f_globals)).value
    return str(found or "")


def _with_carets(place: _Place) -> str:
    """The frame as Python 3.11 shows it, with carets under what failed; empty if that is long or has a secret.

    Python takes the lines from the cache that `_source` has filled.
    """
    code, line = place.frame.f_code, place.line
    first, last, start, end = _position(place)
    if first != line or None in (last, start, end) or not line <= last < line + _LINES:
        return ""
    lines = [_source(place, number) for number in range(line, last + 1)]
    whole = "".join(lines)
    if max(map(len, lines)) > _SOURCE or beginning(whole, len(whole)) != whole:  # Python would show the secret
        return ""
    made: Any = FrameSummary  # typed as in Python 3.10, which has no columns
    summary = made(code.co_filename, line, code.co_name, end_lineno=last, colno=start, end_colno=end)
    return "".join(StackSummary.from_list([summary]).format()).rstrip("\n")


def _position(place: _Place) -> Any:
    """The first and last line of what failed, with the columns where it starts and ends; None for what is unknown."""
    positions: Callable[[], Iterator[Any]] | None = getattr(place.frame.f_code, "co_positions", None)  # Python 3.11
    if positions is None or place.instruction < 0:
        return (None,) * 4
    return next(islice(positions(), place.instruction // 2, None))


def _folded(came: list[_Place]) -> list[_Place | str]:
    """The frames, but of a recursion, through one function or several, only two rounds and the number of the others."""
    keys = [(id(place.frame.f_code), place.line) for place in came]
    folded: list[_Place | str] = []
    at = 0
    while at < len(came):
        period, rounds = _rounds(keys, at)
        folded += came[at : at + min(rounds, 2) * period]
        if rounds > 2:
            again = "this frame" if period == 1 else f"these {period} frames"
            folded.append(f"  [{again} {rounds - 2} more times]")
        at += period * rounds
    return folded


def _rounds(keys: list[tuple[int, int]], at: int) -> tuple[int, int]:
    """How many frames from `at` on repeat, and how often; (1, 1) if none do."""
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
    """The place of a syntax error, if `exc` is one."""
    if not issubclass(type(exc), SyntaxError):
        return
    path, line, code = (slot(exc, name, SyntaxError) for name in ("filename", "lineno", "text"))
    if marked := tried(lambda: _with_syntax_carets(exc)).value:
        yield marked
    elif issubclass(type(path), str):
        yield f'  File "{text(path)}", line {text(line)}'
        if issubclass(type(code), str) and (code := text(code).strip()):
            yield f"    {beginning(code, _SOURCE)}"


def _with_syntax_carets(exc: BaseException) -> str:
    """The place as Python shows it; empty if a field is of no plain type, is long, or has a secret."""
    names = ("filename", "lineno", "offset", "text", "end_lineno", "end_offset")
    path, line, start, code, last, end = (slot(exc, name, SyntaxError) for name in names)
    if not all(map(safe.is_plain, (path, line, start, code, last, end))) or type(code) is not str:
        return ""
    if type(path) is not str or len(code) > _SOURCE or beginning(code, _SOURCE) != code:
        return ""
    stand_in = SyntaxError("", (path, line, start, code, last, end))
    *shown, _ = TracebackException(SyntaxError, stand_in, None).format_exception_only()
    return "".join(shown).rstrip("\n")


def _notes(exc: BaseException) -> Iterator[str]:
    found: object = vars(dict)["get"](slot(exc, "__dict__"), "__notes__")  # not a method of a user's dict
    notes = items_in(found) if type(found) in (list, tuple) else [found] * (found is not None)
    yield from (ends(text(note, "<a note whose __str__ {}>"), *_TEXT) for note in notes[:_NOTES])
    if len(notes) > _NOTES:
        yield f"[{len(notes) - _NOTES} notes left out]"


# The fields of Python's own errors: first the missing name, then where it was looked for.
_LOOKED_FOR: dict[type[Any], tuple[str, ...]] = {
    AttributeError: ("name", "obj"),
    NameError: ("name",),
    ImportError: ("name_from", "name"),
}


def _stand_in(exc: BaseException) -> BaseException | None:
    """A plain exception with the missing name of `exc`, without its class and its causes."""
    for kind, fields in _LOOKED_FOR.items():
        if issubclass(type(exc), kind) and fields[0] in vars(kind):  # `name_from` is there since Python 3.12
            found = {field: slot(exc, field, kind) for field in fields}
            name, where = found[fields[0]], found[fields[-1]]
            is_name = type(name) is str and 0 < len(name) <= _NAME_LENGTH
            is_there = kind is not ImportError or (type(where) is str and where in sys.modules)  # else it is imported
            made: BaseException | None = kind(**found) if is_name and is_there else None
            return made
    return None


def _suggestion(stand_in: Any, tb: TracebackType | None) -> str:
    if sys.version_info >= (3, 12):
        made = TracebackException(type(stand_in), stand_in, tb, limit=0, lookup_lines=False)
        return next(iter(made.format_exception_only())).strip().partition(": ")[2]
    # There Python only prints its own suggestion.
    missing: str = stand_in.name
    names: list[object] = list(dir(stand_in.obj)) if isinstance(stand_in, AttributeError) else _visible(tb)
    known = (name for name in names if type(name) is str and len(name) <= _NAME_LENGTH and name != missing)
    others = [name for name in known if missing.startswith("_") or not name.startswith("_")]
    found = difflib.get_close_matches(missing, others[:_NAMES], 1, _ALIKE)
    return f". Did you mean: '{found[0]}'?" if found else ""


def _visible(tb: TracebackType | None) -> list[object]:
    """The names that are visible in the innermost frame."""
    frames = [frame for frame, _ in walk_tb(tb)][-1:]
    places = (place for frame in frames for place in (frame.f_locals, frame.f_globals, vars(builtins)))
    return [name for place in places for name in islice(list(place), _NAMES)]
