"""What an alert says: the report of an exception, the progress, the ranks; and its Markdown."""

from __future__ import annotations

import builtins
import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.budgets import PROGRESS
from twinkle_notifier.exceptions import traceback_text
from twinkle_notifier.exceptions.frames import innermost_own
from twinkle_notifier.exceptions.kind import kind_of
from twinkle_notifier.exceptions.remote import Remote, remote, words
from twinkle_notifier.isolation import safe
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.markdown import fence
from twinkle_notifier.messages.message import Level
from twinkle_notifier.messages.sanitize import block, line, path
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.ranks import FOLLOWER, all_ranks, compressed
from twinkle_notifier.runtime.run_name import default_name as default_name

_ONE_LINE = 300  # characters of an exception's message; the traceback shows all of it
_NAME = 100  # characters of a run's name, a type, a host
_PATH = 300  # characters of a path, a context, a place
_FACT = 1_000  # characters of a fact that an adapter gives
_METRICS = 30  # that are shown
_MOST_METRICS = 1_000  # that are read
_METRIC = 60  # characters of a metric's name
_VERBS = {"failed": "failed", "interrupted": "was interrupted", "preempted": "was preempted", "exited": "exited"}
_UNKNOWN = Attempt()
_CLEAN = ("", "0", "None")  # the texts of a SystemExit that is no failure


@dataclass(frozen=True)
class Progress:
    """How far a training got, according to its trainer. What is unknown is None or empty, as an unreadable metric."""

    epoch: float | None = None
    step: int | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    best_checkpoint: str = ""
    why_ended: str = ""
    last_checkpoint: str = ""

    @classmethod
    def of(cls, given: object) -> Progress:
        """The progress that a caller gave, in plain values: it may hold tensors, or be of any type."""
        if not issubclass(type(given), Progress):
            return cls()

        def value_of(name: str) -> Any:
            return isolation.tried(lambda: getattr(given, name)).value

        def metrics() -> list[tuple[object, object]]:
            return list(islice(value_of("metrics").items(), _MOST_METRICS))

        texts = {name: _text(value_of(name)) for name in ("best_checkpoint", "why_ended", "last_checkpoint")}
        plain = {_text(name): _plain(value) for name, value in isolation.tried(metrics).value or []}
        return cls(_plain(value_of("epoch")), _plain(value_of("step")), plain, **texts)

    @classmethod
    def asked(cls, **questions: Callable[[], object]) -> Progress:
        """A trainer's answers to `questions`, each for the field of its name. Takes two seconds at most; never raises.

        Each question is a call of its own, and so is each metric: if one raises or hangs, the others are still read.
        """
        # A fifth of the time is left for the last call to return.
        until = time.monotonic() + 0.8 * min(isolation.remaining(), PROGRESS)
        found: dict[str, Any] = {}
        for name, question in questions.items():
            answer = _answered(functools.partial(_read, _READ.get(name, str), question), until)
            if answer is not None:
                found[name] = answer
        found["metrics"] = {
            name: _answered(functools.partial(_as_number, value), until) for name, value in found.get("metrics", [])
        }
        return cls(**found)

    def lines(self) -> list[str]:
        """Markdown list items."""
        facts = {
            "Ended because": line(self.why_ended, _PATH),
            "Epochs": _number(self.epoch),
            "Steps": _number(self.step),
            "Metrics": self._metrics(),
            **self._checkpoints(),
        }
        return [f"- {name}: {text}" for name, text in facts.items() if text]

    def _checkpoints(self) -> dict[str, str]:
        best, last = path(self.best_checkpoint, _PATH), path(self.last_checkpoint, _PATH)
        if best and self.best_checkpoint == self.last_checkpoint:
            return {"Best checkpoint": f"{best} (also the last)"}
        return {"Best checkpoint": best, "Last checkpoint": last}

    def _metrics(self) -> str:
        shown = [
            f"{line(str(name), _METRIC)} {'unreadable' if value is None else _number(value)}"
            for name, value in self.metrics.items()
        ]
        more = f" and {len(shown) - _METRICS} more" if len(shown) > _METRICS else ""
        return ", ".join(shown[:_METRICS]) + more


