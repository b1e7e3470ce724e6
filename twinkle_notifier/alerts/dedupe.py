"""Whether this process has reported an exception before: the same one further out, or an equal one in a loop."""

from __future__ import annotations

import sys
import threading
import time
import types
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from traceback import walk_tb
from types import CodeType
from typing import NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.alerts import crash_loop
from twinkle_notifier.budgets import PATIENCE
from twinkle_notifier.delivery import descriptor
from twinkle_notifier.exceptions import cancellation
from twinkle_notifier.exceptions.chain import behind_hidden, chain
from twinkle_notifier.isolation import forks
from twinkle_notifier.isolation.safe import is_plain, slot, type_name
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.runtime.process import Instant, process_start

_GENERATOR = 0x20  # inspect.CO_GENERATOR
_REMEMBERED = 16  # exceptions
_DEPTH = 8  # links of a chain of causes
_PAST = 2.0  # seconds to read the past of an incident
_NOTIFIERS = 64  # that are remembered for one incident
_INCIDENTS = 10_000  # that are remembered

Path = tuple[tuple[CodeType, int], ...]  # the frames that an exception has passed, innermost first


class _Trace(NamedTuple):
    """What identifies an exception. It does not hold the exception, which would hold its frames and their tensors.

    Builtin exceptions take no weak reference, and this package writes nothing to a user's exception. An address alone
    may be used again. That of the arguments, which are held if they are plain, may not; but exceptions may share their
    arguments. So the frames that it has passed count, too, and those of its causes.
    """

    channel: str
    address: int
    kind: str
    args: tuple[object, ...]
    path: Path
    causes: tuple[tuple[str, Path], ...]
    at: Instant

    @classmethod
    def of(cls, channel: str, exc: BaseException) -> _Trace:
        args = slot(exc, "args") if all(map(is_plain, slot(exc, "args"))) else ()
        causes = chain(exc, limit=_DEPTH + 1, following=behind_hidden)[1:]
        seen = tuple((type_name(type(cause)), _path(cause)) for cause in causes)
        return cls(channel, id(exc), type_name(type(exc)), args, _path(exc), seen, Instant.now())

    def is_same(self, other: _Trace, since: Instant) -> bool:
        """Whether it is `other`, here or further out, in the run that began at `since`."""
        same = self.channel == other.channel and self.continues(other) and self.args is other.args
        # Without arguments the next exception may look the same in all of this, but not one of an earlier run.
        return same and (bool(self.args) or other.at.after(since))

    def continues(self, other: _Trace) -> bool:
        """Whether it is `other` further out, whatever its arguments: Lightning replaces these under DDP.

        An exception of the same type that was raised at the same place, on the same path, meets the same handlers.
        """
        same = (self.address, self.kind, self.causes) == (other.address, other.kind, other.causes)
        lasting = _lasting(other.path)
        return same and self.path[: len(lasting)] == lasting


def _path(exc: BaseException) -> Path:
    return tuple(reversed([(frame.f_code, line) for frame, line in walk_tb(slot(exc, "__traceback__"))]))


def _lasting(path: Path) -> Path:
    """`path` without its last generators: Python takes the frame of a `contextlib.contextmanager` off again."""
    length = len(path)
    while length > 1 and path[length - 1][0].co_flags & _GENERATOR:
        length -= 1
    return path[:length]


class Seen:
    """The last exceptions that this process has reported."""

    def __init__(self) -> None:
        self._traces: deque[tuple[_Trace, str]] = deque(maxlen=_REMEMBERED)

    def reported(self, channel: str, exc: BaseException, since: Instant) -> str | None:
        """The incident as which `exc` was reported to `channel`, in the run that began at `since`; else None."""
        if not any(known.address == id(exc) for known, _ in list(self._traces)):
            return None
        trace = _Trace.of(channel, exc)
        return next((incident for known, incident in list(self._traces) if trace.is_same(known, since)), None)

    def has(self, exc: BaseException) -> bool:
        """Whether `exc` was reported to any channel."""
        trace = _Trace.of("", exc)
        return any(trace.continues(known) for known, _ in list(self._traces))

    def add(self, channel: str, exc: BaseException, incident: str) -> None:
        """Remember that `exc` was reported to `channel`."""
        self._traces.append((_Trace.of(channel, exc), incident))


class Block(NamedTuple):
    """A block of `watch` that was entered, and the one around it."""

    entered: Instant
    around: Block | None
    handled: int = 0  # the id of the exception that was being handled when it was entered
    cancels: int = 0  # requests to cancel the task that came before

    @classmethod
    def now(cls) -> Block:
        """A block that is entered here."""
        handled = sys.exc_info()[1]
        return cls(Instant.now(), innermost.get(), 0 if handled is None else id(handled), cancellation.requests())


