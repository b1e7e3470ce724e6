"""Who sends: one rank claims an incident, sends, and records the result; the others wait for it.

An incident is a short log of records that only grows: ``claimed``, then ``sent``, ``failed`` or ``refused``; within a
node also ``left``: each rank leaves it to the supervisor by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from twinkle_notifier import isolation
from twinkle_notifier.budgets import AFTERMATH, LEASE
from twinkle_notifier.claims.log import Record, State, Watermark
from twinkle_notifier.claims.store import Access, Store
from twinkle_notifier.messages.message import derived_id
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.runtime.rank_sets import FOLLOWER, all_ranks, written
from twinkle_notifier.runtime.stored import dumped, parsed

_POLL = 0.01  # seconds between two reads of the store, at first; then longer, up to
_POLL_PER_RANK = 0.0002  # seconds more for each process that may poll
_POLITE = 0.0005  # seconds that a process waits for each one before it, so that of a thousand few have to write
_CROWD = 1024
_HURRY = 0.25  # seconds that `gather` still takes when the process is asked to end

_OVER: tuple[State, ...] = ("sent", "refused", "left")


class Verdict(NamedTuple):
    """How another rank's claim ended; ``claimed`` if we timed out waiting."""

    state: State
    rank: int


class Claim(NamedTuple):
    """The right, and the duty, to send the alert about an incident. Ended by `close`."""

    access: Access
    key: str
    number: int  # of its record in the log
    rank: int
    message_id: str
    participant: Participant
    log: _Log
    is_first: bool  # of this incident: no other rank has tried to send its alert

    def close(self, state: State) -> None:
        """Record what became of the message.

        After ``sent`` no other rank sends, after ``failed`` another tries, ``refused`` says that none could do better.
        Raises OSError when the store does not work; the claim then ends with its lease.
        """
        self.access.ask(
            lambda store: store.append(self.key, self.number + 1, dumped(Record.now(state, self.rank, store)))
        )

    def gather(self, count: int, seconds: float, hurry: Callable[[], bool]) -> set[str]:
        """The members that met the incident so far: waits up to `seconds` for `count` ranks, less in a `hurry`."""
        polls, deadline, hurried = _polls(count), time.monotonic() + seconds, False
        while True:
            members = self.participant.ask(self.access, self._members)
            if hurry() and not hurried:
                deadline, hurried = min(deadline, time.monotonic() + _HURRY), True
            if len(all_ranks(members)) >= count or time.monotonic() > deadline:
                return members
            time.sleep(next(polls))

    def _members(self, store: Store, ranks: set[int]) -> set[str]:
        self.log.join(store, ranks, self.participant.host)
        return store.members(self.message_id)


