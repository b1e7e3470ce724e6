"""The records in a mailbox, by which a run's processes report to the supervisor above them.

The names of a record's fields are the format of its file. Most are named tuples, which load in a fifth of the time of
a dataclass: each training loads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast, get_args

from twinkle_notifier.messages.message import LEVELS, Level, Message
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.runtime.stored import Stored, hashed

# ``sending``: this process is about to send the alert. ``told``: it was sent, by this process or another. ``kept``: it
# could not be sent. ``left``: a secondary error, whose cause the supervisor knows better. ``deferred``: the supervisor
# sends the alert, if the run ends by the event.
State = Literal["sending", "told", "kept", "left", "deferred"]
By = Literal["it", "exit", "other"]


@dataclass(frozen=True)
class Note:
    """A process's note of an incident that it has met. `at` is in seconds since 1970."""

    state: State
    incident: str
    kind: str
    holder: Holder
    rank: int
    at: float
    run: str | None
    text: str = ""
    id: str = ""
    notifier: dict[str, Any] | None = None
    level: Level = "info"

    def message(self, note: str) -> Message:
        """The message that the process was sending, with a list item on why another process sends it."""
        if self.state == "deferred":  # as it was meant to be
            return Message(self.text, self.id, self.level)
        head, blank, rest = self.text.partition("\n\n")
        text = f"{head}\n\n- {note}\n{rest}" if blank else f"{head}\n\n- {note}"
        return Message(text, self.id, self.level)

    def file_stem(self) -> str:
        """The name of its file without the ending: one for each process and incident."""
        return f"{self.holder.pid}-{hashed(self.incident, errors='replace')}"

    @classmethod
    def load(cls, fields: Stored) -> Note:
        """From what a file holds. Raises ValueError if it is damaged, or of another version."""
        return cls(
            cast(State, fields.one_of("state", get_args(State))),
            fields.text("incident"),
            fields.text("kind"),
            Holder.load(fields.object("holder")),
            fields.count("rank"),
            fields.time("at"),
            fields.text_or_none("run"),
            fields.text("text", ""),
            fields.text("id", ""),
            fields.dict_or_none("notifier"),
            cast(Level, fields.known("level", LEVELS, "info")),
        )


class Leave(NamedTuple):
    """How a process that had met an incident left: because of ``it``, by ``exit``, or for something ``other``."""

    by: By
    at: float

    @classmethod
    def load(cls, fields: Stored) -> Leave:
        """From what a file holds. Raises ValueError if it is damaged, or of another version."""
        return cls(cast(By, fields.one_of("by", get_args(By))), fields.time("at"))


class Beat(NamedTuple):
    """A rank's progress: steps; seconds since the last and of the slowest; whether its own watchdog sees a stall."""

    rank: int
    steps: int
    idle: float
    stalled: bool
    slowest: float
    at: float

    @classmethod
    def load(cls, fields: Stored) -> Beat:
        """From what a file holds. Raises ValueError if it is damaged, or of another version."""
        return cls(
            fields.count("rank"),
            fields.count("steps"),
            fields.number("idle"),
            fields.flag("stalled"),
            fields.number("slowest"),
            fields.time("at"),
        )


class Failure(NamedTuple):
    """A rank that torchrun's agent has seen fail. `code` is minus the signal if one killed it.

    `logs` is the rank's folder among torchrun's log files.
    """

    rank: int | None
    local_rank: int | None
    pid: int
    code: int
    at: float
    error_file: str = ""
    logs: str = ""

    @classmethod
    def load(cls, fields: Stored) -> Failure:
        """From what a file holds. Raises ValueError if it is damaged, or of another version."""
        return cls(
            fields.whole_or_none("rank"),
            fields.whole_or_none("local_rank"),
            fields.count("pid"),
            fields.whole("code"),
            fields.time("at"),
            fields.text("error_file", ""),
            fields.text("logs", ""),
        )


class End(NamedTuple):
    """What ended a Python process, as the process itself recorded it. `at` is in seconds since 1970.

    `type` is the exception's name as a traceback shows it, "SystemExit" if the program called ``sys.exit``; `code` the
    exit code of Python; `child` the exit code of the process that a launcher's exception is about; `failures` the ranks
    that torchrun's agent saw fail; `frames` file, line and function, outermost first.
    """

    pid: int
    at: float
    type: str
    message: str
    code: int
    rank: int | None = None
    traceback: str = ""
    frames: Sequence[tuple[str, int, str]] = ()
    child: int | None = None
    failures: Sequence[Failure] = ()

    @classmethod
    def load(cls, fields: Stored) -> End:
        """From what a file holds. Raises ValueError if it is damaged, or of another version."""
        return cls(
            fields.count("pid", 1),
            fields.time("at"),
            fields.text("type"),
            fields.text("message"),
            fields.whole("code"),
            fields.whole_or_none("rank"),
            fields.text("traceback", ""),
            [_frame(frame) for frame in fields.items("frames")],
            fields.whole_or_none("child"),
            _failures(fields),
        )


class Restart(NamedTuple):
    """torchrun's agent starts its ranks again, after attempt number `attempt`, which `failures` have ended."""

    pid: int
    at: float
    attempt: int
    attempts: int
    failures: Sequence[Failure] = ()

    @classmethod
    def load(cls, fields: Stored) -> Restart:
        """From what a file holds. Raises ValueError if it is damaged, or of another version."""
        return cls(
            fields.count("pid", 1),
            fields.time("at"),
            fields.count("attempt"),
            fields.count("attempts"),
            _failures(fields),
        )


def _frame(frame: object) -> tuple[str, int, str]:
    match frame:
        case [str(file), int(line), str(function)]:
            return file, line, function
    raise ValueError("it is no frame")


def _failures(fields: Stored) -> list[Failure]:
    return [Failure.load(Stored(failure)) for failure in fields.items("failures")]
