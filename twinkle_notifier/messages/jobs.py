"""The jobs of a sweep: how each ended, as the alert of the sweep's end says it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from twinkle_notifier.messages.catalog import listed, phrase
from twinkle_notifier.messages.wording import number
from twinkle_notifier.runtime.stored import Stored

_KINDS = 5  # of errors that are named


class Job(NamedTuple):
    """One job. One that is not `over` still runs, or its process is gone.

    `value` is a finite number as a text, for a loss that diverges may have any size, or empty; `kind` the fingerprint
    of the error; `left_by` the error around it that leaves the job, if that is another one.
    """

    number: int
    settings: str
    over: bool = False
    value: str = ""
    error: str = ""
    at: str = ""
    kind: str = ""
    left_by: str = ""

    @classmethod
    def load(cls, stored: Stored) -> Job:
        """From the fields of JSON. Raises ValueError if one is wrong."""
        return cls(
            number=stored.whole("number"),
            settings=stored.text("settings"),
            over=stored.flag("over"),
            value=_checked(stored.text("value")),
            error=stored.text("error"),
            at=stored.text("at"),
            kind=stored.text("kind"),
            left_by=stored.text("left_by"),
        )


Fact = tuple[str, str]


def _checked(value: str) -> str:
    if value and not math.isfinite(float(value)):
        raise ValueError("its field 'value' is no finite number")
    return value


def not_fine(jobs: Sequence[Job]) -> int:
    """How many have failed, or have no end."""
    return sum(bool(job.kind) or not job.over for job in jobs)


def facts(jobs: Sequence[Job], direction: str, language: str) -> list[Fact]:
    """How many ended how, the best value, and which errors how often; for `Progress.facts`.

    `direction`: ``minimize`` or ``maximize``; of anything else, the lowest and the highest value are named.
    """
    return [("Jobs", _counts(jobs, language)), *_values(jobs, direction, language), *_errors(jobs, language)]


def _counts(jobs: Sequence[Job], language: str) -> str:
    failed = sum(bool(job.kind) for job in jobs)
    lost = sum(not job.over for job in jobs)
    counts = (
        ("{number} in all", len(jobs)),
        ("{number} fine", len(jobs) - failed - lost),
        ("{number} failed", failed),
        ("{number} without an end", lost),
    )
    return listed(language, *(phrase(language, text, number=count) for text, count in counts if count))


def _worth(job: Job) -> float:
    return float(job.value)


def _values(jobs: Sequence[Job], direction: str, language: str) -> list[Fact]:
    found = [job for job in jobs if job.value]
    if not found:
        return []

    def shown(choose: Callable[..., Job]) -> str:
        best = choose(found, key=_worth)
        return phrase(language, "{value}, by job {number}: {settings}", value=number(float(best.value)), **_of(best))

    if direction in ("minimize", "maximize"):
        return [("Best value", shown(min if direction == "minimize" else max))]
    lowest, highest = shown(min), shown(max)
    return [("Value", lowest)] if lowest == highest else [("Lowest value", lowest), ("Highest value", highest)]


def _errors(jobs: Sequence[Job], language: str) -> list[Fact]:
    """The most frequent kind first; of equally many, the first."""
    often = Counter(job.kind for job in jobs if job.kind).most_common()
    lines: list[str] = []
    for kind, times in often[:_KINDS]:
        first = next(job for job in jobs if job.kind == kind)
        text = (
            "{times} × {error}, at {at}; first in job {number}: {settings}"
            if first.at
            else "{times} × {error}; first in job {number}: {settings}"
        )
        lines.append(phrase(language, text, times=times, error=first.error, at=first.at, **_of(first)))
    if len(often) > _KINDS:
        lines.append(phrase(language, "and {number} more", number=len(often) - _KINDS))
    return [("Error", line) for line in lines]


def _of(job: Job) -> dict[str, object]:
    return {"number": job.number, "settings": job.settings or "-"}
