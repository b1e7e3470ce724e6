"""Sends the alerts that the processes of a supervised command could not send themselves."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from twinkle_notifier import claims, isolation, settings
from twinkle_notifier.budgets import CRASH_BUDGET, DISK, FIRST_NODE, LEASE, PATIENCE, STORE_OPEN
from twinkle_notifier.claims.store import Access
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import restored
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.delivery.targets import fans_out
from twinkle_notifier.diagnosis.evidence import of_end
from twinkle_notifier.exceptions.collateral import says_collateral
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.mailbox.notes import End, Note, Restart
from twinkle_notifier.messages import report
from twinkle_notifier.messages.advice import advice
from twinkle_notifier.messages.around import job_lines, lines
from twinkle_notifier.messages.catalog import fact, facts, phrase
from twinkle_notifier.messages.machine import machine_lines, node_line
from twinkle_notifier.messages.message import Level, Message, calls_people, level_of_end, random_id
from twinkle_notifier.messages.wording import duration
from twinkle_notifier.runtime import node_history
from twinkle_notifier.runtime.language import language
from twinkle_notifier.runtime.launcher import Attempt, Where, run_key
from twinkle_notifier.runtime.process import Instant, process_start
from twinkle_notifier.runtime.stored import hashed
from twinkle_notifier.supervisor import cause, gpus, torchrun
from twinkle_notifier.supervisor.attribution import Attribution
from twinkle_notifier.supervisor.command import ERROR_FILE
from twinkle_notifier.supervisor.exit_report import ExitReport, signal_name
from twinkle_notifier.supervisor.last_lines import ends_of
from twinkle_notifier.surroundings import Surroundings, look, machine
from twinkle_notifier.surroundings.trouble import Trouble

_AROUND = 2.0  # seconds to look at what is around the run, and at its machine
_OVERDUE = 60.0  # seconds after which a message is sent from here while the command goes on
_POLL = 0.05
_TOPIC = "ends"  # of the claims of the supervisors of a run's nodes
_ONE_END = 900.0  # seconds between the ends of a run's nodes, at most: collectives time out after ten minutes
T = TypeVar("T")

log: logging.Logger = logging.getLogger("twinkle_notifier")


class Reporter:
    """Sends the alerts about one command. A method takes at most the budget of a send, and does not raise."""

    def __init__(self, name: str, notifier: Callable[[str], object] | None, box: Mailbox) -> None:
        self._name, self._given, self._mailbox = name, notifier, box
        self._key = f"end-{hashed(name, errors='replace')}"
        self._kept = False  # whether the last message went to the disk
        self._silent_at = 0.0  # when a silence was reported, until an alert says what followed

    def ended(self, ending: ExitReport, *, on_success: bool, known: bool) -> None:
        """The command has ended. `known`: an alert has said why."""
        attribution = self._settled_attribution()
        ending = self._explained(self._completed(ending, attribution), attribution)
        kind = ending.kind()
        is_reported = (known or attribution.accounts_for(ending)) and not self._silence_was_last(attribution)
        sent = [self._send_for(note) for note in self._unsent(attribution, following=kind == "ended")]
        if kind == "ended":
            if on_success or self._silent_at:
                self._send(ending._replace(reached=self._mailbox.reached()).markdown(), "success")
            return
        is_reported = is_reported or bool(sent) or self._send_deferred(attribution, ending)
        follows = not is_reported and self._follows(attribution, ending)
        node = ending.node() if kind == "failed" and not is_reported and not follows else ""
        self._once(attribution, lambda: is_reported or self._send_end(ending), follows=follows, node=node)
        # To a supervisor above this one.
        mailbox.report(lambda to: to.record(mailbox.note("told", self._key, kind)))

    def preempted(self, ending: ExitReport) -> bool:
        """The command was asked to end and has not ended yet; whether an alert has said so."""
        attribution = self._attribution()
        if attribution.asked_to_end("told", ending.began) or self._send_deferred(attribution, ending):
            return True
        text = ending._replace(checkpoint=self._mailbox.checkpoint()).markdown()
        sent = self._once(attribution, lambda: self._send(text, "warning", calls=False), follows=False)
        self._silent_at = 0.0 if sent else self._silent_at
        return sent or self._kept  # what is kept is sent later; another try each second would keep it each second

    def restarted(self, restart: Restart, ending: ExitReport) -> None:
        """The agent of torchrun has started its ranks again."""
        attribution = self._attribution()
        ends = [end for end in _in_time(self._mailbox.ends) or [] if end.at <= restart.at]
        attempt = Attempt(restart.attempt, restart.attempts)
        ending = self._completed(ending, attribution)._replace(at=restart.at, attempt=attempt, code=1, restarts=True)
        ending = self._with_texts(ending, cause.of_ranks(restart.failures, ends), ends, attribution)
        if not attribution.accounts_for(ending) and not self._send_deferred(attribution, ending):
            node_history.note(ending.node())
            self._send_end(ending)
        for note in attribution.in_state("left"):
            self._mailbox.forget(note)

    def overdue(self) -> None:
        """Send what a process could not send, or left to the supervisor, while the command goes on."""
        attribution, before = self._attribution(), time.time() - _OVERDUE
        failed = {end.pid for end in _in_time(self._mailbox.ends) or [] if end.code % 256}
        notes = [*self._unsent(attribution, following=True), *attribution.lingering(before, failed=failed)]
        for note in {note.incident: note for note in notes if note.at < before}.values():
            self._send_for(note)

    def silence_over(self) -> None:
        """People do not want to know that a silence is over."""
        self._silent_at = 0.0

    def silent(self, seconds: float, facts: list[str]) -> None:
        """The command has shown no sign of life for `seconds`."""
        self._silent_at = time.time()
        self._send(self._milestone("{name} has been silent for {duration}", seconds, facts), "warning")

    def moving(self, seconds: float) -> None:
        """The command shows a sign of life after a reported silence of `seconds`."""
        self._silent_at = 0.0
        self._send(self._milestone("{name} resumed after {duration}", seconds, []), "success")

    def _milestone(self, text: str, seconds: float, facts: list[str]) -> str:
        headline = phrase(language(), text, name=self._name, duration=duration(seconds, language()))
        return report.milestone(headline, self._name, Where.here(), facts, language=language())

    def _completed(self, ending: ExitReport, attribution: Attribution) -> ExitReport:
        checkpoint, progress = self._mailbox.checkpoint(), cause.progress(attribution.notes)
        return ending._replace(followers=attribution.followers(), checkpoint=checkpoint, progress=progress)

    def _explained(self, ending: ExitReport, attribution: Attribution) -> ExitReport:
        """`ending` with its cause."""
        if not ending.code or ending.recorded is not None:  # it was not even started
            return ending
        since = max((restart.at for restart in _in_time(self._mailbox.restarts) or []), default=0.0)
        ends = [end for end in _in_time(self._mailbox.ends) or [] if end.at > since]
        found = cause.of_command(ends, ending.code, ending.at, ending.pid)
        if not found and ending.code == 1:  # perhaps torchrun's agent, not attached
            found = cause.Cause(None, torchrun.root_cause(ending.output), torchrun.signalled(ending.output))
        return self._with_texts(ending, found, ends, attribution)

    def _with_texts(
        self, ending: ExitReport, found: cause.Cause, ends: Sequence[End], attribution: Attribution
    ) -> ExitReport:
        """`ending` with `found`, and with the output's or a note's error if `found` does not say enough."""
        logged = _in_time(lambda: ends_of(torchrun.logs(ending.command, found.lost, ending.began)))
        ending = ending._replace(output=logged or ending.output, **found._asdict())
        if ending.killed() is not None or ending.recorded is not None:
            return ending
        path = Path(os.environ.get(ERROR_FILE) or self._mailbox.folder / "error.json")
        error_file = _in_time(lambda: torchrun.recorded(path, ending.began))
        found = cause.by_texts(found, ending.output, error_file, ends, attribution.notes)
        return ending._replace(**found._asdict())

    def _send_deferred(self, attribution: Attribution, ending: ExitReport) -> bool:
        """Send the deferred notes of processes, if they account for the end; whether they do."""
        notes = attribution.deferred(ending)
        for note in notes:
            if note.text:  # else it is of a rank on another node, which sends it
                self._send_for(note)
        return bool(notes)

    def _silence_was_last(self, attribution: Attribution) -> bool:
        """Whether the last alert was about a silence: then the end is reported, though its cause was before."""
        return self._silent_at > max((note.at for note in attribution.in_state("told")), default=0.0)

    def _follows(self, attribution: Attribution, ending: ExitReport) -> bool:
        """Whether the end may have come from another node: no rank of this one has failed by itself."""
        if ending.lost is not None:
            secondary = ending.recorded is not None and ending.recorded.secondary
            return ending.lost.signal == signal.SIGTERM or attribution.left(ending.lost.pid) or secondary
        return ending.killed() is None and (bool(attribution.followers()) or says_collateral(ending.error()))

    def _unsent(self, attribution: Attribution, *, following: bool) -> list[Note]:
        """The notes that nobody will send, without those that a flush has sent meanwhile."""
        notes = attribution.unsent(following=following)
        gone = {note.id for note in notes if note.state == "kept"}
        try:
            if gone:
                gone -= {letter.id for spool in Spool.everyone() for letter in spool.letters()}
        except OSError as error:  # rather send twice, with the same ID
            log.warning("what was kept on the disk cannot be read: %s", error)
            return notes
        return [note for note in notes if note.id not in gone]

    def _send_for(self, note: Note) -> bool:
        """Send the message of `note`, whose process could not, or left it to the supervisor."""
        notifier = self._notifier() or restored(note.notifier)
        said = "its process could not send this; sent by the supervisor on {host}"
        message = note.message(fact(language(), "Note", phrase(language(), said, host=socket.gethostname())))
        # What is not deferred its process has counted.
        counts = note.state == "deferred" and (note.kind == "failed" or (note.kind, note.level) == ("exited", "error"))
        node = socket.gethostname() if counts else ""
        sent = _once_over_nodes(note.run, note.incident, lambda: self._deliver(notifier, message), node=node)
        if sent:
            with suppress(OSError):  # it may be sent once more, with the same ID
                self._mailbox.record(note._replace(state="told"))
                # Where its process has kept it. A fan-out may have kept it for those that have not accepted it.
                for spool in () if fans_out(notifier) else Spool.everyone():
                    spool.remove(message)
        return sent

    def _once(self, attribution: Attribution, send: Callable[[], bool], *, follows: bool, node: str = "") -> bool:
        """Call `send` once over all nodes of the run; whether the alert was sent."""
        where = Where.here()  # srun starts a supervisor for each node or rank
        keys = [run_key(where) if where.world_size > 1 else None, *(note.run for note in attribution.notes)]
        key = next(filter(None, keys), None) or self._mailbox.run().get("key")
        return _once_over_nodes(key, self._key, send, follows=follows, node=node)

    def _send(self, text: str, level: Level, calls: bool = True) -> bool:
        return self._deliver(self._notifier(), Message(text, random_id(), level, calls))

    def _send_end(self, ending: ExitReport) -> bool:
        kind = ending.kind()
        return self._send(_markdown(ending), level_of_end(kind), calls_people(kind))

    def _deliver(self, notifier: Callable[[str], object] | None, message: Message) -> bool:
        if notifier is None:
            if not settings.is_off():
                log.warning("no notifier, so no alert is sent: %s", message.partition("\n")[0].lstrip("# "))
            return False
        outcome = sender.deliver(notifier, message, CRASH_BUDGET)
        self._kept = outcome.status == "spooled"
        is_done = outcome.status in ("sent", "skipped")  # the second: its level is below the notifier's min_level
        if not is_done:
            log.error("alert not sent for %r: %s", message.partition("\n")[0], outcome.reason)
        return is_done

    def _notifier(self) -> Callable[[str], object] | None:
        if self._given is None:
            self._given = restored(self._mailbox.run().get("notifier"))
        return self._given

    def _attribution(self) -> Attribution:
        try:
            return Attribution(self._mailbox.notes(), self._mailbox.leaves())
        except OSError as error:
            log.warning("the notes of the command's processes cannot be read: %s", error)
            return Attribution()

    def _settled_attribution(self) -> Attribution:
        """The attribution after all processes have finished their sends."""
        deadline = time.monotonic() + LEASE
        while (attribution := self._attribution()).sending() and time.monotonic() < deadline:
            time.sleep(_POLL)
        return attribution


def _markdown(ending: ExitReport) -> str:
    """The message about a failure, with its likely cause."""
    return isolation.tried(lambda: _advised(ending)).value or ending.markdown()


def _advised(ending: ExitReport) -> str:
    language = ending.language
    until, beside = time.monotonic() + _AROUND, isolation.start(lambda: _machine(ending))
    around = isolation.call(look, _AROUND).value or Surroundings()
    own = around._replace(command="", links=())  # of this process; the command is named anyway
    ending = ending._replace(job=job_lines(own, language), surroundings=lines(own, language))
    if ending.kind() not in ("failed", "restarts"):
        return ending.markdown()
    found = beside(max(until - time.monotonic(), 0.0)).value or ()
    earlier = isolation.call(node_history.earlier, max(until - time.monotonic(), 0.0)).value or []
    again = node_line(ending.node(), node_history.repeated(earlier, ending.node()), language)
    ending = ending._replace(machine=facts(*machine_lines(found, language), again))
    if not settings.diagnoses():
        return ending.markdown()
    number, kills = ending.killed(), ending.out_of_memory
    evidence = of_end(
        ending.error(),
        ending.recorded.traceback if ending.recorded else "",
        signal_name(number) if number is not None else "",
        ending.output,
        {"exit_code": str(ending.failed_code)} | ({"oom_kills": str(kills)} if kills is not None else {}),
    )
    return ending._replace(advice=advice(evidence, ending.language)).markdown()


def _machine(ending: ExitReport) -> Sequence[Trouble]:
    """What is out of order on the machine. The signal's meaning tells already of the out-of-memory killer."""
    killed = bool(ending.out_of_memory)
    return machine.look(
        ending.checkpoint, ending.seconds, ending.pids, gpus.ask, oom=not killed, patience=gpus.PATIENCE
    )


