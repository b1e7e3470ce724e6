"""One stall, from the first doubt to "resumed": which rank sends the alert, and what it knows of the others."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from twinkle_notifier import claims, isolation
from twinkle_notifier.budgets import (
    BACKGROUND_BUDGET,
    CRASH_BUDGET,
    PATIENCE,
    PROGRESS,
    STALL,
    STALL_GATHER,
    STALL_READ,
)
from twinkle_notifier.claims.lease import Record
from twinkle_notifier.delivery import sender
from twinkle_notifier.isolation import threads
from twinkle_notifier.isolation.background import background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages import report
from twinkle_notifier.messages.message import Message, Outcome, derived_id
from twinkle_notifier.messages.report import Progress
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.process import Holder, Instant
from twinkle_notifier.stalls.board import Board
from twinkle_notifier.stalls.report import RankStatus, markdown, named
from twinkle_notifier.stalls.stacks import Doing, doing
from twinkle_notifier.stalls.watched import Watched

_GATHER = 2.0  # seconds beyond two looks for the other ranks to find that they stand, too; at most
_ASK = 1.0  # seconds, at least, between two looks at what the others say
_LAST_WORD = 1.0  # seconds, at the end of a training, for the others to say that they move, too
_SHORT = 0.02  # seconds between two looks whether something is done

log: logging.Logger = logging.getLogger("twinkle_notifier")


class Episode:
    """One stall of this rank. It stays open until every rank that its alert named has resumed."""

    def __init__(
        self, watched: Watched, notifier: Callable[[str], object], idle: float, beats: int, poll: float
    ) -> None:
        self._watched, self._notifier, self._beats, self._poll = watched, notifier, beats, poll
        self._began = time.monotonic() - idle
        now = Instant.now()
        self._last = Instant(now.boot, now.since_boot - idle, now.wall - idle)  # this rank's last beat
        self._reached = Progress()
        self._lock = threading.Lock()
        self._ended = 0.0
        self._told = ""  # the message's id
        self._leaving = ""  # the same, while the end is about to be told
        self._sending = ""  # the same, while the message is on its way
        self._named: set[int] = set()  # other ranks in it, as long as they stand
        self._asks, self._asked_at = threading.Lock(), 0.0
        self._alarmed_at = 0.0
        self._published = self._moves = self._telling = self._kept = self.doubted = self.alarmed = False

    @property
    def open(self) -> bool:
        """Whether people wait for its end, or may soon."""
        return bool(self._told or self._leaving) or (self._telling and time.monotonic() < self._alarmed_at + STALL)

    def listen(self) -> None:
        """Let the others know where this rank is if one of them gives the alarm. Returns at once."""
        if Where.here().world_size > 1 and not self._published:
            self._ask(self._listen)

    def doubt(self) -> None:
        """Let the others know that this rank stands, should one of them give the alarm. Returns at once."""
        self.doubted = True
        _in_thread(self._doubt)

    def alarm(self) -> None:
        """Tell people, or leave it to another rank. Returns at once."""
        self.doubted = self.alarmed = self._telling = True
        self._alarmed_at = time.monotonic()
        _in_thread(self._alarm)

    def over(self, *, moves: bool) -> None:
        """This rank has resumed, or its training is over. Returns at once."""
        with self._lock:
            if not self._ended:
                self._ended, self._moves = time.monotonic(), moves
        self._settle()

    def look(self) -> None:
        """While this rank moves: whether all that it told of do, which people learn then. Returns at once."""
        if self._told:
            self._ask(self._conclude)

    def close(self, *, moves: bool) -> None:
        """This rank's training is over, well if it `moves`: the last time to tell of the end. Returns at once."""
        if moves:
            background.post(self._conclude_at_last, otherwise=self._keep_the_end)
        background.post(self._forget)

    def _ask(self, work: Callable[[], object]) -> None:
        """One thing at a time, and not too often."""
        if time.monotonic() < self._asked_at + _ASK or not self._asks.acquire(blocking=False):
            return

        def asked() -> None:
            try:
                work()
            finally:
                self._asked_at = time.monotonic()
                self._asks.release()

        if not _in_thread(asked):
            self._asks.release()

    def _with_board(self, work: Callable[[Board], claims.T]) -> claims.T:
        def on(access: claims.Access) -> claims.T:
            return work(Board(access, self._watched.key, self._watched.mark.at))

        return claims.with_store(Where.here(), self._watched.store, on)

    def _listen(self) -> None:
        def answer(board: Board) -> None:
            if board.is_asked():
                self._publish(board)

        self._with_board(answer)
        self._settle_if_over()

    def _doubt(self) -> None:
        self._with_board(self._publish)
        self._settle_if_over()

    def _alarm(self) -> None:
        try:
            told = self._with_board(self._tell)
            with self._lock:
                self._told = told
        finally:
            self._telling, self._sending = False, ""
        self._settle_if_over()

    def _tell(self, board: Board) -> str:
        """The id of the message if this rank has told. Raises OSError when the store fails with nothing sent yet."""
        own, access = self._publish(board), board.access
        if Where.here().world_size > 1 and board.is_told():
            return ""
        claim = claims.Claims(access, Where.here(), claims.Watermark(self._last)).claim(self._watched.key, PATIENCE)
        if not isinstance(claim, claims.Claim):
            return ""
        self._gather(claim)
        held = None if self._ended else _renewed(claim)
        others = self._others(board, own.rank) if held else []
        last = _renewed(held) if held and not self._ended else None
        if last is None:  # it moves, or another has taken it for dead
            _quietly(lambda: (held or claim).close("failed"))
            return ""
        self._sending = last.message_id
        return self._told_as(self._send(last, [own, *others]), last, board, own, others)

    def _told_as(
        self, outcome: Outcome, held: claims.Claim, board: Board, own: RankStatus, others: list[RankStatus]
    ) -> str:
        """Say what became of the message; its id if it is on its way."""
        where = Where.here()  # what is kept is sent later; only from another machine there may be a way out
        final = outcome.final or outcome.retry_after is not None or where.local_world_size == where.world_size
        _quietly(lambda: held.close("sent" if outcome.status == "sent" else "refused" if final else "failed"))
        if outcome.status != "sent":
            log.error("alert not sent for the stall of %s: %s", self._watched.name, outcome.reason)
        if outcome.status not in ("sent", "spooled"):
            return ""
        self._kept = outcome.status == "spooled"
        self._named = {stand.rank for stand in others}
        _quietly(lambda: board.tell(own))
        return held.message_id

    def _gather(self, claim: claims.Claim) -> None:
        """Wait until all other ranks have told where they stand, or the time for it is over."""
        world_size, seconds = Where.here().world_size, min(2 * self._poll + _GATHER, STALL_GATHER)
        if world_size > 1:
            _quietly(lambda: claim.gather(world_size, seconds, hurry=lambda: bool(self._ended)))

    def _others(self, board: Board, rank: int) -> list[RankStatus]:
        """What the other ranks tell of themselves."""
        if Where.here().world_size == 1:
            return []
        try:
            return [stand for stand in board.stands(STALL_READ) if stand.rank != rank]
        except OSError as error:  # better to tell of this rank alone
            log.warning("the places of the other ranks cannot be read: %s", error)
            return []

    def _send(self, claim: claims.Claim, stands: list[RankStatus]) -> Outcome:
        idle = time.monotonic() - self._began
        text = markdown(self._watched.name, stands, Where.here(), idle, self._reached)
        # Not longer than a claim holds, or another rank would take over.
        return sender.deliver(self._notifier, Message(text, claim.message_id), CRASH_BUDGET)

    def _publish(self, board: Board) -> RankStatus:
        self._reached = self._progress()
        stand = self._stand(doing(self._watched.thread))
        if Where.here().world_size > 1:
            self._published = True  # before, so that a half of it is taken back
            board.publish(stand)
        return stand

    def _stand(self, found: Doing | None) -> RankStatus:
        where, moves = Where.here(), found is None
        found, step = found or Doing("", "", False, "", ""), self._reached.step
        return RankStatus(where.rank, where.hostname, where.pid, step, found, moves, Holder.me(), Instant.now())

    def _progress(self) -> Progress:
        asked = self._watched.progress
        found = isolation.call(asked, PROGRESS).value if asked is not None else None
        return found if isinstance(found, Progress) else Progress(step=self._beats)

    def _settle_if_over(self) -> None:
        if self._ended:
            self._settle()

    def _settle(self) -> None:
        """Take back what was published, once, and tell the end of what was told, if it is one."""
        with self._lock:
            published, self._published = self._published, False
        if published:
            background.post(lambda: self._with_board(lambda board: board.publish(self._stand(None))))
        if self._told and not self._moves:
            background.post(self._forget)
        elif Where.here().world_size == 1:
            self._conclude()
        else:
            self.look()

    def _conclude(self, last: float | None = None) -> None:
        """Tell the end, once, when no rank stands any more of which this one told.

        `last`: the training ends well here. Others have so many seconds to say that they move; then it is told anyway.
        """
        if not self._told:
            return
        deadline = time.monotonic() + (last or 0.0)
        while self._named:
            _quietly(self._ask_who_stands)
            if self._named and time.monotonic() > deadline:
                if last is not None:
                    break
                self._ended = time.monotonic()
                return
            time.sleep(0.1 if self._named else 0.0)
        if told := self._forget():
            self._tell_of_the_end(told)

    def _conclude_at_last(self) -> None:
        """The training ends well here. What is under way in threads that nobody waits for at exit goes first."""
        _wait_while(lambda: self._telling, _LAST_WORD)
        _wait_while(lambda: bool(self._sending), CRASH_BUDGET)
        if self._asks.acquire(timeout=_LAST_WORD):
            self._asks.release()
            self._conclude(_LAST_WORD)
            _wait_while(lambda: bool(self._leaving), _LAST_WORD)  # another thread is about to send it
        self._keep_the_end()  # if it is not sent

    def _ask_who_stands(self) -> None:
        self._named = self._with_board(lambda board: board.still(self._named))

    def _forget(self) -> str:
        """Take back that this rank has told, once; the message's id if it was the last to, as far as can be known."""
        with self._lock:
            told, self._told = self._told, ""
            self._leaving = told or self._leaving
        if not told or Where.here().world_size == 1:
            return told
        tellers: list[int | None] = []

        def take_back(board: Board) -> None:
            tellers.append(board.teller())
            board.tell(self._stand(None))

        _quietly(lambda: self._with_board(take_back))
        if tellers and tellers[0] not in (None, Where.here().rank):
            self._leaving = ""
            return ""
        return told

    def _tell_of_the_end(self, told: str) -> None:
        message = self._end_message(told)
        send = functools.partial(sender.deliver, self._notifier, message, BACKGROUND_BUDGET)
        if self._kept:  # it goes first
            background.post(functools.partial(sender.flush, self._notifier))
        background.post(send, otherwise=functools.partial(self._keep, message))
        self._leaving = ""

    def _keep_the_end(self) -> None:
        """There is no time to ask the others, nor to send it. In doubt whether the alert arrives it is kept, too."""
        with self._lock:
            told, self._told, self._leaving = self._told or self._leaving or self._sending, "", ""
        if told:
            self._keep(self._end_message(told))

    def _keep(self, message: Message) -> None:
        sender.keep(self._notifier, message, Outcome("unknown", "there was no time to send it"))

    def _end_message(self, told: str) -> Message:
        name, took = self._watched.name, report.duration(self._ended - self._began)
        facts = [f"- No progress for: {took}"]
        if self._named:
            facts.append(f"- The training has ended here; no report yet that {named(self._named)} resumed")
        text = report.milestone(f"{name} resumed after {took}", name, Where.here(), facts, Attempt.here())
        return Message(text, derived_id(f"{told}/moves"))


def _renewed(claim: claims.Claim) -> claims.Claim | None:
    """`claim` for another lease, which leaves time for what follows; None if another has it."""
    key, index = claim.key, claim.index + 1
    try:
        held = claim.access.ask(lambda store: store.append(key, index, Record.now("claimed", claim.rank, store).dump()))
    except OSError:  # the store is gone, the claim is ours
        return claim
    return replace(claim, index=index) if held else None


def _wait_while(is_under_way: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while is_under_way() and time.monotonic() < until:
        time.sleep(_SHORT)


def _quietly(work: Callable[[], object]) -> None:
    try:
        work()
    except OSError as error:
        log.warning("the ranks cannot agree on a stall: %s", error)


def _in_thread(work: Callable[[], object]) -> bool:
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
