"""The watchdog: a training beats with each step, and a thread checks that it does."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, time
from typing import Any

from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation import threads
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.mailbox.notes import Beat
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.runtime.durations import seconds_in
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.stalls.board import Watched
from twinkle_notifier.stalls.reporter import Reporter
from twinkle_notifier.stalls.resolver import Resolver
from twinkle_notifier.stalls.stacks import debugged, is_running
from twinkle_notifier.stalls.this_rank import ThisRank

VARIABLE: str = "TWINKLE_NOTIFIER_STALL_AFTER"  # for runs whose code gives no time
_IDLE_POLLS = 2  # without a beat: from then on a rank checks whether another is about to send the alert
_POLLS = 25  # within the time after which a training has stalled
_POLL_MOST = 5.0  # seconds between two polls
_SELDOM = 1.0  # seconds between two notes to the supervisor
_MOST = 1e9  # seconds that may be given: 30 years
_SHOWN = 50  # characters of a value that is none, in the log
_TIMES = 10  # the slowest step seen: a stall takes longer
_LULL_TIMES = 10  # the time given: a stall takes longer where something slow is expected
_DOUBT_TIMES = 2  # the slowest step seen: after that a rank lets the others know where it is stuck


def seconds(given: object) -> float | None:
    """Seconds without a step after which a training has stalled: `given`, else the environment's.

    None: the training is not watched. A bad value in the environment is logged and ignored.

    Raises:
        ArgumentError: `given` is no positive number.
    """
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < _MOST:
            raise ArgumentError(f"stall_after is {given!r:.50}: give a positive number of seconds, or leave it out")
        return float(given)
    text = os.environ.get(VARIABLE, "").strip()
    try:
        return after_in(text) if text else None
    except ValueError as error:
        log.warning("%s: %s; stall detection is off", VARIABLE, error)
        return None


def after_in(text: str) -> float:
    """The seconds in ``10m``, ``1h30m`` or ``600``.

    Raises:
        ValueError: `text` is no positive time.
    """
    value = seconds_in(text)
    if value is None:
        with suppress(ValueError):
            value = float(text)
    if value is None or not 0 < value < _MOST:
        raise ValueError(f"{shown_in_log(text, _SHOWN)!r} is not a time: write 90s, 10m or 1h30m")
    return value


class Gauge:
    """Idle time and slowest step, sampled at intervals.

    A sample that comes late shows that the whole process was stopped, or its machine asleep: that time does not count.
    """

    def __init__(self, after: float, now: float) -> None:
        self.poll: float = min(after / _POLLS, _POLL_MOST)  # seconds between two samples
        self.slowest: float = 0.0
        self.idle: float = 0.0
        self._after, self._beats, self._lull = after, 0, False
        self._at: float = now
        self._forgiven: float = 0.0

    def sample(self, now: float, at: float, beats: int, late: float, lull: bool = False) -> bool:
        """Note that beat number `beats` was at `at`; return whether it is new. This sample came `late` seconds late.

        `lull`: something slow follows that beat.
        """
        late = late if late > self.poll else 0.0
        self._forgiven += late
        moved = at != self._at
        if moved:
            # The time to the first beat (compilation, the first connections) and a stall are no steps.
            if self._beats and not self.stalled and not self._lull:
                self.slowest = max(self.slowest, at - self._at - self._forgiven)
            self._at, self._beats = at, beats
            self._forgiven = late if now - at >= late else 0.0  # the process was stopped after the beat, or before
        self.idle, self._lull = max(now - self._at - self._forgiven, 0.0), lull
        return moved

    @property
    def stalled(self) -> bool:
        """Whether this is a stall, by the slowest step so far."""
        after = _LULL_TIMES * self._after if self._lull else self._after
        return self.idle > max(after, _TIMES * self.slowest)

    @property
    def doubtful(self) -> bool:
        """Whether it may soon be one."""
        return self.idle > max(self._after, _DOUBT_TIMES * self.slowest)


class StallWatch:
    """Watches a training's beats from a thread of its own.

    A copy watches nothing until it is started; nor does the one in a forked process.
    """

    def __init__(self, after: float | None) -> None:
        """The training has stalled `after` so many seconds without a beat; None: it is never watched."""
        self.after: float | None = after
        self.at: float = 0.0
        self.beats: int = 0
        self.lull: int = -1  # the number of the last beat before something slow
        self.watcher: _Watcher | None = None  # another for each training

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(StallWatch(self.after))}

    def start(self, watched: Watched) -> None:
        """Watch the training `watched` from now on, and no other."""
        self.stop()
        if self.after is not None:
            self.at, self.beats, self.lull = monotonic(), 0, -1
            self.watcher = _Watcher(self, watched, Gauge(self.after, self.at))

    def stop(self, *, moves: bool | None = None) -> None:
        """Watch no more. Whether the training ended well: as `moves` says, else if it has beaten. Returns at once."""
        watcher, self.watcher = self.watcher, None
        if watcher is not None:
            watcher.stop(self.beats, moves)


class _Watcher:
    def __init__(self, watch: StallWatch, watched: Watched, gauge: Gauge) -> None:
        self._watch = weakref.ref(watch)  # a training that nobody ended ends with its objects
        self._watched, self._gauge = watched, gauge
        self._pid = os.getpid()
        self._over = threading.Event()
        self._lock = threading.Lock()  # of the episodes: none begins or alarms once this is over
        self._episode: Resolver | None = None
        self._open: list[Resolver] = []  # past ones whose end is not yet sent
        self._beats = 0  # when it began
        self._noted_at, self._turn = 0.0, threading.Lock()
        try:
            threads.Stoppable(self._run, "twinkle-notifier-watch").start()
        except RuntimeError:  # at the process limit
            log.warning("stall detection is off: no thread can start")

    def stop(self, beats: int, moves: bool | None) -> None:
        if self._pid == os.getpid():  # else the thread is the parent's, and the lock may be held
            self._over.set()
            self._close(beats > self._beats if moves is None else moves)

    def _run(self) -> None:
        while True:
            asleep = monotonic()
            if self._over.wait(self._gauge.poll):
                return
            watch = self._watch()
            if watch is None or not is_running(self._watched.thread):
                self._close(False)
                return
            self._sample(watch, monotonic() - asleep - self._gauge.poll)
            del watch

    def _sample(self, watch: StallWatch, late: float) -> None:
        gauge, at, beats, lull = self._gauge, watch.at, watch.beats, watch.lull  # in the order in which a beat writes
        if gauge.sample(monotonic(), at, beats, late, beats == lull):
            self._end(moves=True)
        self._note_beat(beats)
        if self._watched.notifier is None:
            return
        with self._lock:
            if not self._over.is_set():
                self._advance(self._watched.notifier, beats)

    def _advance(self, notifier: Callable[[str], object], beats: int) -> None:
        gauge, episode = self._gauge, self._episode
        if episode is None and gauge.idle > _IDLE_POLLS * gauge.poll:
            self._beats = beats
            this_rank = ThisRank(self._watched, gauge.idle, beats)
            episode = self._episode = Resolver(this_rank, Reporter(this_rank, notifier, gauge.poll))
        if episode is None:
            self._open = [past for past in self._open if past.open]
            for past in self._open:
                past.check()
        elif not gauge.doubtful:
            episode.this_rank.listen()
        elif gauge.stalled and not episode.alarmed:
            if not debugged(self._watched.thread):
                episode.alarm()
        elif not episode.this_rank.doubted:
            episode.this_rank.doubt()

    def _note_beat(self, beats: int) -> None:
        if mailbox.VARIABLE not in os.environ or monotonic() - self._noted_at < _SELDOM:
            return
        self._noted_at = monotonic()
        gauge = self._gauge
        beat = Beat(Where.here().rank, beats, gauge.idle, gauge.stalled, gauge.slowest, time())
        mailbox.report(lambda to: to.beat(beat), self._turn)

    def _end(self, *, moves: bool) -> None:
        with self._lock:
            episode, self._episode = self._episode, None
            if episode is not None:
                episode.over(moves=moves)
                self._open += [episode] if episode.open else []

    def _close(self, moves: bool) -> None:
        self._end(moves=moves)
        with self._lock:
            past, self._open = self._open, []
        for episode in past:
            episode.close(moves=moves)
