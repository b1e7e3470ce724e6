"""Which occurrence of an incident this is in this process: an error that is met again in a new block is a new one."""

from __future__ import annotations

import os
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from twinkle_notifier import isolation
from twinkle_notifier.alerts import crash_loop
from twinkle_notifier.delivery import descriptor
from twinkle_notifier.exceptions import cancellation
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.runtime.process import Instant, process_start

_UNDER_WAY = 25.0  # seconds that an alert is on its way at most, all waiting included
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
        if self.told is None and time.monotonic() - self.began > _UNDER_WAY:
            self.end()
        return self.told is not None


class Occurrences:
    """The last occurrence of each incident that this process has met."""

    def __init__(self) -> None:
        self.forget()
        os.register_at_fork(after_in_child=self.forget)  # children that were forked at different times count alike

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
