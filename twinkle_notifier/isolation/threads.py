"""Daemon threads that do one call after the other, and end when there is nothing left to do."""

from __future__ import annotations

import _thread
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from twinkle_notifier.isolation import forks

END = 0.1  # seconds for a thread to end that has nothing more to do
_STOP = 10.0  # seconds that somebody who stops a thread of ours waits for what it does

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


class Stoppable(threading.Thread):
    """A daemon thread that can be asked to end."""

    def __init__(self, target: Callable[[], object], name: str = "twinkle-notifier") -> None:
        super().__init__(target=target, name=name, daemon=True)

    def stop(self) -> None:
        """Wait up to 10 s for what it does. Lightning's tests call this on each daemon thread that a test has left."""
        until, joined = time.monotonic() + _STOP, False
        while not joined and time.monotonic() < until:
            try:
                self.join(until - time.monotonic())
                joined = True
            except RuntimeError:  # it is listed already, and another thread is about to start it
                time.sleep(0.01)


class Crew:
    """The threads of one call, and of all calls within it. They end with it.

    A crash makes half a dozen calls, one within the other: to start a thread for each takes longer.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a garbage collection within may run code that calls, too
        self._idle: list[_Worker] = []
        self._workers: list[_Worker] = []
        self._over = False

    def do(self, run: Callable[[], None]) -> bool:
        """Let a thread do it: one that waits, else a new one. False when none can start."""
        if sys.is_finalizing():  # those that wait do so for ever
            return False
        with self._lock:
            if self._idle:
                self._idle.pop().calls.put(run)
                return True
        if not may_start():
            return False
        worker = _Worker(self, run)
        with self._lock:  # before it starts: a signal's handler may raise then, and `close` must find it
            self._workers.append(worker)
            if self._over:  # the call around this one was given up
                worker.calls.put(None)
        if worker.start():
            return True
        with self._lock:
            self._workers.remove(worker)
        return False

    def close(self, *, done: bool) -> None:
        """End those that wait, and the first if it is `done`; let the others end when they are done.

        Those are waited for: a thread that ends while the interpreter goes loads a library, and aborts the process
        where no file can be opened (CPython).
        """
        with self._lock:
            self._over = True
            ending = self._idle + [worker for worker in self._workers[:1] if done and worker not in self._idle]
            self._idle = []
            for worker in self._workers:
                worker.calls.put(None)
        for worker in ending:
            worker.join()

    def park(self, worker: _Worker) -> None:
        """It waits for another call."""
        with self._lock:
            if not self._over:
                self._idle.append(worker)


class _Worker:
    def __init__(self, crew: Crew, run: Callable[[], None]) -> None:
        self._crew = crew
        self.calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.calls.put(run)  # first, so that it begins while this thread still waits for that one's start
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """Whether it could."""
        try:
            thread = Stoppable(self._work)
            thread.start()
            self._thread = thread
        except RecursionError:  # a RuntimeError, too; the caller has no room for the frames of this, but for a thread
            try:
                _thread.start_new_thread(self._work, ())
            except RuntimeError:
                return False
        except RuntimeError:
            return False
        return True

    def join(self) -> None:
        """Wait for its end, which is near; not where no stack is left for that."""
        if self._thread is not None:
            with suppress(RecursionError):  # the call is done: what it gave must not be lost by this
                self._thread.join(END)

    def _work(self) -> None:
        _own.crew = self._crew
        while (run := self.calls.get()) is not None:
            run()
            del run  # or what it holds would live until the next
            self._crew.park(self)
        self.calls.put(None)  # after a RecursionError there may be two of these threads


_own = threading.local()


def current() -> Crew | None:
    """The crew of which this thread is one; None if it is no thread of ours."""
    return getattr(_own, "crew", None)


def _forget() -> None:
    _own.crew = None  # a forked child has none of its threads
    _denials[0] = 0  # nor the block of another thread in which none may start


forks.in_child(_forget)
