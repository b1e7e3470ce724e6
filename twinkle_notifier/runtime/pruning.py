"""Takes away what nobody needs any more: claims, earlier crashes and rates of more than a day ago."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from twinkle_notifier.runtime import state_dir

_ROOMS = ("claims", "handover", "history", "rate")
_AGE = 86400.0  # seconds; a crash of longer ago is a new story, see `history`
_LISTED = 20_000  # names of one folder that are looked at in one call
_PAUSE = 3600.0  # seconds between two calls of one process that do anything

_random = random.SystemRandom()  # that of the program is as it left it, for its checkpoints
_last = -_PAUSE


def prune(seconds: float = 0.2) -> None:
    """Take away some of what is older than a day, for `seconds`; nothing if this process has done so in the last hour.

    What a run has claimed goes as a whole, once nothing has been added to it for a day. Messages that wait are left.
    Where a folder cannot be changed, nothing happens. Never raises OSError; may hang where the disk does.
    """
    global _last
    now = time.monotonic()
    if now - _last < _PAUSE:
        return
    _last = now
    for room in _random.sample(_ROOMS, len(_ROOMS)):  # each gets its turn when time is short
        for folder in state_dir.everywhere(room):
            with suppress(OSError):
                _Pruning(folder, now + seconds).do(deeper=room == "history")


class _Pruning:
    """Of what is in `folder`. Its methods raise OSError; TimeoutError once `deadline` has passed."""

    def __init__(self, folder: Path, deadline: float) -> None:
        self._folder, self._deadline = folder, deadline
        self._owner = folder.lstat().st_uid
        self._before = _clock_of(folder) - _AGE

    def do(self, *, deeper: bool) -> None:
        """Take away each entry that is old as a whole; if `deeper`, also what is old within one that is not."""
        for path in self._entries(self._folder):
            self._visit(path)
            if deeper and path.is_dir():
                for each in self._entries(path):
                    self._visit(each)

    def _visit(self, path: Path) -> None:
        self._check_time()
        with suppress(FileNotFoundError):  # another process has just taken it away
            if path.lstat().st_uid == self._owner and self._is_old(path):
                self._take_away(path)

    def _entries(self, folder: Path) -> Iterator[Path]:
        """What is in `folder`, from a random one on, so that the last ones get their turn when time is short."""
        half = (time.monotonic() + self._deadline) / 2
        names: list[str] = []
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in islice(entries, _LISTED):
                names.append(entry.name)
                if time.monotonic() > half:
                    break
        start = _random.randrange(len(names)) if names else 0
        for name in chain(names[start:], names[:start]):
            yield folder / name

    def _is_old(self, path: Path) -> bool:
        """Whether neither `path` nor a folder in it has changed since. Of a log no file changes: that costs a look."""
        if path.lstat().st_mtime >= self._before:
            return False
        return not _is_folder(path) or all(map(self._is_old, filter(_is_folder, self._within(path))))

    def _within(self, folder: Path) -> Iterator[Path]:
        with os.scandir(folder) as entries:
            for entry in entries:
                self._check_time()
                yield Path(entry.path)

    def _take_away(self, path: Path) -> None:
        """In one step, so that no process sees half a log; not if another has changed it by then."""
        aside = state_dir.draft(path.parent)
        path.rename(aside)
        if self._is_old(aside):
            self._remove(aside)
        else:
            aside.rename(path)

    def _remove(self, path: Path) -> None:
        if not _is_folder(path):
            path.unlink()
            return
        try:
            for each in self._within(path):
                self._remove(each)
            path.rmdir()
        except TimeoutError:
            os.utime(path, (0, 0))  # the next one goes on
            raise

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise TimeoutError


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _clock_of(folder: Path) -> float:
    """What the disk's clock says now: that of this machine may be wrong. Raises OSError."""
    probe = state_dir.draft(folder)
    state_dir.write(probe, b"", sync=False)
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink()
