"""What the processes of a command said before it ended, and whether that accounts for its end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from twinkle_notifier.supervise.ending import Ending
from twinkle_notifier.supervision import Leave, State, Supervision, Word

# Seconds from a process's leave to the end of the command, when that is another process: torchrun's agent waits 30 s
# for the other ranks; Lightning's launcher kills its own process up to 5 s after it lost a rank; a shell ends at once.
_UNTIL_END = 60.0
_UNTIL_KILLED = 15.0
_UNTIL_SHELL = 2.0
_UNTIL_GIVEN_UP = 240.0  # to an alert by the supervisor, where a process neither leaves nor trains again
_UNTIL_EXIT = 60.0  # from the message to `sys.exit` or `os._exit`, where that is how the process left
_AT_ONCE = 5.0  # from the message to the end of another process, of whose leave nothing is known
_DYING = 1.0  # from the message to a signal that ended the same process, e.g. in what native code does at its end
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

    def accounts_for(self, ending: Ending) -> bool:
        """Whether people were told why the command, or a rank of it, ended."""
        return bool(self._accounting("told", ending))

    def deferred(self, ending: Ending) -> list[Word]:
        """What was left to be told by the supervisor, and accounts for the end: one word for each incident."""
        if ending.kind() in ("preempted", "interrupted"):
            words = self._of_ending("deferred", ending.at - ending.seconds)
        else:
            words = self._accounting("deferred", ending)
        incidents = {word.incident for word in words}
        said = [word for word in self.words if word.state == "deferred" and word.incident in incidents]
        return list({word.incident: word for word in sorted(said, key=lambda word: bool(word.text))}.values())

    def _accounting(self, state: State, ending: Ending) -> list[Word]:
        said = self._deferred() if state == "deferred" else [word for word in self.words if word.state == state]
        if any(self.left(pid) for pid in ending.pids):  # it only followed from what another has met
            return [word for word in said if -_CLOCK <= ending.failed_at - word.at < _UNTIL_END]
        return [word for word in said if self._explains(word, ending)]

    def _deferred(self) -> list[Word]:
        """Those that are the last of their process: it went on after what it said before, so it had handled that."""
        last = {word.holder: word for word in self.words if word.state != "left"}
        return [word for word in last.values() if word.state == "deferred"]

    def _explains(self, word: Word, ending: Ending) -> bool:
        leave, since = self.leaves.get(word.holder.pid), ending.failed_at - word.at
        if word.holder.pid not in ending.pids:
            return self._explains_another(leave, since, ending)
        if leave is not None:
            return leave.by == "it" or (leave.by == "exit" and leave.at - word.at < _UNTIL_EXIT)
        return -_CLOCK <= since < (_UNTIL_EXIT if ending.killed() is None else _DYING)

    def _explains_another(self, leave: Leave | None, since: float, ending: Ending) -> bool:
        """Whether the command, or a rank of it, ended of what another process told `since` seconds before."""
        killed, code = ending.killed(), ending.failed_code
        if killed is not None and ending.lost is not None:
            return False  # that rank was killed, whatever others met
        if leave is None:
            return killed is None and -_CLOCK <= since < _AT_ONCE
        gap = ending.failed_at - leave.at
        if leave.by == "it":  # an uncaught exception is exit code 1
            longest = _UNTIL_END if killed is None else _UNTIL_KILLED if code < 0 else _UNTIL_SHELL
            return -_CLOCK <= gap < longest and (killed is not None or code == 1)
        return leave.by == "exit" and -_CLOCK <= gap < _CLOCK and killed is None

    def preempted(self, since: float) -> bool:
        """Whether people were told, after `since`, that the run was asked to end."""
        return bool(self._of_ending("told", since))

    def _of_ending(self, state: State, since: float) -> list[Word]:
        said = [word for word in self.words if word.state == state and word.at > since - _CLOCK]
        return [word for word in said if word.kind in ("preempted", "interrupted", "exited")]

    def lingering(self, since: float, *, failed: Collection[int] = (), alone: bool = False) -> list[Word]:
        """Deferred words of processes that left by it before `since`, though the command goes on.

        Those of processes that have not said how they left, long before that, too: they hang while they clean up.
        `failed`: the processes that ended with an exit code that is not 0, as far as they have said so. `alone`: no
        supervisor decides on the words any more. Then those of processes that are gone without a word, too.
        """
        told = {word.incident for word in self.words if word.state == "told"}
        words = [word for word in self._deferred() if word.text and word.incident not in told]
        return [word for word in words if self._left_by(word, since, failed) or (alone and self._is_gone(word))]

    def _left_by(self, word: Word, since: float, failed: Collection[int]) -> bool:
        leave = self.leaves.get(word.holder.pid)
        if leave is None:
            return word.at < since - _UNTIL_GIVEN_UP
        if leave.at >= since:
            return False
        soon = leave.at - word.at < _UNTIL_EXIT
        return leave.by == "it" or (leave.by == "exit" and soon and word.holder.pid in failed)

    def _is_gone(self, word: Word) -> bool:
        return word.holder.pid not in self.leaves and word.holder.dead()

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
