"""What the ranks do during a stall, and which one sent the alert: each publishes its status in the run's store."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from twinkle_notifier import claims, isolation
from twinkle_notifier.budgets import LEASE, PROGRESS, STALL, STALL_READ
from twinkle_notifier.claims.log import Record
from twinkle_notifier.claims.store import Access, Store, tolerated
from twinkle_notifier.delivery.descriptor import channel
from twinkle_notifier.isolation import threads
from twinkle_notifier.isolation.background import background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.runtime.language import Language
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.process import Holder, Instant
from twinkle_notifier.runtime.stored import dumped, hashed, parsed
from twinkle_notifier.stalls.report import RankStatus
from twinkle_notifier.stalls.stacks import Doing, doing

_BATCH = 32  # ranks whose status is read at once
_ASK = 1.0  # seconds, at least, between two questions to the board


class Watched(NamedTuple):
    """The training that a watchdog watches: whom to alert, and as which of this process's trainings."""

    notifier: Callable[[str], object] | None
    name: str
    store: Store | None
    mark: claims.Watermark  # when it began
    progress: Callable[[], Progress] | None
    thread: int  # that trains
    number: int  # among those of this process
    resumes: bool = True  # people want to know when it goes on
    language: Language = "en"


class Board(NamedTuple):
    """One training's place in a store. Its methods raise OSError when the store fails."""

    access: Access
    key: str
    began: Instant  # the training: what is older does not count

    def publish(self, status: RankStatus) -> None:
        """Say where a rank is stuck, or that it has resumed."""
        self._append(f"{self.key}-{status.rank}", status)
        self.access.ask(lambda store: store.join(f"{self.key}-standing", f"{status.rank}@{status.hostname}"))

    def stuck(self, seconds: float) -> Iterator[RankStatus]:
        """The status of each rank that is stuck, as far as `seconds` suffice to read them."""
        deadline = time.monotonic() + seconds
        members = self.access.ask(lambda store: store.members(f"{self.key}-standing"))
        for status in self._read({int(member.partition("@")[0]) for member in members}):
            if self._counts(status):
                yield status
            if time.monotonic() > deadline:
                return

    def not_resumed(self, ranks: Iterable[int]) -> set[int]:
        """Those of `ranks` that live and have not said that they resumed."""
        return set(ranks) - {status.rank for status in self._read(ranks) if not self._counts(status)}

    def note_alert(self, status: RankStatus) -> None:
        """Say that this rank sent the alert; with a `status` that has resumed, that the alert is over."""
        self._append(f"{self.key}-told", status)

    def has_alert(self) -> bool:
        """Whether a rank sent an alert that is not over: a rank that only waits for that one sends no other."""
        last = {status.rank: status for status in self._alerts()}
        return any(self._counts(status) for status in last.values())

    def last_sender(self) -> int | None:
        """The rank that sent the last alert."""
        return next((status.rank for status in reversed(list(self._alerts())) if not status.moves), None)

    def is_gathering(self) -> bool:
        """Whether a rank is about to send the alert, and waits for the status of the others."""
        records = self.access.ask(lambda store: store.read(self.key, 0))
        last = parsed(Record.load, records[-1]) if records else None
        return (
            last is not None
            and last.state == "claimed"
            and last.at.after(self.began)
            and last.at.age() < LEASE
            and not last.holder.dead()
        )

    def claim(self, since: Instant, seconds: float) -> claims.Claim | claims.Verdict:
        """Claim the alert; claims made before `since` do not count. See `Claims.claim`."""
        return claims.Claims(self.access, Where.here(), claims.Watermark(since)).claim(self.key, seconds)

    def _alerts(self) -> Iterator[RankStatus]:
        for data in self.access.ask(lambda store: store.read(f"{self.key}-told", 0)):
            if (status := parsed(RankStatus.load, data)) is not None:
                yield status

    def _read(self, ranks: Iterable[int]) -> Iterator[RankStatus]:
        """The last status of each rank that published one."""
        ranks = sorted(ranks)
        for first in range(0, len(ranks), _BATCH):
            yield from self._batch(ranks[first : first + _BATCH])

    def _batch(self, ranks: list[int]) -> list[RankStatus]:
        logs = self.access.ask(lambda store: [store.read(f"{self.key}-{rank}", 0) for rank in ranks])
        return [status for records in logs if records and (status := parsed(RankStatus.load, records[-1])) is not None]

    def _counts(self, status: RankStatus) -> bool:
        return not status.moves and status.at.after(self.began) and not status.holder.dead()

    def _append(self, key: str, status: RankStatus) -> None:
        def add(store: Store) -> None:
            index = len(store.read(key, 0))
            while not store.append(key, index, dumped(status)):
                index += 1

        self.access.ask(add)


