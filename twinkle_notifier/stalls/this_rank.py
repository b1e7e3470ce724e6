"""This rank during a stall: what it does, how far it got, and what the others do; each question has a thread."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable

from twinkle_notifier import claims, isolation
from twinkle_notifier.budgets import PROGRESS, STALL, STALL_READ
from twinkle_notifier.claims.store import tolerated
from twinkle_notifier.delivery.descriptor import channel
from twinkle_notifier.isolation import safe, threads
from twinkle_notifier.isolation.background import background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.process import Holder, Instant
from twinkle_notifier.runtime.stored import hashed
from twinkle_notifier.stalls.board import Board, Watched
from twinkle_notifier.stalls.report import RankStatus
from twinkle_notifier.stalls.stacks import Doing, doing

_ASK = 1.0  # seconds, at least, between two questions to the board


class ThisRank:
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
        where, said = Where.here(), safe.finite(self.progress.step)
        step = None if said is None else int(said)  # a trainer may say anything
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
        return Progress.of(found) if issubclass(type(found), Progress) else Progress(step=self._beats)


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
