"""Who tells: one rank claims an incident, sends, and says so; the others wait for that.

An incident's story is a short log of records that only grows: ``claimed``, then ``sent``, ``failed`` or ``refused``.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from twinkle_notifier import foreign
from twinkle_notifier.claims.store import Access, Store
from twinkle_notifier.runtime import Holder, Instant, Where

FOLLOWER = "~"  # before a member that met only what follows from the incident
LEASE = 12.0  # seconds that a claim holds without a word: the budget of a send, and a margin
_POLL = 0.01  # seconds between two looks at the store, at first; then longer, up to
_POLL_PER_RANK = 0.0002  # seconds for each rank of the run, all of which may be looking
_POLITE = 0.0005  # seconds that a rank lets each lower one go first, so that of a thousand few have to write
_CROWD = 1024
_AFTERMATH = 60.0  # seconds after which a rank that told of an error and went on is not to blame any more
_HURRY = 0.25  # seconds that a gathering still takes when the process is asked to end

State = Literal["claimed", "sent", "failed", "refused"]
_STATES: dict[str, State] = {"claimed": "claimed", "sent": "sent", "failed": "failed", "refused": "refused"}


@dataclass(frozen=True)
class Mark:
    """The moment from which on a process heeds claims, and what its store had counted to by then, if it counts."""

    at: Instant
    sequence: int | None = None


@dataclass(frozen=True)
class Record:
    """One line of an incident's log."""

    state: State
    rank: int
    holder: Holder
    at: Instant
    sequence: int | None = None

    @classmethod
    def now(cls, state: State, rank: int, store: Store) -> Record:
        """A record of this process and moment."""
        return cls(state, rank, Holder.me(), Instant.now(), store.sequence(1))

    def dump(self) -> bytes:
        """As stored."""
        return json.dumps(self, default=vars).encode()

    @classmethod
    def load(cls, data: bytes) -> Record | None:
        """As stored; None for what cannot be read, which then counts as made before anything started."""
        try:
            fields = json.loads(data)
            at, sequence = fields["at"], fields["sequence"]
            return cls(
                _STATES[fields["state"]],
                int(fields["rank"]),
                Holder(**fields["holder"]),
                Instant(str(at["boot"]), float(at["since_boot"]), float(at["wall"])),
                None if sequence is None else int(sequence),
            )
        except (ValueError, KeyError, TypeError):
            return None

    def after(self, mark: Mark) -> bool:
        """Whether it was certainly made after `mark`. Between machines a store's count is surer than their clocks."""
        if self.at.boot != mark.at.boot and self.sequence is not None and mark.sequence is not None:
            return self.sequence > mark.sequence
        return self.at.after(mark.at)


@dataclass(frozen=True)
class Told:
    """Another process's word on an incident: ``sent``, ``refused``, or still ``claimed`` when the time was over."""

    state: State
    rank: int


@dataclass(frozen=True)
class Claim:
    """The right, and the duty, to tell of an incident. Ended by `close`."""

    access: Access
    key: str
    index: int
    rank: int
    message_id: str

    def close(self, state: State) -> None:
        """Say what became of the message.

        ``sent`` silences the others for good, ``failed`` leaves it to them, ``refused`` tells them that they cannot
        do better. Raises OSError when the store does not work; the claim then ends with its lease.
        """
        self.access.ask(
            lambda store: store.append(self.key, self.index + 1, Record.now(state, self.rank, store).dump())
        )

    def gather(self, count: int, seconds: float, hurry: Callable[[], bool]) -> set[str]:
        """Who has met the incident so far: waits up to `seconds` for `count` processes, less in a `hurry`."""
        polls, deadline, hurried = _polls(count), time.monotonic() + seconds, False
        while True:
            members = self.access.ask(lambda store: store.members(self.message_id))
            if hurry() and not hurried:
                deadline, hurried = min(deadline, time.monotonic() + _HURRY), True
            if len(members) >= count or time.monotonic() > deadline:
                return members
            time.sleep(next(polls))


