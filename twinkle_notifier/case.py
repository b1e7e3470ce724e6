"""An exception as the caller knows it, and what is seen of it before anybody is told."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from twinkle_notifier import claims, foreign, history
from twinkle_notifier.claims.store import Store
from twinkle_notifier.collateral import is_collateral
from twinkle_notifier.fingerprint import fingerprint
from twinkle_notifier.report import Progress, Report, default_name
from twinkle_notifier.runtime import Where, process_start

_SECONDS = 4.0  # to look at it; its source files, and the folder of its past, may lie on a disk that is gone

How = Literal["cause", "collateral", "preempted"]


@dataclass(frozen=True)
class Case:
    """An exception, as the caller knows it."""

    exc: BaseException
    name: str
    context: str
    progress: Progress
    mark: claims.Mark
    store: Store | None
    earlier: Sequence[tuple[str, float]]  # incidents that a checkpoint knows of, and their times

    @classmethod
    def of(
        cls,
        exc: BaseException,
        name: str | None,
        context: str,
        progress: Progress | None,
        mark: claims.Mark | None,
        store: Store | None,
        earlier: Sequence[tuple[str, float]],
    ) -> Case:
        """What `notify_exception` was given, or what stands for it."""
        since = mark or claims.Mark(process_start())
        return cls(exc, str(name or default_name()), str(context), progress or Progress(), since, store, earlier)


@dataclass
class Look:
    """What is seen of an exception, and known of earlier ones: of one that hangs, or raises, less."""

    case: Case
    where: Where
    channel: str
    report: Report
    fingerprint: str
    past: history.Past
    follows: bool = False  # from another rank's

    @classmethod
    def at(cls, case: Case, where: Where, channel: str) -> Look:
        """Look at the exception of `case`, and at its past, for 4 s at most. Never raises."""
        kind = type(case.exc)
        bare = Report.bare(kind, name=case.name, context=case.context, where=where, progress=case.progress)
        look = cls(case, where, channel, bare, _digest(case.name, case.context, kind.__qualname__), history.unknown([]))
        # The exception is the user's: to look at it may raise, or hang. Its type alone is better than nothing. All in
        # one call, step by step: to hand each step to a thread takes longer than the step.
        answer = foreign.call(look._closely, _SECONDS)
        return replace(look, report=look.report.untraced(answer.error))  # a copy: what comes late comes too late

    def _closely(self) -> None:
        case, words = self.case, {"name": self.case.name, "context": self.case.context}
        self.report = Report.of(case.exc, **words, where=self.where, progress=case.progress)
        self.follows = self.where.world_size > 1 and is_collateral(case.exc)
        self.fingerprint = fingerprint(case.exc, self.report.kind, **words)
        earlier = [at for known, at in case.earlier if known == self.key]
        self.past = history.unknown(earlier)
        self.report = self.report.traced(case.exc)
        self.past = history.look(self.key, case.mark.at.wall, earlier)

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


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
