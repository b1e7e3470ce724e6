"""This process among others of its machine: when it started, and whether it lives."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import NamedTuple

from twinkle_notifier.isolation import forks
from twinkle_notifier.runtime.host import boot_id, host_key, process_key, started_at
from twinkle_notifier.runtime.stored import Stored

_WALL_MARGIN = 5.0  # seconds by which the clocks of two machines may differ


class Instant(NamedTuple):
    """A moment that other processes can compare: by the time since boot, or by wall clocks between machines."""

    boot: str
    since_boot: float
    wall: float

    @classmethod
    def now(cls) -> Instant:
        """This moment."""
        return cls.ago(0.0)

    @classmethod
    def load(cls, fields: Stored) -> Instant:
        """As stored. Raises ValueError."""
        return cls(fields.text("boot"), fields.number("since_boot"), fields.number("wall"))

    @classmethod
    def ago(cls, seconds: float) -> Instant:
        """The moment so many `seconds` ago."""
        return cls(boot_id(), _since_boot() - seconds, time.time() - seconds)

    def after(self, other: Instant) -> bool:
        """Whether this moment certainly came after `other`; False if two machines' clocks leave it in doubt."""
        if self.boot == other.boot:
            return self.since_boot > other.since_boot
        return self.wall > other.wall + _WALL_MARGIN

    def age(self) -> float:
        """Seconds since then."""
        now = Instant.now()
        return now.since_boot - self.since_boot if now.boot == self.boot else now.wall - self.wall


def _since_boot() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; it counts through a suspend
    return time.clock_gettime(clock) if clock is not None else time.monotonic()


_FIRST_SEEN = time.monotonic()  # taken for the process's start where there is no /proc


@cache
def process_start() -> Instant:
    """When this process started; if it was forked together with others, when the first of them was."""
    started = started_at(os.getpid())
    age = _since_boot() - started if started is not None else time.monotonic() - _FIRST_SEEN
    return Instant.ago(max(age, seconds_since_fork()))


class Holder(NamedTuple):
    """A process, as others on its machine can find it."""

    host: str
    pid: int
    started: float | None

    @staticmethod
    @cache
    def me() -> Holder:
        """This process."""
        return Holder(host_key(), os.getpid(), started_at(os.getpid()))

    @classmethod
    def load(cls, fields: Stored) -> Holder:
        """As stored. Raises ValueError."""
        return cls(fields.text("host"), fields.count("pid", 1), fields.number_or_none("started"))

    def dead(self) -> bool:
        """Whether the process has certainly ended; False for one of another machine or container."""
        return self.host == host_key() and self.started is not None and started_at(self.pid) != self.started


# A burst: forks one right after the other, as a launcher or a pool makes them.
_APART = 0.5  # seconds at most between two forks of one burst
_LONGEST = 2.0  # seconds at most from its first fork to its last

_first = ""  # the key of the first process in this line of forks that had loaded this package
_line: tuple[int, ...] = ()  # the pids of the processes that forked, from that one down to this one
_burst = _last = float("-inf")  # begin and last fork of the latest burst, on the monotonic clock
_born: float | None = None  # begin of the burst in which this process was forked


def first_of_forks() -> str:
    """The key of the first process in the line of forks that led to this one; empty if there was no fork.

    A process that has forked is the first of its own line. Costs nothing in a process that never forks.
    """
    return _first


def is_forked_from(pid: int) -> bool:
    """Whether this process comes from process `pid` by one or several forks."""
    return pid in _line


def seconds_since_fork() -> float:
    """Seconds since the first fork of the burst in which this process was forked; 0 if it was not forked.

    All children of a burst count as started with its first: that one may have met and claimed an error before the last
    one is there. A child that is forked later, to replace another, is a new start.
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
    process_start.cache_clear()
    Holder.me.cache_clear()


forks.before(_before)
forks.in_child(_in_child)
