"""What a store must be able to do, and a bound on every store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from twinkle_notifier import foreign
from twinkle_notifier.errors import reason

_SECONDS = 3.0  # for one operation, where the store does not tell otherwise
T = TypeVar("T")


class Store(Protocol):
    """Where the processes of a run keep the logs of their incidents. Keys and members are short ASCII words.

    A store may raise anything, and may hang: it is then left for the next best. It has 3 s for an operation, or as many
    as its attribute `seconds` says.
    """

    def append(self, key: str, index: int, record: bytes) -> bool:
        """Add record number `index` (from 0, without gaps) to the log `key`; False when another process was first.

        A record is seen whole or not at all, and never changes.
        """
        ...

    def read(self, key: str, start: int) -> list[bytes]:
        """The records of the log `key` from number `start` on."""
        ...

    def join(self, key: str, member: str) -> None:
        """Add `member` to the set `key`."""
        ...

    def members(self, key: str) -> set[str]:
        """Who has joined the set `key`."""
        ...

    def sequence(self, step: int) -> int | None:
        """Add `step` to the one counter of the store and return what it is then; None if the store cannot count."""
        ...


class Bounded:
    """A store whose every operation ends in time, and which raises nothing but OSError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seconds: float = getattr(store, "seconds", _SECONDS)

    @staticmethod
    def open(opened: Callable[[], Store], seconds: float) -> Store:
        """What `opened` gives, within `seconds`."""
        return _bounded(opened, seconds)

    def append(self, key: str, index: int, record: bytes) -> bool:
        """See `Store`."""
        return _bounded(lambda: self._store.append(key, index, record), self._seconds)

    def read(self, key: str, start: int) -> list[bytes]:
        """See `Store`."""
        return _bounded(lambda: self._store.read(key, start), self._seconds)

    def join(self, key: str, member: str) -> None:
        """See `Store`."""
        _bounded(lambda: self._store.join(key, member), self._seconds)

    def members(self, key: str) -> set[str]:
        """See `Store`."""
        return _bounded(lambda: self._store.members(key), self._seconds)

    def sequence(self, step: int) -> int | None:
        """See `Store`."""
        return _bounded(lambda: self._store.sequence(step), self._seconds)


def _bounded(work: Callable[[], T], seconds: float) -> T:
    answer = foreign.call(work, seconds)
    if answer.error is None and not answer.returned:
        raise OSError(f"no answer within {seconds:g} s")
    if answer.error is not None:
        raise OSError(answer.error.strerror or "" if isinstance(answer.error, OSError) else reason(answer.error))
    return answer.result()