@dataclass(frozen=True)
class Report:
    """An exception and where it was raised, without the exception object, which would keep its frames alive."""

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
        """Describe `exc`, or the error of another process that it reports; for the traceback see `traced`."""
        there = remote(exc) or Remote(safe.type_name(type(exc)), words(exc), "")
        return cls(
            name=name,
            context=context,
            kind=kind_of(exc),
            type=there.type,
            message=there.message,
            at=there.at() or innermost_own(safe.slot(exc, "__traceback__")),
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
        """The report of an exception of type `kind` that cannot be read."""
        words = "it cannot be looked at"
        return cls(name, context, "failed", safe.type_name(kind), words, "", words, where, now(), progress)

    def traced(self, exc: BaseException) -> Report:
        """The same with the traceback. It reads source files, which may be on a disk that hangs."""
        return self if self.traceback else replace(self, traceback=traceback_text.formatted(exc))

    def untraced(self, why: BaseException | None) -> Report:
        """The same without a traceback, as `traced` raised `why`, or did not return (None)."""
        instead = f"{self.type} (its traceback cannot be shown: {reason(why)})"
        return self if self.traceback else replace(self, traceback=instead)

    def headline(self, attempt: Attempt = _UNKNOWN) -> str:
        """One line: the run, how this `attempt` ended, and the error."""
        error = f"{self.type}: {self.message}" if self.message else self.type
        what = f"{line(self.name, _NAME)} {self._fate(attempt)}"
        return f"{what}: {line(error, _ONE_LINE)}" if self.kind in ("failed", "exited") else what

    def _fate(self, attempt: Attempt) -> str:
        # torchrun restarts runs that failed, not those that a person or a scheduler ended.
        verb = _VERBS[self.kind]
        if not self._is_failure():
            # But it restarts the run if a single rank was preempted, which is not known here.
            return f"{verb} in {attempt}" if self.kind == "preempted" and attempt.is_followed() else verb
        if attempt.is_followed():
            return f"restarts after {attempt}"
        return f"{verb} for good in {attempt}" if attempt.is_last() else verb

    def _is_failure(self) -> bool:
        return self.kind == "failed" or (self.kind == "exited" and self.message not in _CLEAN)

    def level(self, attempt: Attempt = _UNKNOWN) -> Level:
        """How urgent it is: a failure after which this `attempt` is followed by another is a warning."""
        return "error" if self._is_failure() and not attempt.is_followed() else "warning"

    def markdown(self, extra: Sequence[str] = (), attempt: Attempt = _UNKNOWN) -> str:
        """The message for people. `extra` are list items that follow the rank."""
        where, kind = self.where, f"**{line(self.type, _NAME)}**"
        if self.kind == "interrupted" and self.type == "CancelledError":  # as asyncio reports it
            kind = "**KeyboardInterrupt** (Ctrl-C)"
        lines = [
            f"### {self.headline(attempt)}",
            "",
            _run(self.name, attempt),
            *([f"- Context: {line(self.context, _PATH)}"] if self.context else []),
            f"- Error: {kind}: {line(self.message, _ONE_LINE)}" if self.message else f"- Error: {kind}",
            *([f"- At: {line(self.at, _PATH)}"] if self.at else []),
            f"- Rank: {where.rank}, in a worker of this process"
            if self.in_worker
            else f"- Rank: {where.rank} of {where.world_size} (local rank {where.local_rank})",
            *(line(item, _FACT) for item in extra),
            f"- Host: {line(where.hostname, _NAME)}, PID {where.pid}, Python {where.python}",
            f"- Time: {self.time}",
            *self.progress.lines(),
        ]
        return "\n".join(lines) + "\n\n" + fenced(block(self.traceback))


def _run(name: str, attempt: Attempt) -> str:
    return f"- Run: {', '.join(filter(None, (line(name, _NAME), str(attempt))))}"


def milestone(headline: str, name: str, where: Where, facts: list[str], attempt: Attempt = _UNKNOWN) -> str:
    """The message about something that is no failure, as a start or an end."""
    world = f", {where.world_size} ranks" if where.world_size > 1 else ""
    host = f"- Host: {line(where.hostname, _NAME)}{world}"
    items = (line(fact, _FACT) for fact in facts)
    return "\n".join([f"### {line(headline, _ONE_LINE)}", "", _run(name, attempt), *items, host, f"- Time: {now()}"])


def now() -> str:
    """The local time, with its zone."""
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
    marks = fence(text)
    return f"{marks}\n{text.rstrip()}\n{marks}"


def _text(value: object) -> str:
    return safe.text(value) if value is not None else ""


def _plain(value: object) -> Any:
    return value if safe.is_plain(value) else safe.text(value)


def _number(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else line(safe.text(value), _METRIC)


def _answered(question: Callable[[], Any], until: float) -> Any:
    """The answer, waited for during a quarter of the time that is left: so some is left for the next question."""
    return isolation.call(question, (until - time.monotonic()) / 4).value


def _read(read: Callable[[Any], Any], question: Callable[[], Any]) -> Any:
    answer = question()
    return None if answer is None else read(answer)


def _as_number(value: Any) -> float:
    return value if type(value) in (int, float) else float(value)


def _pairs(metrics: Mapping[object, Any]) -> list[tuple[str, Any]]:
    return [(str(name), value) for name, value in metrics.items()]


_READ: dict[str, Callable[[Any], Any]] = {"epoch": _as_number, "step": _as_number, "metrics": _pairs}  # others: str


_HOSTS = 3  # that are named


def rank_lines(members: Iterable[str], where: Where) -> list[str]:
    """Markdown list items: the ranks of the incident, and those with secondary errors. Empty for a single process."""
    if where.world_size == 1:
        return []
    own = [name for name in members if not name.startswith(FOLLOWER)] or [f"{where.rank}@{where.hostname}"]
    followers = [name.removeprefix(FOLLOWER) for name in members if name.startswith(FOLLOWER)]
    shown = [f"- Ranks: {_places(own, where.world_size)}"]
    return shown + ([f"- Errors that follow from it: {_places(followers, where.world_size)}"] if followers else [])


def missing_ranks(members: Iterable[str], where: Where) -> str:
    """The ranks of the run that are not among `members`."""
    return compressed(set(range(where.world_size)) - all_ranks(members))


def _places(members: list[str], world_size: int) -> str:
    ranks = all_ranks(members)
    hosts = sorted({name.partition("@")[2] for name in members})
    more = f" and {len(hosts) - _HOSTS} more" if len(hosts) > _HOSTS else ""
    where = f" on {', '.join(hosts[:_HOSTS])}{more}" if len(ranks) < world_size else ""
    which = f"rank {compressed(ranks)}" if len(ranks) == 1 else compressed(ranks)  # "2 of 4" reads as a number of ranks
    return f"{which} of {world_size}{where}"
