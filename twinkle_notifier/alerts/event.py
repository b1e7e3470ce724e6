"""An exception as the caller knows it, and what is seen of it before anybody is told."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from twinkle_notifier import claims, isolation
from twinkle_notifier.alerts import crash_loop
from twinkle_notifier.alerts.dedupe import Block
from twinkle_notifier.budgets import EVENT
from twinkle_notifier.claims.store import Store
from twinkle_notifier.exceptions.collateral import is_collateral
from twinkle_notifier.exceptions.fingerprint import fingerprint
from twinkle_notifier.isolation import safe
from twinkle_notifier.messages.report import Progress, Report, default_name
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Instant, process_start
from twinkle_notifier.runtime.stored import hashed

_PROGRESS = 1.0  # seconds for what a trainer gives: tensors of a broken GPU may never answer
_NONE: Sequence[tuple[str, float]] = ()
_EARLIER = 10_000  # incidents of a run's past

How = Literal["cause", "collateral", "preempted"]


@dataclass(frozen=True)
class Event:
    """An exception, as the caller knows it."""

    exc: BaseException
    name: str
    context: str
    progress: Progress
    mark: claims.Watermark
    store: Store | None
    earlier: Sequence[tuple[str, float]]  # incidents that a checkpoint knows of, and their times
    block: Block | None = None  # of `watch`, in which it was met

    @classmethod
    def of(
        cls,
        exc: BaseException,
        name: str | None,
        context: str,
        progress: Progress | None,
        mark: claims.Watermark | None,
        store: Store | None,
        earlier: Sequence[tuple[str, float]],
        block: Block | None = None,
    ) -> Event:
        """What `notify_exception` was given, or what stands for it."""
        called = (safe.text(name) if name is not None else "") or default_name()
        reached = isolation.call(lambda: Progress.of(progress), _PROGRESS).value if progress is not None else None
        place = safe.text(context, "<its __str__ {}>")
        known = isolation.call(lambda: _times(earlier), _PROGRESS).value if earlier is not _NONE else None
        return cls(exc, called, place, reached or Progress(), _usable(mark), store, known or _NONE, block)

    @property
    def since(self) -> Instant:
        """From when on the same exception may have been told: it began then, or its block did."""
        block = self.block
        while block is not None and block.handled == id(self.exc):  # it was there before the block was
            block = block.around
        entered = block.entered if block is not None else self.mark.at
        return entered if entered.after(self.mark.at) else self.mark.at

    @classmethod
    def alone(cls, exc: BaseException) -> Event:
        """`exc` without anything else that is known."""
        return cls(exc, default_name(), "", Progress(), claims.Watermark(process_start()), None, ())


def _usable(mark: object) -> claims.Watermark:
    """`mark`; by default, and in place of anything else than a mark of finite times, this process's start."""
    read = claims.Watermark.load(isolation.tried(mark.dump).value or b"") if type(mark) is claims.Watermark else None
    usable = read is not None and math.isfinite(read.at.since_boot) and math.isfinite(read.at.wall)
    return read if read is not None and usable else claims.Watermark(process_start())


def _times(earlier: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Those of `earlier` that are times."""
    known = [isolation.tried(functools.partial(_time, pair)).value for pair in islice(earlier, _EARLIER)]
    return [pair for pair in known if pair is not None]


def _time(pair: tuple[object, Any]) -> tuple[str, float] | None:
    incident, seconds = safe.text(pair[0]), float(pair[1])
    return (incident, seconds) if math.isfinite(seconds) and seconds >= 0 else None


@dataclass
class Snapshot:
    """What is seen of an exception, and known of earlier ones: of one that hangs, or raises, less."""

    case: Event
    where: Where
    channel: str
    report: Report
    fingerprint: str
    past: crash_loop.Past
    follows: bool = False  # from another rank's

    @classmethod
    def at(cls, case: Event, where: Where, channel: str) -> Snapshot:
        """Look at the exception of `case`, and at its past, for 4 s at most. Never raises."""
        kind = type(case.exc)
        bare = Report.bare(kind, name=case.name, context=case.context, where=where, progress=case.progress)
        look = cls(
            case, where, channel, bare, _digest(case.name, case.context, safe.type_name(kind)), crash_loop.unknown([])
        )
        # The exception is the user's: to look at it may raise, or hang. Its type alone is better than nothing. All in
        # one call, step by step: to hand each step to a thread takes longer than the step.
        answer = isolation.call(look._closely, EVENT)
        report = look.report.untraced(answer.error or answer.value)
        return replace(look, report=report)  # a copy: what comes late comes too late

    def _closely(self) -> BaseException | None:
        """What one step raises does not stop the next. Gives what kept the traceback from being shown."""
        isolation.tried(self._describe)
        isolation.tried(self._identify)
        why = isolation.tried(self._trace).error
        isolation.tried(self._remember)
        return why

    def _describe(self) -> None:
        case = self.case
        words = {"name": case.name, "context": case.context}
        self.report = Report.of(case.exc, **words, where=self.where, progress=case.progress)

    def _identify(self) -> None:
        self.follows = self.where.world_size > 1 and is_collateral(self.case.exc)
        self.fingerprint = fingerprint(self.case.exc, self.report.kind, self.case.name, self.case.context)
        self.past = crash_loop.unknown(self.earlier())

    def _trace(self) -> None:
        self.report = self.report.traced(self.case.exc)

    def _remember(self) -> None:
        self.past = crash_loop.look(self.key, self.case.mark.at.wall, self.earlier())

    def earlier(self) -> list[float]:
        """Times of the same that a checkpoint knows of."""
        return [at for known, at in self.case.earlier if known.partition(".")[0] == self.key]  # any occurrence

    @property
    def how(self) -> How:
        """What it is to the run: a cause, what only follows from one, or a signal's."""
        if self.where.world_size == 1:
            return "cause"
        if self.report.kind == "preempted":
            return "preempted"
        return "collateral" if self.follows else "cause"

    @property
    def key(self) -> str:
        """Under which the ranks agree on it."""
        if self.how == "cause":
            return f"{self.fingerprint}-{self.channel}"
        # One for the run, whatever it looked like on which rank.
        return f"{_digest(self.case.name)}-{self.how}-{self.channel}"


def bare(case: Event, where: Where) -> Report:
    """What is seen of the exception of `case` without its past, or what it is to others."""
    words = {"name": case.name, "context": case.context}
    seen = isolation.tried(lambda: Report.of(case.exc, **words, where=where, progress=case.progress)).value
    report = seen or Report.bare(type(case.exc), **words, where=where, progress=case.progress)
    answer = isolation.tried(lambda: report.traced(case.exc))
    return answer.value or report.untraced(answer.error)


def _digest(*parts: str) -> str:
    return hashed("\0".join(parts))
