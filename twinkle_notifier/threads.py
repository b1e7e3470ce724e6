"""Daemon threads that do one call after the other, whatever hangs in some of them."""

from __future__ import annotations

import _thread
import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_IDLE = 10.0  # seconds that a thread waits for another call before it ends; it takes nothing but its stack

# Threads that have done their call and wait for another, by their queues. A crash makes a dozen calls, one within the
# other; to start a thread for each takes longer than all else together, on a busy machine.
_idle: deque[queue.SimpleQueue[Callable[[], None]]] = deque()
os.register_at_fork(after_in_child=_idle.clear)  # a child has none of them


_denials = [0]


@contextmanager
def no_new() -> Iterator[None]:
    """Let no thread of this package start in the block; those that wait for a call still do it."""
    _denials[0] += 1
    try:
        yield
    finally:
        _denials[0] -= 1


def may_start() -> bool:
    """Whether a new thread may start."""
    return not _denials[0] and not sys.is_finalizing()


def handed(run: Callable[[], None]) -> bool:
    """Let a thread do it: one that waits, else a new one. False when none can start."""
    if sys.is_finalizing():  # those that wait do so for ever
        return False
    try:
        _idle.pop().put(run)
        return True
    except IndexError:
        if not may_start():
            return False
    calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    calls.put(run)  # first, so that it begins while this thread still waits for that one's start
    try:
        _start(calls)
    except RuntimeError:
        return False
    return True


def _start(calls: queue.SimpleQueue[Callable[[], None]]) -> None:
    try:
        threading.Thread(target=_work, args=(calls,), name="twinkle-notifier", daemon=True).start()
    except RecursionError:  # a RuntimeError, too; the caller has no room for the frames of this, but for a thread
        _thread.start_new_thread(_work, (calls,))


def _work(calls: queue.SimpleQueue[Callable[[], None]]) -> None:
    run = calls.get()
    while True:
        run()
        del run  # or what it holds would live until the next
        _idle.append(calls)
        try:
            run = calls.get(timeout=_IDLE)
        except queue.Empty:
            try:
                _idle.remove(calls)
                return
            except ValueError:  # somebody has just taken it
                run = calls.get()
