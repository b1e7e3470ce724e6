"""The alert for a stall of this rank, which one rank sends for all."""

from __future__ import annotations

import time
from collections.abc import Callable

from twinkle_notifier import claims
from twinkle_notifier.budgets import CRASH_BUDGET, PATIENCE, STALL_GATHER
from twinkle_notifier.claims.log import Record
from twinkle_notifier.claims.store import tolerated
from twinkle_notifier.delivery import sender
from twinkle_notifier.messages.message import Message, Outcome
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.stored import dumped
from twinkle_notifier.stalls.board import Board
from twinkle_notifier.stalls.report import RankStatus, markdown
from twinkle_notifier.stalls.this_rank import ThisRank

_NAME = 100  # characters of a run's name, in the log
_GATHER = 2.0  # seconds beyond two polls for the other ranks to find that they are stuck, too


class Alert:
    """The alert that this rank sent for a stall."""

    def __init__(self, message_id: str, stuck: set[int]) -> None:
        self.message_id: str = message_id
        self.stuck: set[int] = stuck  # other ranks that it names, until they resume
        self.kept: bool = False  # on the disk: not sent yet


class Reporter:
    """Sends the alert for a stall, unless another rank does. Used by one thread; has no lock."""

    def __init__(self, this_rank: ThisRank, notifier: Callable[[str], object], poll: float) -> None:
        self.notifier: Callable[[str], object] = notifier
        self.sending: Alert | None = None  # on its way, until `Resolver` has taken it over
        self._this_rank, self._poll = this_rank, poll

    def report(self, board: Board) -> Alert | None:
        """Gather the other ranks, and send the alert; None when this rank has none to send, or could not.

        Raises OSError when the store fails with nothing sent yet.
        """
        this_rank, where = self._this_rank, Where.here()
        own = this_rank.publish(board)
        if where.world_size > 1 and board.has_alert():
            return None
        claim = board.claim(this_rank.last_step, PATIENCE)
        if not isinstance(claim, claims.Claim):
            return None
        self._gather(claim)
        held = None if this_rank.ended else _renewed(claim)
        others = this_rank.others(board) if held else []
        last = _renewed(held) if held and not this_rank.ended else None
        if last is None:  # this rank has resumed, or another took it for dead
            quietly(lambda: (held or claim).close("failed"))
            return None
        return self._send(last, board, own, others)

    def _gather(self, claim: claims.Claim) -> None:
        """Wait until all other ranks have published their status, or the time for that is over."""
        world_size, seconds = Where.here().world_size, min(2 * self._poll + _GATHER, STALL_GATHER)
        if world_size > 1:
            quietly(lambda: claim.gather(world_size, seconds, hurry=lambda: bool(self._this_rank.ended)))

    def _send(self, claim: claims.Claim, board: Board, own: RankStatus, others: list[RankStatus]) -> Alert | None:
        this_rank, name = self._this_rank, self._this_rank.watched.name
        alert = self.sending = Alert(claim.message_id, {status.rank for status in others})
        idle, language = time.monotonic() - this_rank.began, this_rank.watched.language
        text = markdown(name, [own, *others], Where.here(), idle, this_rank.progress, language)
        # Not longer than a claim holds, or another rank would take over.
        outcome = sender.deliver(self.notifier, Message(text, claim.message_id, "warning"), CRASH_BUDGET)
        _close(claim, outcome)
        if outcome.status not in ("sent", "skipped"):
            log.error("alert not sent for the stall of %s: %s", shown_in_log(name, _NAME), outcome.reason)
        if outcome.status not in ("sent", "spooled"):
            return None
        alert.kept = outcome.status == "spooled"
        quietly(lambda: board.note_alert(own))
        return alert


def _renewed(claim: claims.Claim) -> claims.Claim | None:
    """`claim` for another lease, which leaves time for what follows; None if another rank has it."""
    key, number = claim.key, claim.number + 1
    try:
        held = claim.access.ask(
            lambda store: store.append(key, number, dumped(Record.now("claimed", claim.rank, store)))
        )
    except OSError:  # the store is gone, the claim is ours
        return claim
    return claim._replace(number=number) if held else None


def _close(claim: claims.Claim, outcome: Outcome) -> None:
    where = Where.here()  # what is kept is sent later; only another machine may have a way out
    final = outcome.final or outcome.retry_after is not None or where.local_world_size == where.world_size
    quietly(lambda: claim.close("sent" if outcome.status in ("sent", "skipped") else "refused" if final else "failed"))


def quietly(work: Callable[[], object]) -> None:
    """Do `work` with the store. That it fails is logged, and changes nothing here."""
    tolerated("the ranks cannot agree on a stall", work, None)
