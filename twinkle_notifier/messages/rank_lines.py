"""The ranks of an incident, as people read them."""

from __future__ import annotations

from collections.abc import Iterable

from twinkle_notifier.messages.catalog import comma, fact, facts, phrase
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.rank_sets import FOLLOWER, all_ranks, compressed

_HOSTS = 3  # that are named


def rank_lines(members: Iterable[str], where: Where, language: str = "en") -> list[str]:
    """Markdown list items: the ranks of the incident, and those with secondary errors. Empty for a single process."""
    if where.world_size == 1:
        return []
    own = [name for name in members if not name.startswith(FOLLOWER)] or [f"{where.rank}@{where.hostname}"]
    followers = [name.removeprefix(FOLLOWER) for name in members if name.startswith(FOLLOWER)]
    followed = _places(followers, where.world_size, language) if followers else ""
    return facts(
        fact(language, "Ranks", _places(own, where.world_size, language)),
        fact(language, "Errors that follow from it", followed),
    )


def missing_ranks(members: Iterable[str], where: Where) -> str:
    """The ranks of the run that are not among `members`."""
    return compressed(set(range(where.world_size)) - all_ranks(members))


def _places(members: list[str], world_size: int, language: str) -> str:
    ranks = all_ranks(members)
    hosts = sorted({name.partition("@")[2] for name in members})
    which = f"rank {compressed(ranks)}" if len(ranks) == 1 else compressed(ranks)  # "2 of 4" reads as a number of ranks
    if len(ranks) == world_size:
        return phrase(language, "{ranks} of {world_size}", ranks=which, world_size=world_size)
    named = comma(language).join(hosts[:_HOSTS])
    if len(hosts) > _HOSTS:
        named = phrase(language, "{hosts} and {number} more", hosts=named, number=len(hosts) - _HOSTS)
    return phrase(language, "{ranks} of {world_size} on {hosts}", ranks=which, world_size=world_size, hosts=named)
