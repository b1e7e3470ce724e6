"""Whether two exceptions are the same: by where they were raised and what caused them, not by their messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from os.path import basename
from traceback import walk_tb
from types import FrameType

from twinkle_notifier.exceptions.chain import chain, members
from twinkle_notifier.exceptions.frames import is_library, is_ours, module_of
from twinkle_notifier.exceptions.remote import Reading, places_in, remote
from twinkle_notifier.isolation.safe import module_name, slot, text, type_name
from twinkle_notifier.runtime.stored import hashed

_DEPTH = 8  # exceptions of a chain of causes
_GROUP = 100  # members of a group
_ALL = 500  # exceptions
_TEXT = 100_000  # characters of a message that are read
_UNSEEN = Reading(is_shown=False)

Frame = tuple[str, str, int]


def fingerprint(exc: BaseException, kind: str, name: str, context: str) -> str:
    """16 hexadecimal digits that are the same for one failure on every rank, and differ between failures.

    `kind` is the result of `kind.kind_of`. A failure is identified by its chain of causes: types, frames of the user's
    code, members of groups. A signal interrupts each rank at another line, so it is identified by its kind alone.
    """
    by_kind = kind in ("interrupted", "preempted")
    what = kind if by_kind else "\n".join([*_chain(exc, 0, iter(range(_ALL))), _exit_code(exc)])
    return hashed(f"{name}\0{context}\0{what}")


def _exit_code(exc: BaseException) -> str:
    code = slot(exc, "code", SystemExit) if issubclass(type(exc), SystemExit) else None
    return text(code) if issubclass(type(code), (str, int)) else ""


def _chain(exc: BaseException, depth: int, left: Iterator[int]) -> Iterator[str]:
    for link in chain(exc, limit=_DEPTH):
        if next(left, None) is None:
            return
        yield from _one(link, depth, left)


def _one(exc: BaseException, depth: int, left: Iterator[int]) -> Iterator[str]:
    said = text(exc)[:_TEXT]
    frames = _frames(exc, said)
    yield f"{module_name(type(exc))}.{type_name(type(exc))}"
    there = remote(exc, _UNSEEN)
    if there is not None:  # the class of `exc` is the same for whatever a worker has raised
        yield there.type
    yield from (f"{module} {function} {line}" for module, function, line in frames)
    group = members(exc)
    if group and depth < _DEPTH:
        yield from sorted({"\n".join(_chain(member, depth + 1, left)) for member in group[:_GROUP]})
    elif not frames:
        yield re.sub(r"0x[0-9a-f]+|\d+", "<n>", said)


def _frames(exc: BaseException, said: str) -> list[Frame]:
    """Each place once, outermost first: those of the user, the innermost of a library, those of a remote traceback."""
    # A recursion's thousand frames have few places. They are compared by address, as a code object's hash takes time.
    theirs = [(frame, line) for frame, line in walk_tb(slot(exc, "__traceback__")) if not is_ours(frame)]
    local = {(id(frame.f_code), line): (frame, line) for frame, line in theirs}.values()
    own = [_place(frame, line) for frame, line in local if not is_library(frame)]
    innermost = [_place(frame, line) for frame, line in theirs[-1:] if is_library(frame)]
    everything = [_place(frame, line) for frame, line in local]
    remote = [(basename(path), function, line) for path, line, function in places_in(said)]
    return list(dict.fromkeys([*(own or everything), *innermost, *remote]))


def _place(frame: FrameType, line: int) -> Frame:
    # The module's name, not its path: nodes may have the code in different folders. In a spawned worker the script is
    # called __mp_main__.
    module = module_of(frame).replace("__mp_main__", "__main__")
    return f"{module}/{basename(frame.f_code.co_filename)}", frame.f_code.co_name, line
