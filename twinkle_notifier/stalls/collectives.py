"""The collective in which a run hangs: of what each rank has entered, the first in which the ranks differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from twinkle_notifier.messages.catalog import phrase
from twinkle_notifier.messages.sanitize import line
from twinkle_notifier.runtime.rank_sets import compressed, parsed
from twinkle_notifier.stalls.recorder import MOST, Call

Calls = Mapping[int, Sequence[Call] | None]  # by rank; None for one of which nothing is known
_TEXT = 80  # characters of a name
_SHOWN = 4  # different calls that are named
# To these, all ranks of a group give tensors of one size.
_ALIKE = {
    "all_reduce", "allreduce", "broadcast", "reduce", "all_gather", "allgather", "_all_gather_base",
    "_allgather_base", "reduce_scatter", "_reduce_scatter_base",
}  # fmt: skip
_TYPES = {"Float": "floats", "Half": "float16", "BFloat16": "bfloat16", "Double": "doubles", "Long": "int64"}


class Finding(NamedTuple):
    """What the ranks' calls say about a stall, as Markdown in one language."""

    headline: str  # for the heading; empty if the calls do not say whose fault it is
    line: str  # the same, with all that is known


class _Wait(NamedTuple):
    """A call in which some ranks wait, and the same call as other ranks entered it."""

    call: Call
    waiting: set[int]
    entered: dict[int, Call]  # by rank, with those that are done with it
    late: set[int]  # ranks of the group that have not entered it


def finding(calls: Calls, world_size: int, language: str = "en") -> Finding | None:
    """The first difference between the ranks' calls; None if no rank waits in a call of which anything is known."""
    waits = sorted(_waits(calls, world_size), key=lambda wait: wait.call.since)
    waiting = {rank for rank, entered in calls.items() if not all(call.done for call in entered or ())}
    for judge in (_late(waiting), _different, _disordered(calls), _together):
        for wait in waits:
            if (found := judge(wait, language)) is not None:
                return found
    return None


def _waits(calls: Calls, world_size: int) -> Iterator[_Wait]:
    pending: dict[str, list[tuple[int, Call]]] = {}
    for rank, entered in calls.items():
        for call in entered or ():
            if not call.done:
                pending.setdefault(call.group, []).append((rank, call))
    for group, waiting in pending.items():
        first = min((call for _, call in waiting), key=lambda call: (call.number, call.since))
        known = {rank: ours for rank in calls if (ours := _of_group(calls[rank], group)) is not None}
        members = _members(first, world_size, {rank for rank, ours in known.items() if ours})
        yield _Wait(
            first,
            {rank for rank, call in waiting if call.number == first.number},
            {rank: one for rank, ours in known.items() for one in ours if one.number == first.number},
            {rank for rank in members if rank in known and _last(known[rank]) < first.number},
        )


def _of_group(entered: Sequence[Call] | None, group: str) -> list[Call] | None:
    """A rank's calls of `group`; None if it is unknown whether it has entered any."""
    ours = [call for call in entered or () if call.group == group]
    return ours if entered is not None and (ours or len(entered) < MOST) else None


def _members(call: Call, world_size: int, entered: set[int]) -> Iterable[int]:
    try:
        return parsed(call.members, world_size) or entered
    except ValueError:
        return entered


def _last(calls: list[Call]) -> int:
    return max((call.number for call in calls), default=0)


_Judge = Callable[[_Wait, str], Finding | None]


def _late(all_waiting: set[int]) -> _Judge:
    """Ranks that have not entered it, and wait in no other call."""

    def judge(wait: _Wait, language: str) -> Finding | None:
        late = wait.late - all_waiting
        if not late:
            return None
        one, several = "{ranks} has not entered {call}", "{ranks} have not entered {call}"
        text = one if len(late) == 1 else several
        headline = phrase(language, text, ranks=_named(late, language), call=_title(wait.call, language))
        said = phrase(language, text, ranks=_named(late, language), call=_whole(wait.call, language))
        one, several = "{ranks} waits in it", "{ranks} wait in it"
        waiting = phrase(language, one if len(wait.waiting) == 1 else several, ranks=_named(wait.waiting, language))
        return Finding(headline, phrase(language, "{first}; {then}", first=said, then=waiting))

    return judge


