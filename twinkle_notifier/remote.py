"""Exceptions that reach this process as text from another: Lightning's spawned workers, Ray's tasks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twinkle_notifier.foreign import attribute, names, text, type_name
from twinkle_notifier.frames import is_library_path
from twinkle_notifier.plain import ends

_FRAME = re.compile(r'File "([^"\n]+)", line (\d+), in (\S+)')
_TEXT = (20_000, 40_000)  # characters of a traceback: its beginning and its end
_NESTED = 8  # errors of Ray's within errors of Ray's
_LAST_LINE = re.compile(r"^(?:\w+\.)*(\w+)(?:: (.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class Remote:
    """What was raised there, as far as it is known here."""

    type: str
    message: str
    traceback: str
    rank: int | None = None

    def at(self) -> str:
        """The innermost place in the user's own code, as `frames.innermost_own` tells it."""
        own = [frame for frame in _FRAME.findall(self.traceback) if not is_library_path(frame[0])]
        if not own:
            return ""
        path, line, function = own[-1]
        return f"{path.rpartition('/')[2]}:{line} in {function}"


def remote(exc: BaseException, nested: int = _NESTED) -> Remote | None:
    """The exception of another process that `exc` stands for; None if it stands for itself."""
    known = names(type(exc))
    if "ProcessRaisedException" in known:  # torch.multiprocessing: the class is lost, the traceback is text
        said, rank = text(exc), attribute(exc, "error_index")
        return _from_text(said.partition("following error:\n")[2] or said, rank if type(rank) is int else None)
    cause = attribute(exc, "cause") if "RayTaskError" in known and nested else None
    if cause is None or not issubclass(type(cause), BaseException):
        return None
    there = attribute(exc, "traceback_str")
    shown = ends(text(there if there is not None else exc), *_TEXT)
    inner = remote(cause, nested - 1)
    return inner or Remote(type_name(type(cause)), text(cause, "<its __str__ {}>"), shown)


def _from_text(said: str, rank: int | None) -> Remote:
    said = said.strip()
    headings = [line for line in said.splitlines() if line[:1].strip() and not line.startswith("Traceback (")]
    found = _LAST_LINE.match(headings[-1]) if headings else None
    kind, message = (found[1], found[2] or "") if found else ("error", headings[-1] if headings else "")
    return Remote(kind, message, ends(said, *_TEXT), rank)
