"""What people are told of a supervised command: what its own processes could not tell."""

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

from twinkle_notifier import delivery, foreign, report, supervision
from twinkle_notifier.collateral import says_collateral
from twinkle_notifier.message import Message
from twinkle_notifier.plain import line
from twinkle_notifier.runtime import Attempt, Where, run_key
from twinkle_notifier.spool import Spool
from twinkle_notifier.state import restored
from twinkle_notifier.supervise import cause, nodes, torchrun
from twinkle_notifier.supervise.ending import Ending
from twinkle_notifier.supervise.facts import ERROR_FILE
from twinkle_notifier.supervise.story import Story
from twinkle_notifier.supervise.torchrun import Recorded
from twinkle_notifier.supervision import End, Restart, Supervision, Word

_SENDING = 12.0  # seconds that a process which outlives the command may still take to tell: a claim's lease
_OVERDUE = 60.0  # seconds after which a message is sent from here while the command goes on
_POLL = 0.05
_BUDGET = 3.0  # seconds for a disk, which may be a dead mount
_NAME = 100
T = TypeVar("T")

log = logging.getLogger("twinkle_notifier")


class Teller:
    """Tells of one command. Its methods may take as long as the budget of a send, and do not raise."""

    def __init__(self, name: str, notifier: Callable[[str], object] | None, supervision: Supervision | None) -> None:
        self._name, self._given, self._supervision = name, notifier, supervision
        self._kept = False  # the last message, on the disk
        self._silent_at = 0.0  # when people were told that it is, if they do not know yet what became of it

    def ended(self, ending: Ending, *, on_success: bool, known: bool) -> None:
        """The command has ended. `known`: people were told already why."""
        story = self._settled_story()
        ending = replace(ending, followers=story.followers(), checkpoint=self._checkpoint())
        ending = self._explained(ending, story)
        kind = ending.kind()
        accounted = known or self._accounts(story, ending)
        sent = [self._send_for(word) for word in self._unsent(story, following=kind == "ended")]
        if kind == "ended":
            if on_success or self._silent_at:
                self._tell(replace(ending, reached=self._reached()).markdown())
            return
        accounted = (accounted and not self._left_silent(story)) or bool(sent)
        accounted = accounted or self._told_deferred(story, ending)
        nodes.once(
            self._run(story),
            self._key(),
            lambda: accounted or self._tell(ending.markdown()),
            follows=not accounted and self._follows(story, ending),
        )
        self._say(ending)

    def _explained(self, ending: Ending, story: Story) -> Ending:
        """`ending` with its cause."""
        if not ending.code or ending.recorded is not None:  # it was not even started
            return ending
        restarts = self._read(Supervision.restarts)
        since = restarts[-1].at if restarts else 0.0
        ends = [end for end in self._read(Supervision.ends) if end.at > since]
        found = cause.of_command(ends, ending.code, ending.at, ending.pid)
        if found == cause.Cause():
            found = cause.printed_by_torchrun(ending.output, ending.code)
        return self._with_texts(ending, found, ends, story)

    def _with_texts(self, ending: Ending, found: cause.Cause, ends: Sequence[End], story: Story) -> Ending:
        """The same, with what was printed or left to us where `found` does not say enough."""
        ending = replace(ending, recorded=found.recorded, lost=found.lost, agent=found.agent)
        if ending.killed() is None and ending.recorded is None:
            found = cause.by_texts(found, ending.output, self._error_file(ending), ends, story.words)
        return replace(ending, recorded=found.recorded, lost=found.lost, agent=found.agent)

    def _error_file(self, ending: Ending) -> Recorded | None:
        """What `record` of torch has written down."""
        folder = self._supervision.folder if self._supervision is not None else None
        path = os.environ.get(ERROR_FILE) or (str(folder / "error.json") if folder is not None else "")
        began = ending.at - ending.seconds
        return foreign.call(lambda: torchrun.recorded(Path(path), began), _BUDGET).value if path else None

    def _accounts(self, story: Story, ending: Ending) -> bool:
        if ending.kind() in ("preempted", "interrupted") and story.preempted(ending.at - ending.seconds):
            return True
        return story.accounts_for(ending)

    def _told_deferred(self, story: Story, ending: Ending) -> bool:
        """Tell what processes have left to be told, if the end is theirs; whether it is."""
        words = story.deferred(ending)
        for word in words:
            if word.text:  # else it is a rank's of another node, where it is told
                self._send_for(word)
        return bool(words)

    def _left_silent(self, story: Story) -> bool:
        """Whether the last that people were told is that it is silent: then an end that they knew before is told."""
        told = [word.at for word in story.words if word.state == "told"]
        return self._silent_at > max(told, default=0.0)

    def _follows(self, story: Story, ending: Ending) -> bool:
        """Whether the end may have come from another node: no rank of this one has failed by itself."""
        if ending.lost is not None:
            secondary = ending.recorded is not None and ending.recorded.secondary
            return ending.lost.signal == signal.SIGTERM or story.left(ending.lost.pid) or secondary
        return ending.killed() is None and (bool(story.followers()) or says_collateral(ending.error()))

    def _say(self, ending: Ending) -> None:
        """To a supervisor above this one."""
        supervision.tell(lambda to: to.say(supervision.word("told", self._key(), ending.kind())))

    def preempted(self, ending: Ending) -> bool:
        """The command was asked to end, and takes its time; whether people know now."""
        story = self._story()
        if story.preempted(ending.at - ending.seconds) or self._told_deferred(story, ending):
            return True
        ending = replace(ending, checkpoint=self._checkpoint())
        told = nodes.once(self._run(story), self._key(), lambda: self._tell(ending.markdown()), follows=False)
        self._silent_at = 0.0 if told else self._silent_at
        return told or self._kept  # what is kept goes out later; trying each second would keep it each second

    def restarted(self, restart: Restart, ending: Ending) -> None:
        """The agent of torchrun has started its ranks again."""
        story, ends = self._story(), [end for end in self._read(Supervision.ends) if end.at <= restart.at]
        ending = replace(ending, at=restart.at, attempt=Attempt(restart.attempt, restart.attempts), code=1)
        ending = self._with_texts(ending, cause.of_ranks(restart.failures, ends), ends, story)
        if not story.accounts_for(ending) and not self._told_deferred(story, ending):
            headline = f"{line(self._name, _NAME)} restarts after {ending.attempt}: {ending.cause()}"
            ending = replace(ending, followers=story.followers())
            facts = [f"- At: {ending.recorded.at}"] if ending.recorded and ending.recorded.at else []
            facts += [f"- Errors that follow from it: {ending.following()}"] if ending.followers else []
            facts += [f"- Last checkpoint: {path}"] if (path := self._checkpoint()) else []
            self._milestone(headline, facts)
        for word in story.words:
            if word.state == "left" and self._supervision is not None:
                self._supervision.forget(word)

    def overdue(self) -> None:
        """Send what a process could not, or left to us, while the command goes on."""
        for word in self._unsent(self._story(), following=True):
            if time.time() - word.at > _OVERDUE:
                self._send_for(word)
        failed = {end.pid for end in self._read(Supervision.ends) if end.code % 256}
        for word in self._story().lingering(time.time() - _OVERDUE, failed=failed):
            self._send_for(word)

    def silent(self, seconds: float, facts: list[str]) -> None:
        """No sign of life."""
        self._silent_at = time.time()
        self._milestone(f"{self._name} has been silent for {report.duration(seconds)}", facts)

    def moving(self, seconds: float) -> None:
        """A sign of life after a silence that was told."""
        self._silent_at = 0.0
        self._milestone(f"{self._name} moves again after {report.duration(seconds)}", [])

    def _unsent(self, story: Story, *, following: bool) -> list[Word]:
        """Without what its process has kept on the disk, and somebody has sent from there meanwhile."""
        words = story.unsent(following=following)
        kept = {word.id for word in words if word.state == "kept"}
        try:
            gone = kept - {letter.id for spool in Spool.everyone() for letter in spool.letters()} if kept else set()
        except OSError as error:  # rather once more: it has the same id
            log.warning("what was kept on the disk cannot be read: %s", error)
            gone = set()
        return [word for word in words if word.id not in gone]

    def _send_for(self, word: Word) -> bool:
        notifier = self._notifier() or restored({"notifier": word.notifier})
        message = word.message(
            f"Note: its process could not send this; sent by the supervisor on {socket.gethostname()}"
        )
        told = nodes.once(word.run, word.incident, lambda: self._deliver(notifier, message), follows=False)
        if told and self._supervision is not None:
            with suppress(OSError):  # it may be sent once more, with the same id
                self._supervision.say(replace(word, state="told"))
                for spool in Spool.everyone():  # where its process has kept it
                    spool.remove(message)
        return told

    def _tell(self, text: str) -> bool:
        return self._deliver(self._notifier(), Message(text, uuid.uuid4().hex))

    def _milestone(self, headline: str, facts: list[str]) -> None:
        self._tell(report.milestone(headline, self._name, Where.here(), facts))

    def _deliver(self, notifier: Callable[[str], object] | None, message: Message) -> bool:
        if notifier is None:
            log.warning("nobody is told: %s", message.partition("\n")[0])
            return False
        outcome = delivery.deliver(notifier, message, delivery.CRASH_BUDGET)
        self._kept = outcome.status == "spooled"
        if outcome.status != "sent":
            log.error("people were not told %r: %s", message.partition("\n")[0], outcome.reason)
        return outcome.status == "sent"

    def _notifier(self) -> Callable[[str], object] | None:
        if self._given is None and self._supervision is not None:
            self._given = restored({"notifier": self._supervision.run().get("notifier")})
        return self._given

    def _checkpoint(self) -> str:
        return self._supervision.checkpoint() if self._supervision is not None else ""

    def _reached(self) -> list[str]:
        return self._supervision.reached() if self._supervision is not None else []

    def _key(self) -> str:
        return f"end-{hashlib.sha256(self._name.encode('utf-8', 'replace')).hexdigest()[:16]}"

    def _run(self, story: Story) -> str | None:
        where = Where.here()  # of a supervisor for each node, or each rank, as srun starts them
        own = run_key(where) if where.world_size > 1 else None
        told = self._supervision.run() if self._supervision is not None else {}
        return own or story.run() or told.get("key")

    def _story(self) -> Story:
        if self._supervision is None:
            return Story()
        try:
            return Story.of(self._supervision)
        except OSError as error:
            log.warning("what the command's processes have told cannot be read: %s", error)
            return Story()

    def _read(self, notes: Callable[[Supervision], list[T]]) -> list[T]:
        folder = self._supervision
        return (foreign.call(lambda: notes(folder), _BUDGET).value or []) if folder is not None else []

    def _settled_story(self) -> Story:
        """The story, once nobody is about to tell any more."""
        deadline = time.monotonic() + _SENDING
        while (story := self._story()).sending() and time.monotonic() < deadline:
            time.sleep(_POLL)
        return story
