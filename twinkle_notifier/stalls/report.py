"""The alert for a stall: where each rank is stuck."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from twinkle_notifier.isolation import tried
from twinkle_notifier.messages.catalog import fact, listed, phrase
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.messages.report import milestone
from twinkle_notifier.messages.sanitize import line
from twinkle_notifier.messages.wording import code_block, duration
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.process import Holder, Instant
from twinkle_notifier.runtime.rank_sets import compressed
from twinkle_notifier.runtime.stored import Stored
from twinkle_notifier.stalls.collectives import finding
from twinkle_notifier.stalls.stacks import Doing

_SHOWN = 6  # places that are listed, each with a stack
_HOST = 100  # characters of a host's name


class RankStatus(NamedTuple):
    """What one rank does that makes no step, for the other ranks to read."""

    rank: int
    hostname: str
    pid: int
    step: int | None
    doing: Doing
    moves: bool  # it has resumed
    holder: Holder
    at: Instant  # when this was written

    @classmethod
    def load(cls, fields: Stored) -> RankStatus:
        """As stored. Raises ValueError."""
        return cls(
            fields.count("rank"),
            fields.text("hostname"),
            fields.count("pid"),
            fields.integer_or_none("step"),
            Doing.load(fields.object("doing")),
            fields.flag("moves"),
            Holder.load(fields.object("holder")),
            Instant.load(fields.object("at")),
        )


_Group = list[RankStatus]  # ranks that are stuck in one place, of which the first is shown


def _fact(group: _Group, world_size: int, language: str) -> str:
    place = group[0].doing.place(language)
    if world_size == 1:
        return fact(language, "At", place)
    ranks = _first_upper(named((status.rank for status in group), language))
    return "- " + phrase(language, "{ranks} of {world_size}: {place}", ranks=ranks, world_size=world_size, place=place)


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _stacks(group: _Group, threads: bool, language: str) -> str:
    """The stack of one of them, with those of its other `threads` if asked."""
    status = group[0]
    after = "after {steps} step" if status.step == 1 else "after {steps} steps"
    step = "" if status.step is None else phrase(language, after, steps=status.step)
    rank = _first_upper(named([status.rank], language))
    place = listed(language, rank, line(status.hostname, _HOST), f"PID {status.pid}", step)
    heading = phrase(language, "{place}:", place=place)
    others = f"\n\n{status.doing.others}" if threads and status.doing.others else ""
    return f"{heading}\n\n{code_block(status.doing.stack + others, language)}"


def markdown(
    name: str, statuses: Sequence[RankStatus], where: Where, idle: float, progress: Progress, language: str = "en"
) -> str:
    """The alert for a run in which `statuses` are stuck; `where`, the rank that sends it, for `idle` seconds."""
    groups, odd = _grouped(statuses)
    missing = set(range(where.world_size)) - {status.rank for status in statuses}
    calls = {status.rank: status.doing.calls for status in statuses}
    hangs = tried(lambda: finding(calls, where.world_size, language)).value  # other processes have written the calls
    items = [fact(language, "Collective", hangs.line)] if hangs else []
    items += [_fact(group, where.world_size, language) for group in groups[:_SHOWN]]
    if len(groups) > _SHOWN:
        items.append("- " + phrase(language, "And {number} more places", number=len(groups) - _SHOWN))
    if missing:
        silent = phrase(language, "{ranks} (progressing, ended, or holding Python's lock)", ranks=compressed(missing))
        items.append(fact(language, "Ranks that did not respond", silent))
    why = (hangs and hangs.headline) or _why(groups, odd, missing, where, language)
    headline = _headline(name, idle, why, language)
    items += tried(lambda: [*progress.lines(language), progress.curve(language)]).value or []
    text = milestone(headline, name, where, list(filter(None, items)), Attempt.here(), language)
    shown = [_stacks(group, group in odd or len(groups) == 1, language) for group in groups[:_SHOWN]]
    return "\n\n".join([text, *shown])


def _headline(name: str, idle: float, why: str, language: str) -> str:
    headline = phrase(
        language, "{name} has made no progress for {duration}", name=name, duration=duration(idle, language)
    )
    return phrase(language, "{fate}: {error}", fate=headline, error=why) if why else headline


def _grouped(statuses: Sequence[RankStatus]) -> tuple[list[_Group], list[_Group]]:
    """All places, first those where the trouble likely is; and these alone."""
    places: dict[tuple[str, str], list[RankStatus]] = {}
    for status in sorted(statuses, key=lambda status: status.rank):
        places.setdefault(status.doing.group(), []).append(status)
    groups = sorted(places.values(), key=len)
    odd = list(_odd(groups))
    return odd + [group for group in groups if group not in odd], odd


def _odd(groups: list[_Group]) -> Iterator[_Group]:
    """Those that do not wait while others do; if all do the same, all but the largest."""
    if len({group[0].doing.waits for group in groups}) == 2:
        yield from (group for group in groups if not group[0].doing.waits)
    elif len(groups) > 1 and len(groups[-1]) > len(groups[-2]):
        yield from groups[:-1]


def _why(groups: list[_Group], odd: list[_Group], missing: set[int], where: Where, language: str) -> str:
    world_size = where.world_size
    if world_size == 1:
        return ""
    if odd:
        ranks = {status.rank for group in odd for status in group}
        one, several = (
            "{ranks} is stuck in a different place than the others",
            ("{ranks} are stuck in a different place than the others"),
        )
        return phrase(language, one if len(ranks) == 1 else several, ranks=named(ranks, language))
    if missing and all(group[0].doing.waits for group in groups):
        return phrase(language, "{ranks} did not respond", ranks=named(missing, language))
    if missing:
        stuck = named((status.rank for group in groups for status in group), language)
        return phrase(language, "{ranks} of {world_size}", ranks=stuck, world_size=world_size)
    same = "all {world_size} ranks in the same place" if len(groups) == 1 else "all {world_size} ranks"
    return phrase(language, same, world_size=world_size)


def named(ranks: Iterable[int], language: str = "en") -> str:
    """``rank 3``, ``ranks 0-2, 5``."""
    ranks = set(ranks)
    return phrase(language, "rank {rank}" if len(ranks) == 1 else "ranks {rank}", rank=compressed(ranks))
