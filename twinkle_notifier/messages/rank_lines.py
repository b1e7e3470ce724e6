"""Which ranks have met an incident, in few words."""

from __future__ import annotations

from collections.abc import Iterable

from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.ranks import FOLLOWER, all_ranks, compressed

_HOSTS = 3  # that are named


def lines(members: Iterable[str], where: Where) -> list[str]:
    """Markdown list items: who met it, and who met only what follows. Empty for a process on its own."""
    if where.world_size == 1:
        return []
    own = [name for name in members if not name.startswith(FOLLOWER)] or [f"{where.rank}@{where.hostname}"]
    followers = [name.removeprefix(FOLLOWER) for name in members if name.startswith(FOLLOWER)]
    told = [f"- Ranks: {_places(own, where.world_size)}"]
    return told + ([f"- Errors that follow from it: {_places(followers, where.world_size)}"] if followers else [])


def missing(members: Iterable[str], where: Where) -> str:
    """The ranks of the run that are not among `members`."""
    return compressed(set(range(where.world_size)) - all_ranks(members))


def _places(members: list[str], world_size: int) -> str:
    ranks = all_ranks(members)
    hosts = sorted({name.partition("@")[2] for name in members})
    more = f" and {len(hosts) - _HOSTS} more" if len(hosts) > _HOSTS else ""
    where = f" on {', '.join(hosts[:_HOSTS])}{more}" if len(ranks) < world_size else ""
    which = f"rank {compressed(ranks)}" if len(ranks) == 1 else compressed(ranks)  # "2 of 4" reads as a number of ranks
    return f"{which} of {world_size}{where}"
