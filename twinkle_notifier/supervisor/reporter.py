"""Tells people what the processes of a supervised command could not tell themselves."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from twinkle_notifier import isolation
from twinkle_notifier.budgets import CRASH_BUDGET, DISK, LEASE
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import restored
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.exceptions.collateral import says_collateral
from twinkle_notifier.mailbox import mailbox as supervision
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.mailbox.notes import End, Note, Restart
from twinkle_notifier.messages import report
from twinkle_notifier.messages.message import Message
from twinkle_notifier.runtime.launcher import Attempt, Where, run_key
from twinkle_notifier.supervisor import cause, node_claims, torchrun
from twinkle_notifier.supervisor.attribution import Attribution
from twinkle_notifier.supervisor.command import ERROR_FILE
from twinkle_notifier.supervisor.exit_report import ExitReport
from twinkle_notifier.supervisor.last_lines import ends_of

_OVERDUE = 60.0  # seconds after which a message is sent from here while the command goes on
_POLL = 0.05
T = TypeVar("T")

log = logging.getLogger("twinkle_notifier")


class Reporter:
    """Tells of one command. Its methods may take as long as the budget of a send, and do not raise."""

    def __init__(self, name: str, notifier: Callable[[str], object] | None, mailbox: Mailbox) -> None:
        self._name, self._given, self._mailbox = name, notifier, mailbox
        self._key = f"end-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}"
        self._kept = False  # the last message, on the disk
        self._silent_at = 0.0  # when people were told of a silence, if they do not know yet what became of it

    def ended(self, ending: ExitReport, *, on_success: bool, known: bool) -> None:
        """The command has ended. `known`: people know already why."""
        attribution = self._settled_attribution()
        ending = self._explained(self._completed(ending, attribution), attribution)
        kind = ending.kind()
        is_told = (known or attribution.accounts_for(ending)) and not self._is_last_word_silence(attribution)
        sent = [self._send_for(word) for word in self._unsent(attribution, following=kind == "ended")]
        if kind == "ended":
            if on_success or self._silent_at:
                self._tell(replace(ending, reached=self._mailbox.reached()).markdown())
            return
        is_told = is_told or bool(sent) or self._told_deferred(attribution, ending)
        follows = not is_told and self._follows(attribution, ending)
        self._once(attribution, lambda: is_told or self._tell(ending.markdown()), follows=follows)
        # To a supervisor above this one.
        supervision.tell(lambda to: to.say(supervision.note("told", self._key, kind)))

    def preempted(self, ending: ExitReport) -> bool:
        """The command was asked to end, and takes its time; whether people know now."""
        attribution = self._attribution()
        if attribution.preempted(ending.began) or self._told_deferred(attribution, ending):
            return True
        text = replace(ending, checkpoint=self._mailbox.checkpoint()).markdown()
        told = self._once(attribution, lambda: self._tell(text), follows=False)
        self._silent_at = 0.0 if told else self._silent_at
        return told or self._kept  # what is kept goes out later; trying each second would keep it each second

    def restarted(self, restart: Restart, ending: ExitReport) -> None:
        """The agent of torchrun has started its ranks again."""
        attribution, ends = (
            self._attribution(),
            [end for end in _in_time(self._mailbox.ends) or [] if end.at <= restart.at],
        )
        attempt = Attempt(restart.attempt, restart.attempts)
        ending = replace(self._completed(ending, attribution), at=restart.at, attempt=attempt, code=1, restarts=True)
        ending = self._with_texts(ending, cause.of_ranks(restart.failures, ends), ends, attribution)
        if not attribution.accounts_for(ending) and not self._told_deferred(attribution, ending):
            self._tell(ending.markdown())
        for word in attribution.in_state("left"):
            self._mailbox.forget(word)

    def overdue(self) -> None:
        """Send what a process could not, or left to us, while the command goes on."""
        attribution, before = self._attribution(), time.time() - _OVERDUE
        failed = {end.pid for end in _in_time(self._mailbox.ends) or [] if end.code % 256}
        words = [*self._unsent(attribution, following=True), *attribution.lingering(before, failed=failed)]
        for word in {word.incident: word for word in words if word.at < before}.values():
            self._send_for(word)

    def silent(self, seconds: float, facts: list[str]) -> None:
        """The command shows no sign of life."""
        self._silent_at = time.time()
        self._milestone(f"{self._name} has been silent for {report.duration(seconds)}", facts)

    def moving(self, seconds: float) -> None:
        """The command shows a sign of life after a silence that was told."""
        self._silent_at = 0.0
        self._milestone(f"{self._name} resumed after {report.duration(seconds)}", [])

    def _completed(self, ending: ExitReport, attribution: Attribution) -> ExitReport:
        return replace(ending, followers=attribution.followers(), checkpoint=self._mailbox.checkpoint())

    def _explained(self, ending: ExitReport, attribution: Attribution) -> ExitReport:
        """`ending` with its cause."""
        if not ending.code or ending.recorded is not None:  # it was not even started
            return ending
        since = max((restart.at for restart in _in_time(self._mailbox.restarts) or []), default=0.0)
        ends = [end for end in _in_time(self._mailbox.ends) or [] if end.at > since]
        found = cause.of_command(ends, ending.code, ending.at, ending.pid)
        found = found or cause.printed_by_torchrun(ending.output, ending.code)
        return self._with_texts(ending, found, ends, attribution)

    def _with_texts(
        self, ending: ExitReport, found: cause.Cause, ends: Sequence[End], attribution: Attribution
    ) -> ExitReport:
        """`ending` with `found`, and with what was printed or left to us where that does not say enough."""
        logged = _in_time(lambda: ends_of(torchrun.logs(ending.command, found.lost, ending.began)))
        ending = replace(ending, output=logged or ending.output, **vars(found))
        if ending.killed() is not None or ending.recorded is not None:
            return ending
        path = Path(os.environ.get(ERROR_FILE) or self._mailbox.folder / "error.json")
        error_file = _in_time(lambda: torchrun.recorded(path, ending.began))
        return replace(ending, **vars(cause.by_texts(found, ending.output, error_file, ends, attribution.words)))

    def _told_deferred(self, attribution: Attribution, ending: ExitReport) -> bool:
        """Send what processes have left to the supervisor, if it accounts for the end; whether it does."""
        words = attribution.deferred(ending)
        for word in words:
            if word.text:  # else it is a rank's of another node, where it is told
                self._send_for(word)
        return bool(words)

    def _is_last_word_silence(self, attribution: Attribution) -> bool:
        """Whether people were told of a silence last: then they are told the end, though they knew of it before."""
        return self._silent_at > max((word.at for word in attribution.in_state("told")), default=0.0)

    def _follows(self, attribution: Attribution, ending: ExitReport) -> bool:
        """Whether the end may have come from another node: no rank of this one has failed by itself."""
        if ending.lost is not None:
            secondary = ending.recorded is not None and ending.recorded.secondary
            return ending.lost.signal == signal.SIGTERM or attribution.left(ending.lost.pid) or secondary
        return ending.killed() is None and (bool(attribution.followers()) or says_collateral(ending.error()))

    def _unsent(self, attribution: Attribution, *, following: bool) -> list[Note]:
        """The words that nobody will send, without those that somebody has sent from the disk meanwhile."""
        words = attribution.unsent(following=following)
        kept = {word.id for word in words if word.state == "kept"}
        try:
            gone = kept - {letter.id for spool in Spool.everyone() for letter in spool.letters()} if kept else set()
        except OSError as error:  # rather once more: it has the same id
            log.warning("what was kept on the disk cannot be read: %s", error)
            gone = set()
        return [word for word in words if word.id not in gone]

    def _send_for(self, word: Note) -> bool:
        """Send a message for the process that could not send it, or left it to us."""
        notifier = self._notifier() or restored({"notifier": word.notifier})
        note = f"Note: its process could not send this; sent by the supervisor on {socket.gethostname()}"
        message = word.message(note)
        told = node_claims.once(word.run, word.incident, lambda: self._deliver(notifier, message), follows=False)
        if told:
            with suppress(OSError):  # it may be sent once more, with the same id
                self._mailbox.say(replace(word, state="told"))
                for spool in Spool.everyone():  # where its process has kept it
                    spool.remove(message)
        return told

    def _once(self, attribution: Attribution, tell: Callable[[], bool], *, follows: bool) -> bool:
        """Do `tell` once over all nodes of the run; whether people were told."""
        where = Where.here()  # of a supervisor for each node, or each rank, as srun starts them
        own = run_key(where) if where.world_size > 1 else None
        return node_claims.once(
            own or attribution.run() or self._mailbox.run().get("key"), self._key, tell, follows=follows
        )

    def _milestone(self, headline: str, facts: list[str]) -> None:
        self._tell(report.milestone(headline, self._name, Where.here(), facts))

    def _tell(self, text: str) -> bool:
        return self._deliver(self._notifier(), Message(text, uuid.uuid4().hex))

    def _deliver(self, notifier: Callable[[str], object] | None, message: Message) -> bool:
        if notifier is None:
            log.warning("no notifier, so no alert is sent: %s", message.partition("\n")[0])
            return False
        outcome = sender.deliver(notifier, message, CRASH_BUDGET)
        self._kept = outcome.status == "spooled"
        if outcome.status != "sent":
            log.error("alert not sent for %r: %s", message.partition("\n")[0], outcome.reason)
        return outcome.status == "sent"

    def _notifier(self) -> Callable[[str], object] | None:
        if self._given is None:
            self._given = restored({"notifier": self._mailbox.run().get("notifier")})
        return self._given

    def _attribution(self) -> Attribution:
        try:
            return Attribution.of(self._mailbox)
        except OSError as error:
            log.warning("the notes of the command's processes cannot be read: %s", error)
            return Attribution()

    def _settled_attribution(self) -> Attribution:
        """The attribution after all processes have finished their sends."""
        deadline = time.monotonic() + LEASE
        while (attribution := self._attribution()).sending() and time.monotonic() < deadline:
            time.sleep(_POLL)
        return attribution


def _in_time(work: Callable[[], T]) -> T | None:
    return isolation.call(work, DISK).value
