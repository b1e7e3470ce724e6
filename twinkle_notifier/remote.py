"""Exceptions that reach this process as text from another: Lightning's spawned workers, Ray's tasks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twinkle_notifier.frames import is_library_path

_FRAME = re.compile(r'File "([^"\n]+)", line (\d+), in (\S+)')
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


def remote(exc: BaseException) -> Remote | None:
    """The exception of another process that `exc` stands for; None if it stands for itself."""
    names = {base.__name__ for base in type(exc).__mro__}
    if "ProcessRaisedException" in names:  # torch.multiprocessing: the class is lost, the traceback is text
        return _from_text(str(exc).partition("following error:\n")[2] or str(exc), getattr(exc, "error_index", None))
    cause = getattr(exc, "cause", None)
    if "RayTaskError" in names and isinstance(cause, BaseException):
        inner = remote(cause)
        return inner or Remote(type(cause).__qualname__, str(cause), str(getattr(exc, "traceback_str", exc)))
    return None


def _from_text(text: str, rank: int | None) -> Remote:
    text = text.strip()
    headings = [line for line in text.splitlines() if line[:1].strip() and not line.startswith("Traceback (")]
    found = _LAST_LINE.match(headings[-1]) if headings else None
    kind, message = (found[1], found[2] or "") if found else ("error", headings[-1] if headings else "")
    return Remote(kind, message, text, rank)
