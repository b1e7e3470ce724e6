"""From an `Event` to its alert: report, fingerprint, claim, gather, send, and the result for the ranks that wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twinkle_notifier import claims, isolation
from twinkle_notifier.alerts import crash_loop, handover
from twinkle_notifier.alerts.around import Around
from twinkle_notifier.alerts.dedupe import Occurrences, Seen
from twinkle_notifier.alerts.event import Event, Snapshot, explained, traced
from twinkle_notifier.alerts.handover import defers, direct
from twinkle_notifier.alerts.sending import Sending
from twinkle_notifier.budgets import CRASH_BUDGET, DISK, GATHER, PATIENCE
from twinkle_notifier.claims.store import tolerated
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import channel as channel_of
from twinkle_notifier.delivery.descriptor import for_the_disk
from twinkle_notifier.exceptions import cancellation
from twinkle_notifier.exceptions.kind import kind_of
from twinkle_notifier.isolation import safe
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.mailbox.notes import Note, State
from twinkle_notifier.messages.advice import secondary_note
from twinkle_notifier.messages.catalog import fact
from twinkle_notifier.messages.message import Level, Message, Outcome, calls_people, level_of_end, random_id
from twinkle_notifier.messages.rank_lines import missing_ranks, rank_lines
from twinkle_notifier.messages.report import least, missing_details
from twinkle_notifier.messages.sanitize import line
from twinkle_notifier.runtime import node_history
from twinkle_notifier.runtime.launcher import Where, lost_child

_SECONDARY = "secondary error; no rank reported the cause"
_KILLED = "secondary error; no rank reported the cause: likely one was killed"
_BARE = 2.0  # seconds to find out what a bare message says, and which rank this process is
_NOTED = 0.5  # seconds for a failure to be counted on its node
_CAUSE = 5.0  # seconds for a root cause to be reported, once a secondary error was met
_CAUSE_OF_SIGNAL = 2.0  # seconds for the same after SIGTERM: a launcher sends that when a rank has reported and ended

_seen = Seen()
_occurrences = Occurrences()


def send_alert(notifier: Callable[[str], object], event: Event, hurry: Callable[[], bool], sending: Sending) -> Outcome:
    """Send the alert about `event`, or learn that another rank does. At most `PATIENCE` seconds, less in a `hurry`.

    When it raises, or does not return, `sending` says whether a message is on its way; if not, see `send_bare`.
    """
    channel = channel_of(notifier)
    before = _reported_here(channel, event)
    if before is not None:
        return Outcome("duplicate", "this process has already reported the same exception", incident=before)
    if handover.is_marked(event.exc):
        _note_reported("", event, channel)
        return Outcome("duplicate", "twinkle-kit has reported it, as its _twinkle_notified says")
    outcome = _reported_below(notifier, channel, event)
    if outcome is None:
        outcome = _Incident(notifier, event, channel, hurry, sending).report()
    is_reported = outcome.status in ("sent", "duplicate", "skipped")  # the last: its level is below `min_level`
    if is_reported:
        _seen.add(channel, event.exc, outcome.incident)
    handover.note(event.exc, channel, outcome.incident if is_reported else "")
    return outcome


def _reported_here(channel: str, event: Event) -> str | None:
    """The incident as which this process has reported the exception, or all members of a group; None if it has not."""
    before = _seen.reported(channel, event.exc, event.since)
    if before is None and (leaves := cancellation.leaves(event.exc)) != [event.exc]:
        reported = [_seen.reported(channel, leaf, event.since) for leaf in leaves]
        before = reported[0] if reported and None not in reported else None
    return before


def _reported_below(notifier: Callable[[str], object], channel: str, event: Event) -> Outcome | None:
    """The outcome where a child process has reported the exception and handed it on to this one, else None."""
    incident = handover.taken(event.exc, channel, event.mark.at)
    if incident is None:
        return None
    _note_reported(incident, event, channel, "deferred" if defers(notifier) else "told")
    return Outcome("duplicate", "the process that raised it has reported it", incident=incident)


def _note_reported(incident: str, event: Event, channel: str, state: State = "told") -> None:
    """Note for the supervisor that another process has reported `event`: this one may end by it."""
    _seen.add(channel, event.exc, incident)
    leave_note(state, incident, lambda: kind_of(event.exc))


def leave_note(
    state: State, incident: str, kind: Callable[[], str], notifier: Any = None, message: Message | None = None
) -> bool:
    """Leave a note for the supervisor. Whether there is one. It may have to send the `message`, by the `notifier`."""

    def write(to: mailbox.Mailbox) -> bool:
        mailbox.install_exit_hook(_seen.has)
        kept = for_the_disk(notifier, message) if message is not None else (None, None)
        to.record(mailbox.note(state, incident, kind(), *kept))
        return True

    return mailbox.report(write) or False


def adopt(exc: BaseException, since: float) -> bool:
    """Note for the supervisor that `exc`, by which this process may end, is what another process below it has reported.

    That is the one that has noted an incident last, after `since` (seconds since 1970). Whether there is one.
    """

    def last(to: mailbox.Mailbox) -> Note | None:
        notes = [note for note in to.notes() if note.state in ("deferred", "told") and note.at >= since]
        return notes[-1] if notes else None

    found = mailbox.report(last)
    if found is None:
        return False
    _seen.add("", exc, found.incident)
    return leave_note(found.state, found.incident, lambda: kind_of(exc))


def remember(channel: str, exc: BaseException, incident: str) -> None:
    """Remember that this process has reported `exc` to `channel`, as part of `incident`."""
    _seen.add(channel, exc, incident)


def send_bare(notifier: Callable[[str], object], event: Event, sending: Sending, why: str, *, sends: bool) -> Outcome:
    """Send the message of a pipeline that raised or hangs: the one that it has made, else a bare one.

    It asks no other rank: a message of each rank is better than none. `why`, which people read, says what happened.
    Without `sends` the pipeline may have sent the message already, so it is only kept on the disk.
    """
    notifier = direct(notifier)
    channel = isolation.tried(lambda: channel_of(notifier)).value or ""
    if sends and (before := _seen.reported(channel, event.exc, event.since)) is not None:
        return Outcome("duplicate", "this process has already reported the same exception", incident=before)
    message = sending.message or _bare_message(event, why)
    if not sends or isolation.remaining() < DISK + 1:
        return sender.keep(notifier, message, Outcome("unknown", why, incident=sending.incident))
    seconds, incident = min(CRASH_BUDGET, isolation.remaining() - DISK), sending.incident
    sending.outcome = outcome = sender.deliver(notifier, message, seconds, incident)
    if outcome.status == "sent":
        _seen.add(channel, event.exc, incident)
        mailbox.report(lambda to: to.record(mailbox.note("told", incident, kind_of(event.exc))))
    return outcome


def _bare_message(event: Event, why: str) -> Message:
    kind = kind_of(event.exc)
    return Message(_bare(event, why), random_id(), level_of_end(kind), calls_people(kind))


def _bare(event: Event, why: str) -> str:
    """A message without what other ranks know. It shows what can be seen of the exception: its type at least."""
    where = isolation.call(Where.here, _bounded()).value or Where.alone()
    report = isolation.call(lambda: traced(event.report(where), event.exc), _bounded()).value
    note = missing_details(why, event.language)
    text = isolation.tried(lambda: report.markdown([note])).value if report is not None else None
    name = isolation.tried(lambda: line(event.name, 100)).value or "?"  # no memory for it, say
    return text or least(name, safe.type_name(type(event.exc)), where, note, event.language)


def _bounded() -> float:
    """Seconds for one step, so that some are left to keep the message."""
    return min(_BARE, max(isolation.remaining() / 4, 0.1))


class _Incident:
    """What this rank does about an incident: it agrees with the others who sends the alert, and may send it."""

    def __init__(
        self, notifier: Callable[[str], object], event: Event, channel: str, hurry: Callable[[], bool], sending: Sending
    ) -> None:
        self.where = Where.here()
        self._deadline = time.monotonic() + PATIENCE
        self._notifier, self._event, self._hurry, self._sending = notifier, event, hurry, sending
        self._defers = defers(notifier)
        # On one rank, as all others look at the same files.
        self._around = Around(event) if self.where.world_size == 1 else None
        seen = Snapshot.at(event, self.where, channel)
        self._occurrence = _occurrences.begin(seen.key, notifier, event.block)
        self._report, self._how, self._key = seen.report, seen.how, self._occurrence.key
        self._past = self._occurrence.past(seen.earlier()) or seen.past
        self._causes = f"causes-{channel}"
        self._sender = self.where.rank  # the rank that has sent the alert, as far as this one knows

    def report(self) -> Outcome:
        """Send the alert, or learn that another rank has. Raises what hinders that, with nothing sent yet."""
        try:
            outcome = self._agree_in_node()
        finally:
            self._occurrence.end()
        if outcome.status in ("sent", "duplicate", "skipped"):
            self._note_reported(outcome.incident)
        return outcome

    def _agree_in_node(self) -> Outcome:
        """The result of another rank of this node, where nodes agree first; else this rank acts for its node."""
        event, brief = self._event, self._how == "collateral"
        with self._sending.waiting():
            lease = claims.node_lease(self.where, event.store, event.mark, self._key, self._left(), brief=brief)
        outcome = None if lease.verdict is None else self._adopted(lease.verdict)
        if outcome is not None:
            return outcome
        try:
            outcome = claims.with_store(
                self.where, event.store, lambda access: self._agree_in_run(lease.claims(access))
            )
            return outcome
        finally:
            lease.end(outcome, self._sender)

    def _adopted(self, verdict: claims.Verdict) -> Outcome | None:
        """The outcome of this rank by the verdict of another one of its node; None when that does not hold for it."""
        if verdict.state == "left":
            return self._leave_to_supervisor()
        if self._how != "cause" and verdict.rank == self.where.rank:  # its own earlier error, which it has outlived
            return None
        return _outcome_of(verdict, incident="" if self._how == "collateral" else self._key)

    def _agree_in_run(self, agreed: claims.Claims) -> Outcome:
        """Follow the root cause, or claim and send. Raises OSError when the store fails, with nothing sent yet."""
        with self._sending.waiting():
            cause = None if self._how == "cause" else self._follow(agreed)
        if cause is not None:
            self._sender = cause.rank
            return _outcome_of(cause, "the cause of this secondary error")
        return (self._leave_to_supervisor() if self._how == "collateral" else None) or self._claim_and_send(agreed)

    def _leave_to_supervisor(self) -> Outcome | None:
        """Hand the message to the supervisor, which knows which process died, and sends it if no cause shows soon."""
        message = self._message(set(), crash_loop.Past(), random_id())
        if not self._note("left", self._key, message):
            return None
        return Outcome("queued", "secondary error; the supervisor reports the cause", incident=self._key)

    def _note(self, state: State, incident: str, message: Message | None = None) -> bool:
        return leave_note(state, incident, lambda: self._report.kind, self._notifier, message)

    def _note_reported(self, incident: str) -> None:
        """Note that the alert is sent, or that the supervisor decides on it. A note on the disk may lack the text."""
        if self._defers:
            self._note("deferred", incident, self._sending.message)
        else:
            self._note("told", incident)

    def _follow(self, agreed: claims.Claims) -> claims.Verdict | None:
        if self._how == "collateral":
            return agreed.follow(self._causes, grace=_CAUSE, seconds=self._left(), hurry=self._no_cause_can_come)
        # A pending signal is no hurry: the end of the rank that is to blame may have brought it.
        grace, seconds = _CAUSE_OF_SIGNAL, self._left()
        return agreed.follow(self._causes, grace=grace, seconds=seconds, hurry=lambda: False, apart_from=self._key)

    def _no_cause_can_come(self) -> bool:
        # A rank that was killed reports nothing; and Lightning's launcher kills its own process within 5 s of it.
        return self._hurry() or lost_child()

    def _claim_and_send(self, agreed: claims.Claims) -> Outcome:
        with self._sending.waiting():
            claim = agreed.claim(self._key, self._left())
        if isinstance(claim, claims.Verdict):
            self._sender = claim.rank
            return _outcome_of(claim, incident=self._key)
        if self._how != "collateral":
            self._announce(agreed)
        if not self._past.is_sent() and not self._event.attempt.is_last() and not self._defers:
            _close(claim, "sent")
            self._count_on_node(claim)(_NOTED)
            crash_loop.keep(self._occurrence.incident, self._past)
            why = f"a crash loop: the next alert is sent after {self._past.next_sent() - self._past.loop} more"
            return Outcome("duplicate", why, incident=self._key)
        counted = self._count_on_node(claim)
        outcome = self._send(claim)
        counted(_NOTED)
        # Where the robot throttles or refuses, the next rank need not ask it.
        refused = outcome.final or outcome.retry_after is not None
        done = outcome.status in ("sent", "skipped")
        _close(claim, "sent" if done else "refused" if refused else "failed")
        if outcome.status == "sent" and not self._defers:  # or it may never be sent
            crash_loop.keep(self._occurrence.incident, self._past)
        return outcome

    def _count_on_node(self, claim: claims.Claim) -> Callable[[float], object]:
        """Begin to count the failure on its node, once per incident and sent or not; return what waits for that.

        It runs beside the sending, which may hang until this process is killed. The supervisor counts what it decides.
        """
        counts = claim.is_first and not self._defers and self._how == "cause" and self._report.is_failure()
        return isolation.start(lambda: node_history.note(self._report.where.hostname)) if counts else lambda _: None

    def _announce(self, agreed: claims.Claims) -> None:
        if self.where.world_size > 1:
            complaint = "secondary errors may get alerts of their own"
            tolerated(complaint, lambda: agreed.announce(self._causes, self._key), None)

    def _send(self, claim: claims.Claim) -> Outcome:
        self._around = self._around or Around(self._event)
        ranks = self._gathered(claim)
        message = self._message(ranks, self._past, claim.message_id)
        self._sending.message, self._sending.incident = message, claim.key
        self._note("sending", claim.key, message)  # so that the supervisor can send it if this process is killed
        if not self._sending.begin():
            return Outcome("unknown", "it was too late to send it, so it went out another way", incident=claim.key)
        seconds = min(CRASH_BUDGET, max(isolation.remaining() - DISK, 1.0))
        self._sending.outcome = outcome = sender.deliver(self._notifier, message, seconds, claim.key)
        if outcome.status not in ("sent", "skipped"):
            self._note("kept", claim.key, message)
        return outcome

    def _message(self, ranks: set[str], past: crash_loop.Past, message_id: str) -> Message:
        level: Level = "error" if past.is_loop() else self._report.level(self._event.attempt)
        return Message(self._markdown(ranks, past), message_id, level, calls_people(self._report.kind))

    def _markdown(self, ranks: set[str], past: crash_loop.Past) -> str:
        language = self._event.language
        met, here = self._event.met, self.where
        who = rank_lines(ranks, here, language) if met is None else rank_lines(met.members, met.where, language)
        extra = [*who, *past.lines(language)]
        report = explained(self._report, self._event)
        missing = missing_ranks(ranks, self.where) if self._how != "cause" and ranks else ""
        if self._how == "collateral":
            extra.append(secondary_note(report.advice, _KILLED if missing or lost_child() else _SECONDARY, language))
        if missing:
            extra.append(fact(language, "Ranks that did not respond", missing))
        report = self._around.shown_in(report) if self._around else report
        return report.markdown(extra, self._event.attempt)

    def _gathered(self, claim: claims.Claim) -> set[str]:
        if self.where.world_size == 1 or lost_child():
            return set()
        # If the store fails after the claim, the alert goes out without the list of ranks.
        complaint = "the ranks that met the error cannot be listed"
        return tolerated(complaint, lambda: claim.gather(self.where.world_size, GATHER, self._hurry), set[str]())

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
    tolerated(f"the other ranks do not learn that the message is {state}", lambda: claim.close(state), None)
