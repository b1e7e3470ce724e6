"""One stall, from the first doubt to "moves again": which rank tells of it, and what it knows of the others."""

from __future__ import annotations

import functools
import hashlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from twinkle_notifier import claims, delivery, foreign, report
from twinkle_notifier.background import background
from twinkle_notifier.claims.desk import Record
from twinkle_notifier.claims.store import Store
from twinkle_notifier.description import channel
from twinkle_notifier.errors import reason
from twinkle_notifier.message import Message, Outcome
from twinkle_notifier.report import Progress
from twinkle_notifier.runtime import Holder, Instant, Where
from twinkle_notifier.stacks import Doing, doing
from twinkle_notifier.standing import Stand, markdown

_PATIENCE = 75.0  # seconds for all that is done to tell of a stall
_WORD = 25.0  # seconds for the word of another rank that is telling it
_GATHER = 2.0  # seconds beyond two looks for the other ranks to find that they stand, too; at most
_GATHER_MOST = 10.0  # a lease of a claim is 12 s; it is renewed for the send
_PROGRESS = 2.0  # seconds to ask the trainer for the step
_BATCH = 32  # ranks whose word is read at once

log = logging.getLogger("twinkle_notifier")


@dataclass(frozen=True)
class Case:
    """A training as those know it that tell of its stalls."""

    notifier: Callable[[str], object] | None
    name: str
    store: Store | None
    mark: claims.Mark  # when it began
    progress: Callable[[], Progress] | None
    thread: int  # that trains