class Detector:
    """What the ranks do during a stall of this one: publishes its own status on the board, and reads the others'.

    Owns the lock `_asking`: one question to the board at a time, at most one a second.
    """

    def __init__(self, watched: Watched, idle: float, beats: int) -> None:
        self.watched: Watched = watched
        self.began: float = time.monotonic() - idle  # the last step of this rank
        self.last_step: Instant = Instant.ago(idle)
        self.progress: Progress = Progress()
        self.ended: float = 0.0  # when this rank resumed, or its training ended
        self.doubted: bool = False
        self._beats, self._published = beats, False
        self._asking, self._asked_at = threading.Lock(), 0.0

    @functools.cached_property
    def key(self) -> str:
        """The key by which the ranks agree on it; a lone process may have several trainings at a time."""
        watched = self.watched
        name = hashed(watched.name, errors="replace")
        number = f"-{watched.number}" if Where.here().world_size == 1 else ""
        return f"stall-{name}-{channel(watched.notifier)}{number}" if watched.notifier is not None else ""

    def listen(self) -> None:
        """Publish the status of this rank if another is about to send the alert. Returns at once."""
        if Where.here().world_size > 1 and not self._published:
            self.ask(lambda: self.with_board(lambda board: board.is_gathering() and self.publish(board)))

    def doubt(self) -> None:
        """Publish the status of this rank, in case another sends the alert. Returns at once."""
        self.doubted = True
        in_thread(lambda: self.with_board(self.publish))

    def end(self) -> None:
        """This rank has resumed, or its training is over: take its status back. Returns at once."""
        self.ended = time.monotonic()
        if self._published:
            background.post(lambda: self.with_board(lambda board: board.publish(self.status(None))))

    def ask(self, question: Callable[[], object]) -> None:
        """Ask in a thread, unless another question is under way, or was a second ago. Returns at once."""
        if time.monotonic() < self._asked_at + _ASK or not self._asking.acquire(blocking=False):
            return

        def asked() -> None:
            try:
                question()
            finally:
                self._asked_at = time.monotonic()
                self._asking.release()

        if not in_thread(asked):
            self._asking.release()

    def is_answered(self, seconds: float) -> bool:
        """Whether no question is under way any more, within `seconds`."""
        answered = self._asking.acquire(timeout=seconds)
        if answered:
            self._asking.release()
        return answered

    def with_board(self, work: Callable[[Board], claims.T]) -> claims.T:
        """Do `work` with the board in the best store that works; see `claims.with_store`."""
        watched = self.watched
        return claims.with_store(
            Where.here(), watched.store, lambda access: work(Board(access, self.key, watched.mark.at))
        )

    def publish(self, board: Board) -> RankStatus:
        """Publish what this rank does now. Raises OSError when the store fails."""
        self.progress = self._progress()
        status = self.status(doing(self.watched.thread))
        if Where.here().world_size > 1:
            self._published = True  # before it is, so that `end` also takes back a half of it
            board.publish(status)
            if self.ended:  # `end` came before, and had nothing to take back, or was quicker
                board.publish(self.status(None))
        return status

    def status(self, found: Doing | None) -> RankStatus:
        """This rank's status; None for what it does: it has resumed."""
        where, step = Where.here(), self.progress.step
        at = found or Doing("", "", False, "", "")
        return RankStatus(where.rank, where.hostname, where.pid, step, at, found is None, Holder.me(), Instant.now())

    def others(self, board: Board) -> list[RankStatus]:
        """The status of the other ranks that are stuck."""
        where = Where.here()
        if where.world_size == 1:
            return []
        nobody: list[RankStatus] = []
        stuck = tolerated("the places of the other ranks cannot be read", lambda: list(board.stuck(STALL_READ)), nobody)
        return [status for status in stuck if status.rank != where.rank]

    def _progress(self) -> Progress:
        asked = self.watched.progress
        found = isolation.call(asked, PROGRESS).value if asked is not None else None
        return found if isinstance(found, Progress) else Progress(step=self._beats)


def in_thread(work: Callable[[], object]) -> bool:
    """Do `work` for a stall in a thread of its own; False, and a log line, when none can start."""

    def contained() -> None:
        answer = isolation.call(work, STALL)
        if not answer.returned:
            log.error("alert not sent for a stall: %s", reason(answer.error))

    try:
        threads.Stoppable(contained, "twinkle-notifier-stall").start()
    except RuntimeError:  # at the process limit
        log.error("alert not sent for a stall: no thread can start")
        return False
    return True
