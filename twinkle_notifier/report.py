"""What happened, frozen, and its Markdown."""

from __future__ import annotations

import builtins
import re
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from twinkle_notifier.foreign import text
from twinkle_notifier.frames import innermost_own, without_ours
from twinkle_notifier.remote import Remote, remote
from twinkle_notifier.runtime import Where

_ONE_LINE = 300  # characters of an exception's message above the traceback, which has all of it
_MARKERS = re.compile(r"[ |]+[\^~]+")  # the lines under a line of code; a phone has no room for them
_VERBS = {"failed": "failed", "interrupted": "was interrupted", "preempted": "was preempted", "exited": "exited"}


@dataclass(frozen=True)
class Progress:
    """How far a training got, as its trainer tells it. What is not known stays None or empty."""

    epoch: float | None = None
    step: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    best_checkpoint: str = ""
    why_ended: str = ""

    def lines(self) -> list[str]:
        """Markdown list items."""
        facts = {
            "Ended because": self.why_ended,
            "Epochs": _number(self.epoch),
            "Steps": _number(self.step),
            "Metrics": ", ".join(f"{name} {_number(value)}" for name, value in self.metrics.items()),
            "Best checkpoint": _inline(self.best_checkpoint),
        }
        return [f"- {name}: {text}" for name, text in facts.items() if text]


@dataclass(frozen=True)
class Report:
    """An exception and where it was raised, without the exception itself (which holds its frames alive)."""

    name: str
    context: str
    kind: str
    type: str
    message: str
    at: str
    traceback: str
    where: Where
    time: str
    progress: Progress = Progress()
    in_worker: bool = False

    @classmethod
    def of(cls, exc: BaseException, *, name: str, context: str, where: Where, progress: Progress) -> Report:
        """Describe `exc`, raised in this process, or in another for which it stands."""
        there = remote(exc) or Remote(type(exc).__qualname__, text(exc, "<its __str__ raised {}>"), _traceback(exc))
        return cls(
            name=name,
            context=context,
            kind=kind_of(exc),
            type=there.type,
            message=there.message,
            at=there.at() or innermost_own(exc.__traceback__),
            traceback=there.traceback,
            where=where if there.rank is None else replace(where, rank=there.rank, local_rank=there.rank),
            time=now(),
            progress=progress,
            in_worker=there.rank is not None,
        )

    @classmethod
    def bare(
        cls, kind: builtins.type[BaseException], *, name: str, context: str, where: Where, progress: Progress
    ) -> Report:
        """Of an exception of type `kind` that cannot be looked at."""
        words = "it cannot be looked at"
        return cls(name, context, "failed", kind.__qualname__, words, "", words, where, now(), progress)

    def headline(self) -> str:
        """One line: the run, what became of it, and the error."""
        error = f"{self.type}: {self.message}" if self.message else self.type
        what = f"{_inline(self.name)} {_VERBS[self.kind]}"
        return f"{what}: {_one_line(error)}" if self.kind in ("failed", "exited") else what

    def markdown(self, extra: Sequence[str] = (), attempt: str = "") -> str:
        """The message, for people. `extra` are list items that follow the rank; `attempt` as `runtime` tells it."""
        where = self.where
        lines = [
            f"### {self.headline()}",
            "",
            f"- Run: {_inline(self.name)}{', ' + attempt if attempt else ''}",
            *([f"- Context: {_inline(self.context)}"] if self.context else []),
            f"- Error: **{self.type}**: {_one_line(self.message)}" if self.message else f"- Error: **{self.type}**",
            *([f"- At: {_inline(self.at)}"] if self.at else []),
            f"- Rank: {where.rank}, in a worker of this process"
            if self.in_worker
            else f"- Rank: {where.rank} of {where.world_size} (local rank {where.local_rank})",
            *extra,
            f"- Host: {_inline(where.hostname)}, PID {where.pid}, Python {where.python}",
            f"- Time: {self.time}",
            *self.progress.lines(),
        ]
        return "\n".join(lines) + "\n\n" + fenced(self.traceback)


def milestone(headline: str, name: str, where: Where, facts: list[str]) -> str:
    """The message for something that is no failure: a start, an end."""
    head = [f"### {_one_line(headline)}", "", f"- Run: {_inline(name)}", *facts]
    world = f", {where.world_size} ranks" if where.world_size > 1 else ""
    return "\n".join([*head, f"- Host: {_inline(where.hostname)}{world}", f"- Time: {now()}"])


def kind_of(exc: BaseException) -> str:
    """``failed``, or ``interrupted`` (Ctrl-C), ``preempted`` (SIGTERM, as Lightning raises it), ``exited``."""
    if any(base.__name__ == "SIGTERMException" for base in type(exc).__mro__):
        return "preempted"
    if isinstance(exc, KeyboardInterrupt):
        return "interrupted"
    return "exited" if isinstance(exc, SystemExit) else "failed"


def default_name() -> str:
    """The script's name, for a run that was given none."""
    script = sys.argv[0].replace("\\", "/").rsplit("/", 1)[-1] if sys.argv else ""
    return script if script not in ("", "-c", "-m") else "training"


def now() -> str:
    """This moment in the local time zone, with the zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z (%Z)")


def duration(seconds: float) -> str:
    """``1 h 02 min``, ``3 min 07 s``, ``8 s``."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def fenced(text: str) -> str:
    """`text` as a code block that nothing in it can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text.rstrip()}\n{fence}"


def _traceback(exc: BaseException) -> str:
    try:
        told = traceback.TracebackException(type(exc), exc, without_ours(exc.__traceback__))
        lines = "".join(told.format()).splitlines()
        return "\n".join(line for line in lines if not _MARKERS.fullmatch(line))
    except Exception as error:  # a message without its traceback is better than none
        return f"{type(exc).__qualname__} (its traceback cannot be shown: {type(error).__name__})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _inline(text: str) -> str:
    """`text` on one line of a list."""
    return " ".join(text.split())


def _one_line(text: str) -> str:
    text = _inline(text)
    return text if len(text) <= _ONE_LINE else text[: _ONE_LINE - 1] + "…"
