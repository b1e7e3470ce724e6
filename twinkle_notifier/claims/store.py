"""The protocol of a store, and `Access`: a store whose every call ends in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from twinkle_notifier import isolation
from twinkle_notifier.budgets import STORE_RESERVE
from twinkle_notifier.isolation import safe
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.runtime.log_repeats import log

_SECONDS = 3.0  # for a few operations, unless the store asks for more
_MOST = 10.0  # seconds that a store may ask for
_LEAST = 0.5  # seconds that each call has, even with no time left
T = TypeVar("T")


class Store(Protocol):
    """Where the processes of a run keep the logs of their incidents. Keys and members are short ASCII words.

    A store may raise anything, and may hang: the next best is used then. It has 3 s for a few operations, or as many
    seconds as its attribute `seconds` says, up to 10.
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


def tolerated(complaint: str, work: Callable[[], T], otherwise: T) -> T:
    """What `work` returns; `otherwise`, and a line in the log, if it raises OSError because the store fails."""
    try:
        return work()
    except OSError as error:
        log.warning("%s: %s", complaint, error)
        return otherwise


class Access:
    """A store whose calls run in a helper thread, and end in time."""

    store: Store

    def __init__(self, opened: Callable[[], Store], seconds: float) -> None:
        """Open the store by `opened`, within `seconds`. Raises OSError when that fails or takes longer."""
        self._helper = isolation.Helper()
        try:
            self.store, self._seconds = self._bounded(lambda: _opened(opened), seconds)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let the helper thread end."""
        self._helper.close()

    def ask(self, work: Callable[[Store], T]) -> T:
        """What `work`, a few operations, returns. Raises OSError when it raises anything, or takes too long.

        Several operations a call: with a thousand processes on a machine each hand-over to a thread takes long.
        """
        return self._bounded(lambda: work(self.store), self._seconds)

    def _bounded(self, work: Callable[[], T], seconds: float) -> T:
        seconds = max(min(seconds, isolation.remaining() - STORE_RESERVE), _LEAST)
        answer = self._helper.call(work, seconds)
        if issubclass(type(answer.error), OSError):
            said = safe.slot(answer.error, "strerror", OSError)
            raise OSError(safe.text(said) if said else reason(answer.error)) from None
        if answer.error is not None:
            raise OSError(reason(answer.error)) from None
        if not answer.returned:
            raise OSError(f"no answer within {seconds:g} s")
        return answer.result()


def _opened(opened: Callable[[], Store]) -> tuple[Store, float]:
    store = opened()
    seconds = float(getattr(store, "seconds", _SECONDS))
    return store, min(seconds, _MOST) if seconds > 0 else _SECONDS


class Own(Access):
    """A store in this process's memory, called in this thread."""

    def __init__(self, store: Store) -> None:
        """`store` neither fails nor hangs."""
        self.store = store

    def close(self) -> None:
        """See `Access`."""

    def ask(self, work: Callable[[Store], T]) -> T:
        """See `Access`."""
        return work(self.store)
