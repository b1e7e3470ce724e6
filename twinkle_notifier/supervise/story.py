"""What the processes of a command said before it ended, and whether that accounts for its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from twinkle_notifier.supervision import Leave, Supervision, Word

# Seconds from a process's leave to the end of the command. torchrun's agent waits 30 s for the other ranks; Lightning's
# launcher kills its own process up to 5 s after it has lost a rank.
_UNTIL_END = 120.0
_UNTIL_KILLED = 15.0
_UNTIL_EXIT = 60.0  # from the message to `sys.exit`, where that is how the process left
_AT_ONCE = 5.0  # from the message to the end of a process that said nothing of its leave: killed, or `os._exit`
_CLOCK = 1.0  # torchrun's times are in whole seconds


@dataclass(frozen=True)
class Story:
    """The words of a command's processes, and how these left."""

    words: Sequence[Word] = ()
    leaves: Mapping[int, Leave] = field(default_factory=dict)

    @classmethod
    def of(cls, supervision: Supervision) -> Story:
        """As it stands now. Raises OSError."""
        return cls(supervision.words(), supervision.leaves())

    def accounts_for(self, at: float, *, killed: bool) -> bool:
        """Whether people were told why the command, or a rank of it, ended at `at`; `killed` by a signal or not."""
        return any(word.state == "told" and self._explains(word, at, killed) for word in self.words)

    def _explains(self, word: Word, at: float, killed: bool) -> bool:
        leave = self.leaves.get(word.holder.pid)
        if leave is None:
            return -_CLOCK <= at - word.at < _AT_ONCE
        by_it = leave.by == "it" or (leave.by == "exit" and leave.at - word.at < _UNTIL_EXIT)
        return by_it and -_CLOCK <= at - leave.at < (_UNTIL_KILLED if killed else _UNTIL_END)

    def preempted(self, since: float) -> bool:
        """Whether people were told, after `since`, that the run was asked to end."""
        ending = [word for word in self.words if word.kind in ("preempted", "interrupted", "exited")]
        return any(word.state == "told" and word.at > since - _CLOCK for word in ending)

    def unsent(self, *, following: bool) -> list[Word]:
        """The words whose message is not out, and will not be: the process is gone, or could not.

        With `following`, those that only follow from something else, too.
        """
        told = {word.incident for word in self.words if word.state == "told"}
        waiting = {
            word.incident: word for word in self.words if word.incident not in told and self._waits(word, following)
        }
        return list(waiting.values())

    def _waits(self, word: Word, following: bool) -> bool:
        if word.state == "left":
            return following
        return word.state == "kept" or (word.state == "sending" and word.holder.dead())

    def sending(self) -> bool:
        """Whether a process is just about to tell."""
        return any(word.state == "sending" and not word.holder.dead() for word in self.words)

    def followers(self) -> list[int]:
        """The ranks that met what only follows from something else."""
        return sorted({word.rank for word in self.words if word.state == "left"})

    def left(self, pid: int) -> bool:
        """Whether that process met only what follows from something else."""
        return any(word.state == "left" and word.holder.pid == pid for word in self.words)

    def run(self) -> str | None:
        """What the run is called among its nodes, if it has several."""
        return next((word.run for word in self.words if word.run is not None), None)
