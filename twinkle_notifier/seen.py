"""Whether an exception is one that this process has met before, on its way out through several handlers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from traceback import walk_tb
from types import CodeType

_REMEMBERED = 16  # exceptions


@dataclass(frozen=True)
class _Trace:
    """An exception told from another without holding it, which would hold its frames and their tensors.

    Builtin exceptions take no weak reference, and the user's is not ours to write to. Its address alone may be used
    again; its arguments, which we hold, are not, but some share them, or have none; its way so far tells the rest.
    """

    channel: str
    address: int
    args: tuple[object, ...]
    way: tuple[tuple[CodeType, int], ...]  # where it was raised first, outwards

    @classmethod
    def of(cls, channel: str, exc: BaseException) -> _Trace:
        places = [(frame.f_code, line) for frame, line in walk_tb(exc.__traceback__)]
        return cls(channel, id(exc), exc.args, tuple(reversed(places)))

    def came_from(self, other: _Trace) -> bool:
        same = (self.channel, self.address) == (other.channel, other.address) and self.args is other.args
        return same and self.way[: len(other.way)] == other.way


class Seen:
    """The last exceptions that a process has met."""

    def __init__(self) -> None:
        self._traces: deque[_Trace] = deque(maxlen=_REMEMBERED)

    def before(self, channel: str, exc: BaseException) -> bool:
        """Whether `exc` was met for `channel` before; it is remembered from now on."""
        trace = _Trace.of(channel, exc)
        if any(trace.came_from(known) for known in list(self._traces)):
            return True
        self._traces.append(trace)
        return False
