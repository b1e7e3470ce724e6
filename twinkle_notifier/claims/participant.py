"""The ranks that this process speaks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from twinkle_notifier.claims.store import Access, Store
from twinkle_notifier.runtime.launcher import Where

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
