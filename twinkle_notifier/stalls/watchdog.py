"""Whether a training still moves: a heartbeat for each step, and a thread that looks at it."""

from __future__ import annotations

import logging
import math
import os
import threading
import weakref
from collections.abc import Callable
from time import monotonic, time
from typing import Any

from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation import threads
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.mailbox.notes import Beat
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.stalls.episode import Episode
from twinkle_notifier.stalls.stacks import debugged
from twinkle_notifier.stalls.watched import Watched

VARIABLE = "TWINKLE_NOTIFIER_STALL_AFTER"  # seconds, for runs whose code names none
_IDLE_LOOKS = 2  # without a beat: from then on a rank minds whether another gives the alarm
_LOOKS = 25  # within the time after which a training has stalled
_POLL_MOST = 5.0  # seconds between two looks
_SELDOM = 1.0  # seconds between two words to the supervisor
_MOST = 1e9  # seconds that may be given: 30 years
_TIMES = 10  # the slowest step seen: what is not longer is no stall
_LULL_TIMES = 10  # the time given: what is not longer is no stall where something slow is to be expected
_DOUBT_TIMES = 2  # the slowest step seen: from then on a rank lets the others know where it stands

log = logging.getLogger("twinkle_notifier")


def seconds(given: object) -> float | None:
    """After how many seconds without a step a training has stalled: as `given`, else as the environment says.

    None: it is not watched. A bad value in the environment is logged and ignored.

    Raises:
        ArgumentError: what is given is no positive number.
    """
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < _MOST:
            raise ArgumentError(f"stall_after is {given!r:.50}: give a positive number of seconds, or leave it out")
        return float(given)
    text = os.environ.get(VARIABLE, "").strip()
    try:
        value = float(text or "nan")
    except ValueError:
        value = math.nan
    if 0 < value < _MOST:
        return value
    if text:
        log.warning("%s is %.50r, which is no positive number of seconds: stall detection is off", VARIABLE, text)
    return None


class Gauge:
    """How long ago the last step was, and how slow the slowest, as far as it shows in looks from time to time.

    A look that comes late itself tells that the whole process was stopped, or its machine asleep: that time counts
    for no step.
    """

    def __init__(self, after: float, now: float) -> None:
        self.poll = min(after / _LOOKS, _POLL_MOST)  # seconds between two looks
        self.slowest = 0.0
        self.idle = 0.0
        self._after, self._at, self._beats, self._forgiven, self._lull = after, now, 0, 0.0, False

    def look(self, now: float, at: float, beats: int, late: float, lull: bool = False) -> bool:
        """Note that beat number `beats` was at `at`, and that this look is `late`. Whether there is a new beat.

        `lull`: something slow follows that beat.
        """
        late = late if late > self.poll else 0.0
        self._forgiven += late
        moved = at != self._at
        if moved:
            # Neither the time up to the first (compilation, the first connections) nor a stall is one between steps.
            if self._beats and not self.stalled and not self._lull:
                self.slowest = max(self.slowest, at - self._at - self._forgiven)
            self._at, self._beats = at, beats
            self._forgiven = late if now - at >= late else 0.0  # it was stopped after the beat, or before
        self.idle, self._lull = max(now - self._at - self._forgiven, 0.0), lull
        return moved

    @property
    def stalled(self) -> bool:
        """Whether it has stalled, for any step seen so far."""
        after = _LULL_TIMES * self._after if self._lull else self._after
        return self.idle > max(after, _TIMES * self.slowest)

    @property
    def doubtful(self) -> bool:
        """Whether it may soon be called so."""
        return self.idle > max(self._after, _DOUBT_TIMES * self.slowest)


class StallWatch:
    """Looks from time to time, in a thread of its own, whether a training has beaten since.

    A copy, or what a forked process finds of it, watches nothing until it is started there.
    """

    def __init__(self, after: float | None) -> None:
        """`after` so many seconds without a beat the training has stalled; None: it is never watched."""
        self.after = after
        self.at, self.beats = 0.0, 0
        self.lull = -1  # the number of the last beat that something slow follows
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
        """Watch no more. Its beats tell whether the training `moves` to its end, if nobody does. Returns at once."""
        watcher, self.watcher = self.watcher, None
        if watcher is not None:
            watcher.stop(self.beats, moves)


class _Watcher:
    def __init__(self, watch: StallWatch, watched: Watched, gauge: Gauge) -> None:
        self._watch = weakref.ref(watch)  # a training that nobody ended ends with its objects
        self._watched, self._gauge = watched, gauge
        self._pid = os.getpid()
        self._over = threading.Event()
        self._lock = threading.Lock()  # of the episodes: none begins, and none alarms, when it is over
        self._episode: Episode | None = None
        self._open: list[Episode] = []  # past ones whose end people wait for
        self._beats = 0  # when it began
        self._told_supervisor = 0.0
        try:
            threads.Stoppable(self._run, "twinkle-notifier-watch").start()
        except RuntimeError:  # at the process limit
            log.warning("stall detection is off: no thread can start")

    def stop(self, beats: int, moves: bool | None) -> None:
        if self._pid == os.getpid():  # else the thread is the parent's, and perhaps a lock is
            self._over.set()
            self._close(beats > self._beats if moves is None else moves)

    def _run(self) -> None:
        while True:
            asleep = monotonic()
            if self._over.wait(self._gauge.poll):
                return
            watch = self._watch()
            if watch is None:
                self._close(False)
                return
            self._look(watch, monotonic() - asleep - self._gauge.poll)
            del watch

    def _look(self, watch: StallWatch, late: float) -> None:
        gauge, at, beats, lull = self._gauge, watch.at, watch.beats, watch.lull  # in the order in which a beat writes
        if gauge.look(monotonic(), at, beats, late, beats == lull):
            self._end(moves=True)
        self._tell_supervisor(beats)
        if self._watched.notifier is None:
            return
        with self._lock:
            if not self._over.is_set():
                self._mind(self._watched.notifier, beats)

    def _mind(self, notifier: Callable[[str], object], beats: int) -> None:
        gauge, episode = self._gauge, self._episode
        if episode is None and gauge.idle > _IDLE_LOOKS * gauge.poll:
            self._beats = beats
            episode = self._episode = Episode(self._watched, notifier, gauge.idle, beats, gauge.poll)
        if episode is None:
            self._open = [past for past in self._open if past.open]
            for past in self._open:
                past.look()
        elif not gauge.doubtful:
            episode.listen()
        elif gauge.stalled and not episode.alarmed:
            if not debugged(self._watched.thread):
                episode.alarm()
        elif not episode.doubted:
            episode.doubt()

    def _tell_supervisor(self, beats: int) -> None:
        if mailbox.VARIABLE not in os.environ or monotonic() - self._told_supervisor < _SELDOM:
            return
        self._told_supervisor = monotonic()
        gauge = self._gauge
        beat = Beat(Where.here().rank, beats, gauge.idle, gauge.stalled, gauge.slowest, time())
        mailbox.report(lambda to: to.beat(beat))

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
