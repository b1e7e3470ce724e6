"""Whether an exception is one that this process has met before, on its way out through several handlers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from traceback import walk_tb
from types import CodeType

from twinkle_notifier.runtime import Instant

_REMEMBERED = 16  # exceptions


_PLAIN = (str, bytes, int, float, bool, type(None))


@dataclass(frozen=True)
class _Trace:
    """An exception told from another without holding it, which would hold its frames and their tensors.

    Builtin exceptions take no weak reference, and the user's is not ours to write to. Its address alone may be used
    again. Its arguments, which we hold while they are plain, are not; some share them, so its way so far counts, too.
    """

    channel: str
    address: int
    args: tuple[object, ...]
    way: tuple[tuple[CodeType, int], ...]  # where it was raised first, outwards
    at: Instant

    @classmethod
    def of(cls, channel: str, exc: BaseException) -> _Trace:
        places = [(frame.f_code, line) for frame, line in walk_tb(exc.__traceback__)]
        args = exc.args if all(type(argument) in _PLAIN for argument in exc.args) else ()
        return cls(channel, id(exc), args, tuple(reversed(places)), Instant.now())

    def came_from(self, other: _Trace, since: Instant) -> bool:
        same = (self.channel, self.address) == (other.channel, other.address) and self.args is other.args
        # Without arguments the next exception may look the same in all of this; what an earlier run met, is not it.
        return same and self.way[: len(other.way)] == other.way and (bool(self.args) or other.at.after(since))


class Seen:
    """The last exceptions that a process has told of."""

    def __init__(self) -> None:
        self._traces: deque[tuple[_Trace, str]] = deque(maxlen=_REMEMBERED)

    def told(self, channel: str, exc: BaseException, since: Instant) -> str | None:
        """The incident as which `exc` was told on `channel` before, in the run that began at `since`; else None."""
        trace = _Trace.of(channel, exc)
        return next((incident for known, incident in list(self._traces) if trace.came_from(known, since)), None)

    def add(self, channel: str, exc: BaseException, incident: str) -> None:
        """Remember that `exc` was told on `channel`."""
        self._traces.append((_Trace.of(channel, exc), incident))
