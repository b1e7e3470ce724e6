"""More room on the stack for a while, where the recursion limit is reached. The limit is one for all threads.

While it is raised other threads may call deeper than it was. To lower it then would give them errors that are not
theirs, or end the process: Python 3.11 stops 50 calls beyond the limit. So the last to give room back lowers it, when
no thread is that deep any more.
"""

from __future__ import annotations

import _thread
import sys
import threading
import time

from twinkle_notifier.budgets import RETURN
from twinkle_notifier.isolation import forks

ROOM = 150  # calls within calls
_PAUSE, _PATIENCE = 0.05, 60.0  # seconds between two looks at the threads, and until the limit stays as it is
lock = threading.RLock()  # a signal's handler may come in between
# The limit as it was, then one more item for each that has room; empty while none has. `notify_exception` itself takes
# room, as no function of Python's can be called where it is needed.
limits: list[int] = []


def give_back() -> None:
    """Have the limit lowered, if nobody else has room. Returns when it is, or when that must wait."""
    is_done = threading.Lock()

    def lower() -> None:
        is_lowered = _lowered()
        is_done.release()
        until = time.monotonic() + _PATIENCE
        while not is_lowered and time.monotonic() < until:
            time.sleep(_PAUSE)
            is_lowered = _lowered()

    try:
        with lock:
            limits.pop()
        is_done.acquire()
        _thread.start_new_thread(lower, ())  # Python refuses that this deep in the stack
        is_done.acquire(timeout=RETURN)
    except (RecursionError, RuntimeError, MemoryError):  # no thread can start: the next to give room back lowers it
        pass


def _lowered() -> bool:
    """Lower the limit, unless a thread needs it. Whether there is nothing to do any more."""
    with lock:
        if len(limits) == 1 and _deepest() <= limits[0]:
            sys.setrecursionlimit(limits.pop())
        return len(limits) != 1


def _deepest() -> int:
    deepest = 0
    for frame in sys._current_frames().values():
        calls, at = 1, frame
        while (outer := at.f_back) is not None:
            calls, at = calls + 1, outer
        deepest = max(deepest, calls)
    return deepest


def _begin_anew() -> None:
    """In a forked child, which has none of the threads that have room; one may have held the lock."""
    global lock
    lock = threading.RLock()
    del limits[1:]
    _lowered()


forks.in_child(_begin_anew)
