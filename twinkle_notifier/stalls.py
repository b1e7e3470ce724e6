"""Whether a training still moves: a heartbeat for each step, and a thread that looks at it."""

from __future__ import annotations

import logging
import math
import os
import threading
import weakref
from time import monotonic, time
from typing import Any

from twinkle_notifier import supervision
from twinkle_notifier.episode import Case, Episode
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.runtime import Where
from twinkle_notifier.supervision import Beat

VARIABLE = "TWINKLE_NOTIFIER_STALL_AFTER"  # seconds, for runs whose code names none
_LOOKS = 25  # within the time after which a training stands still
_POLL_MOST = 5.0  # seconds between two looks
_SELDOM = 1.0  # seconds between two words to the supervisor
_TIMES = 10  # the slowest step seen: what is not longer is no stall
_DOUBT_TIMES = 2  # the slowest step seen: from then on a rank lets the others know where it stands

log = logging.getLogger("twinkle_notifier")


def seconds(given: object) -> float | None:
    """After how many seconds without a step a training stands still: as `given`, else as the environment says.

    None: it is not watched. A bad value in the environment is logged and ignored.

    Raises:
        ArgumentError: what is given is no positive number.
    """
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < math.inf:
            raise ArgumentError(f"stall_after is {given!r:.50}: give a positive number of seconds, or leave it out")
        return float(given)
    text = os.environ.get(VARIABLE, "").strip()
    try:
        value = float(text or "nan")
    except ValueError:
        value = math.nan
    if 0 < value < math.inf:
        return value
    if text:
        log.warning("%s is %.50r, which is no positive number of seconds: stalls are not looked for", VARIABLE, text)
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
        self._after, self._at, self._beats, self._forgiven = after, now, 0, 0.0

    def look(self, now: float, at: float, beats: int, late: float) -> bool:
        """Note that beat number `beats` was at `at`, and that this look is `late`. Whether there is a new beat."""
        late = late if late > self.poll else 0.0
        self._forgiven += late
        moved = at != self._at
        if moved:
            if self._beats:  # the time up to the first is none between steps: compilation, the first connections
                self.slowest = max(self.slowest, at - self._at - self._forgiven)
            self._at, self._beats = at, beats
            self._forgiven = late if now - at >= late else 0.0  # it was stopped after the beat, or before
        self.idle = max(now - self._at - self._forgiven, 0.0)
        return moved

    @property
    def stalled(self) -> bool:
        """Whether it stands still, for any step seen so far."""
        return self.idle > max(self._after, _TIMES * self.slowest)

    @property
    def doubtful(self) -> bool:
        """Whether it may soon be called so."""
        return self.idle > max(self._after, _DOUBT_TIMES * self.slowest)


class StallWatch:
    """Looks from time to time, in a thread of its own, whether a training has beaten since.

    A copy, or what a forked process finds of it, watches nothing until it is started there.
    """

    def __init__(self, after: float | None) -> None:
        """`after` so many seconds without a beat the training stands still; None: it is never watched."""
        self.after = after
        self.at, self.beats = 0.0, 0
        self._watcher: _Watcher | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"after": self.after, "at": 0.0, "beats": 0, "_watcher": None}

    def start(self, case: Case) -> None:
        """Watch the training `case` from now on, and no other."""
        self.stop()
        if self.after is not None:
            self.at, self.beats = monotonic(), 0
            self._watcher = _Watcher(self, case, Gauge(self.after, self.at))

    def stop(self) -> None:
        """Watch no more. Returns at once."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop(self.beats)


class _Watcher:
    def __init__(self, watch: StallWatch, case: Case, gauge: Gauge) -> None:
        self._watch = weakref.ref(watch)  # a training that nobody ended ends with its objects
        self._case, self._gauge = case, gauge
        self._pid = os.getpid()
        self._over = threading.Event()
        self._episode: Episode | None = None
        self._beats = 0  # when it began
        self._told_supervisor = 0.0
        try:
            threading.Thread(target=self._run, name="twinkle-notifier-watch", daemon=True).start()
        except RuntimeError:  # at the process limit
            log.warning("stalls are not looked for: no thread can start")

    def stop(self, beats: int) -> None:
        if self._pid == os.getpid():  # else the thread is the parent's, and perhaps a lock is
            self._over.set()
            self._end(moves=beats > self._beats)

    def _run(self) -> None:
        while True:
            asleep = monotonic()
            if self._over.wait(self._gauge.poll):
                return
            watch = self._watch()
            if watch is None:
                self._end(moves=False)
                return
            self._look(watch, monotonic() - asleep - self._gauge.poll)
            del watch

    def _look(self, watch: StallWatch, late: float) -> None:
        gauge, at, beats = self._gauge, watch.at, watch.beats  # in the order in which a beat writes them
        if gauge.look(monotonic(), at, beats, late):
            self._end(moves=True)
        self._tell_supervisor(beats)
        if self._case.notifier is None or not gauge.doubtful:
            return
        if self._episode is None:
            self._beats = beats
            self._episode = Episode(self._case, self._case.notifier, gauge.idle, beats, gauge.poll)
            if not gauge.stalled:
                self._episode.doubt()
        if gauge.stalled and not self._episode.alarmed:
            self._episode.alarm()

    def _tell_supervisor(self, beats: int) -> None:
        if supervision.VARIABLE not in os.environ or monotonic() - self._told_supervisor < _SELDOM:
            return
        self._told_supervisor = monotonic()
        gauge = self._gauge
        beat = Beat(Where.here().rank, beats, gauge.idle, gauge.stalled, gauge.slowest, time())
        supervision.tell(lambda to: to.beat(beat))

    def _end(self, *, moves: bool) -> None:
        episode, self._episode = self._episode, None
        if episode is not None:
            episode.over(moves=moves)
