"""Which rank stands where: what each tells of itself, and the message that puts it together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from twinkle_notifier.messages.report import Progress, duration, fenced, milestone
from twinkle_notifier.messages.sanitize import block, line
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.process import Holder, Instant
from twinkle_notifier.runtime.ranks import compressed
from twinkle_notifier.runtime.stored import Stored
from twinkle_notifier.stalls.stacks import Doing

_SHOWN = 6  # places whose stack is shown, and which are named
_HOST = 100  # characters of its name


@dataclass(frozen=True)
class RankStatus:
    """One rank that makes no step, as it tells the others."""

    rank: int
    hostname: str
    pid: int
    step: int | None
    doing: Doing
    moves: bool  # it was so, and is over
    holder: Holder
    at: Instant  # when it told

    def dump(self) -> bytes:
        """As stored."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes) -> RankStatus | None:
        """As stored; None for what cannot be read."""
        try:
            fields = Stored.read(data)
            return cls(
                fields.count("rank"),
                fields.text("hostname"),
                fields.count("pid"),
                fields.whole_or_none("step"),
                Doing.load(fields.object("doing")),
                fields.flag("moves"),
                Holder.load(fields.object("holder")),
                Instant.load(fields.object("at")),
            )
        except ValueError:
            return None


@dataclass(frozen=True)
class _Group:
    """Ranks that stand at one place."""

    stands: Sequence[RankStatus]

    @property
    def waits(self) -> bool:
        return self.stands[0].doing.waits

    @property
    def ranks(self) -> str:
        return named(stand.rank for stand in self.stands)

    def fact(self, world_size: int) -> str:
        if world_size == 1:
            return f"- At: {self.stands[0].doing.place()}"
        return f"- {self.ranks.capitalize()} of {world_size}: {self.stands[0].doing.place()}"

    def stacks(self, threads: bool) -> str:
        """The stack of one of them; of all its `threads` if there are not many."""
        stand = self.stands[0]
        step = "" if stand.step is None else f", after {stand.step} steps"
        heading = f"Rank {stand.rank}, {line(stand.hostname, _HOST)}, PID {stand.pid}{step}:"
        others = f"\n\n{stand.doing.others}" if threads and stand.doing.others else ""
        return f"{heading}\n\n{fenced(block(stand.doing.stack + others))}"


def markdown(name: str, stands: Sequence[RankStatus], where: Where, idle: float, progress: Progress) -> str:
    """The message of a run whose ranks `stands` have made no step for `idle` seconds; `where` is the one that tells."""
    groups, odd = _grouped(stands)
    missing = set(range(where.world_size)) - {stand.rank for stand in stands}
    headline = f"{name} has made no progress for {duration(idle)}{_why(groups, odd, missing, where)}"
    facts = [group.fact(where.world_size) for group in groups[:_SHOWN]]
    facts += [f"- And {len(groups) - _SHOWN} more places"] if len(groups) > _SHOWN else []
    if missing:
        perhaps = "progressing, ended, or holding Python's lock"
        facts.append(f"- Ranks that did not respond: {compressed(missing)} ({perhaps})")
    text = milestone(headline, name, where, [*facts, *progress.lines()], Attempt.here())
    shown = [group.stacks(threads=group in odd or len(groups) == 1) for group in groups[:_SHOWN]]
    return "\n\n".join([text, *shown])


def _grouped(stands: Sequence[RankStatus]) -> tuple[list[_Group], list[_Group]]:
    """All places, those first where the trouble likely is; and these."""
    places: dict[tuple[str, str], list[RankStatus]] = {}
    for stand in sorted(stands, key=lambda stand: stand.rank):
        places.setdefault(stand.doing.group(), []).append(stand)
    groups = sorted(map(_Group, places.values()), key=lambda group: len(group.stands))
    odd = list(_odd(groups))
    return odd + [group for group in groups if group not in odd], odd


def _odd(groups: list[_Group]) -> Iterator[_Group]:
    """Those that do not wait where others do; if that tells nothing, all but the largest."""
    if len({group.waits for group in groups}) == 2:
        yield from (group for group in groups if not group.waits)
    elif len(groups) > 1 and len(groups[-1].stands) > len(groups[-2].stands):
        yield from groups[:-1]


def _why(groups: list[_Group], odd: list[_Group], missing: set[int], where: Where) -> str:
    if where.world_size == 1:
        return ""
    if odd:
        ranks = {stand.rank for group in odd for stand in group.stands}
        return f": {named(ranks)} {'is' if len(ranks) == 1 else 'are'} stuck in a different place than the others"
    if missing and all(group.waits for group in groups):
        return f": {named(missing)} did not respond"
    if missing:
        return f": {named(stand.rank for group in groups for stand in group.stands)} of {where.world_size}"
    return f": all {where.world_size} ranks" + (" in the same place" if len(groups) == 1 else "")


def named(ranks: Iterable[int]) -> str:
    """``rank 3``, ``ranks 0-2, 5``."""
    ranks = set(ranks)
    return f"{'rank' if len(ranks) == 1 else 'ranks'} {compressed(ranks)}"
