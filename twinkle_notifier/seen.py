"""Whether an exception is one that this process has met before, on its way out through several handlers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from traceback import walk_tb
from types import CodeType

from twinkle_notifier.foreign import is_plain, slot, type_name
from twinkle_notifier.runtime import Instant

_REMEMBERED = 16  # exceptions
_DEPTH = 8  # links of a chain of causes
_EVER = Instant("", 0.0, 0.0)  # before everything

Way = tuple[tuple[CodeType, int], ...]


@dataclass(frozen=True)
class _Trace:
    """An exception told from another without holding it, which would hold its frames and their tensors.

    Builtin exceptions take no weak reference, and the user's is not ours to write to. Its address alone may be used
    again. Its arguments, which we hold while they are plain, are not; some share them, so its way so far counts, too,
    and those of its causes.
    """

    channel: str
    address: int
    args: tuple[object, ...]
    way: Way  # where it was raised first, outwards
    causes: tuple[tuple[str, Way], ...]
    at: Instant

    @classmethod
    def of(cls, channel: str, exc: BaseException) -> _Trace:
        args = slot(exc, "args") if all(map(is_plain, slot(exc, "args"))) else ()
        causes = tuple((type_name(type(cause)), _way(cause)) for cause in islice(_causes(exc), _DEPTH))
        return cls(channel, id(exc), args, _way(exc), causes, Instant.now())

    def came_from(self, other: _Trace, since: Instant) -> bool:
        same = (self.channel, self.address) == (other.channel, other.address) and self.args is other.args
        same = same and self.way[: len(other.way)] == other.way and self.causes == other.causes
        # Without arguments the next exception may look the same in all of this; what an earlier run met, is not it.
        return same and (bool(self.args) or other.at.after(since))


def _way(exc: BaseException) -> Way:
    return tuple(reversed([(frame.f_code, line) for frame, line in walk_tb(slot(exc, "__traceback__"))]))


def _causes(exc: BaseException) -> Iterator[BaseException]:
    link = _behind(exc)
    while link is not None:
        yield link
        link = _behind(link)


def _behind(exc: BaseException) -> BaseException | None:
    cause: BaseException | None = slot(exc, "__cause__")
    return cause if cause is not None else slot(exc, "__context__")


class Seen:
    """The last exceptions that a process has told of."""

    def __init__(self) -> None:
        self._traces: deque[tuple[_Trace, str]] = deque(maxlen=_REMEMBERED)

    def told(self, channel: str, exc: BaseException, since: Instant) -> str | None:
        """The incident as which `exc` was told on `channel` before, in the run that began at `since`; else None."""
        if not any(known.address == id(exc) for known, _ in list(self._traces)):
            return None
        trace = _Trace.of(channel, exc)
        return next((incident for known, incident in list(self._traces) if trace.came_from(known, since)), None)

    def has(self, exc: BaseException) -> bool:
        """Whether `exc` was told on any channel."""
        return any(self.told(known.channel, exc, _EVER) is not None for known, _ in list(self._traces))

    def add(self, channel: str, exc: BaseException, incident: str) -> None:
        """Remember that `exc` was told on `channel`."""
        self._traces.append((_Trace.of(channel, exc), incident))
