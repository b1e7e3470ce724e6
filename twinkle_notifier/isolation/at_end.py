"""What this package does at the end of a process, also of multiprocessing's children, which run nothing of atexit."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable

from twinkle_notifier.isolation import forks
from twinkle_notifier.isolation.calls import tried

_works: list[tuple[int, Callable[[], object]]] = []  # with their places
_follows: list[object] = []  # multiprocessing, once it calls `_finalize` in its children


def at_end(place: int, work: Callable[[], object]) -> None:
    """Call `work` at the end, after those with lower places. It may be called twice."""
    _works.append((place, work))


def _run() -> None:
    for _, work in sorted(_works, key=lambda each: each[0]):
        tried(work)


def _finalize(_: object = None) -> None:
    sys.modules["multiprocessing.util"].Finalize(None, _run, exitpriority=110)


def _follow() -> None:
    """Be called in multiprocessing's children, if it is loaded: they run its finalizers, and forget their parent's."""
    register = getattr(sys.modules.get("multiprocessing.util"), "register_after_fork", None)
    if register is not None and not _follows:
        _follows.append(register)
        register(_run, _finalize)


atexit.register(_run)
_follow()
if _follows:  # this may be a child already
    _finalize()
forks.before(_follow)
