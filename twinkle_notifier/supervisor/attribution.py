"""Decides whether what the processes of a command said accounts for its end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from twinkle_notifier.budgets import TOGETHER
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.mailbox.notes import Leave, Note, State
from twinkle_notifier.supervisor.cause import CLOCK, KILLED
from twinkle_notifier.supervisor.exit_report import ExitReport

# Seconds. TOGETHER is also the longest time from a message to `sys.exit` or `os._exit`.
_UNTIL_SHELL = 2.0  # from the leave of a process to the end of the shell that started it
_UNTIL_GIVEN_UP = 240.0  # to an alert by the supervisor, where a process neither leaves nor trains again
_AT_ONCE = 5.0  # from the message to the end of another process, of whose leave nothing is known
_DYING = 1.0  # from the message to a signal that ended the same process, e.g. in what native code does at its end


@dataclass(frozen=True)
class Attribution:
    """The words of a command's processes, and how these left."""

    words: Sequence[Note] = ()
    leaves: Mapping[int, Leave] = field(default_factory=dict[int, Leave])

    @classmethod
    def of(cls, supervision: Mailbox) -> Attribution:
        """What they have said until now. Raises OSError."""
        return cls(supervision.words(), supervision.leaves())

    def in_state(self, state: State) -> list[Note]:
        """The words of this state."""
        return [word for word in self.words if word.state == state]

    def accounts_for(self, ending: ExitReport) -> bool:
        """Whether people were told why the command, or a rank of it, ended."""
        was_asked = ending.kind() in ("preempted", "interrupted")
        return (was_asked and self.preempted(ending.began)) or bool(self._accounting("told", ending))

    def preempted(self, since: float) -> bool:
        """Whether people were told, after `since`, that the run was asked to end."""
        return bool(self._of_ending("told", since))

    def deferred(self, ending: ExitReport) -> list[Note]:
        """The words that processes left to the supervisor and that account for the end, one for each incident."""
        was_asked = ending.kind() in ("preempted", "interrupted")
        words = self._of_ending("deferred", ending.began) if was_asked else self._accounting("deferred", ending)
        incidents = {word.incident for word in words}
        found = [word for word in self.in_state("deferred") if word.incident in incidents]
        return list({word.incident: word for word in sorted(found, key=lambda word: bool(word.text))}.values())

    def _of_ending(self, state: State, since: float) -> list[Note]:
        kinds = ("preempted", "interrupted", "exited")
        return [word for word in self.in_state(state) if word.at > since - CLOCK and word.kind in kinds]

    def _accounting(self, state: State, ending: ExitReport) -> list[Note]:
        words = self._deferred() if state == "deferred" else self.in_state(state)
        if any(self.left(pid) for pid in ending.pids):  # it only followed from what another has met
            return [word for word in words if -CLOCK <= ending.failed_at - word.at < TOGETHER]
        return [word for word in words if self._explains(word, ending)]

    def _explains(self, word: Note, ending: ExitReport) -> bool:
        """Whether the command, or a rank of it, ended of what `word` tells."""
        leave, since, killed = self.leaves.get(word.holder.pid), ending.failed_at - word.at, ending.killed()
        if word.holder.pid in ending.pids:
            if leave is not None:
                return leave.by == "it" or (leave.by == "exit" and leave.at - word.at < TOGETHER)
            return -CLOCK <= since < (TOGETHER if killed is None else _DYING)
        if killed is not None and ending.lost is not None:
            return False  # that rank was killed, whatever others met
        if leave is None:
            return killed is None and -CLOCK <= since < _AT_ONCE
        gap = ending.failed_at - leave.at
        if leave.by == "it":  # an uncaught exception is exit code 1
            longest = TOGETHER if killed is None else KILLED if ending.failed_code < 0 else _UNTIL_SHELL
            return -CLOCK <= gap < longest and (killed is not None or ending.failed_code == 1)
        return leave.by == "exit" and -CLOCK <= gap < CLOCK and killed is None

    def _deferred(self) -> list[Note]:
        """Those that are the last of their process: it went on after what it said before, so it had handled that."""
        last = {word.holder: word for word in self.words if word.state != "left"}
        return [word for word in last.values() if word.state == "deferred"]

    def lingering(self, since: float, *, failed: Collection[int] = (), alone: bool = False) -> list[Note]:
        """Deferred words of processes that left by it before `since`, though the command goes on.

        Those of processes that have not said how they left, long before that, too: they hang while they clean up.
        `failed`: the processes that ended with an exit code that is not 0, as far as they have said so. `alone`: no
        supervisor decides on the words any more. Then those of processes that are gone without a word, too.
        """
        told = {word.incident for word in self.in_state("told")}
        words = [word for word in self._deferred() if word.text and word.incident not in told]
        return [word for word in words if self._left_by(word, since, failed) or (alone and self._is_gone(word))]

    def _left_by(self, word: Note, since: float, failed: Collection[int]) -> bool:
        leave = self.leaves.get(word.holder.pid)
        if leave is None:
            return word.at < since - _UNTIL_GIVEN_UP
        if leave.at >= since:
            return False
        soon = leave.at - word.at < TOGETHER
        return leave.by == "it" or (leave.by == "exit" and soon and word.holder.pid in failed)

    def _is_gone(self, word: Note) -> bool:
        return word.holder.pid not in self.leaves and word.holder.dead()

    def unsent(self, *, following: bool) -> list[Note]:
        """The words whose process will not send their message: it is gone, or could not.

        With `following`, also the words about errors that only follow from something else.
        """
        states = ("kept", "left") if following else ("kept",)
        told = {word.incident for word in self.in_state("told")}
        words = [
            word for word in self.words if word.state in states or (word.state == "sending" and word.holder.dead())
        ]
        return list({word.incident: word for word in words if word.incident not in told}.values())

    def sending(self) -> bool:
        """Whether a process is just about to tell."""
        return any(not word.holder.dead() for word in self.in_state("sending"))

    def followers(self) -> list[int]:
        """The ranks that met an error which only follows from something else."""
        return sorted({word.rank for word in self.in_state("left")})

    def left(self, pid: int) -> bool:
        """Whether that process met an error that only follows from something else."""
        return any(word.holder.pid == pid for word in self.in_state("left"))

    def run(self) -> str | None:
        """What the run is called among its nodes, if it has several."""
        return next((word.run for word in self.words if word.run is not None), None)
