"""Earlier crashes by the same error: they make a message say "again", and keep a crash loop from flooding the chat."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.messages.catalog import fact, facts, phrase
from twinkle_notifier.runtime import launcher, state_dir
from twinkle_notifier.runtime.stored import Stored, hashed, parsed

_LOOP = 600.0  # seconds between two crashes of one loop, at most
_FORGET = 86400.0  # seconds after which the same error is a new one
_BUDGET = 2.0  # seconds for the folder; it may be on a dead mount
_END = 253402300799.0  # the last second of the year 9999, since 1970
_MOST = 100_000  # crashes that are counted; a damaged file may say any number
_PLAIN = 3  # crashes of a loop that each get an alert


class Past(NamedTuple):
    """The crashes by one error up to now, this one included."""

    count: int = 1  # type: ignore[assignment]  # not the method of a tuple
    first: float = 0.0
    last: float = 0.0
    loop: int = 1

    @classmethod
    def load(cls, fields: Stored) -> Past:
        """As stored. Raises ValueError."""
        count, loop = (min(fields.count(name, 1), _MOST) for name in ("count", "loop"))
        first, last = fields.time("first"), fields.time("last")
        if first > last:
            raise ValueError("its first crash came after its last")
        return cls(count, first, last, loop)

    def is_sent(self) -> bool:
        """Whether this crash gets an alert: the first three of a loop do, then the 5th, 9th, 17th, ..."""
        return self.loop <= _PLAIN or (self.loop - 1) & (self.loop - 2) == 0

    def next_sent(self) -> int:
        """The number, within the loop, of the next crash that gets an alert."""
        return next(n for n in range(self.loop + 1, 2 * self.loop + 2) if Past(loop=n).is_sent())

    def is_loop(self) -> bool:
        """Whether it is a crash loop: some of the next crashes get no alert."""
        return self.next_sent() > self.loop + 1

    def lines(self, language: str = "en") -> list[str]:
        """Markdown list items; none for a first time."""
        if self.count == 1:
            return []
        stands_for, more = self.loop - self._sent_before(), self.next_sent() - self.loop
        count = str(self.count) if language == "zh" else _ordinal(self.count)
        first = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.first))
        stands = phrase(language, "this message stands for {crashes} crashes", crashes=stands_for)
        again = phrase(language, "{count} time, first at {first}, same error", count=count, first=first)
        loop = phrase(language, "the next message comes after {more} more crashes", more=more)
        return facts(
            fact(language, "Again", again),
            fact(
                language,
                "Crash loop",
                phrase(language, "; ").join([*[stands] * (stands_for > 1), *[loop] * self.is_loop()]),
            ),
        )

    def _sent_before(self) -> int:
        return max((n for n in range(1, self.loop) if Past(loop=n).is_sent()), default=0)


def look(key: str, started: float, earlier: Sequence[float] = ()) -> Past:
    """The past of a crash by the error `key` that happens now, in a run that began at `started` (seconds since 1970).

    The past is read from the state folder, where each working folder has its own. `earlier` has the times of crashes
    that a checkpoint knows of. A loop goes on only with a run that began after the last crash: runs side by side are no
    loop. Where the folder hangs or fails, the past is what the checkpoint knows.
    """
    past, before = unknown(earlier), _last(key)
    if before is None or not 0 <= (apart := past.last - before.last) < _FORGET:
        return past
    loop = before.loop + 1 if apart < _LOOP and started > before.last else 1
    return Past(max(before.count + 1, past.count), min(before.first, past.first), past.last, loop)


def unknown(earlier: Sequence[float]) -> Past:
    """The past of a crash that happens now, as far as a checkpoint knows it."""
    now = time.time()
    earlier = [at for at in earlier if is_time(at)]
    return Past(len(earlier) + 1, min((*earlier, now)), now)


def is_time(value: object) -> bool:
    """Whether `value` can be a time, in seconds since 1970. NaN is none."""
    return type(value) in (int, float) and 0 <= value <= _END  # type: ignore[operator]


def keep(key: str, past: Past) -> None:
    """Keep `past` for later crashes. Call it when the alert is sent, or left out because of the loop."""

    # Not synced, because a run waits for this: only a loss of power could take it.
    def write(folder: Path) -> None:
        state_dir.replace(folder / key, json.dumps(past._asdict()).encode(), sync=False)

    isolation.call(lambda: state_dir.within(_room(), write), _BUDGET)


def _room() -> tuple[str, str]:
    return "history", hashed(launcher.place())


def _last(key: str) -> Past | None:
    """The newest of several: a folder that cannot be written to any more still has an old one."""
    found = [past for data in state_dir.kept(*_room(), key) if (past := parsed(Past.load, data)) is not None]
    return max(found, key=lambda past: past.last, default=None)


def _ordinal(number: int) -> str:
    tens, ones = divmod(number, 10)
    return f"{number}{'th' if tens % 10 == 1 else {1: 'st', 2: 'nd', 3: 'rd'}.get(ones, 'th')}"
