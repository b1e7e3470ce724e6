"""When two exceptions are the same: by where they were raised and what caused them, not by their words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from os.path import basename
from traceback import walk_tb
from types import FrameType

from twinkle_notifier.exceptions.chain import chain, members
from twinkle_notifier.exceptions.frames import is_library, is_ours, module_of
from twinkle_notifier.isolation.safe import module_name, slot, text, type_name
from twinkle_notifier.runtime.stored import hashed

_DEPTH = 8  # links of a chain of causes; more tell no more
_GROUP = 100  # members of a group
_ALL = 500  # exceptions
_TEXT = 100_000  # characters of what an exception says
_REMOTE_FRAME = re.compile(r'File "([^"\n]+)", line (\d{1,9}), in (\S+)')

Frame = tuple[str, str, int]


def fingerprint(exc: BaseException, kind: str, name: str, context: str) -> str:
    """16 hexadecimal digits that the same failure has on every rank, and another failure has not.

    `kind` is the result of `kind.kind_of`. A failure is identified by its chain of causes: types, frames of the user's
    code, members of groups. A signal, which meets each rank at another line, is identified by its kind alone.
    """
    what = (
        kind
        if kind in ("interrupted", "preempted")
        else "\n".join([*_chain(exc, 0, iter(range(_ALL))), _exit_code(exc)])
    )
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
    yield from (f"{module} {function} {line}" for module, function, line in frames)
    group = members(exc)
    if group and depth < _DEPTH:
        yield from sorted({"\n".join(_chain(member, depth + 1, left)) for member in group[:_GROUP]})
    elif not frames:
        yield re.sub(r"0x[0-9a-f]+|\d+", "<n>", said)


def _frames(exc: BaseException, said: str) -> list[Frame]:
    """Each place once, outermost first: the user's own, the innermost of a library, and those of a remote traceback."""
    # A recursion's thousand frames are few places. A code object's own hash takes time: its address is enough here.
    met = {(id(frame.f_code), line): (frame, line) for frame, line in walk_tb(slot(exc, "__traceback__"))}
    local = [(frame, line) for frame, line in met.values() if not is_ours(frame)]
    own = [_place(frame, line) for frame, line in local if not is_library(frame)]
    innermost = [_place(frame, line) for frame, line in _innermost(exc) if is_library(frame)]
    everything = [_place(frame, line) for frame, line in local]
    remote = [(basename(path), function, int(line)) for path, line, function in _REMOTE_FRAME.findall(said)]
    return list(dict.fromkeys([*(own or everything), *innermost, *remote]))


def _innermost(exc: BaseException) -> list[tuple[FrameType, int]]:
    theirs = [(frame, line) for frame, line in walk_tb(slot(exc, "__traceback__")) if not is_ours(frame)]
    return theirs[-1:]


def _place(frame: FrameType, line: int) -> Frame:
    # The module's name, not its path: checkouts lie in other folders on other nodes. A spawned worker calls the
    # script __mp_main__.
    module = module_of(frame).replace("__mp_main__", "__main__")
    return f"{module}/{basename(frame.f_code.co_filename)}", frame.f_code.co_name, line
