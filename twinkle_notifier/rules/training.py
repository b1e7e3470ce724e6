"""The training whose metrics are looked at, and which of its ranks decides about a metric.

Rank 0 decides about what it logs, any other rank about what only that one logs. So rank 0 lets the others know the
names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from twinkle_notifier import claims
from twinkle_notifier.claims.store import Access, Store, tolerated
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.runtime.language import Language
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Instant
from twinkle_notifier.runtime.stored import hashed


class Training(NamedTuple):
    """The training whose metrics are looked at: whom to alert, and as what."""

    notifier: Callable[[], Callable[[str], object] | None]
    name: str
    store: Store | None
    mark: claims.Watermark  # when it began
    language: Language
    number: int  # among those of this process
    progress: Callable[[], Progress]


def note_logged(names: Iterable[str], training: Training) -> None:
    """Rank 0 lets the others know what it logs."""
    if training.notifier() is None:
        return

    def join(access: Access) -> None:
        for name in names:
            access.ask(lambda store, name=name: store.join(_key(training), _member(name, store)))  # type: ignore[misc]

    complaint = "the other ranks do not learn which metrics rank 0 logs"
    tolerated(complaint, lambda: claims.with_store(Where.here(), training.store, join), None)


def rank_zero_logs(names: Iterable[str], training: Training) -> bool:
    """Whether rank 0 logs all of these metrics in this training."""

    def members(access: Access) -> set[str]:
        return access.ask(lambda store: store.members(_key(training)))

    nobody: set[str] = set()
    complaint = "it is not known which metrics rank 0 logs"
    found = tolerated(complaint, lambda: claims.with_store(Where.here(), training.store, members), nobody)
    known = {name for member in found if (name := _name_in(member, training.mark))}
    return {_hashed(name) for name in names} <= known


def _key(training: Training) -> str:
    return f"logged-{_hashed(training.name)}"


def _hashed(text: str) -> str:
    return hashed(text, errors="replace")


def _member(name: str, store: Store) -> str:
    """A metric that rank 0 logs, and when it began to: the store may be older than this training."""
    at = Instant.now()
    return f"{_hashed(name)}-{_hashed(at.boot)}-{at.since_boot:.6f}-{at.wall:.6f}-{store.sequence(1)}"


def _name_in(member: str, mark: claims.Watermark) -> str:
    """The metric of a member; "" if rank 0 of an earlier training has joined it, or something else."""
    try:
        name, boot, since_boot, wall, sequence = member.split("-")
        at = Instant(mark.at.boot if boot == _hashed(mark.at.boot) else boot, float(since_boot), float(wall))
        return name if mark.is_before(at, None if sequence == "None" else int(sequence)) else ""
    except ValueError:
        return ""
