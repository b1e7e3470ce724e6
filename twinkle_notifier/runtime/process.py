"""This process among others of its machine: when it started, and whether it lives."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from twinkle_notifier.runtime import forks
from twinkle_notifier.runtime.host import boot_id, host_key, started_at

_WALL_MARGIN = 5.0  # seconds that the clocks of two machines may differ before their order is in doubt


@dataclass(frozen=True)
class Instant:
    """A moment that other processes can order: since boot on one machine, by the wall clock between machines."""

    boot: str
    since_boot: float
    wall: float

    @classmethod
    def now(cls) -> Instant:
        """This moment."""
        return cls(boot_id(), _since_boot(), time.time())

    def after(self, other: Instant) -> bool:
        """Whether this moment certainly came after `other`; between machines doubt is answered with no."""
        if self.boot == other.boot:
            return self.since_boot > other.since_boot
        return self.wall > other.wall + _WALL_MARGIN

    def age(self) -> float:
        """Seconds since then."""
        now = Instant.now()
        return now.since_boot - self.since_boot if now.boot == self.boot else now.wall - self.wall

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def _since_boot() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; it counts through a suspend
    return time.clock_gettime(clock) if clock is not None else time.monotonic()


_FIRST_SEEN = time.monotonic()  # stands in for the process's start where /proc does not tell it


@cache
def process_start() -> Instant:
    """When this process started; one that was forked with others, when the first of them did."""
    now, started = Instant.now(), started_at(os.getpid())
    age = now.since_boot - started if started is not None else time.monotonic() - _FIRST_SEEN
    age = max(age, forks.age())
    return Instant(now.boot, now.since_boot - age, now.wall - age)


@dataclass(frozen=True)
class Holder:
    """A process that others on its machine can look for."""

    host: str
    pid: int
    started: float | None

    @staticmethod
    def me() -> Holder:
        """This process."""
        return _me()

    def dead(self) -> bool:
        """Whether the process is certainly gone. One that cannot be looked for (another machine, container) is not."""
        return self.host == host_key() and self.started is not None and started_at(self.pid) != self.started


@cache
def _me() -> Holder:
    return Holder(host_key(), os.getpid(), started_at(os.getpid()))


def _forget() -> None:
    """A forked child is another process."""
    process_start.cache_clear()
    _me.cache_clear()


os.register_at_fork(after_in_child=_forget)
