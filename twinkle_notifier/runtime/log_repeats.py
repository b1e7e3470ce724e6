"""Lines of our log that repeat: each is written once, then counted."""

from __future__ import annotations

import logging
import math
import threading
import time

from twinkle_notifier import isolation
from twinkle_notifier.isolation import forks
from twinkle_notifier.isolation.at_end import at_end

_FIRST = 60.0  # seconds in which a line is only counted; then twice as many, as long as it repeats, up to
_MOST = 3600.0
_LINES = 500  # that are remembered
log: logging.Logger = logging.getLogger("twinkle_notifier")  # the one logger of this package
_EXIT = 1.0  # seconds for all counts at the end of the process: a handler may be the user's own


_Key = tuple[str, int, str, str]  # of a line: its logger, level, text and incident


class _Line:
    """A line that was written `at`, on the monotonic clock, and has come `more` times since."""

    def __init__(self, path: str, number: int, at: float) -> None:
        self.path, self.number, self.at = path, number, at
        self.pause = _FIRST
        self.more = 0


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
            is_new = self._count(key, record)
        _write(due)
        return is_new

    def say(self) -> None:
        """Log all counts now."""
        with self._lock:
            due = self._due(math.inf)
        if due:
            isolation.call(lambda: _write(due), _EXIT)

    def forget(self) -> None:
        """Forget all lines: in a test, or as a forked child."""
        self._lock = threading.RLock()  # a signal's handler may log in the midst of this
        self._lines: dict[_Key, _Line] = {}  # the oldest first

    def _count(self, key: _Key, record: logging.LogRecord) -> bool:
        now, line = time.monotonic(), self._lines.get(key)
        if line is None or (line.more == 0 and now - line.at >= _FIRST):
            self._lines.pop(key, None)
            self._lines[key] = _Line(record.pathname, record.lineno, now)
            return True
        line.more += 1
        return False

    def _due(self, now: float) -> list[logging.LogRecord]:
        """The counts that are due by `now`, or for whose lines there is no room. They begin anew."""
        due: list[logging.LogRecord] = []
        for key, line in list(self._lines.items()):
            if line.more and (now - line.at >= line.pause or len(self._lines) > _LINES):
                due.append(_counted(key, line))
                line.at, line.more, line.pause = time.monotonic(), 0, min(2 * line.pause, _MOST)
            if len(self._lines) > _LINES:
                del self._lines[key]
        return due


def _counted(key: _Key, line: _Line) -> logging.LogRecord:
    logger, level, text, _ = key
    record = logging.LogRecord(logger, level, line.path, line.number, "%s (%d more like it)", (text, line.more), None)
    record.__dict__["is_count"] = True
    return record


def _write(due: list[logging.LogRecord]) -> None:
    for record in due:
        logging.getLogger(record.name).handle(record)  # not `log`: the level may have been raised since


def install() -> None:
    """Count the lines of this package's log from now on."""
    log.addFilter(repeats)


repeats: Repeats = Repeats()  # one for the process, as there is one logger
at_end(3, repeats.say)
forks.in_child(repeats.forget)  # the counts are the parent's, and its lock may be held for ever
