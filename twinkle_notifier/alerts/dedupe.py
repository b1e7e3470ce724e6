"""Whether an exception is one that this process has met before, on its way out through several handlers."""

from __future__ import annotations

import sys
import threading
import time
import types
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from inspect import CO_GENERATOR
from traceback import walk_tb
from types import CodeType

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
        causes = chain(exc, limit=_DEPTH + 1, following=behind_hidden)[1:]
        seen = tuple((type_name(type(cause)), _way(cause)) for cause in causes)
        return cls(channel, id(exc), type_name(type(exc)), args, _way(exc), seen, Instant.now())

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


class Seen:
    """The last exceptions that a process has told of."""

    def __init__(self) -> None:
        self._traces: deque[tuple[_Trace, str]] = deque(maxlen=_REMEMBERED)

    def reported(self, channel: str, exc: BaseException, since: Instant) -> str | None:
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


_LOOK = 2.0  # seconds to look at the past
_KNOWN = 64  # notifiers of one incident
_INCIDENTS = 10_000  # that are known


@dataclass(frozen=True)
class Block:
    """A block of `watch` that was entered, and the one around it."""

    entered: Instant
    around: Block | None
    handled: int = 0  # the id of the exception that was being handled: within a block that handles it it lives on
    cancels: int = 0  # requests to cancel the task, which came before

    @classmethod
    def now(cls) -> Block:
        """One that begins here."""
        handled = sys.exc_info()[1]
        return cls(Instant.now(), _block.get(), 0 if handled is None else id(handled), cancellation.requests())


# Not in the `watch` object: one that decorates a function may be entered by several threads, tasks or calls at once.
_block: ContextVar[Block | None] = ContextVar("twinkle_notifier_block", default=None)


def block() -> Block | None:
    """The innermost block that this code runs in."""
    return _block.get()


def enter() -> None:
    """A block begins here."""
    _block.set(Block.now())


def leave() -> None:
    """The innermost block ends."""
    if (left := _block.get()) is not None:
        _block.set(left.around)


def go_back_to(block: Block | None) -> None:
    """What comes now counts as if it came within `block`."""
    _block.set(block)


@dataclass
class Occurrence:
    """One occurrence of an incident, which may be met several times; number 0 is the first of this process.

    `since`: from which moment on another crash by the same error belongs to a loop, in seconds since 1970.
    """

    incident: str
    number: int = 0
    since: float = 0.0
    began: float = field(default_factory=time.monotonic)
    told: Instant | None = None

    @property
    def key(self) -> str:
        """Under which the ranks agree on it.

        By a number, not by a time: ranks enter a block one later than the other, and each has met the incident as
        often as the others.
        """
        return f"{self.incident}.{self.number + 1}" if self.number else self.incident

    def past(self, earlier: Sequence[float]) -> crash_loop.Past | None:
        """What came before it; None for the first one, whose past is that of the run. `earlier`: see `history.look`."""
        if not self.number:
            return None
        return isolation.call(lambda: crash_loop.look(self.incident, self.since, earlier), _LOOK).value

    def end(self) -> None:
        """People are told, or cannot be. The same again in a block that is open by now is no new occurrence."""
        self.told = self.told or Instant.now()

    def is_over(self) -> bool:
        """Whether it is told, or was given up."""
        if self.told is None and time.monotonic() - self.began > PATIENCE:
            self.end()
        return self.told is not None


class Occurrences:
    """The last occurrence of each incident that this process has met."""

    def __init__(self) -> None:
        self.forget()
        forks.in_child(self.forget)  # children that were forked at different times count alike

    def forget(self) -> None:
        """Begin anew."""
        self._lock = threading.Lock()
        self._last: dict[str, Occurrence] = {}
        self._notifiers: dict[str, list[Callable[[], object]]] = {}

    def begin(self, incident: str, notifier: Callable[[str], object], block: Block | None) -> Occurrence:
        """That as which `incident` is told now, to `notifier`, from within `block`. Call its `end`.

        It is a new one in a block that was entered after people were told of the last one, and for a notifier that
        was made anew. Errors that are met while an alert is on its way are one occurrence.
        """
        is_new = not self._knows(incident, notifier)
        leads_apart = is_new and incident in self._last and _leads_apart(notifier)
        with self._lock:
            last = self._last.get(incident)
            if is_new:
                self._add(incident, notifier)
            if last is None:
                found = Occurrence(incident)
            elif not last.is_over():
                return last
            elif leads_apart:  # nobody who heard of the last one hears of this, so there is no loop
                found = Occurrence(incident, last.number + 1, process_start().wall)
            elif is_new or (block is not None and last.told is not None and block.entered.after(last.told)):
                found = Occurrence(incident, last.number + 1, time.time() if block is None else block.entered.wall)
            else:
                return last
            self._last[incident] = self._last.pop(incident, found)  # the last one met comes last
            self._last[incident] = found
            if len(self._last) > _INCIDENTS:
                self._notifiers.pop(oldest := next(iter(self._last)), None)
                del self._last[oldest]
            return found

    def _knows(self, incident: str, notifier: object) -> bool:
        own = _self(notifier)
        return any(known() is own for known in list(self._notifiers.get(incident, ())))

    def _add(self, incident: str, notifier: object) -> None:
        alive = [known for known in self._notifiers.get(incident, ()) if known() is not None]
        self._notifiers[incident] = [*alive, _held(_self(notifier))][-_KNOWN:]


def _leads_apart(notifier: Callable[[str], object]) -> bool:
    """Whether each such object has a reader of its own, as a recorder, or a list's `append`, has: it names no place.

    Not so functions: a loop may make one for each of its errors.
    """
    kinds = (Notifier, types.MethodType, types.BuiltinMethodType)
    return issubclass(type(notifier), kinds) and not descriptor.names_place(notifier)


def _self(notifier: object) -> object:
    """What tells `notifier` from another: a method is made anew each time, and a function without variables is one."""
    if type(notifier) in (types.MethodType, types.BuiltinMethodType):
        return notifier.__self__  # type: ignore[attr-defined]
    if type(notifier) is types.FunctionType and notifier.__closure__ is None:
        return notifier.__code__
    return notifier


def _held(thing: object) -> Callable[[], object]:
    """A weak reference; what takes none, such as a list, lives on here."""
    try:
        return weakref.ref(thing)
    except TypeError:
        return lambda: thing
