"""Lines of our log that repeat: each is written once, then counted."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass
from multiprocessing.util import Finalize

from twinkle_notifier import isolation
from twinkle_notifier.isolation import forks

_FIRST = 60.0  # seconds in which a line is only counted; then twice as many, as long as it repeats, up to
_MOST = 3600.0
_LINES = 500  # that are remembered
log: logging.Logger = logging.getLogger("twinkle_notifier")  # the one logger of this package
_EXIT = 1.0  # seconds for all counts at the end of the process: a handler may be the user's own


_Key = tuple[str, int, str, str]  # of a line: its logger, level, text and incident


@dataclass
class _Line:
    """A line that was written `at`, on the monotonic clock, and has come `more` times since."""

    at: float
    pause: float = _FIRST
    more: int = 0


class Repeats(logging.Filter):
    """Lets a line through once. How often it came again is logged after a minute, or at the end of the process.

    Two lines are the same if their level, their text and their attribute ``incident`` are: lines of two incidents never
    are. There is no thread: a count that is due is logged together with the next line of the log.
    """

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether `record` is to be written now."""
        text = isolation.tried(record.getMessage).value
        if getattr(record, "is_count", False) or type(text) is not str:  # a line without a text is left to the handlers
            return True
        key = record.name, record.levelno, text, str(record.__dict__.get("incident", ""))
        with self._lock:
            due = self._due(time.monotonic())
            is_new = self._count(key)
        _write(due)
        return is_new

    def say(self) -> None:
        """Log all counts now."""
        with self._lock:
            due = self._due(math.inf)
        isolation.call(lambda: _write(due), _EXIT)

    def forget(self) -> None:
        """Forget all lines: in a test, or as a forked child."""
        self._lock = threading.RLock()  # a signal's handler may log in the midst of this
        self._lines: dict[_Key, _Line] = {}  # the oldest first
        self._at_exit: Finalize | None = None

    def _count(self, key: _Key) -> bool:
        now, line = time.monotonic(), self._lines.get(key)
        if line is None or (line.more == 0 and now - line.at >= _FIRST):
            self._lines.pop(key, None)
            self._lines[key] = _Line(now)
            return True
        line.more += 1
        if self._at_exit is None:  # not atexit, which does not run in multiprocessing's children
            self._at_exit = Finalize(None, self.say, exitpriority=10)
        return False

    def _due(self, now: float) -> list[tuple[_Key, int]]:
        """The lines whose count is due by `now`, or for which there is no room, with their counts, which begin anew."""
        due: list[tuple[_Key, int]] = []
        for key, line in list(self._lines.items()):
            if line.more and (now - line.at >= line.pause or len(self._lines) > _LINES):
                due.append((key, line.more))
                line.at, line.more, line.pause = time.monotonic(), 0, min(2 * line.pause, _MOST)
            if len(self._lines) > _LINES:
                del self._lines[key]
        return due


def _write(due: list[tuple[_Key, int]]) -> None:
    for (logger, level, text, _), more in due:
        logging.getLogger(logger).log(level, "%s (%d more like it)", text, more, extra={"is_count": True})


def install() -> None:
    """Count the lines of this package's log from now on."""
    log.addFilter(repeats)


repeats: Repeats = Repeats()  # one for the process, as there is one logger
forks.in_child(repeats.forget)  # the counts are the parent's, and its lock may be held for ever
