"""The walk of an exception: report, fingerprint, claim, gather, send, and the word to those who wait."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from twinkle_notifier import claims, delivery, foreign, history, leaving, members, supervision
from twinkle_notifier.base import PATIENCE
from twinkle_notifier.claims.store import Store
from twinkle_notifier.collateral import is_collateral
from twinkle_notifier.description import channel as channel_of
from twinkle_notifier.fingerprint import fingerprint
from twinkle_notifier.message import Message, Outcome
from twinkle_notifier.report import Progress, Report, default_name
from twinkle_notifier.runtime import Attempt, Where, lost_child, process_start
from twinkle_notifier.seen import Seen

_GATHER = 1.0  # seconds for the other ranks to meet the same
_LOOK = 6.0  # seconds to look at the exception
_CAUSE = 5.0  # seconds for a cause to show, once an error was met that only follows from one
_CAUSE_OF_SIGNAL = 2.0  # seconds for the same: launchers end the others when a rank has left, that is, has told

_How = Literal["cause", "collateral", "preempted"]

log = logging.getLogger("twinkle_notifier")
_seen = Seen()


@dataclass(frozen=True)
class Case:
    """An exception, as the caller knows it."""

    exc: BaseException
    name: str
    context: str
    progress: Progress
    mark: claims.Mark
    store: Store | None
    earlier: Sequence[tuple[str, float]]  # incidents that a checkpoint knows of, and their times

    @classmethod
    def of(
        cls,
        exc: BaseException,
        name: str | None,
        context: str,
        progress: Progress | None,
        mark: claims.Mark | None,
        store: Store | None,
        earlier: Sequence[tuple[str, float]],
    ) -> Case:
        """What `notify_exception` was given, or what stands for it."""
        since = mark or claims.Mark(process_start())
        return cls(exc, str(name or default_name()), str(context), progress or Progress(), since, store, earlier)


def tell(notifier: Callable[[str], object], case: Case, hurry: Callable[[], bool]) -> Outcome:
    """Tell of `case`, or learn that another rank does. May take `PATIENCE` seconds; less of it in a `hurry`."""
    channel = channel_of(notifier)
    before = _seen.told(channel, case.exc, case.mark.at)
    if before is not None:
        return Outcome("duplicate", "this process has told of the same exception", incident=before)
    walk = _Walk(notifier, case, channel, hurry)
    outcome = walk.begin()
    if outcome.status in ("sent", "duplicate"):
        _seen.add(channel, case.exc, outcome.incident)
        walk.say("told", outcome.incident)
    return outcome


class _Walk:
    def __init__(self, notifier: Callable[[str], object], case: Case, channel: str, hurry: Callable[[], bool]) -> None:
        self.where = Where.here()
        self._deadline = time.monotonic() + PATIENCE
        self._notifier, self._case, self._channel, self._hurry = notifier, case, channel, hurry
        self._report = self._described()
        self._causes = f"causes-{channel}"
        self._turn = claims.Turn(self.where)
        self._teller = self.where.rank  # who has told, as far as this rank knows

    def _described(self) -> Report:
        # The exception is the user's: to look at it may raise, or hang. Its type alone is better than nothing.
        case = self._case
        words = {"name": case.name, "context": case.context}
        answer = foreign.call(lambda: Report.of(case.exc, **words, where=self.where, progress=case.progress), _LOOK)
        return answer.value or Report.bare(type(case.exc), **words, where=self.where, progress=case.progress)

    def begin(self) -> Outcome:
        """The word of another rank of this node, where nodes agree first; else the walk, for all of this node."""
        case = self._case
        turn = claims.turn(self.where, case.store, case.mark, lambda: self._key(self._how()), self._left())
        if isinstance(turn, claims.Turn):
            self._turn = turn
        elif (heard := self._heard(turn)) is not None:
            return heard
        outcome = None
        try:
            outcome = claims.with_store(self.where, case.store, self.run)
        finally:
            self._turn.end(outcome, self._teller)
        return outcome

    def _heard(self, word: claims.Told) -> Outcome | None:
        """What another rank of this node has said; None when that does not hold for this one."""
        how = self._how()
        if word.state == "left":
            return self._left_to_supervisor()
        if how != "cause" and word.rank == self.where.rank:  # nothing follows from what it told itself, and outlived
            return None
        return _told(word, incident=self._key(how) if how == "cause" else "")

    def run(self, access: claims.Access) -> Outcome:
        """The walk from the claim on. Raises OSError when the store does not work, with nothing sent yet."""
        desk, how = claims.Desk(access, self.where, self._case.mark, self._turn.party), self._how()
        told = None if how == "cause" else self._follow(desk, how)
        if told is not None:
            self._teller = told.rank
            return _told(told, "it only follows from what")
        return (self._left_to_supervisor() if how == "collateral" else None) or self._tell(desk, how)

    def _left_to_supervisor(self) -> Outcome | None:
        """It sees which process died, and how. What it does not, or not soon, it tells in these words."""
        key = self._key("collateral")
        message = Message(self._markdown(set(), history.Past(), "collateral"), uuid.uuid4().hex)
        if not self.say("left", key, message):
            return None
        return Outcome("queued", "the supervisor tells what it follows from", incident=key)

    def say(self, state: supervision.State, incident: str, message: Message | None = None) -> bool:
        """Let the supervisor know, if there is one."""

        def said(to: supervision.Supervision) -> bool:
            leaving.mind(_seen.has)
            kept = delivery.for_the_disk(self._notifier, message) if message is not None else (None, None)
            to.say(supervision.word(state, incident, self._report.kind, *kept))
            return True

        return supervision.tell(said) or False

    def _how(self) -> _How:
        if self.where.world_size == 1:
            return "cause"
        if self._report.kind == "preempted":
            return "preempted"
        return "collateral" if foreign.call(lambda: is_collateral(self._case.exc), _LOOK).value else "cause"

    def _follow(self, desk: claims.Desk, how: _How) -> claims.Told | None:
        if how == "collateral":
            return desk.follow(self._causes, grace=_CAUSE, seconds=self._left(), hurry=self._no_cause_can_come)
        # A pending signal is no hurry: it may be the one that the other's end has brought.
        own, seconds = self._key(how), self._left()
        return desk.follow(self._causes, grace=_CAUSE_OF_SIGNAL, seconds=seconds, hurry=lambda: False, apart_from=own)

    def _no_cause_can_come(self) -> bool:
        # A rank that was killed tells nothing; and Lightning's launcher kills its own process within 5 s of it.
        return self._hurry() or lost_child()

    def _key(self, how: _How) -> str:
        case = self._case
        if how != "cause":  # one for the run, whatever it looked like on which rank
            return f"{hashlib.sha256(case.name.encode('utf-8', 'replace')).hexdigest()[:16]}-{how}-{self._channel}"
        print_of = foreign.call(lambda: fingerprint(case.exc, self._report.kind, case.name, case.context), _LOOK).value
        return f"{print_of or type(case.exc).__qualname__}-{self._channel}"

    def _tell(self, desk: claims.Desk, how: _How) -> Outcome:
        key = self._key(how)
        claim = desk.claim(key, self._left())
        if isinstance(claim, claims.Told):
            self._teller = claim.rank
            return _told(claim, incident=key)
        if how != "collateral":
            self._announce(desk, key)
        earlier = [at for known, at in self._case.earlier if known == key]
        past = history.look(key, self._case.mark.at.wall, earlier)
        if not past.is_told() and not Attempt.here().is_last():
            _close(claim, "sent")
            history.keep(key, past)
            silent = f"a crash loop: the next is told with {past.next_told() - past.loop} more"
            return Outcome("duplicate", silent, incident=key)
        outcome = self._send(claim, past, how)
        # A robot that is throttled or refuses is not asked by the next rank, too.
        refused = outcome.final or outcome.retry_after is not None
        _close(claim, "sent" if outcome.status == "sent" else "refused" if refused else "failed")
        if outcome.status == "sent":
            history.keep(key, past)
        return outcome

    def _announce(self, desk: claims.Desk, key: str) -> None:
        try:
            if self.where.world_size > 1:
                desk.announce(self._causes, key)
        except OSError as error:
            log.warning("errors that follow from this one may be told beside it: %s", error)

    def _send(self, claim: claims.Claim, past: history.Past, how: _How) -> Outcome:
        ranks = set() if self._alone() else self._gathered(claim)
        message = Message(self._markdown(ranks, past, how), claim.message_id)
        self.say("sending", claim.key, message)  # so that the supervisor can send it if this process is killed
        outcome = delivery.deliver(self._notifier, message, delivery.CRASH_BUDGET, claim.key)
        if outcome.status != "sent":
            self.say("kept", claim.key, message)
        return outcome

    def _markdown(self, ranks: set[str], past: history.Past, how: _How) -> str:
        extra = [*members.lines(ranks, self.where), *past.lines()]
        if how == "collateral":
            extra.append("- Note: this only follows from something that no rank has told of: likely one was killed")
        if how != "cause" and ranks and (missing := members.missing(ranks, self.where)):
            extra.append(f"- No word from ranks: {missing}")
        return self._report.markdown(extra, Attempt.here())

    def _alone(self) -> bool:
        return self.where.world_size == 1 or lost_child()

    def _gathered(self, claim: claims.Claim) -> set[str]:
        try:
            return claim.gather(self.where.world_size, _GATHER, self._hurry)
        except OSError as error:  # the store is gone, the claim is ours: better to send without the list of ranks
            log.warning("it cannot be told which ranks have met it: %s", error)
            return set()

    def _left(self) -> float:
        return self._deadline - time.monotonic()


def _told(by: claims.Told, what: str = "", incident: str = "") -> Outcome:
    if by.state == "sent":
        return Outcome("duplicate", f"{what} rank {by.rank} has told{'' if what else ' it'}".strip(), incident=incident)
    if by.state == "refused":
        reason = f"rank {by.rank} could not send it, for a reason that holds for every rank"
        return Outcome("failed", reason, final=True, incident=incident)
    return Outcome("unknown", f"rank {by.rank} has been sending it for too long", incident=incident)


def _close(claim: claims.Claim, state: claims.State) -> None:
    try:
        claim.close(state)
    except OSError as error:
        log.warning("the other ranks cannot be told that the message is %s: %s", state, error)
