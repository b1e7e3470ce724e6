"""This process among others of its machine: when it started, and whether it lives."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from twinkle_notifier.isolation import forks
from twinkle_notifier.runtime.host import boot_id, host_key, process_key, started_at
from twinkle_notifier.runtime.stored import Stored

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

    @classmethod
    def load(cls, fields: Stored) -> Instant:
        """As stored. Raises ValueError."""
        return cls(fields.text("boot"), fields.number("since_boot"), fields.number("wall"))

    @classmethod
    def ago(cls, seconds: float) -> Instant:
        """The moment so many `seconds` ago."""
        now = cls.now()
        return cls(now.boot, now.since_boot - seconds, now.wall - seconds)

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
    started = started_at(os.getpid())
    age = _since_boot() - started if started is not None else time.monotonic() - _FIRST_SEEN
    return Instant.ago(max(age, seconds_since_fork()))


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

    @classmethod
    def load(cls, fields: Stored) -> Holder:
        """As stored. Raises ValueError."""
        return cls(fields.text("host"), fields.count("pid", 1), fields.number_or_none("started"))

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


forks.in_child(_forget)


_APART = 0.5  # seconds between two forks of one burst, at most
_LONGEST = 2.0  # seconds that a burst may take

_first = ""  # the process that had loaded this package, once it forks, for all that come from it
_line: tuple[int, ...] = ()  # the ids of those that have forked, down to this one
_burst = _last = float("-inf")  # when, on the monotonic clock, the last burst began, and its last fork was
_born: float | None = None  # when the burst began of which this process is


def first_of_forks() -> str:
    """Who of the forks of which this process is one, or has made one, was there first; empty if there are none.

    It is remembered before each fork, so that the children know it, and cost nothing in a process that never forks.
    """
    return _first


def is_forked_from(pid: int) -> bool:
    """Whether process `pid` is among those that have forked, down to this one."""
    return pid in _line


def seconds_since_fork() -> float:
    """Seconds since the first fork of the burst of which this process is one; 0 for one that was not forked.

    Children that are forked one right after the other count as started with the first of them: it may have met an
    error, and claimed it, before the last one is there. One that is forked later, to replace it, is another start.
    """
    return time.monotonic() - _born if _born is not None else 0.0


def _before() -> None:
    global _first, _line, _burst, _last
    now = time.monotonic()
    if now - _last > _APART or now - _burst > _LONGEST:
        _burst = now
    _last = now
    if not _line or _line[-1] != os.getpid():
        _line = (*_line, os.getpid())
    _first = _first or process_key(os.getpid())


def _in_child() -> None:
    global _born
    _born = _burst


forks.before(_before)
forks.in_child(_in_child)