def _in_time(work: Callable[[], T]) -> T | None:
    return isolation.call(work, DISK).value


def _once_over_nodes(
    run: str | None, key: str, send: Callable[[], bool], *, follows: bool = False, node: str = ""
) -> bool:
    """Call `send`, unless another supervisor of `run` has; returns whether the alert was sent.

    `follows`: the end may follow from another node's end. Then that node gets time to send first. Without a common
    folder each node sends. `node`: where it counts as a failure, sent or not, for the first supervisor that tries.
    """
    if run is None:
        _count(node)
        return send()
    sent = False
    try:
        with closing(Access(lambda: FileStore.of_run(f"supervisors/{run}"), STORE_OPEN)) as access:
            since = max(process_start(), Instant.ago(_ONE_END), key=lambda instant: instant.since_boot)
            ends = claims.Claims(access, Where.here(), claims.Watermark(since))
            if follows and ends.follow(_TOPIC, grace=FIRST_NODE, seconds=PATIENCE, hurry=lambda: False) is not None:
                return True
            claim = ends.claim(key, PATIENCE)
            if isinstance(claim, claims.Verdict):
                return claim.state == "sent"
            ends.announce(_TOPIC, key)
            _count(node if claim.is_first else "")
            sent = send()
            claim.close("sent" if sent else "failed")
            return sent
    except OSError as error:
        log.warning("the supervisors of this run cannot agree on who sends the alert: %s", error)
        return sent or send()


def _count(node: str) -> None:
    if node:
        node_history.note(node)
