"""Writes the message about a command's end."""

from __future__ import annotations

import signal
import socket
from collections.abc import Sequence
from typing import Literal, NamedTuple

from twinkle_notifier.credentials.command_line import shown
from twinkle_notifier.credentials.masking import masked_end
from twinkle_notifier.messages.advice import secondary_note
from twinkle_notifier.messages.catalog import fact, facts, phrase
from twinkle_notifier.messages.report import run_of
from twinkle_notifier.messages.sanitize import code, heading, line, path
from twinkle_notifier.messages.wording import attempt_of, code_block, duration, now
from twinkle_notifier.runtime.launcher import Attempt
from twinkle_notifier.runtime.rank_sets import compressed
from twinkle_notifier.supervisor import torchrun
from twinkle_notifier.supervisor.cause import signal_of
from twinkle_notifier.supervisor.command import INTERRUPTING, PREEMPTING
from twinkle_notifier.supervisor.torchrun import Lost, Recorded

Kind = Literal["ended", "failed", "restarts", "preempted", "interrupted"]

_MEANINGS: dict[int, str] = {
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
_ASKED = {"interrupted": "{name} was interrupted ({signal})", "preempted": "{name} was preempted ({signal})"}
_NOT_THE_KERNEL = "not the kernel's out-of-memory killer, by its count for this control group; a scheduler or a person"
_TO_GO_ON = tuple(f"- {phrase(language, 'To go on')}: " for language in ("en", "zh"))
_SECONDARY = "secondary errors; no rank reported the cause"
_LINES = 40  # of output
_CHARACTERS = 6_000  # of them
_NAME = 100
_COMMAND = 300
_ERROR = 300
_FACT, _FACTS = 3_000, 20  # characters of what a training leaves, and how many lines of it


class ExitReport(NamedTuple):
    """What is known of a command's end. `code` is minus the signal if one killed the command."""

    name: str
    command: Sequence[str]
    code: int
    seconds: float
    at: float  # since 1970
    pid: int = 0
    asked: int | None = None  # the signal that asked it to end
    asked_at: float = 0.0
    out_of_memory: int | None = None  # processes that the kernel killed for it during the run
    lost: Lost | None = None  # the rank that failed first, under torchrun
    agent: int | None = None  # the signal that ended torchrun's agent, or the child of another launcher
    recorded: Recorded | None = None
    output: str = ""
    checkpoint: str = ""
    followers: Sequence[int] = ()  # ranks that met a secondary error
    attempt: Attempt = Attempt()
    reached: Sequence[str] = ()  # how far a training got, in list items; shown where it ended well
    progress: Sequence[str] = ()  # the same, by the note of a rank; shown where it did not
    language: str = "en"
    advice: Sequence[str] = ()  # list items, as are
    job: Sequence[str] = ()
    surroundings: Sequence[str] = ()
    machine: Sequence[str] = ()
    restarts: bool = False  # only an attempt has ended: torchrun has started its ranks again

    @property
    def began(self) -> float:
        """When the command began, in seconds since 1970."""
        return self.at - self.seconds

    @property
    def signal(self) -> int | None:
        """The signal that ended it: the command itself, or the child of a shell or a launcher."""
        number = signal_of(self.code)
        return self.agent if number is None else number

    @property
    def pids(self) -> set[int]:
        """The processes whose end this is: the command's, and the first that failed."""
        return {self.pid, *([self.lost.pid] if self.lost else []), *([self.recorded.pid] if self.recorded else [])}

    @property
    def failed_at(self) -> float:
        """When the first of these processes ended, in seconds since 1970."""
        times = [self.lost.at if self.lost else None, self.recorded.time if self.recorded else None, self.at]
        return next(time for time in times if time is not None)

    @property
    def failed_code(self) -> int:
        """The exit code of the first of these processes."""
        return self.lost.code if self.lost is not None else self.code

    def node(self) -> str:
        """The host on which the process ran that failed first."""
        return (self.lost.host if self.lost else "") or socket.gethostname()

    def kind(self) -> Kind:
        """How the command ended."""
        if self.restarts:
            return "restarts"
        number = self.asked if self.was_asked_for() else None if self.lost or self.recorded else self.signal
        if number in PREEMPTING:
            return "preempted"
        if number in INTERRUPTING:
            return "interrupted"
        return "failed" if self.code else "ended"

    def was_asked_for(self) -> bool:
        """Whether the command ended because the signal asked it to; SIGKILL follows if it does not end."""
        return self.asked is not None and self.killed() in (None, *PREEMPTING, *INTERRUPTING, signal.SIGKILL)

    def killed(self) -> int | None:
        """The signal that killed the process which failed first."""
        return self.lost.signal if self.lost else self.signal

    def headline(self) -> str:
        """One line: the run, and how it ended."""
        kind, language = self.kind(), self.language
        slots = {"name": line(self.name, _NAME), "attempt": attempt_of(self.attempt, language)}
        if kind == "ended":
            took = duration(self.seconds, language)
            return phrase(language, "{name} ended after {duration}", duration=took, **slots)
        if kind in ("preempted", "interrupted"):
            number = signal_name(self.asked or self.signal or 0, language)
            return phrase(language, _ASKED[kind], signal=number, **slots)
        fate = "{name} failed for good in {attempt}" if self.attempt.is_last() else "{name} failed"
        fate = phrase(language, "{name} restarts after {attempt}" if kind == "restarts" else fate, **slots)
        return phrase(language, "{fate}: {error}", fate=fate, error=self.cause())

    def cause(self) -> str:
        """Why it failed, as a part of a line."""
        number, language = self.killed(), self.language
        who = self._who(self.lost) if self.lost else ""
        code = phrase(language, "exit code {code}", code=self.failed_code)
        how = self._death(who, number) if number is not None else ""
        if error := heading(self.error(), _ERROR):
            return f"{error} ({who or how or code})"
        if how:
            return how
        return phrase(language, "exit code {code} of {who}", code=self.failed_code, who=who) if who else code

    def _death(self, who: str, number: int) -> str:
        slots = {"who": who, "signal": signal_name(number, self.language)}
        if number == signal.SIGKILL and self.out_of_memory:
            text = "{who} ran out of memory, and was killed" if who else "ran out of memory, and was killed"
        else:
            text = "{who} was killed by {signal}" if who else "killed by {signal}"
        return phrase(self.language, text, **slots)

    def markdown(self) -> str:
        """The message."""
        language = self.language
        top = facts(
            *self.advice,
            *self.machine,
            *self._facts(),
            fact(language, "Duration", duration(self.seconds, language) if self.kind() != "ended" else ""),
            *self._reached(),
            *self.job,
        )
        below = self.recorded.traceback if self.recorded and self.recorded.traceback else self._last_lines()
        bottom = facts(
            fact(language, "Run", run_of(self.name, self.attempt, language)),
            fact(language, "Command", line(shown(self.command), _COMMAND)),
            fact(language, "Host", line(socket.gethostname(), _NAME)),
            *self.surroundings,
            fact(language, "Time", now()),
        )
        code = code_block(below, language) if below and self.kind() != "ended" else ""
        return "\n\n".join(filter(None, (f"### {self.headline()}", "\n".join(top), code, "\n".join(bottom))))

    def _reached(self) -> list[str]:
        reached = [f"- {line(text[2:], _FACT)}" for text in self.reached if text.startswith("- ")]
        if self.kind() == "ended" and reached:
            return reached[:_FACTS]
        last = fact(self.language, "Last checkpoint", path(self.checkpoint, _COMMAND))
        progress = [f"- {line(text[2:], _FACT)}" for text in self.progress]
        goes_on = any(item.startswith(_TO_GO_ON) for item in progress)  # which names the checkpoint
        return facts(*progress, "" if goes_on else last)

    def _facts(self) -> list[str]:
        recorded, language = self.recorded, self.language
        secondary = recorded.secondary if recorded else bool(self.followers) and self.lost is None
        note = secondary_note(self.advice, _SECONDARY, language)
        return facts(
            fact(language, "At", self._at(recorded) if recorded else ""),
            self._rank(),
            *self._how(),
            fact(language, "Errors that follow from it", self.following() if self.followers else ""),
            note if secondary and self.killed() is None else "",
        )

    def _at(self, recorded: Recorded) -> str:
        at = line(recorded.at, _COMMAND)
        return f"{at}: {code(recorded.code, _COMMAND)}" if at and recorded.code else at

    def _rank(self) -> str:
        if self.lost:
            return self._place(self.lost)
        known = self.recorded and self.recorded.rank is not None
        return fact(
            self.language, "Rank", f"{self.recorded.rank}, PID {self.recorded.pid}" if self.recorded and known else ""
        )

    def _place(self, lost: Lost) -> str:
        slots = {"rank": lost.rank, "local_rank": lost.local_rank, "host": line(lost.host, _NAME)}
        text = "{rank} (local rank {local_rank})" if lost.rank != lost.local_rank else "{rank}"
        text = text if lost.rank is not None else "local rank {local_rank}"
        rank = phrase(self.language, text, **slots)
        placed = phrase(self.language, "{rank} on {host}", rank=rank, host=slots["host"]) if lost.host else rank
        return fact(self.language, "Rank", f"{placed}, PID {lost.pid}")

    def _who(self, lost: Lost) -> str:
        slots = {"rank": lost.rank, "local_rank": lost.local_rank}
        rank = phrase(self.language, "rank {rank}" if lost.rank is not None else "local rank {local_rank}", **slots)
        return phrase(self.language, "{rank} on {host}", rank=rank, host=lost.host) if lost.host else rank

    def _how(self) -> list[str]:
        """The signal and the exit code."""
        number, language = self.killed(), self.language
        if self.kind() in ("preempted", "interrupted"):
            asked = self.asked or self.signal or 0
            end = fact(language, "Exit code", str(self.code))
            killed = fact(language, "Ended by", "" if asked == -self.code else signal_name(-self.code, language))
            return [self._signal(asked, phrase(language, _MEANINGS[asked])), end if self.code >= 0 else killed]
        if number is None:  # without both the heading says the code
            return [fact(language, "Exit code", str(self.failed_code))] if self.error() and self.lost else []
        signalled = self._signal(number, self._meaning(number))
        if self.lost is None and self.code > 0 and signal_of(self.code) is not None:
            stands = phrase(
                language, "{code}, which stands for {signal}", code=self.code, signal=signal_name(number, language)
            )
            return [signalled, fact(language, "Exit code", stands)]
        return [signalled]

    def _signal(self, number: int, meaning: str) -> str:
        return fact(self.language, "Signal", ": ".join(filter(None, (signal_name(number, self.language), meaning))))

    def _meaning(self, number: int) -> str:
        """What a signal means; who sent SIGKILL, as far as the kernel's count shows."""
        killed, language = self.out_of_memory, self.language
        if number != signal.SIGKILL or killed is None:
            return phrase(language, _MEANINGS[number]) if number in _MEANINGS else ""
        if not killed:
            return phrase(language, _NOT_THE_KERNEL)
        one, several = (
            "which killed 1 process of this control group",
            ("which killed {number} processes of this control group"),
        )
        did = phrase(language, one if killed == 1 else several, number=killed)
        return phrase(language, "the kernel's out-of-memory killer, {did}", did=did)

    def following(self) -> str:
        """The ranks that failed because another rank had, and those among them that the launcher ended."""
        ended = sorted({*self.lost.closed} - {*self.followers}) if self.lost else []
        those = {*self.followers, *ended}
        named = phrase(self.language, "ranks {rank}" if len(those) > 1 else "rank {rank}", rank=compressed(those))
        if not ended:
            return named
        return phrase(self.language, "{ranks} ({ended} ended by the launcher)", ranks=named, ended=compressed(ended))

    def error(self) -> str:
        """The exception that ended the command, if one is known."""
        return self.recorded.message if self.recorded else ""

    def _last_lines(self) -> str:
        text = masked_end(torchrun.without_own_lines(self.output).rstrip())
        return "\n".join(text.split("\n")[-_LINES:])[-_CHARACTERS:]


def signal_name(number: int, language: str = "en") -> str:
    """``SIGKILL``, or ``signal 40``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return phrase(language, "signal {number}", number=number)