class Desk:
    """Where one process of a run makes its claims, and looks at those of others."""

    def __init__(self, access: Access, where: Where, mark: Mark) -> None:
        self._access, self._where, self._mark = access, where, mark
        self._member = f"{where.rank}@{where.hostname}"

    def claim(self, key: str, seconds: float) -> Claim | Told:
        """Claim the incident `key`, or wait up to `seconds` for another's word on it.

        Only what was recorded after this process's mark counts: a claim of an earlier run or attempt silences nobody.
        A claim falls to whoever asks next when its holder failed, died, or was silent for `LEASE` seconds (by the
        clock of the one who waits, so that no two clocks are compared).

        Raises:
            OSError: the store does not work.
        """
        polls, deadline = _polls(self._where.world_size), time.monotonic() + seconds
        time.sleep(self._where.rank % _CROWD * _POLITE)
        incident = _Log(key, self._mark)
        while True:
            found = self._access.ask(lambda store: self._look(store, incident))
            if isinstance(found, Claim):
                return found
            if found.state in ("sent", "refused") or time.monotonic() > deadline:
                return Told(found.state, found.rank)
            time.sleep(next(polls))

    def _look(self, store: Store, incident: _Log) -> Claim | Record:
        """Claim the incident if it is free; else the last word on it."""
        while True:
            last = incident.last(store)
            if last is not None and last.state in ("sent", "refused"):
                return last
            if last is not None:
                incident.join(store, self._member)
                if not incident.is_free(last):
                    return last
            record = Record.now("claimed", self._where.rank, store)
            if not foreign.left():
                raise TimeoutError("this store was left: nobody would end the claim")
            data = record.dump()
            if store.append(incident.key, incident.length, data):
                incident.first = incident.first or data
                incident.join(store, self._member)
                return Claim(self._access, incident.key, incident.length, self._where.rank, incident.message_id())

    def announce(self, topic: str, key: str) -> None:
        """Let `follow` find the incident `key` under `topic`."""
        self._access.ask(lambda store: store.join(topic, key))

    def follow(
        self, topic: str, *, grace: float, seconds: float, hurry: Callable[[], bool], apart_from: str = ""
    ) -> Told | None:
        """Another's word on any incident under `topic` but one, and join it as one who only follows from it.

        Waits up to `grace` seconds for one to be claimed, less in a `hurry`, and up to `seconds` for its message.
        None when there is none, or none that is sent or refused. Raises OSError when the store does not work.
        """
        polls, began = _polls(self._where.world_size), time.monotonic()
        incidents: dict[str, _Log] = {}
        while True:
            word, pending = self._access.ask(lambda store: self._find(store, topic, incidents, apart_from))
            if word is not None:
                return Told(word.state, word.rank)
            if time.monotonic() - began > (seconds if pending else 0.0 if hurry() else grace):
                return None
            time.sleep(next(polls))

    def _find(
        self, store: Store, topic: str, incidents: dict[str, _Log], apart_from: str
    ) -> tuple[Record | None, bool]:
        """The last word on one of the incidents, else whether one is being sent. Joins both kinds."""
        for key in store.members(topic) - incidents.keys() - {apart_from}:
            incidents[key] = _Log(key, self._mark)
        last = [(incident, record) for incident in incidents.values() if (record := incident.last(store))]
        alive = [(i, record) for i, record in last if record.state == "claimed" and not i.is_free(record)]
        sent = [(i, record) for i, record in last if record.state in ("sent", "refused") and self._is_cause(record)]
        for incident, _ in alive + sent:
            incident.join(store, f"{FOLLOWER}{self._member}")
        return (sent[0][1] if sent else None), bool(alive)

    def _is_cause(self, word: Record) -> bool:
        """Whether an error that this process meets now can follow: the other's rank is gone, or it is not long ago.

        What follows from an error of our own, which we told and outlived, is not met by ourselves.
        """
        own = word.rank == self._where.rank and word.holder == Holder.me()
        return not own and (word.holder.dead() or word.at.age() < _AFTERMATH)


class _Log:
    """What one process has read of an incident's log."""

    def __init__(self, key: str, mark: Mark) -> None:
        self.key, self._mark = key, mark
        self.length = 0
        self.first = b""  # of those that count
        self._last: Record | None = None
        self._last_seen = 0.0
        self._joined = False

    def last(self, store: Store) -> Record | None:
        for data in store.read(self.key, self.length):
            self.length += 1
            record = Record.load(data)
            if record is not None and record.after(self._mark):
                self.first = self.first or data
                self._last, self._last_seen = record, time.monotonic()
        return self._last

    def is_free(self, last: Record) -> bool:
        if last.state == "claimed":
            return last.holder.dead() or time.monotonic() - self._last_seen > LEASE
        return last.state == "failed"

    def join(self, store: Store, member: str) -> None:
        if not self._joined:
            store.join(self.message_id(), member)
            self._joined = True

    def message_id(self) -> str:
        """The same for every try at one incident, so that a service can drop what it has already accepted."""
        return uuid.uuid5(uuid.NAMESPACE_OID, f"{self.key}/{self.first.decode('utf-8', 'replace')}").hex


def _polls(world_size: int) -> Iterator[float]:
    pause = _POLL
    while True:
        yield pause
        pause = min(pause * 1.3, _POLL + _POLL_PER_RANK * world_size)
