"""An exception as the caller describes it, and what this process sees of it before an alert is sent."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

from twinkle_notifier import claims, isolation, settings
from twinkle_notifier.alerts import crash_loop, underway
from twinkle_notifier.alerts.dedupe import Block
from twinkle_notifier.alerts.workers import Met
from twinkle_notifier.budgets import EVENT
from twinkle_notifier.claims.store import Store
from twinkle_notifier.diagnosis import device_memory
from twinkle_notifier.diagnosis.evidence import of_exception
from twinkle_notifier.exceptions.collateral import is_collateral
from twinkle_notifier.exceptions.fingerprint import fingerprint
from twinkle_notifier.isolation import safe
from twinkle_notifier.messages.advice import advice
from twinkle_notifier.messages.advice import device_memory as memory_line
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.messages.report import Report
from twinkle_notifier.runtime.language import Language
from twinkle_notifier.runtime.language import language as language_of
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.process import Instant, process_start
from twinkle_notifier.runtime.run_name import default_name
from twinkle_notifier.runtime.stored import dumped, hashed, parsed

_PROGRESS = 1.0  # seconds to read what a trainer gives: tensors of a broken GPU may never answer
_CODE = 1.0  # seconds to read the source files of the user's own code
_ADVICE = 2.5  # seconds to find the likely cause; a device may be asked
_NONE: Sequence[tuple[str, float]] = ()
_EARLIER = 10_000  # incidents of a run's past

How = Literal["cause", "collateral", "preempted"]


class Event(NamedTuple):
    """An exception, as the caller of `notify_exception` describes it."""

    exc: BaseException
    name: str
    context: str
    progress: Progress
    mark: claims.Watermark
    store: Store | None
    earlier: Sequence[tuple[str, float]]  # incidents that a checkpoint knows of, and their times
    block: Block | None = None  # of `watch`, in which it was met
    language: Language = "en"
    diagnose: bool = True
    met: Met | None = None  # in workers of this process

    @classmethod
    def of(
        cls,
        exc: BaseException,
        name: str | None,
        context: str,
        progress: Progress | underway.Underway | None,
        mark: claims.Watermark | None,
        store: Store | None,
        earlier: Sequence[tuple[str, float]],
        block: Block | None = None,
        language: Language | None = None,
        diagnose: bool | None = None,
        met: Met | None = None,
    ) -> Event:
        """From the arguments of `notify_exception`. What is missing or cannot be read becomes a default."""
        run_name = (safe.text(name) if name is not None else "") or default_name()
        reached = isolation.call(lambda: _reached(progress), _PROGRESS).value if progress is not None else None
        place = safe.text(context, "<its __str__ {}>")
        known = isolation.call(lambda: _times(earlier), _PROGRESS).value if earlier is not _NONE else None
        return cls(
            exc,
            run_name,
            place,
            reached or Progress(),
            _usable(mark),
            store,
            known or _NONE,
            block,
            language_of(language),
            settings.diagnoses(diagnose),
            met,
        )

    @property
    def since(self) -> Instant:
        """Reports of the exception count from here on: from the run's begin, or from that of its block, if later."""
        block = self.block
        while block is not None and block.handled == id(self.exc):  # it is older than the block
            block = block.around
        entered = block.entered if block is not None else self.mark.at
        return entered if entered.after(self.mark.at) else self.mark.at

    @classmethod
    def alone(cls, exc: BaseException) -> Event:
        """`exc`, of which nothing else is known."""
        return cls(exc, default_name(), "", Progress(), claims.Watermark(process_start()), None, ())

    @property
    def attempt(self) -> Attempt:
        """Which start of the run it ended."""
        return self.met.attempt if self.met is not None else Attempt.here()

    def about(self, where: Where) -> dict[str, Any]:
        """What a report of it says beside the exception, seen from `where`, or from the worker that met it."""
        return {
            "name": self.name,
            "context": self.context,
            "where": where if self.met is None else self.met.where,
            "progress": self.progress,
            "language": self.language,
        }

    def report(self, where: Where) -> Report:
        """What is seen of the exception alone, without its traceback."""
        seen = isolation.tried(lambda: Report.of(self.exc, **self.about(where)))
        return seen.value or Report.bare(type(self.exc), **self.about(where))


def _usable(mark: object) -> claims.Watermark:
    """`mark` if it is one with finite times, else this process's start."""
    read = None
    if type(mark) is claims.Watermark:
        read = isolation.tried(lambda: parsed(claims.Watermark.load, dumped(mark))).value
    return read or claims.Watermark(process_start())


