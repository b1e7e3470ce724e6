"""An exception's traceback as text: its ends, in little time, whatever the exception is."""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Sequence
from textwrap import indent
from traceback import walk_tb

from twinkle_notifier import foreign
from twinkle_notifier.foreign import module_name, slot, text, tried
from twinkle_notifier.frames import Still, without_ours
from twinkle_notifier.links import Place, chain, members
from twinkle_notifier.plain import beginning, ends

_FRAMES = (30, 100)  # of an exception: the outermost and the innermost
_MEMBER_FRAMES = (5, 20)  # of a member of a group
_CHAIN = (5, 15)  # exceptions of a chain: the outermost, and those nearest to the root
_MEMBERS = 15  # of a group, as Python shows
_DEPTH = 5  # groups within groups
_EXCEPTIONS = 60  # in all
_TEXT = (6_000, 10_000)  # characters of what an exception says: its beginning and its end
_SOURCE = 300  # characters of a line of code
_NOTES = 10
_PERIOD = 6  # frames of one round of a recursion; a module within a module takes three
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


def formatted(exc: BaseException) -> str:
    """The traceback of `exc` and of what is behind it, much as Python prints it, without frames of this package.

    Of thousands of frames, links or members it shows the first and the last, a recursion once, and how many are
    left out.
    """
    return "\n".join(_Teller().chain(exc, 0))


def stack(frames: Sequence[Still], first: int, last: int) -> str:
    """The calls of `frames`, which come innermost first, as a traceback shows them: innermost last.

    Of more than `first` outermost and `last` innermost ones it says how many are left out.
    """
    return "\n".join(_frames([(frame, frame.f_lineno) for frame in reversed(frames)], first, last))


class _Teller:
    def __init__(self) -> None:
        self._told: set[int] = set()

    def chain(self, exc: BaseException, depth: int) -> Iterator[str]:
        links = chain(exc, self._told)
        self._told |= set(map(id, links))
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
        came: list[Place] = list(walk_tb(without_ours(slot(exc, "__traceback__"))))
        if came:
            yield "Traceback (most recent call last):"
            yield from _frames(came, *(_MEMBER_FRAMES if depth else _FRAMES))
        yield from _syntax(exc)
        said = ends(text(exc, "<its __str__ {}>"), *_TEXT)
        yield f"{type_name(exc)}: {said}" if said else type_name(exc)
        yield from _notes(exc)
        yield from self._members(members(exc), depth)

    def _members(self, group: Sequence[BaseException], depth: int) -> Iterator[str]:
        shown = 0
        for number, member in enumerate(group[:_MEMBERS] if depth < _DEPTH else (), 1):
            if len(self._told) >= _EXCEPTIONS:
                break
            if id(member) not in self._told:
                yield f"  +---------------- {number} of {len(group)} ----------------"
                yield indent("\n".join(self.chain(member, depth + 1)), "  | ", lambda _line: True)
            shown = number
        if len(group) > shown:
            yield f"  [{len(group) - shown} members left out]"


def type_name(exc: BaseException) -> str:
    """Its class as Python prints it: with the module, unless that says nothing."""
    module = module_name(type(exc))
    prefix = f"{module}." if module not in ("", "builtins", "__main__") else ""
    return prefix + foreign.type_name(type(exc))


def _frames(came: list[Place], first: int, last: int) -> Iterator[str]:
    told = _folded(came)
    left_out = max(len(told) - first - last, 0)
    stale: set[str] = set()
    for place in [*told[:first], f"  [{left_out} frames left out]", *told[first + left_out :]] if left_out else told:
        yield place if isinstance(place, str) else _frame(place, stale)


def _frame(place: Place, known: set[str]) -> str:
    frame, line = place
    path = frame.f_code.co_filename
    if path not in known:
        known.add(path)
        tried(lambda: linecache.checkcache(path))
    heading = f'  File "{path}", line {line}, in {frame.f_code.co_name}'
    # A module's loader may be the user's.
    source = str(tried(lambda: linecache.getline(path, line or 0, frame.f_globals)).value or "")
    source = beginning(source.strip(), _SOURCE)
    return f"{heading}\n    {source}" if source else heading


def _folded(came: list[Place]) -> list[Place | str]:
    """The same frames with the rounds of a recursion, of one function or a few in turn, told twice and then counted."""
    keys = [(id(frame.f_code), line) for frame, line in came]
    folded: list[Place | str] = []
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
    """How many frames from `at` on come again and again, and how often."""
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
    """Where the code is that Python could not read."""
    if issubclass(type(exc), SyntaxError):
        path, line, code = (slot(exc, name, SyntaxError) for name in ("filename", "lineno", "text"))
        if issubclass(type(path), str):
            yield f'  File "{text(path)}", line {text(line)}'
            if issubclass(type(code), str) and (code := text(code).strip()):
                yield f"    {beginning(code, _SOURCE)}"


def _notes(exc: BaseException) -> Iterator[str]:
    notes = dict.get(slot(exc, "__dict__"), "__notes__")
    if notes is not None:
        notes = list(notes) if type(notes) in (list, tuple) else [notes]
        yield from (ends(text(note, "<a note whose __str__ {}>"), *_TEXT) for note in notes[:_NOTES])
        if len(notes) > _NOTES:
            yield f"[{len(notes) - _NOTES} notes left out]"
