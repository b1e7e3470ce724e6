"""Where the ranks of a training leave where they stand, and who has told people of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from twinkle_notifier.budgets import LEASE
from twinkle_notifier.claims import Access
from twinkle_notifier.claims.lease import Record
from twinkle_notifier.claims.store import Store
from twinkle_notifier.runtime.process import Instant
from twinkle_notifier.stalls.report import RankStatus

_BATCH = 32  # ranks whose word is read at once


@dataclass(frozen=True)
class Board:
    """In one store, under one key. Its methods raise OSError when the store fails."""

    access: Access
    key: str
    began: Instant  # the training: what is older does not count

    def publish(self, stand: RankStatus) -> None:
        """Say where a rank stands, or that it moves."""
        self._append(f"{self.key}-{stand.rank}", stand)
        self.access.ask(lambda store: store.join(f"{self.key}-standing", f"{stand.rank}@{stand.hostname}"))

    def stands(self, seconds: float) -> Iterator[RankStatus]:
        """Those that stand, as far as `seconds` suffice to read."""
        deadline = time.monotonic() + seconds
        members = self.access.ask(lambda store: store.members(f"{self.key}-standing"))
        for stand in self._read({int(member.partition("@")[0]) for member in members}):
            if self._counts(stand):
                yield stand
            if time.monotonic() > deadline:
                return

    def still(self, ranks: Iterable[int]) -> set[int]:
        """Those of `ranks` that have not said that they move, and live."""
        return set(ranks) - {stand.rank for stand in self._read(ranks) if not self._counts(stand)}

    def tell(self, stand: RankStatus) -> None:
        """Say that this rank has told people; with a `stand` that moves, that this is over."""
        self._append(f"{self.key}-told", stand)

    def is_told(self) -> bool:
        """Whether a rank has told, and not that it is over: what waits for it is no news."""
        last = {stand.rank: stand for stand in self._all_told()}
        return any(self._counts(stand) for stand in last.values())

    def teller(self) -> int | None:
        """The rank that was the last to tell."""
        return next((stand.rank for stand in reversed(list(self._all_told())) if not stand.moves), None)

    def is_asked(self) -> bool:
        """Whether a rank is about to tell, and waits for the word of the others."""
        records = self.access.ask(lambda store: store.read(self.key, 0))
        last = Record.load(records[-1]) if records else None
        return (
            last is not None
            and last.state == "claimed"
            and last.at.after(self.began)
            and last.at.age() < LEASE
            and not last.holder.dead()
        )

    def _all_told(self) -> Iterator[RankStatus]:
        for data in self.access.ask(lambda store: store.read(f"{self.key}-told", 0)):
            if (stand := RankStatus.load(data)) is not None:
                yield stand

    def _read(self, ranks: Iterable[int]) -> Iterator[RankStatus]:
        """The last word of each, if there is one."""
        ranks = sorted(ranks)
        for first in range(0, len(ranks), _BATCH):
            batch = ranks[first : first + _BATCH]
            logs = self.access.ask(lambda store, batch=batch: [store.read(f"{self.key}-{rank}", 0) for rank in batch])  # type: ignore[misc]
            yield from (stand for records in logs if records and (stand := RankStatus.load(records[-1])) is not None)

    def _counts(self, stand: RankStatus) -> bool:
        return not stand.moves and stand.at.after(self.began) and not stand.holder.dead()

    def _append(self, key: str, stand: RankStatus) -> None:
        def add(store: Store) -> None:
            index = len(store.read(key, 0))
            while not store.append(key, index, stand.dump()):
                index += 1

        self.access.ask(add)
