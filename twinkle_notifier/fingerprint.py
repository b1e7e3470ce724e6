"""When two exceptions are the same: by where they were raised and what caused them, not by their words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from os.path import basename
from traceback import walk_tb
from types import FrameType

from twinkle_notifier.foreign import text
from twinkle_notifier.frames import is_library, is_ours

_DEPTH = 8  # links of a chain of causes; more tell no more
_GROUP = 100  # members of a group
_REMOTE_FRAME = re.compile(r'File "([^"\n]+)", line (\d+), in (\S+)')

Frame = tuple[str, str, int]


def fingerprint(exc: BaseException, kind: str, name: str, context: str) -> str:
    """16 hexadecimal digits that the same failure has on every rank, and another failure has not.

    `kind` as `report.kind_of` tells it. A failure is told by its chain of causes: types, frames of the user's code,
    members of groups. A signal, which meets each rank at another line, is told by its kind alone.
    """
    what = kind if kind in ("interrupted", "preempted") else "\n".join([*_chain(exc, 0), _exit_code(exc)])
    return hashlib.sha256(f"{name}\0{context}\0{what}".encode("utf-8", "replace")).hexdigest()[:16]


def _exit_code(exc: BaseException) -> str:
    return str(exc.code) if isinstance(exc, SystemExit) and isinstance(exc.code, str | int) else ""


def _chain(exc: BaseException, depth: int) -> Iterator[str]:
    seen: set[int] = set()
    link: BaseException | None = exc
    while link is not None and id(link) not in seen and len(seen) < _DEPTH:
        seen.add(id(link))
        yield from _one(link, depth)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _one(exc: BaseException, depth: int) -> Iterator[str]:
    frames = _frames(exc)
    yield f"{type(exc).__module__}.{type(exc).__qualname__}"
    yield from (f"{module} {function} {line}" for module, function, line in frames)
    members = getattr(exc, "exceptions", None)
    if isinstance(members, tuple) and depth < _DEPTH:
        yield from sorted({"\n".join(_chain(m, depth + 1)) for m in members[:_GROUP] if isinstance(m, BaseException)})
    elif not frames:
        yield re.sub(r"\d+", "<n>", text(exc))


def _frames(exc: BaseException) -> list[Frame]:
    """Each place once, outermost first: the user's own, the innermost of a library, and those of a remote traceback."""
    local = [(frame, line) for frame, line in walk_tb(exc.__traceback__) if not is_ours(frame)]
    own = [_place(frame, line) for frame, line in local if not is_library(frame)]
    innermost = [_place(frame, line) for frame, line in local[-1:] if is_library(frame)]
    everything = [_place(frame, line) for frame, line in local]
    remote = [(basename(path), function, int(line)) for path, line, function in _REMOTE_FRAME.findall(text(exc))]
    return list(dict.fromkeys([*(own or everything), *innermost, *remote]))


def _place(frame: FrameType, line: int) -> Frame:
    # The module's name, not its path: checkouts lie in other folders on other nodes. A spawned worker calls the
    # script __mp_main__.
    module = str(frame.f_globals.get("__name__", "")).replace("__mp_main__", "__main__")
    return f"{module}/{basename(frame.f_code.co_filename)}", frame.f_code.co_name, line
