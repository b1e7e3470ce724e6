"""Whether an exception is one that this process has met before, on its way out through several handlers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import CO_GENERATOR
from itertools import islice
from traceback import walk_tb
from types import CodeType

from twinkle_notifier.isolation.safe import is_plain, slot, type_name
from twinkle_notifier.runtime.process import Instant

_REMEMBERED = 16  # exceptions
_DEPTH = 8  # links of a chain of causes

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
    kind: str
    args: tuple[object, ...]
    way: Way  # where it was raised first, outwards
    causes: tuple[tuple[str, Way], ...]
    at: Instant

    @classmethod
    def of(cls, channel: str, exc: BaseException) -> _Trace:
        args = slot(exc, "args") if all(map(is_plain, slot(exc, "args"))) else ()
        causes = tuple((type_name(type(cause)), _way(cause)) for cause in islice(_causes(exc), _DEPTH))
        return cls(channel, id(exc), type_name(type(exc)), args, _way(exc), causes, Instant.now())

    def came_from(self, other: _Trace, since: Instant) -> bool:
        same = self.channel == other.channel and self.goes_on(other) and self.args is other.args
        # Without arguments the next exception may look the same in all of this; what an earlier run met, is not it.
        return same and (bool(self.args) or other.at.after(since))

    def goes_on(self, other: _Trace) -> bool:
        """Whether it is `other` further out, by all but its arguments: Lightning gives it new ones under DDP.

        Another of its type, raised at the same place and on the same way out, meets the same handlers.
        """
        same = (self.address, self.kind, self.causes) == (other.address, other.kind, other.causes)
        lasting = _lasting(other.way)
        return same and self.way[: len(lasting)] == lasting


def _way(exc: BaseException) -> Way:
    return tuple(reversed([(frame.f_code, line) for frame, line in walk_tb(slot(exc, "__traceback__"))]))


def _lasting(way: Way) -> Way:
    """`way` as far as it stays: what a `contextlib.contextmanager` adds when it catches is taken off as it goes on."""
    length = len(way)
    while length > 1 and way[length - 1][0].co_flags & CO_GENERATOR:
        length -= 1
    return way[:length]


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
        trace = _Trace.of("", exc)
        return any(trace.goes_on(known) for known, _ in list(self._traces))

    def add(self, channel: str, exc: BaseException, incident: str) -> None:
        """Remember that `exc` was told on `channel`."""
        self._traces.append((_Trace.of(channel, exc), incident))
