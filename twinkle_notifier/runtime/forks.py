"""From which process that had loaded this package this one was forked: it belongs to that one's run."""

from __future__ import annotations

import os
import time

from twinkle_notifier.runtime.host import process_key

_APART = 0.5  # seconds between two forks of one burst, at most
_LONGEST = 2.0  # seconds that a burst may take

_first = ""  # the process that had loaded this package, once it forks, for all that come from it
_line: tuple[int, ...] = ()  # the ids of those that have forked, down to this one
_burst = _last = float("-inf")  # when, on the monotonic clock, the last burst began, and its last fork was
_born: float | None = None  # when the burst began of which this process is


def first() -> str:
    """Who of the forks of which this process is one, or has made one, was there first; empty if there are none.

    It is remembered before each fork, so that the children know it, and cost nothing in a process that never forks.
    """
    return _first


def came_from(pid: int) -> bool:
    """Whether process `pid` is among those that have forked, down to this one."""
    return pid in _line


def age() -> float:
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


os.register_at_fork(before=_before, after_in_child=_in_child)
