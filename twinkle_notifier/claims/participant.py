"""Who has met an incident, as it is written: ``3@host``, or ``0-7@host`` for ranks without a gap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from twinkle_notifier.claims.store import Access, Store
from twinkle_notifier.runtime.launcher import Where

FOLLOWER = "~"  # before those that met only what follows from the incident
T = TypeVar("T")


@dataclass(frozen=True)
class Party:
    """For whom a process comes to a desk: the `ranks` of `host`; and its `place` among all the `size` who may come."""

    ranks: Callable[[], set[int]]  # asked again and again, as there may be more each time
    host: str
    place: int
    size: int

    @classmethod
    def of_one(cls, where: Where) -> Party:
        """For itself, as all ranks do."""
        return cls(lambda: {where.rank}, where.hostname, where.rank, where.world_size)

    def ask(self, access: Access, work: Callable[[Store, set[int]], T]) -> T:
        """What `work` gives, which is handed the ranks of now. See `Access.ask`."""
        ranks = self.ranks()  # not in the helper: who they are may be asked of another store, which has its own
        return access.ask(lambda store: work(store, ranks))


def written(ranks: Iterable[int], host: str) -> Iterator[str]:
    """One member for each of the runs in `ranks`, all of one host, whose name may be any bytes."""
    host = host.encode("ascii", "backslashreplace").decode("ascii").replace("/", r"\x2f")
    for first, last in runs(ranks):
        yield f"{first}@{host}" if first == last else f"{first}-{last}@{host}"


def ranks(member: str) -> range:
    """Whom `member` stands for."""
    first, _, last = member.removeprefix(FOLLOWER).partition("@")[0].partition("-")
    return range(int(first), int(last or first) + 1)


def all_ranks(members: Iterable[str]) -> set[int]:
    """Whom `members` stand for."""
    return {rank for member in members for rank in ranks(member)}


def runs(ranks: Iterable[int]) -> list[tuple[int, int]]:
    """The first and last of each run of `ranks` without a gap, in order."""
    found: list[tuple[int, int]] = []
    for rank in sorted(set(ranks)):
        if found and rank == found[-1][1] + 1:
            found[-1] = (found[-1][0], rank)
        else:
            found.append((rank, rank))
    return found
