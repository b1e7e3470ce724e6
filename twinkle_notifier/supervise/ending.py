"""How a command ended, in words for people."""

from __future__ import annotations

import re
import shlex
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from twinkle_notifier.members import compressed
from twinkle_notifier.plain import block, line, masked_end, path
from twinkle_notifier.report import duration, fenced, now
from twinkle_notifier.runtime import Attempt
from twinkle_notifier.scrub import scrub
from twinkle_notifier.supervise import torchrun
from twinkle_notifier.supervise.command import INTERRUPTING, PREEMPTING
from twinkle_notifier.supervise.torchrun import Lost, Recorded

Kind = Literal["ended", "failed", "preempted", "interrupted"]

# A shell says so of its child; 128 and another number is more likely a command's own exit code.
_OF_SHELLS = {
    *(signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL),
    *(signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2),
}
_SECRET_OPTION = re.compile(
    r"(?i)--?[\w.-]*(?:key|token(?!i)|secret|passw|pwd|credential|auth(?!or))[\w.-]*|--?(?:pass|pw|wandb)"
)
_MEANINGS = {
    signal.SIGKILL: "the kernel's out-of-memory killer, or your scheduler",
    signal.SIGSEGV: "a fault in native code: an extension, a driver, or a library of another version",
    signal.SIGBUS: "memory that is backed by a file is gone: often /dev/shm or a disk is full",
    signal.SIGABRT: "native code gave up: a failed assertion, NCCL's watchdog, or memory it found broken",
    signal.SIGFPE: "native code divided an integer by zero",
    signal.SIGILL: "the processor does not know an instruction: built for another machine",
    signal.SIGTERM: "your scheduler or somebody asked it to end",
    signal.SIGUSR1: "a scheduler's warning before the time is over (SLURM's --signal)",
    signal.SIGUSR2: "a scheduler's warning before the time is over (submitit's)",
    signal.SIGINT: "Ctrl-C",
    signal.SIGHUP: "the terminal or the connection to it was closed",
    signal.SIGPIPE: "nobody read its output any more",
    signal.SIGXCPU: "its limit of processor time",
    signal.SIGXFSZ: "its limit of a file's size",
}
_LINES = 40  # of output
_CHARACTERS = 6_000  # of them
_NAME = 100
_COMMAND = 300
_ERROR = 300
_FACT, _FACTS = 3_000, 20  # characters of what a training leaves, and how many lines of it
_TRACEBACK = re.compile(
    r"^(?P<mark>(?:\[[\w.-]+\]:? ?)?)Traceback \(most recent call last\):\n"
    r"(?:(?P=mark)(?:[ \t].*)?\n)+(?P=mark)(?P<error>[A-Za-z_][\w.]*(?::.*)?)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Ending:
    """What is known of it. `code` as `subprocess` tells it: minus the signal that killed the command."""

    name: str
    command: Sequence[str]
    code: int
    seconds: float
    at: float  # since 1970
    pid: int = 0
    asked: int | None = None  # the signal that asked it to end
    asked_at: float = 0.0
    out_of_memory: int | None = None  # processes that the kernel has killed for it meanwhile
    lost: Lost | None = None  # the rank that failed first, under torchrun
    agent: int | None = None  # the signal that ended torchrun's agent
    recorded: Recorded | None = None
    output: str = ""
    checkpoint: str = ""
    followers: Sequence[int] = ()  # ranks that met what follows from it
    attempt: Attempt = field(default_factory=Attempt)
    reached: Sequence[str] = ()  # how far a training got, in list items; shown where it ended well

    @property
    def signal(self) -> int | None:
        """The signal that ended it: the command itself, a shell's child (128 and the number), or torchrun's agent."""
        if self.code < 0:
            return -self.code
        return self.code - 128 if self.code - 128 in _OF_SHELLS else self.agent

    @property
    def pids(self) -> set[int]:
        """The processes whose end this is: the command's, and that of the rank that failed first."""
        return {self.pid, *([self.lost.pid] if self.lost else [])}

    @property
    def failed_at(self) -> float:
        """When the first of them ended, in seconds since 1970."""
        return self.lost.at if self.lost is not None and self.lost.at is not None else self.at

    @property
    def failed_code(self) -> int:
        """How the first of them ended."""
        return self.lost.code if self.lost is not None else self.code

    def kind(self) -> Kind:
        """What became of the command."""
        number = self.asked if self.was_asked_for() else None if self.lost else self.signal
        if number in PREEMPTING:
            return "preempted"
        if number in INTERRUPTING:
            return "interrupted"
        return "failed" if self.code else "ended"

    def was_asked_for(self) -> bool:
        """Whether it is the end that the signal asked for; SIGKILL is what follows on a deaf ear."""
        return self.asked is not None and self.killed() in (None, *PREEMPTING, *INTERRUPTING, signal.SIGKILL)

    def killed(self) -> int | None:
        """The signal that killed the process which failed first."""
        return self.lost.signal if self.lost else self.signal

    def headline(self) -> str:
        """One line: the run, and what became of it."""
        name, kind = line(self.name, _NAME), self.kind()
        if kind == "ended":
            return f"{name} ended after {duration(self.seconds)}"
        if kind in ("preempted", "interrupted"):
            return f"{name} was {kind} ({signal_name(self.asked or self.signal or 0)})"
        return f"{name} failed{f' for good in {self.attempt}' if self.attempt.is_last() else ''}: {self.cause()}"

    def cause(self) -> str:
        """What it failed of, in a part of a line."""
        who = str(self.lost) if self.lost else ""
        number = self.killed()
        if number is not None:
            how = (
                "ran out of memory, and was killed" if self._is_out_of_memory() else f"killed by {signal_name(number)}"
            )
            return f"{who} was {how}".replace("was ran", "ran") if who else how
        code = f"exit code {self.lost.code if self.lost else self.code}"
        error = line(self.error(), _ERROR)
        return f"{error} ({who or code})" if error else f"{code} of {who}" if who else code

    def markdown(self) -> str:
        """The message."""
        lines = [
            f"### {self.headline()}",
            "",
            f"- Run: {line(self.name, _NAME)}{f', {self.attempt}' if self.attempt.number else ''}",
            *self._facts(),
            f"- Command: {line(_shown(self.command), _COMMAND)}",
            f"- Duration: {duration(self.seconds)}",
            *self._reached(),
            f"- Host: {line(socket.gethostname(), _NAME)}",
            f"- Time: {now()}",
        ]
        shown = self.recorded.traceback if self.recorded and self.recorded.traceback else self._last_lines()
        return "\n".join(lines) + (f"\n\n{fenced(block(shown))}" if shown and self.kind() != "ended" else "")

    def _reached(self) -> list[str]:
        reached = [f"- {line(text[2:], _FACT)}" for text in self.reached if text.startswith("- ")][:_FACTS]
        if self.kind() == "ended" and reached:
            return reached
        return [f"- Last checkpoint: {path(self.checkpoint, _COMMAND)}"] if self.checkpoint else []

    def _facts(self) -> list[str]:
        facts = [_place(self.lost)] if self.lost else []
        if self.kind() in ("preempted", "interrupted"):
            asked = self.asked or self.signal or 0
            facts.append(f"- Signal: {signal_name(asked)}: {_MEANINGS[signal.Signals(asked)]}")
            facts.append(f"- Exit code: {self.code}" if self.code >= 0 else f"- Ended by: {signal_name(-self.code)}")
        elif (number := self.killed()) is not None:
            facts.append(f"- Signal: {signal_name(number)}{self._memory() or _meaning(number)}")
        elif self.code:
            facts.append(f"- Exit code: {self.lost.code if self.lost else self.code}")
        if self.followers:
            facts.append(f"- Errors that follow from it: {self.following()}")
            if self.lost is None and self.killed() is None:
                facts.append("- Note: secondary errors; no rank reported the cause")
        return facts

    def following(self) -> str:
        """The ranks that failed because another had, and which of them the launcher ended before they said so."""
        ended = self._closed()
        named = f"ranks {compressed([*self.followers, *ended])}"
        return f"{named} ({compressed(ended)} ended by the launcher)" if ended else named

    def _closed(self) -> list[int]:
        """The ranks of this machine that torchrun ended, and that have met nothing themselves by then.

        Their number has to fit: its ranks stand side by side, and those that it ended are all but the first.
        """
        if self.lost is None or self.lost.rank is None:
            return []
        count = torchrun.closed(self.output, self.lost)
        first = self.lost.rank - self.lost.local_rank
        others = set(range(first, first + count + 1)) - {self.lost.rank}
        return sorted(others - set(self.followers)) if len(others) == count and others >= set(self.followers) else []

    def _is_out_of_memory(self) -> bool:
        return bool(self.out_of_memory) and self.killed() == signal.SIGKILL

    def _memory(self) -> str:
        """Who sent SIGKILL, as far as the kernel's count tells; nothing where it is not known."""
        if self.killed() != signal.SIGKILL or self.out_of_memory is None:
            return ""
        if self.out_of_memory:
            killed = _processes(self.out_of_memory)
            return f": the kernel's out-of-memory killer, which killed {killed} of this control group"
        return ": not the kernel's out-of-memory killer, by its count for this control group; a scheduler or a person"

    def error(self) -> str:
        """The exception that ended it, as its output shows it; else nothing."""
        if self.recorded:
            return self.recorded.message
        found = list(_TRACEBACK.finditer(torchrun.without_words(self.output)))
        mark = f"[rank{self.lost.rank}]" if self.lost else ""
        own = [match for match in found if mark and match["mark"].startswith(mark)]
        return (own or found)[-1]["error"] if found else ""

    def _last_lines(self) -> str:
        text = masked_end(torchrun.without_words(self.output).rstrip())
        return "\n".join(text.split("\n")[-_LINES:])[-_CHARACTERS:]


def _shown(command: Sequence[str]) -> str:
    """The command line, without what follows an option for a secret; words are masked before they are quoted."""
    words: list[str] = []
    for before, word in zip(["", *command], command, strict=False):
        words.append(_without_secret(before, word))
    return " ".join(word if word.endswith("***") else shlex.quote(word) for word in words)


def _without_secret(before: str, word: str) -> str:
    name, equals, _ = word.partition("=")
    if _SECRET_OPTION.fullmatch(before) and not word.startswith("-"):
        return "***"
    if equals and _SECRET_OPTION.fullmatch(name):
        return f"{name}=***"
    shown = scrub(word)
    # `env API_KEY=x y`: one word is one value, with its spaces; a script behind -c is not.
    return f"{name}=***" if equals and shown.startswith(f"{name}=***") and before != "-c" else shown


def signal_name(number: int) -> str:
    """``SIGKILL``, or ``signal 40``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _meaning(number: int) -> str:
    meaning = _MEANINGS.get(signal.Signals(number)) if number in list(signal.Signals) else None
    return f": {meaning}" if meaning else ""


def _place(lost: Lost) -> str:
    host = f" on {line(lost.host, _NAME)}" if lost.host else ""
    rank = f"{lost.rank} (local rank {lost.local_rank})" if lost.rank is not None else f"local rank {lost.local_rank}"
    return f"- Rank: {rank}{host}, PID {lost.pid}"