class Episode:
    """A time in which this rank makes no step."""

    def __init__(self, case: Case, notifier: Callable[[str], object], idle: float, beats: int, poll: float) -> None:
        self._case, self._notifier, self._beats, self._poll = case, notifier, beats, poll
        self._began = time.monotonic() - idle
        now = Instant.now()
        self._last = Instant(now.boot, now.since_boot - idle, now.wall - idle)  # this rank's last beat
        self._key = f"stall-{hashlib.sha256(case.name.encode('utf-8', 'replace')).hexdigest()[:16]}-{channel(notifier)}"
        self._reached = Progress()
        self._lock = threading.Lock()
        self._ended = 0.0
        self._told = ""  # the message's id
        self._published = self._moves = self.alarmed = False

    def doubt(self) -> None:
        """Let the others know that this rank stands, should one of them give the alarm. Returns at once."""
        _in_thread(self._doubt)

    def alarm(self) -> None:
        """Tell people, or leave it to another rank. Returns at once."""
        self.alarmed = True
        _in_thread(self._alarm)

    def over(self, *, moves: bool) -> None:
        """This rank moves again, which people learn if they were told; else its training is over. Returns at once."""
        with self._lock:
            if not self._ended:
                self._ended, self._moves = time.monotonic(), moves
        self._settle()

    def _doubt(self) -> None:
        claims.with_store(Where.here(), self._case.store, self._publish)
        if self._ended:
            self._settle()

    def _alarm(self) -> None:
        told = claims.with_store(Where.here(), self._case.store, self._tell)
        with self._lock:
            self._told = told
        if self._ended:
            self._settle()

    def _tell(self, access: claims.Access) -> str:
        """The id of the message if this rank has told. Raises OSError when the store fails with nothing sent yet."""
        own = self._publish(access)
        if self._is_told(access, own.rank):
            return ""
        claim = claims.Desk(access, Where.here(), claims.Mark(self._last)).claim(self._key, _WORD)
        if not isinstance(claim, claims.Claim):
            return ""
        self._gather(claim)
        held = None if self._ended else _renewed(claim)
        if held is None:  # it moves, or another has taken it for dead
            _quietly(lambda: claim.close("failed"))
            return ""
        outcome = self._send(held, [own, *self._others(access, own.rank)])
        refused = outcome.final or outcome.retry_after is not None
        _quietly(lambda: held.close("sent" if outcome.status == "sent" else "refused" if refused else "failed"))
        if outcome.status == "sent":
            _quietly(lambda: _append(access, f"{self._key}-told", own))
        else:
            log.error("people were not told that %s stands still: %s", self._case.name, outcome.reason)
        return claim.message_id if outcome.status in ("sent", "spooled") else ""

    def _gather(self, claim: claims.Claim) -> None:
        """Wait until all other ranks have told where they stand, or the time for it is over."""
        world_size, seconds = Where.here().world_size, min(2 * self._poll + _GATHER, _GATHER_MOST)
        if world_size > 1:
            _quietly(lambda: claim.gather(world_size, seconds, hurry=lambda: bool(self._ended)))

    def _others(self, access: claims.Access, rank: int) -> list[Stand]:
        """What the other ranks tell of themselves."""
        if Where.here().world_size == 1:
            return []
        try:
            return [stand for stand in self._read(access) if stand.rank != rank]
        except OSError as error:  # better to tell of this rank alone
            log.warning("it cannot be told where the other ranks stand: %s", error)
            return []

    def _read(self, access: claims.Access) -> Iterator[Stand]:
        members = access.ask(lambda store: store.members(f"{self._key}-standing"))
        ranks = sorted({int(member.partition("@")[0]) for member in members})
        for first in range(0, len(ranks), _BATCH):
            batch = ranks[first : first + _BATCH]
            logs = access.ask(lambda store, batch=batch: [store.read(f"{self._key}-{rank}", 0) for rank in batch])  # type: ignore[misc]
            for stand in (Stand.load(records[-1]) for records in logs if records):
                if stand is not None and self._counts(stand):
                    yield stand

    def _counts(self, stand: Stand) -> bool:
        return not stand.moves and stand.at.after(self._case.mark.at) and not stand.holder.dead()

    def _is_told(self, access: claims.Access, rank: int) -> bool:
        """Whether another rank has told that it stands, and stands yet: what waits for it is no news."""
        last: dict[int, Stand] = {}
        for stand in map(Stand.load, access.ask(lambda store: store.read(f"{self._key}-told", 0))):
            if stand is not None:
                last[stand.rank] = stand
        return any(self._counts(stand) for other, stand in last.items() if other != rank)

    def _send(self, claim: claims.Claim, stands: list[Stand]) -> Outcome:
        idle = time.monotonic() - self._began
        text = markdown(self._case.name, stands, Where.here(), idle, self._reached)
        # Not longer than a claim holds, or another rank would take over.
        return delivery.deliver(self._notifier, Message(text, claim.message_id), delivery.CRASH_BUDGET)

    def _publish(self, access: claims.Access) -> Stand:
        self._reached = self._progress()
        stand = self._stand(doing(self._case.thread))
        if Where.here().world_size > 1:
            _append(access, f"{self._key}-{stand.rank}", stand)
            access.ask(lambda store: store.join(f"{self._key}-standing", f"{stand.rank}@{stand.hostname}"))
            self._published = True
        return stand

    def _stand(self, found: Doing | None) -> Stand:
        where, moves = Where.here(), found is None
        found = found or Doing("", "", False, "", "")
        step = self._reached.step
        return Stand(where.rank, where.hostname, where.pid, step, found, moves, Holder.me(), Instant.now())

    def _progress(self) -> Progress:
        asked = self._case.progress
        found = foreign.call(asked, _PROGRESS).value if asked is not None else None
        return found or Progress(step=self._beats)

    def _settle(self) -> None:
        """Take back what was told and published, once."""
        with self._lock:
            told, published = self._told, self._published
            self._told, self._published = "", False
        if told and self._moves:
            self._tell_of_the_end(told)
        if told or published:
            work = functools.partial(self._withdraw, bool(told))
            background.post(lambda: claims.with_store(Where.here(), self._case.store, work))

    def _tell_of_the_end(self, told: str) -> None:
        name, took = self._case.name, report.duration(self._ended - self._began)
        facts = [f"- Stood still for: {took}"]
        text = report.milestone(f"{name} moves again after {took}", name, Where.here(), facts)
        # One id, should several ranks have kept the message of the stall on the disk.
        message = Message(text, uuid.uuid5(uuid.NAMESPACE_OID, f"{told}/moves").hex)
        send = functools.partial(delivery.deliver, self._notifier, message, delivery.BACKGROUND_BUDGET)
        no_time = Outcome("unknown", "there was no time to send it")
        background.post(send, otherwise=functools.partial(delivery.keep, self._notifier, message, no_time))

    def _withdraw(self, told: bool, access: claims.Access) -> None:
        stand = self._stand(None)
        for name in [f"{self._key}-{stand.rank}", *([f"{self._key}-told"] if told else [])]:
            _append(access, name, stand)


def _append(access: claims.Access, key: str, stand: Stand) -> None:
    def add(store: Store) -> None:
        index = len(store.read(key, 0))
        while not store.append(key, index, stand.dump()):
            index += 1

    access.ask(add)


def _renewed(claim: claims.Claim) -> claims.Claim | None:
    """`claim` for another lease, which leaves time for the send after the gathering; None if another has it."""
    key, index = claim.key, claim.index + 1
    try:
        held = claim.access.ask(lambda store: store.append(key, index, Record.now("claimed", claim.rank, store).dump()))
    except OSError:  # the store is gone, the claim is ours
        return claim
    return replace(claim, index=index) if held else None


def _quietly(work: Callable[[], object]) -> None:
    try:
        work()
    except OSError as error:
        log.warning("the ranks cannot agree on a stall: %s", error)


def _in_thread(work: Callable[[], object]) -> None:
    def contained() -> None:
        answer = foreign.call(work, _PATIENCE)
        if not answer.returned:
            log.error("a stall was not told: %s", reason(answer.error))

    try:
        threading.Thread(target=contained, name="twinkle-notifier-stall", daemon=True).start()
    except RuntimeError:  # at the process limit
        log.error("a stall was not told: no thread can start")
