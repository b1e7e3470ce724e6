"""What the ranks do during a stall, and which one sent the alert: each publishes its status in the run's store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from twinkle_notifier import claims
from twinkle_notifier.budgets import LEASE
from twinkle_notifier.claims.log import Record
from twinkle_notifier.claims.store import Access, Store
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.runtime.language import Language
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Instant
from twinkle_notifier.runtime.stored import dumped, parsed
from twinkle_notifier.stalls.report import RankStatus

_BATCH = 32  # ranks whose status is read at once


class Watched(NamedTuple):
    """The training that a watchdog watches: whom to alert, and as which of this process's trainings."""

    notifier: Callable[[str], object] | None
    name: str
    store: Store | None
    mark: claims.Watermark  # when it began
    progress: Callable[[], Progress] | None
    thread: int  # that trains
    number: int  # among those of this process
    resumes: bool = True  # people want to know when it goes on
    language: Language = "en"


class Board(NamedTuple):
    """One training's place in a store. Its methods raise OSError when the store fails."""

    access: Access
    key: str
    began: Instant  # the training: what is older does not count

    def publish(self, status: RankStatus) -> None:
        """Say where a rank is stuck, or that it has resumed."""
        self._append(f"{self.key}-{status.rank}", status)
        self.access.ask(lambda store: store.join(f"{self.key}-standing", f"{status.rank}@{status.hostname}"))

    def stuck(self, seconds: float) -> Iterator[RankStatus]:
        """The status of each rank that is stuck, as far as `seconds` suffice to read them."""
        deadline = time.monotonic() + seconds
        members = self.access.ask(lambda store: store.members(f"{self.key}-standing"))
        for status in self._read({int(member.partition("@")[0]) for member in members}):
            if self._counts(status):
                yield status
            if time.monotonic() > deadline:
                return

    def not_resumed(self, ranks: Iterable[int]) -> set[int]:
        """Those of `ranks` that live and have not said that they resumed."""
        return set(ranks) - {status.rank for status in self._read(ranks) if not self._counts(status)}

    def note_alert(self, status: RankStatus) -> None:
        """Say that this rank sent the alert; with a `status` that has resumed, that the alert is over."""
        self._append(f"{self.key}-told", status)

    def has_alert(self) -> bool:
        """Whether a rank sent an alert that is not over: a rank that only waits for that one sends no other."""
        last = {status.rank: status for status in self._alerts()}
        return any(self._counts(status) for status in last.values())

    def last_sender(self) -> int | None:
        """The rank that sent the last alert."""
        return next((status.rank for status in reversed(list(self._alerts())) if not status.moves), None)

    def is_gathering(self) -> bool:
        """Whether a rank is about to send the alert, and waits for the status of the others."""
        records = self.access.ask(lambda store: store.read(self.key, 0))
        last = parsed(Record.load, records[-1]) if records else None
        return (
            last is not None
            and last.state == "claimed"
            and last.at.after(self.began)
            and last.at.age() < LEASE
            and not last.holder.dead()
        )

    def claim(self, since: Instant, seconds: float) -> claims.Claim | claims.Verdict:
        """Claim the alert; claims made before `since` do not count. See `Claims.claim`."""
        return claims.Claims(self.access, Where.here(), claims.Watermark(since)).claim(self.key, seconds)

    def _alerts(self) -> Iterator[RankStatus]:
        for data in self.access.ask(lambda store: store.read(f"{self.key}-told", 0)):
            if (status := parsed(RankStatus.load, data)) is not None:
                yield status

    def _read(self, ranks: Iterable[int]) -> Iterator[RankStatus]:
        """The last status of each rank that published one."""
        ranks = sorted(ranks)
        for first in range(0, len(ranks), _BATCH):
            yield from self._batch(ranks[first : first + _BATCH])

    def _batch(self, ranks: list[int]) -> list[RankStatus]:
        logs = self.access.ask(lambda store: [store.read(f"{self.key}-{rank}", 0) for rank in ranks])
        return [status for records in logs if records and (status := parsed(RankStatus.load, records[-1])) is not None]

    def _counts(self, status: RankStatus) -> bool:
        return not status.moves and status.at.after(self.began) and not status.holder.dead()

    def _append(self, key: str, status: RankStatus) -> None:
        def add(store: Store) -> None:
            index = len(store.read(key, 0))
            while not store.append(key, index, dumped(status)):
                index += 1

        self.access.ask(add)
