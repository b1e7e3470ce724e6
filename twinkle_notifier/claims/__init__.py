"""Who tells: one rank claims an incident, sends, and says so; the others wait for that.

An incident's story is a short log of records that only grows: ``claimed``, then ``sent``, ``failed`` or ``refused``.
A store needs no more than to add record number n when nobody else has added it, and to read from a number on.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

from twinkle_notifier.claims.files import FileStore, shared_folder
from twinkle_notifier.claims.memory import MemoryStore
from twinkle_notifier.runtime import Holder, Instant, Where, run_key

LEASE = 12.0  # seconds that a claim holds without a word: the budget of a send, and a margin
_POLL = 0.02  # seconds between two looks at the store

State = Literal["claimed", "sent", "failed", "refused"]


class Store(Protocol):
    """Where the processes of a run keep the logs of their incidents."""

    def append(self, key: str, index: int, record: bytes) -> bool:
        """Add record number `index` (from 0, without gaps) to the log `key`; False when another process was first.

        A record is seen whole or not at all, and never changes. Raises OSError when the store does not work.
        """
        ...

    def read(self, key: str, start: int) -> list[bytes]:
        """The records of the log `key` from number `start` on. Raises OSError when the store does not work."""
        ...


@dataclass(frozen=True)
class Record:
    """One line of an incident's log."""

    state: State
    rank: int
    holder: Holder
    at: Instant

    def dump(self) -> bytes:
        """As stored."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes) -> Record | None:
        """As stored; None for what cannot be read, which then counts as made before anything started."""
        try:
            fields = json.loads(data)
            return cls(fields["state"], fields["rank"], Holder(**fields["holder"]), Instant(**fields["at"]))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Claim:
    """The right, and the duty, to tell of an incident. Ended by `close`."""

    store: Store
    key: str
    index: int
    rank: int
    message_id: str

    def close(self, state: State) -> None:
        """Say what became of the message.

        ``sent`` silences the others for good, ``failed`` leaves it to them, ``refused`` tells them that they cannot
        do better. Raises OSError when the store does not work; the claim then ends with its lease.
        """
        self.store.append(self.key, self.index + 1, Record(state, self.rank, Holder.me(), Instant.now()).dump())


@dataclass(frozen=True)
class Told:
    """Another process's word on an incident: ``sent``, ``refused``, or still ``claimed`` when the time was over."""

    state: State
    rank: int


def claim(store: Store, key: str, *, rank: int, since: Instant, seconds: float) -> Claim | Told:
    """Claim the incident `key`, or wait up to `seconds` for another's word on it.

    Only what was recorded after `since`, this process's start, counts: a claim of an earlier run or attempt silences
    nobody. A claim falls to whoever asks next when its holder failed, died, or was silent for `LEASE` seconds (by the
    clock of the one who waits, so that no two clocks are compared).

    Raises:
        OSError: the store does not work.
    """
    deadline = time.monotonic() + seconds
    log = _Log(store, key, since)
    while True:
        last = log.last()
        if last is None or log.is_free(last):
            record = Record("claimed", rank, Holder.me(), Instant.now())
            if store.append(key, log.length, record.dump()):
                return Claim(store, key, log.length, rank, _message_id(key, log.first or record))
        elif last.state in ("sent", "refused") or time.monotonic() > deadline:
            return Told(last.state, last.rank)
        else:
            time.sleep(_POLL)


class _Log:
    """What one process has read of an incident's log."""

    def __init__(self, store: Store, key: str, since: Instant) -> None:
        self._store, self._key, self._since = store, key, since
        self.length = 0
        self.first: Record | None = None  # of those that count
        self._last: Record | None = None
        self._last_seen = 0.0

    def last(self) -> Record | None:
        for data in self._store.read(self._key, self.length):
            self.length += 1
            record = Record.load(data)
            if record is not None and record.at.after(self._since):
                self.first = self.first or record
                self._last, self._last_seen = record, time.monotonic()
        return self._last

    def is_free(self, last: Record) -> bool:
        if last.state == "claimed":
            return last.holder.dead() or time.monotonic() - self._last_seen > LEASE
        return last.state == "failed"


def _message_id(key: str, first: Record) -> str:
    """The same for every try at one incident, so that a service can drop what it has already accepted."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{key}/{first.dump().decode()}").hex


alone = MemoryStore()  # what this process has told, for as long as it lives


def store_for(where: Where) -> Store:
    """The store that the ranks of this process's run share; its own memory when it is the only one.

    Raises:
        OSError: the ranks have no folder in common that can be written to.
    """
    key = run_key(where)
    return alone if key is None else FileStore(shared_folder(key))