class Claims:
    """Claims incidents for this process, and waits for other claimants."""

    def __init__(self, access: Access, where: Where, mark: Watermark, participant: Participant | None = None) -> None:
        self._access, self._where, self._mark = access, where, mark
        self._participant = participant or Participant.of_one(where)

    def claim(self, key: str, seconds: float) -> Claim | Verdict:
        """Claim the incident `key`, or wait up to `seconds` for another rank's verdict on it.

        Only records after this process's watermark count: a claim of an earlier run or attempt stops nobody. When the
        holder of a claim failed, died, or was silent for `LEASE` seconds, the next that asks gets it (by the clock of
        the one that waits, so that no two clocks are compared).

        Raises:
            OSError: the store does not work.
        """
        polls, deadline = _polls(self._participant.size), time.monotonic() + seconds
        if pause := self._participant.place % _CROWD * _POLITE:
            time.sleep(pause)
        incident = _Log(key, self._mark)
        while True:
            found = self._participant.ask(self._access, lambda store, ranks: self._try(store, incident, ranks))
            if isinstance(found, Claim):
                return found
            if found.state in _OVER or time.monotonic() > deadline:
                return Verdict(found.state, found.rank)
            time.sleep(next(polls))

    def _try(self, store: Store, incident: _Log, ranks: set[int]) -> Claim | Record:
        """Claim the incident if it is free; else return the last record of it."""
        while True:
            last = incident.last(store)
            if last is not None and last.state in _OVER:
                return last
            if last is not None:
                incident.join(store, ranks, self._participant.host)
                if not incident.is_free(last):
                    return last
            record = Record.now("claimed", self._where.rank, store)
            if not isolation.remaining():
                raise TimeoutError("this store was left: nobody would end the claim")
            data = dumped(record)
            if store.append(incident.key, incident.length, data):
                incident.first = incident.first or data
                incident.join(store, ranks, self._participant.host)
                if not isolation.remaining():  # too late: the next need not wait for the lease
                    store.append(incident.key, incident.length + 1, dumped(record._replace(state="failed")))
                    raise TimeoutError("this store was left meanwhile")
                place = (incident.key, incident.length, self._where.rank, incident.message_id())
                return Claim(self._access, *place, self._participant, incident, incident.first == data)

    def announce(self, topic: str, key: str) -> None:
        """Let `follow` find the incident `key` under `topic`."""
        self._access.ask(lambda store: store.join(topic, key))

    def follow(
        self, topic: str, *, grace: float, seconds: float, hurry: Callable[[], bool], apart_from: str = ""
    ) -> Verdict | None:
        """Another rank's verdict on any incident under `topic` but `apart_from`; joins it as a secondary error.

        Waits up to `grace` seconds for an incident to be claimed, not at all in a `hurry`, and up to `seconds` for its
        message. None when there is none, or none that is sent or refused. Raises OSError when the store fails.
        """
        polls, began = _polls(self._participant.size), time.monotonic()
        incidents: dict[str, _Log] = {}
        while True:
            record, pending = self._participant.ask(
                self._access, lambda store, ranks: self._find(store, topic, incidents, apart_from, ranks)
            )
            if record is not None:
                return Verdict(record.state, record.rank)
            if time.monotonic() - began > (seconds if pending else 0.0 if hurry() else grace):
                return None
            time.sleep(next(polls))

    def _find(
        self, store: Store, topic: str, incidents: dict[str, _Log], apart_from: str, ranks: set[int]
    ) -> tuple[Record | None, bool]:
        """The last record of an incident that is sent, and whether one is being sent. Joins both kinds."""
        for key in store.members(topic) - incidents.keys() - {apart_from}:
            incidents[key] = _Log(key, self._mark)
        last = [(incident, record) for incident in incidents.values() if (record := incident.last(store))]
        alive = [(i, record) for i, record in last if record.state == "claimed" and not i.is_free(record)]
        sent = [(i, record) for i, record in last if record.state in ("sent", "refused") and self._is_cause(record)]
        for incident, _ in alive + sent:
            incident.join(store, ranks, self._participant.host, FOLLOWER)
        return (sent[0][1] if sent else None), bool(alive)

    def _is_cause(self, record: Record) -> bool:
        """Whether an error that this process meets now can follow: the other rank is gone, or it is not long ago.

        No error of this process follows from its own, which it reported and outlived.
        """
        own = record.rank == self._where.rank and record.holder == Holder.me()
        return not own and (record.holder.dead() or record.at.age() < AFTERMATH)


class _Log:
    """An incident's log, as far as this process has read it."""

    def __init__(self, key: str, mark: Watermark) -> None:
        self.key: str = key
        self._mark = mark
        self.length: int = 0
        self.first: bytes = b""  # of those that count
        self._last: Record | None = None
        self._last_seen = 0.0
        self._joined: set[int] = set()

    def last(self, store: Store) -> Record | None:
        for data in store.read(self.key, self.length):
            self.length += 1
            record = parsed(Record.load, data)
            if record is not None and record.after(self._mark):
                self.first = self.first or data
                self._last, self._last_seen = record, time.monotonic()
        return self._last

    def is_free(self, last: Record) -> bool:
        if last.state == "claimed":
            return last.holder.dead() or time.monotonic() - self._last_seen > LEASE
        return last.state == "failed"

    def join(self, store: Store, ranks: set[int], host: str, before: str = "") -> None:
        """Add those of `ranks` that are new to the incident's members."""
        for member in written(ranks - self._joined, host):
            store.join(self.message_id(), f"{before}{member}")
        self._joined |= ranks

    def message_id(self) -> str:
        """The message's id: the same for every try at one incident, so that a service can drop what it has accepted."""
        return derived_id(f"{self.key}/{self.first.decode('utf-8', 'replace')}")


def _polls(count: int) -> Iterator[float]:
    pause = _POLL
    while True:
        yield pause
        pause = min(pause * 1.3, _POLL + _POLL_PER_RANK * count)


T = TypeVar("T")


class Participant(NamedTuple):
    """The `ranks` of `host` this process speaks for, and its `place` among all `size` claimants (staggers polling)."""

    ranks: Callable[[], set[int]]  # called again and again: there may be more each time
    host: str
    place: int
    size: int

    @classmethod
    def of_one(cls, where: Where) -> Participant:
        """A rank that speaks for itself."""
        return cls(lambda: {where.rank}, where.hostname, where.rank, where.world_size)

    def ask(self, access: Access, work: Callable[[Store, set[int]], T]) -> T:
        """What `work` returns, with the present ranks as its argument. See `Access.ask`."""
        ranks = self.ranks()  # not in the helper thread: it may ask another store, which has its own
        return access.ask(lambda store: work(store, ranks))
