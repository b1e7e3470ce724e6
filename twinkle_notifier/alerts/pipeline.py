"""The walk of an exception: report, fingerprint, claim, gather, send, and the result for the ranks that wait."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable

from twinkle_notifier import claims, isolation
from twinkle_notifier.alerts import crash_loop, handover
from twinkle_notifier.alerts.dedupe import Occurrences, Seen
from twinkle_notifier.alerts.deferred import defers, direct
from twinkle_notifier.alerts.event import Event, Snapshot, bare
from twinkle_notifier.alerts.sending import Sending
from twinkle_notifier.budgets import CRASH_BUDGET, DISK, GATHER, PATIENCE
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import channel as channel_of
from twinkle_notifier.exceptions import cancellation
from twinkle_notifier.exceptions.kind import kind_of
from twinkle_notifier.isolation import safe
from twinkle_notifier.mailbox import exit_hook, mailbox
from twinkle_notifier.mailbox.notes import State
from twinkle_notifier.messages.message import Message, Outcome
from twinkle_notifier.messages.report import missing_ranks, rank_lines
from twinkle_notifier.messages.sanitize import line
from twinkle_notifier.runtime.launcher import Attempt, Where, lost_child

_BARE = 2.0  # seconds to find out what a bare message says, and which rank this process is
_CAUSE = 5.0  # seconds for a cause to show, once an error was met that only follows from one
_CAUSE_OF_SIGNAL = 2.0  # seconds for the same: launchers end the others when a rank has left, so its alert is sent

log = logging.getLogger("twinkle_notifier")
_seen = Seen()
_occurrences = Occurrences()


def send_alert(notifier: Callable[[str], object], case: Event, hurry: Callable[[], bool], sending: Sending) -> Outcome:
    """Send the alert about `case`, or learn that another rank does. At most `PATIENCE` seconds, less in a `hurry`.

    When it raises, or does not return, `sending` says whether a message is on its way; if not, see `stand_in`.
    """
    channel = channel_of(notifier)
    before = _told_here(channel, case)
    if before is not None:
        return Outcome("duplicate", "this process has already reported the same exception", incident=before)
    if handover.is_marked(case.exc):
        _note_reported("", case, channel)
        return Outcome("duplicate", "twinkle-kit has reported it, as its _twinkle_notified says")
    outcome = _told_below(notifier, channel, case) or _walked(_Walk(notifier, case, channel, hurry, sending))
    told = outcome.status in ("sent", "duplicate")
    if told:
        _seen.add(channel, case.exc, outcome.incident)
    handover.note(case.exc, channel, outcome.incident if told else "")
    return outcome


def _told_here(channel: str, case: Event) -> str | None:
    """The incident as which this process has reported the exception, or each that a group of them holds."""
    before = _seen.reported(channel, case.exc, case.since)
    if before is None and (leaves := cancellation.leaves(case.exc)) != [case.exc]:
        told = [_seen.reported(channel, leaf, case.since) for leaf in leaves]
        before = told[0] if told and None not in told else None
    return before


def _told_below(notifier: Callable[[str], object], channel: str, case: Event) -> Outcome | None:
    """What the child process reported that handed the exception on to this one; None if it reported nothing."""
    incident = handover.taken(case.exc, channel, case.mark.at)
    if incident is None:
        return None
    _note_reported(incident, case, channel, "deferred" if defers(notifier) else "told")
    return Outcome("duplicate", "the process that raised it has reported it", incident=incident)


def _note_reported(incident: str, case: Event, channel: str, state: State = "told") -> None:
    """Note for the supervisor what another process has reported: this one may end by it."""
    _seen.add(channel, case.exc, incident)

    def said(to: mailbox.Mailbox) -> None:
        exit_hook.install(_seen.has)
        to.record(mailbox.note(state, incident, kind_of(case.exc)))

    mailbox.report(said)


def _walked(walk: _Walk) -> Outcome:
    try:
        outcome = walk.begin()
    finally:
        walk.occurrence.end()
    if outcome.status in ("sent", "duplicate"):
        walk.note_reported(outcome.incident)
    return outcome


def remember(channel: str, exc: BaseException, incident: str) -> None:
    """Remember that this process has reported `exc` to `channel`, as part of `incident`."""
    _seen.add(channel, exc, incident)


def stand_in(notifier: Callable[[str], object], case: Event, sending: Sending, why: str, *, sends: bool) -> Outcome:
    """Send the message of a walk that is over with nothing sent: the one that it has made, else a bare one.

    No other rank is asked: rather a message of each than none. `why` is for people: what became of the walk. Without
    `sends` the walk had begun to send, and it is not known whether it has: the message is kept on the disk.
    """
    notifier = direct(notifier)
    channel = isolation.tried(lambda: channel_of(notifier)).value or ""
    if sends and (before := _seen.reported(channel, case.exc, case.since)) is not None:
        return Outcome("duplicate", "this process has already reported the same exception", incident=before)
    message = sending.message or Message(_bare(case, why), uuid.uuid4().hex)
    if not sends or isolation.remaining() < DISK + 1:
        return sender.keep(notifier, message, Outcome("unknown", why, incident=sending.incident))
    seconds, incident = min(CRASH_BUDGET, isolation.remaining() - DISK), sending.incident
    sending.outcome = outcome = sender.deliver(notifier, message, seconds, incident)
    if outcome.status == "sent":
        _seen.add(channel, case.exc, incident)
        mailbox.report(lambda to: to.record(mailbox.note("told", incident, kind_of(case.exc))))
    return outcome


def _bare(case: Event, why: str) -> str:
    """The message about an exception of which only type and text are known."""
    where = isolation.call(Where.here, _bounded()).value or Where.alone()
    report = isolation.call(lambda: bare(case, where), _bounded()).value
    notes = [f"- Note: details are missing, because {why}"]
    text = isolation.tried(lambda: report.markdown(notes)).value if report is not None else None
    heading = f"### {line(case.name, 100)} failed: {safe.type_name(type(case.exc))}"
    return text or f"{heading}\n\n{notes[0]}\n- Host: {where.hostname}, PID {where.pid}"


def _bounded() -> float:
    """Seconds for one look, so that something is left of this call to keep the message."""
    return min(_BARE, max(isolation.remaining() / 4, 0.1))


class _Walk:
    def __init__(
        self,
        notifier: Callable[[str], object],
        case: Event,
        channel: str,
        hurry: Callable[[], bool],
        sending: Sending,
    ) -> None:
        self.where = Where.here()
        self._deadline = time.monotonic() + PATIENCE
        self._notifier, self._case, self._hurry, self._sending = notifier, case, hurry, sending
        self._defers = defers(notifier)
        self._mark = case.mark
        look = Snapshot.at(case, self.where, channel)
        self.occurrence = _occurrences.begin(look.key, notifier, case.block)
        self._report, self._how, self._key = look.report, look.how, self.occurrence.key
        self._past = self.occurrence.past(look.earlier()) or look.past
        self._causes = f"causes-{channel}"
        self._turn = claims.NodeLease(self.where)
        self._sender = self.where.rank  # the rank that has sent the alert, as far as this one knows

    def begin(self) -> Outcome:
        """The result of another rank of this node, where nodes agree first; else the walk, for the whole node."""
        case = self._case
        brief = self._how == "collateral"
        self._mark = claims.with_count(self.where, case.store, case.mark)
        with self._sending.waiting():
            turn = claims.node_lease(self.where, case.store, case.mark, self._key, self._left(), brief=brief)
        if isinstance(turn, claims.NodeLease):
            self._turn = turn
        elif (heard := self._heard(turn)) is not None:
            return heard
        outcome = None
        try:
            outcome = claims.with_store(self.where, case.store, self.run)
        finally:
            self._turn.end(outcome, self._sender)
        return outcome

    def _heard(self, word: claims.Verdict) -> Outcome | None:
        """What another rank of this node has said; None when that does not hold for this one."""
        if word.state == "left":
            return self._left_to_supervisor()
        if self._how != "cause" and word.rank == self.where.rank:  # nothing follows from what it reported and outlived
            return None
        return _outcome_of(word, incident="" if self._how == "collateral" else self._key)

    def run(self, access: claims.Access) -> Outcome:
        """The walk from the claim on. Raises OSError when the store does not work, with nothing sent yet."""
        desk = claims.Claims(access, self.where, self._mark, self._turn.party)
        with self._sending.waiting():
            told = None if self._how == "cause" else self._follow(desk)
        if told is not None:
            self._sender = told.rank
            return _outcome_of(told, "the cause of this secondary error")
        return (self._left_to_supervisor() if self._how == "collateral" else None) or self._claim_and_send(desk)

    def _left_to_supervisor(self) -> Outcome | None:
        """Hand the message to the supervisor, which sees which process died, and sends it if it finds no cause soon."""
        message = Message(self._markdown(set(), crash_loop.Past()), uuid.uuid4().hex)
        if not self.say("left", self._key, message):
            return None
        return Outcome("queued", "secondary error; the supervisor reports the cause", incident=self._key)

    def say(self, state: State, incident: str, message: Message | None = None) -> bool:
        """Let the supervisor know, if there is one."""

        def said(to: mailbox.Mailbox) -> bool:
            exit_hook.install(_seen.has)
            kept = sender.for_the_disk(self._notifier, message) if message is not None else (None, None)
            to.record(mailbox.note(state, incident, self._report.kind, *kept))
            return True

        return mailbox.report(said) or False

    def note_reported(self, incident: str) -> None:
        """Note for the supervisor that the alert is sent, or that it has to decide; the note may hold no text."""
        if self._defers:
            self.say("deferred", incident, self._sending.message)
        else:
            self.say("told", incident)

    def _follow(self, desk: claims.Claims) -> claims.Verdict | None:
        if self._how == "collateral":
            return desk.follow(self._causes, grace=_CAUSE, seconds=self._left(), hurry=self._no_cause_can_come)
        # A pending signal is no hurry: it may be the one that the other's end has brought.
        grace, seconds = _CAUSE_OF_SIGNAL, self._left()
        return desk.follow(self._causes, grace=grace, seconds=seconds, hurry=lambda: False, apart_from=self._key)

    def _no_cause_can_come(self) -> bool:
        # A rank that was killed reports nothing; and Lightning's launcher kills its own process within 5 s of it.
        return self._hurry() or lost_child()

    def _claim_and_send(self, desk: claims.Claims) -> Outcome:
        with self._sending.waiting():
            claim = desk.claim(self._key, self._left())
        if isinstance(claim, claims.Verdict):
            self._sender = claim.rank
            return _outcome_of(claim, incident=self._key)
        if self._how != "collateral":
            self._announce(desk)
        if not self._past.is_sent() and not Attempt.here().is_last() and not self._defers:
            _close(claim, "sent")
            crash_loop.keep(self.occurrence.incident, self._past)
            silent = f"a crash loop: the next alert is sent after {self._past.next_sent() - self._past.loop} more"
            return Outcome("duplicate", silent, incident=self._key)
        outcome = self._send(claim)
        # A robot that is throttled or refuses is not asked by the next rank, too.
        refused = outcome.final or outcome.retry_after is not None
        _close(claim, "sent" if outcome.status == "sent" else "refused" if refused else "failed")
        if outcome.status == "sent" and not self._defers:  # or it may never be sent
            crash_loop.keep(self.occurrence.incident, self._past)
        return outcome

    def _announce(self, desk: claims.Claims) -> None:
        try:
            if self.where.world_size > 1:
                desk.announce(self._causes, self._key)
        except OSError as error:
            log.warning("secondary errors may get alerts of their own: %s", error)

    def _send(self, claim: claims.Claim) -> Outcome:
        ranks = set() if self._alone() else self._gathered(claim)
        message = Message(self._markdown(ranks, self._past), claim.message_id)
        self._sending.message, self._sending.incident = message, claim.key
        self.say("sending", claim.key, message)  # so that the supervisor can send it if this process is killed
        if not self._sending.begin():
            return Outcome("unknown", "it was too late to send it, so it went out another way", incident=claim.key)
        seconds = min(CRASH_BUDGET, max(isolation.remaining() - DISK, 1.0))
        self._sending.outcome = outcome = sender.deliver(self._notifier, message, seconds, claim.key)
        if outcome.status != "sent":
            self.say("kept", claim.key, message)
        return outcome

    def _markdown(self, ranks: set[str], past: crash_loop.Past) -> str:
        extra = [*rank_lines(ranks, self.where), *past.lines()]
        missing = missing_ranks(ranks, self.where) if self._how != "cause" and ranks else ""
        if self._how == "collateral":
            killed = ": likely one was killed" if missing or lost_child() else ""
            extra.append(f"- Note: secondary error; no rank reported the cause{killed}")
        if missing:
            extra.append(f"- Ranks that did not respond: {missing}")
        return self._report.markdown(extra, Attempt.here())

    def _alone(self) -> bool:
        return self.where.world_size == 1 or lost_child()

    def _gathered(self, claim: claims.Claim) -> set[str]:
        try:
            return claim.gather(self.where.world_size, GATHER, self._hurry)
        except OSError as error:  # the store is gone, the claim is ours: better to send without the list of ranks
            log.warning("the ranks that met the error cannot be listed: %s", error)
            return set()

    def _left(self) -> float:
        return self._deadline - time.monotonic()


def _outcome_of(by: claims.Verdict, what: str = "it", incident: str = "") -> Outcome:
    if by.state == "sent":
        return Outcome("duplicate", f"rank {by.rank} has reported {what}", incident=incident)
    if by.state == "refused":
        reason = f"rank {by.rank} could not send it, for a reason that holds for every rank"
        return Outcome("failed", reason, final=True, incident=incident)
    return Outcome("unknown", f"rank {by.rank} has been sending it for too long", incident=incident)


def _close(claim: claims.Claim, state: claims.State) -> None:
    try:
        claim.close(state)
    except OSError as error:
        log.warning("the other ranks do not learn that the message is %s: %s", state, error)
