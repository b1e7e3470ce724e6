"""How far a training got, what a crash has cost it, and how to go on."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from twinkle_notifier import isolation
from twinkle_notifier.budgets import PROGRESS
from twinkle_notifier.diagnosis.memory_growth import Growth
from twinkle_notifier.isolation import safe
from twinkle_notifier.messages.catalog import fact, facts, listed, phrase
from twinkle_notifier.messages.sanitize import line, path
from twinkle_notifier.messages.sparkline import curve
from twinkle_notifier.messages.wording import duration, number

_PATH = 300  # characters of a path
_FACT = 600  # characters of another fact
_MOST_FACTS = 30
_METRICS = 30  # that are shown
_MOST_METRICS = 1_000  # that are read
_METRIC = 60  # characters of a metric's name
_READING = 0.5  # seconds
_LONGEST = 1e9  # seconds
_MOST_VALUES = 10_000  # that are read
_VALUES = 60  # of a curve

T = TypeVar("T")


class Progress(NamedTuple):
    """How far a training got, according to its trainer. What is unknown is None or empty, as an unreadable metric.

    `resume`: what continues the run from the last checkpoint, to copy: an option, a line of code. `of_steps`: how many
    steps it was to take. `seconds`: since it began. `saved_seconds` and `saved_steps`: since the last checkpoint.
    `history`: the last values of the metric `history_of`, oldest first. `processes`: how many train; `on_gpus`: each
    on a GPU. `growth`: of the memory in use on the device; `TrainingRun.log` finds it. `facts`: what else a message
    says, as names and values.
    """

    epoch: float | None = None
    step: int | None = None
    metrics: Mapping[str, float | None] = {}  # a mapping, which nobody changes
    best_checkpoint: str = ""
    why_ended: str = ""
    last_checkpoint: str = ""
    resume: str = ""
    of_steps: int | None = None
    seconds: float | None = None
    saved_seconds: float | None = None
    saved_steps: int | None = None
    history: Sequence[float] = ()
    history_of: str = ""
    processes: int = 1
    on_gpus: bool = False
    growth: Growth | None = None
    facts: Sequence[tuple[str, str]] = ()

    @classmethod
    def of(cls, given: object) -> Progress:
        """The progress that a caller gave, in plain values: it may hold tensors, or be of any type."""
        if not issubclass(type(given), Progress):
            return cls()

        def value_of(name: str) -> Any:
            return isolation.tried(lambda: getattr(given, name)).value

        def metrics() -> list[tuple[object, object]]:
            return list(islice(value_of("metrics").items(), _MOST_METRICS))

        def history() -> tuple[float, ...]:
            return tuple(_values(value_of("history")))

        def more() -> tuple[tuple[str, str], ...]:
            pairs = [(_text(name), _text(value)) for name, value in islice(value_of("facts"), _MOST_FACTS)]
            return tuple((name, value) for name, value in pairs if not set("{}") & set(name))  # of no phrase

        texts: dict[str, Any] = {name: _text(value_of(name)) for name in _TEXTS}
        numbers: dict[str, Any] = {name: _count(value_of(name)) for name in ("epoch", "step", "of_steps")}
        numbers |= {name: _finite(value_of(name)) for name in ("seconds", "saved_seconds")}
        numbers["saved_steps"] = safe.finite(found) if type(found := value_of("saved_steps")) is int else None
        numbers["growth"] = Growth.of(value_of("growth"))
        plain = {_text(name): _metric(value) for name, value in _within(metrics) or []}
        return cls(**texts, **numbers, metrics=plain, history=_within(history) or (), facts=_within(more) or ())

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

    def lines(self, language: str = "en", *, failed: bool = False) -> list[str]:
        """Markdown list items; after a failure with what is lost, and how to go on."""
        return facts(
            *(fact(language, name, line(value, _FACT)) for name, value in self.facts),
            fact(language, "Ended because", line(self.why_ended, _PATH)),
            fact(language, "Progress", self._reached(language)),
            fact(language, "Metrics", self._metrics(language)),
            fact(language, "Best checkpoint", self._best(language)),
            fact(language, "Last checkpoint", "" if failed and self.resume else self._last()),
            self._lost(language) if failed else "",
            fact(language, "To go on", path(self.resume, _PATH) if failed else ""),
        )

    def _reached(self, language: str) -> str:
        step, of_steps = number(self.step), number(self.of_steps)
        steps = phrase(
            language, "step {step} of {of_steps}" if of_steps else "step {step}", step=step, of_steps=of_steps
        )
        epoch = phrase(language, "epoch {epoch}", epoch=number(self.epoch)) if self.epoch is not None else ""
        took = phrase(language, "after {duration}", duration=duration(self.seconds, language)) if self.seconds else ""
        return listed(language, steps if step else "", epoch, took)

    def _lost(self, language: str) -> str:
        """What a run loses that goes on from the last checkpoint."""
        if self.saved_seconds is None:
            return ""
        since, wide = duration(self.saved_seconds, language), self.processes
        text = "{steps} step" if self.saved_steps == 1 else "{steps} steps"
        steps = phrase(language, text, steps=_parted(self.saved_steps)) if self.saved_steps is not None else ""
        kind = "{number} GPUs" if self.on_gpus else "{number} processes"
        ranks = phrase(language, kind, number=wide) if wide > 1 else ""
        return fact(language, "Lost since the last checkpoint", listed(language, since, steps, ranks))

    def curve(self, language: str = "en") -> str:
        """The last values of the metric, as a list item; empty if there are too few."""
        shown = curve(self.history, language)
        return f"- {line(self.history_of or 'loss', _METRIC)}: {shown}" if shown else ""

    def _best(self, language: str) -> str:
        best = path(self.best_checkpoint, _PATH)
        if best and self.best_checkpoint == self.last_checkpoint:
            return phrase(language, "{path} (also the last)", path=best)
        return best

    def _last(self) -> str:
        return "" if self.best_checkpoint == self.last_checkpoint else path(self.last_checkpoint, _PATH)

    def _metrics(self, language: str) -> str:
        drawn = self.history_of if isolation.tried(self.curve).value else ""
        unreadable = phrase(language, "unreadable")
        shown = [
            phrase(
                language,
                "{metric} {value}",
                metric=line(str(name), _METRIC),
                value=unreadable if value is None else number(value),
            )
            for name, value in self.metrics.items()
            if name != drawn  # its line says the last value, too
        ]
        some = listed(language, *shown[:_METRICS])
        if len(shown) > _METRICS:
            return phrase(language, "{shown} and {number} more", shown=some, number=len(shown) - _METRICS)
        return some


_TEXTS = ("best_checkpoint", "why_ended", "last_checkpoint", "resume", "history_of")
_NUMBERS = ("epoch", "step", "of_steps", "seconds", "saved_seconds", "saved_steps", "processes")


def _parted(steps: int) -> str:
    """``1,180``; as it is where no run takes so many steps."""
    return f"{steps:,}" if abs(steps) < _LONGEST else number(steps)


def _finite(value: object) -> float | None:
    """Seconds, if they are any."""
    return float(value) if type(value) in (int, float) and 0 <= value < _LONGEST else None  # type: ignore[operator, arg-type]


def _count(value: object) -> Any:
    """As `_plain`; None also for a number that counts nothing: NaN, infinity, an int of 400 digits."""
    found = _plain(value)
    return found if type(found) is str else safe.finite(found)


def _text(value: object) -> str:
    return str(_plain(value) or "") if value is not None else ""


def _plain(value: object) -> Any:
    """`value`, or its text, in a quarter of the time that is left: so some is left for the others. None: it hangs."""
    if safe.is_plain(value):
        return value
    return isolation.call(lambda: safe.text(value), isolation.remaining() / 4).value


def _metric(value: object) -> Any:
    """As `_plain`; None also where its text is empty."""
    found = _plain(value)
    return None if type(found) is str and not found else found


def _within(read: Callable[[], T]) -> T | None:
    """What `read` gives in half a second, and in a quarter of the time that is left. None: it hangs or raises."""
    return isolation.call(read, min(_READING, isolation.remaining() / 4)).value


def _answered(question: Callable[[], Any], until: float) -> Any:
    """The answer, waited for during a quarter of the time that is left: so some is left for the next question."""
    return isolation.call(question, (until - time.monotonic()) / 4).value


def _read(read: Callable[[Any], Any], question: Callable[[], Any]) -> Any:
    answer = question()
    return None if answer is None else read(answer)


def _as_number(value: Any) -> float:
    """It may raise anything, and does for an int that is larger than a float can be."""
    found = float(value)
    return value if type(value) is int else found


def _pairs(metrics: Mapping[object, Any]) -> list[tuple[str, Any]]:
    return [(str(name), value) for name, value in metrics.items()]


def _values(values: Iterable[Any]) -> list[float]:
    """Those that can be read; a tensor on a broken device cannot."""
    kept = list(islice(values, _MOST_VALUES))[-_VALUES:]  # it may have no end
    answers = (isolation.tried(functools.partial(_as_number, value)) for value in kept)
    return [answer.result() for answer in answers if answer.returned]


# How an answer is read; others are texts.
_READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_NUMBERS, _as_number),
    "metrics": _pairs,
    "history": _values,
}