def _reached(progress: object) -> Progress | None:
    return progress.progress() if type(progress) is underway.Underway else Progress.of(progress)


def _times(earlier: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """The pairs of `earlier` that hold a time."""
    known = [isolation.tried(functools.partial(_time, pair)).value for pair in islice(earlier, _EARLIER)]
    return [pair for pair in known if pair is not None]


def _time(pair: tuple[object, Any]) -> tuple[str, float] | None:
    incident, seconds = safe.text(pair[0]), float(pair[1])
    return (incident, seconds) if math.isfinite(seconds) and seconds >= 0 else None


class Snapshot:
    """What is seen of an exception, and known of earlier ones: less where its own code hangs or raises."""

    def __init__(self, event: Event, where: Where, channel: str) -> None:
        kind = type(event.exc)
        self.event: Event = event
        self.where: Where = where
        self.channel: str = channel
        self.report: Report = Report.bare(kind, **event.about(where))
        self.fingerprint: str = _digest(event.name, event.context, safe.type_name(kind))
        self.past: crash_loop.Past = crash_loop.unknown([])
        self.is_secondary: bool = False

    @classmethod
    def at(cls, event: Event, where: Where, channel: str) -> Snapshot:
        """Look at the exception of `event`, and at its past, for 4 s at most. Never raises."""
        seen = cls(event, where, channel)
        # All steps in one call: to hand each to a thread would take longer than the step.
        answer = isolation.call(seen._closely, EVENT)
        found = cls.__new__(cls)  # not copy.copy, which imports copyreg: that fails at the interpreter's end
        vars(found).update(vars(seen))  # what is late is left
        found.report = found.report.untraced(answer.error or answer.value)
        return found

    def _closely(self) -> BaseException | None:
        """Each step is tried, whatever the one before raised. Returns why the traceback cannot be shown."""
        self.report = isolation.tried(lambda: self.event.report(self.where)).value or self.report
        isolation.tried(self._identify)
        shown = isolation.tried(lambda: traced(self.report, self.event.exc))
        self.report = shown.value or self.report
        isolation.tried(self._remember)
        return shown.error

    def _identify(self) -> None:
        self.is_secondary = self.where.world_size > 1 and is_collateral(self.event.exc)
        self.fingerprint = fingerprint(self.event.exc, self.report.kind, self.event.name, self.event.context)
        self.past = crash_loop.unknown(self.earlier())

    def _remember(self) -> None:
        self.past = crash_loop.look(self.key, self.event.mark.at.wall, self.earlier())

    def earlier(self) -> list[float]:
        """When the same happened, as far as a checkpoint knows."""
        return [at for known, at in self.event.earlier if known.partition(".")[0] == self.key]  # any occurrence

    @property
    def how(self) -> How:
        """What it is to the run: a root cause, a secondary error, or the effect of a signal."""
        if self.where.world_size == 1:
            return "cause"
        if self.report.kind == "preempted":
            return "preempted"
        return "collateral" if self.is_secondary else "cause"

    @property
    def key(self) -> str:
        """The key by which the ranks agree on the incident."""
        if self.how == "cause":
            return f"{self.fingerprint}-{self.channel}"
        # One for the whole run: it may look different on each rank.
        return f"{_digest(self.event.name)}-{self.how}-{self.channel}"


def traced(report: Report, exc: BaseException) -> Report:
    """`report` with the traceback of `exc`, or with the reason why that cannot be shown."""
    answer = isolation.tried(lambda: report.traced(exc))
    return answer.value or report.untraced(answer.error)


def explained(report: Report, event: Event) -> Report:
    """`report` with the user's own code and the likely cause, for the one rank that sends. What is late is left out."""
    exc = event.exc
    report = isolation.call(lambda: report.with_code(exc), _CODE).value or report
    if not event.diagnose or report.kind not in ("failed", "exited"):
        return report
    return report.advised(isolation.call(lambda: _advice(event, report.message), _ADVICE).value or [])


def _advice(event: Event, message: str) -> list[str]:
    memory = device_memory.facts(event.exc, message, event.progress.growth)
    return [*advice(of_exception(event.exc, memory), event.language), *memory_line(memory, event.language)]


def _digest(*parts: str) -> str:
    return hashed("\0".join(parts))