def _different(wait: _Wait, language: str) -> Finding | None:
    """The ranks have entered different calls under one number, or with tensors of different sizes."""
    title = _place(wait.call, language)
    names = {rank: call.name for rank, call in wait.entered.items()}
    if len(set(names.values())) > 1:
        said = {rank: _with_values(call, language) for rank, call in wait.entered.items()}
        headline = phrase(language, "the ranks called different collectives as {place}", place=title)
    elif wait.call.name in _ALIKE:
        said = {rank: _shape(call) for rank, call in wait.entered.items()}
        headline = phrase(
            language, "the ranks gave tensors of different sizes to {call}", call=_title(wait.call, language)
        )
    else:
        return None
    if len(set(said.values())) < 2:
        return None
    return _compared(headline, said, language)


def _disordered(calls: Calls) -> _Judge:
    """Some ranks wait in a call of this group, and others, which the call needs, wait in a call of another group."""
    first = {rank: call for rank, ours in calls.items() if (call := _first_pending(ours or ())) is not None}

    def judge(wait: _Wait, language: str) -> Finding | None:
        others = wait.late | {rank for rank in wait.waiting if first[rank].group != wait.call.group}
        crossed = {rank: first[rank] for rank in others if rank in first and first[rank].group != wait.call.group}
        if not crossed:
            return None
        headline = phrase(language, "the ranks wait in different collectives")
        here = wait.waiting - set(crossed)
        said = {rank: _title(wait.call, language) for rank in here}
        said |= {rank: _title(call, language) for rank, call in crossed.items()}
        return _compared(headline, said, language) if here else None

    return judge


def _first_pending(calls: Sequence[Call]) -> Call | None:
    return min((call for call in calls if not call.done), key=lambda call: call.since, default=None)


def _together(wait: _Wait, language: str) -> Finding | None:
    """All ranks that are known wait in the same call: the ranks do not say why."""
    if wait.late:
        return None
    ranks = _named(wait.waiting, language)
    text = "{ranks} waits in {call}" if len(wait.waiting) == 1 else "{ranks} wait in {call}"
    return Finding("", phrase(language, text, ranks=ranks, call=_whole(wait.call, language)))


def _compared(headline: str, said: dict[int, str], language: str) -> Finding:
    """With what each rank did; what few did comes first."""
    groups: dict[str, list[int]] = {}
    for rank in sorted(said):
        groups.setdefault(said[rank], []).append(rank)
    rare = sorted(groups, key=lambda each: len(groups[each]))
    line = f"{_named(groups[rare[0]], language)} {rare[0]}"
    for each in rare[1:_SHOWN]:
        line = phrase(language, "{first}; {then}", first=line, then=f"{_named(groups[each], language)} {each}")
    if len(rare) > _SHOWN:
        line = phrase(language, "{first}; {then}", first=line, then=phrase(language, "and others"))
    return Finding(headline, phrase(language, "{fate}: {error}", fate=headline, error=line))


def _named(ranks: Iterable[int], language: str) -> str:
    ranks = set(ranks)
    return phrase(language, "rank {rank}" if len(ranks) == 1 else "ranks {rank}", rank=compressed(ranks))


def _place(call: Call, language: str) -> str:
    return phrase(language, "no. {number} of {group}", number=call.number, group=line(call.title, _TEXT))


def _title(call: Call, language: str) -> str:
    return phrase(language, "{name} {place}", name=line(call.name, _TEXT), place=_place(call, language))


def _whole(call: Call, language: str) -> str:
    title = _title(call, language)
    return phrase(language, "{call} ({values})", call=title, values=_values(call)) if call.values else title


def _with_values(call: Call, language: str) -> str:
    name = line(call.name, _TEXT)
    return phrase(language, "{call} ({values})", call=name, values=_values(call)) if call.values else name


def _shape(call: Call) -> str:
    return f"{line(call.sizes, _TEXT)} {line(call.dtype, _TEXT)}"


def _values(call: Call) -> str:
    """``16.5 M floats``."""
    scale = sum(call.values >= 999.5 * 1000**smaller for smaller in range(4))  # 999.5 k is 1 M, as it is rounded
    count = f"{call.values / 1000**scale:.3g} {' kMGT'[scale]}" if scale else f"{call.values}"
    return f"{count} {_TYPES.get(call.dtype, line(call.dtype.lower(), _TEXT))}"