# The innermost block around the caller. Not in the `watch` object: one that decorates a function may be entered by
# several threads, tasks or calls at once.
innermost: ContextVar[Block | None] = ContextVar("twinkle_notifier_block", default=None)


def leave() -> None:
    """Leave the innermost block."""
    if (left := innermost.get()) is not None:
        innermost.set(left.around)


class Occurrence:
    """One occurrence of an incident. Number 0 is the first in this process.

    `since`: another crash by the same error belongs to a loop if it came after this time, in seconds since 1970.
    """

    def __init__(self, incident: str, number: int = 0, since: float = 0.0) -> None:
        self.incident: str = incident
        self.number: int = number
        self.since: float = since
        self.began: float = time.monotonic()
        self.over: Instant | None = None  # when an alert was sent for it, or given up
        self.notifiers: list[Callable[[], object]] = []  # of it and earlier ones

    def is_of(self, notifier: object) -> bool:
        """Whether `notifier` has reported it, or an earlier one of the same incident."""
        own = _self(notifier)
        return any(known() is own for known in self.notifiers)

    @property
    def key(self) -> str:
        """The key by which the ranks agree on it.

        It holds a number, not a time: ranks enter a block at different times, but each meets the incident as often.
        """
        return f"{self.incident}.{self.number + 1}" if self.number else self.incident

    def past(self, earlier: Sequence[float]) -> crash_loop.Past | None:
        """The crashes before it; None for the first: its past is the run's. `earlier`: see `crash_loop.look`."""
        if not self.number:
            return None
        return isolation.call(lambda: crash_loop.look(self.incident, self.since, earlier), _PAST).value

    def end(self) -> None:
        """Its alert is sent, or cannot be. The same error, met in a block that is open now, is no new occurrence."""
        self.over = self.over or Instant.now()

    def is_over(self) -> bool:
        """Whether its alert is sent, or was given up."""
        if self.over is None and time.monotonic() - self.began > PATIENCE:
            self.end()
        return self.over is not None


class Occurrences:
    """The last occurrence of each incident that this process has met."""

    def __init__(self) -> None:
        self.forget()
        forks.in_child(self.forget)  # so that children that were forked at different times count alike

    def forget(self) -> None:
        """Forget everything."""
        self._lock = threading.Lock()
        self._last: dict[str, Occurrence] = {}

    def begin(self, incident: str, notifier: Callable[[str], object], block: Block | None) -> Occurrence:
        """The occurrence as which `notifier` reports `incident` now, from within `block`. Call its `end`.

        It is a new one in a block that was entered after the last one was over, and for a notifier that was made anew.
        Errors that are met while an alert is on its way are one occurrence.
        """
        known = self._last.get(incident)
        is_new = known is None or not known.is_of(notifier)
        is_private = known is not None and is_new and _is_private(notifier)
        with self._lock:
            last = self._last.get(incident)
            if last is None:
                found = Occurrence(incident)
            elif not last.is_over():
                found = last
            elif is_private:  # nobody who got the last alert gets this one, so there is no loop
                found = Occurrence(incident, last.number + 1, process_start().wall)
            elif is_new or (block is not None and last.over is not None and block.entered.after(last.over)):
                found = Occurrence(incident, last.number + 1, time.time() if block is None else block.entered.wall)
            else:
                found = last
            alive = [one for one in last.notifiers if one() is not None] if last is not None else []
            found.notifiers = [*alive, _held(_self(notifier))][-_NOTIFIERS:] if is_new else alive
            self._last.pop(incident, None)  # so that it comes last
            self._last[incident] = found
            if len(self._last) > _INCIDENTS:
                del self._last[next(iter(self._last))]
            return found


def _is_private(notifier: Callable[[str], object]) -> bool:
    """Whether each such object has a reader of its own: a recorder, or a list's `append`, which name no place.

    A function is not: a loop may make one for each of its errors.
    """
    kinds = (Notifier, types.MethodType, types.BuiltinMethodType)
    return issubclass(type(notifier), kinds) and not descriptor.names_place(notifier)


def _self(notifier: object) -> object:
    """What identifies `notifier`: Python makes a method anew each time, and a function anew by each `def` in a loop."""
    if type(notifier) in (types.MethodType, types.BuiltinMethodType):
        return notifier.__self__  # type: ignore[attr-defined]
    if type(notifier) is types.FunctionType and notifier.__closure__ is None:
        return notifier.__code__
    return notifier


def _held(thing: object) -> Callable[[], object]:
    """A weak reference, or a strong one to what takes none, such as a list."""
    try:
        return weakref.ref(thing)
    except TypeError:
        return lambda: thing
