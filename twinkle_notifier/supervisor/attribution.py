"""Decides whether the notes of a command's processes account for its end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from twinkle_notifier.budgets import TOGETHER
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
    """The notes of a command's processes, and how these processes left."""

    notes: Sequence[Note] = ()
    leaves: Mapping[int, Leave] = field(default_factory=dict[int, Leave])

    def in_state(self, state: State) -> list[Note]:
        """The notes in this state."""
        return [note for note in self.notes if note.state == state]

    def accounts_for(self, ending: ExitReport) -> bool:
        """Whether an alert has said why the command, or a rank of it, ended."""
        was_asked = ending.kind() in ("preempted", "interrupted")
        return bool((was_asked and self.asked_to_end("told", ending.began)) or self._accounting("told", ending))

    def deferred(self, ending: ExitReport) -> list[Note]:
        """The notes that processes left to the supervisor and that account for the end, one for each incident."""
        was_asked = ending.kind() in ("preempted", "interrupted")
        notes = self.asked_to_end("deferred", ending.began) if was_asked else self._accounting("deferred", ending)
        incidents = {note.incident for note in notes}
        found = [note for note in self.in_state("deferred") if note.incident in incidents]
        return list({note.incident: note for note in sorted(found, key=lambda note: bool(note.text))}.values())

    def asked_to_end(self, state: State, since: float) -> list[Note]:
        """The notes in this state, after `since`, of a run that was asked to end, or of an exit."""
        kinds = ("preempted", "interrupted", "exited")
        return [note for note in self.in_state(state) if note.at > since - CLOCK and note.kind in kinds]

    def _accounting(self, state: State, ending: ExitReport) -> list[Note]:
        notes = self._deferred() if state == "deferred" else self.in_state(state)
        if any(self.left(pid) for pid in ending.pids):  # its error is secondary
            return [note for note in notes if -CLOCK <= ending.failed_at - note.at < TOGETHER]
        return [note for note in notes if self._explains(note, ending)]

    def _explains(self, note: Note, ending: ExitReport) -> bool:
        """Whether the command, or a rank of it, ended of the event in `note`."""
        leave, since, killed = self.leaves.get(note.holder.pid), ending.failed_at - note.at, ending.killed()
        if note.holder.pid in ending.pids:
            if leave is not None:
                return leave.by == "it" or (leave.by == "exit" and leave.at - note.at < TOGETHER)
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
        """The deferred notes that are the last of their process: it has handled those before which it went on."""
        last = {note.holder: note for note in self.notes if note.state != "left"}
        return [note for note in last.values() if note.state == "deferred"]

    def lingering(self, since: float, *, failed: Collection[int] = (), alone: bool = False) -> list[Note]:
        """Deferred notes of processes that left by their event before `since`, though the command goes on.

        A process that has not recorded how it left counts much later: it may hang while it cleans up. `failed`: the
        processes that recorded an exit code other than 0. `alone`: the supervisor is gone; then a process that is gone
        without such a record counts, too.
        """
        sent = {note.incident for note in self.in_state("told")}
        notes = [note for note in self._deferred() if note.text and note.incident not in sent]
        return [note for note in notes if self._left_by(note, since, failed, alone=alone)]

    def _left_by(self, note: Note, since: float, failed: Collection[int], *, alone: bool) -> bool:
        leave = self.leaves.get(note.holder.pid)
        if leave is None:
            return note.at < since - _UNTIL_GIVEN_UP or (alone and note.holder.dead())
        if leave.at >= since:
            return False
        soon = leave.at - note.at < TOGETHER
        return leave.by == "it" or (leave.by == "exit" and soon and note.holder.pid in failed)

    def unsent(self, *, following: bool) -> list[Note]:
        """The notes whose process will not send their message: it is gone, or could not.

        With `following`, also the notes about secondary errors.
        """
        states = ("kept", "left") if following else ("kept",)
        sent = {note.incident for note in self.in_state("told")}
        notes = [
            note for note in self.notes if note.state in states or (note.state == "sending" and note.holder.dead())
        ]
        return list({note.incident: note for note in notes if note.incident not in sent}.values())

    def sending(self) -> bool:
        """Whether a process is about to send."""
        return any(not note.holder.dead() for note in self.in_state("sending"))

    def followers(self) -> list[int]:
        """The ranks that met a secondary error."""
        return sorted({note.rank for note in self.in_state("left")})

    def left(self, pid: int) -> bool:
        """Whether that process met a secondary error."""
        return any(note.holder.pid == pid for note in self.in_state("left"))
