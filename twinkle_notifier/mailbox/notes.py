"""The records in a mailbox, by which a run's processes report to the supervisor above them.

The names of a record's fields are the format of its file, and their types say how `loaded` reads them. They are named
tuples, which load in a fifth of the time of a dataclass: each training loads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_type_hints

from twinkle_notifier.messages.message import LEVELS, Level, Message
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.runtime.stored import Stored

# ``sending``: this process is about to send the alert. ``told``: it was sent, by this process or another. ``kept``: it
# could not be sent. ``left``: a secondary error, whose cause the supervisor knows better. ``deferred``: the supervisor
# sends the alert, if the run ends by the event.
State = Literal["sending", "told", "kept", "left", "deferred"]
By = Literal["it", "exit", "other"]

# Types of fields, each with the function that reads it.
Text = Annotated[str, Stored.text]
OptionalText = Annotated[str, partial(Stored.text, default="")]
Whole = Annotated[int, Stored.whole]
WholeOrNone = Annotated[int | None, Stored.whole_or_none]
Count = Annotated[int, Stored.count]
Pid = Annotated[int, partial(Stored.count, least=1)]
Number = Annotated[float, Stored.number]
Time = Annotated[float, Stored.time]

T = TypeVar("T")


def loaded(kind: Callable[..., T], fields: Stored) -> T:
    """A record from what a file holds. Raises ValueError if it is damaged, or of another version."""
    return kind(**{name: read(fields, name) for name, read in _readers(kind).items()})


@cache
def _readers(kind: Callable[..., object]) -> dict[str, Callable[[Stored, str], Any]]:
    return {name: hint.__metadata__[0] for name, hint in get_type_hints(kind, include_extras=True).items()}


def _holder(fields: Stored, name: str) -> Holder:
    return Holder.load(fields.object(name))


def _calls(fields: Stored, name: str) -> bool:
    return fields.flag(name) if fields.has(name) else True  # an older version writes none


class Note(NamedTuple):
    """A process's note of an incident that it has met. `at` is in seconds since 1970."""

    state: Annotated[State, partial(Stored.one_of, allowed=get_args(State))]
    incident: Text
    kind: Text
    holder: Annotated[Holder, _holder]
    rank: Count
    at: Time
    run: Annotated[str | None, Stored.text_or_none]
    text: OptionalText = ""
    id: OptionalText = ""
    notifier: Annotated[dict[str, Any] | None, Stored.dict_or_none] = None
    level: Annotated[Level, partial(Stored.known, allowed=LEVELS, default="info")] = "info"
    calls: Annotated[bool, _calls] = True

    def message(self, note: str) -> Message:
        """The message that the process was sending, with a list item on why another process sends it."""
        if self.state == "deferred":  # as it was meant to be
            return Message(self.text, self.id, self.level, self.calls)
        head, blank, rest = self.text.partition("\n\n")
        text = f"{head}\n\n{note}\n{rest}" if blank else f"{head}\n\n{note}"
        return Message(text, self.id, self.level, self.calls)


class Leave(NamedTuple):
    """How a process that had met an incident left: because of ``it``, by ``exit``, or for something ``other``."""

    by: Annotated[By, partial(Stored.one_of, allowed=get_args(By))]
    at: Time


class Beat(NamedTuple):
    """A rank's progress: steps; seconds since the last and of the slowest; whether its own watchdog sees a stall."""

    rank: Count
    steps: Count
    idle: Number
    stalled: Annotated[bool, Stored.flag]
    slowest: Number
    at: Time


class Failure(NamedTuple):
    """A rank that torchrun's agent has seen fail. `code` is minus the signal if one killed it.

    `logs` is the rank's folder among torchrun's log files.
    """

    rank: WholeOrNone
    local_rank: WholeOrNone
    pid: Count
    code: Whole
    at: Time
    error_file: OptionalText = ""
    logs: OptionalText = ""


def _failures(fields: Stored, name: str) -> list[Failure]:
    return [loaded(Failure, Stored(failure)) for failure in fields.items(name)]


def _frames(fields: Stored, name: str) -> list[tuple[str, int, str]]:
    return [_frame(frame) for frame in fields.items(name)]


def _frame(frame: object) -> tuple[str, int, str]:
    match frame:
        case [str(file), int(line), str(function)]:
            return file, line, function
        case _:
            raise ValueError("it is no frame")


class End(NamedTuple):
    """What ended a Python process, as the process itself recorded it. `at` is in seconds since 1970.

    `type` is the exception's name as a traceback shows it, "SystemExit" if the program called ``sys.exit``; `code` the
    exit code of Python; `child` the exit code of the process that a launcher's exception is about; `failures` the ranks
    that torchrun's agent saw fail; `frames` file, line and function, outermost first.
    """

    pid: Pid
    at: Time
    type: Text
    message: Text
    code: Whole
    rank: WholeOrNone = None
    traceback: OptionalText = ""
    frames: Annotated[Sequence[tuple[str, int, str]], _frames] = ()
    child: WholeOrNone = None
    failures: Annotated[Sequence[Failure], _failures] = ()


class Restart(NamedTuple):
    """torchrun's agent starts its ranks again, after attempt number `attempt`, which `failures` have ended."""

    pid: Pid
    at: Time
    attempt: Count
    attempts: Count
    failures: Annotated[Sequence[Failure], _failures] = ()
