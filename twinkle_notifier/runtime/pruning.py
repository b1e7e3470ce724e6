"""Deletes files that nobody needs any more: claims, handovers, earlier crashes and rates of more than a day ago."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice, takewhile
from pathlib import Path

from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.ownership import draft, probed

_ROOMS = ("claims", "handover", "history", "rate")
_AGE = 86400.0  # seconds; an error that comes again after more than that counts as new, see `alerts.crash_loop`
_LISTED = 20_000  # names of one folder that one call reads
_PAUSE = 3600.0  # seconds in which a process prunes only once

_random = random.SystemRandom()  # not the program's: checkpoints hold the state of that
_last = -_PAUSE


def prune(seconds: float = 0.2) -> None:
    """Delete files that are older than a day, for `seconds` at most; nothing if this process did so in the last hour.

    A run's claims are deleted together, when nothing was added to them for a day. Messages in the spool stay. Folders
    that cannot be changed are skipped. Never raises OSError; may hang if the disk does.
    """
    global _last
    now = time.monotonic()
    if now - _last < _PAUSE:
        return
    _last = now
    for room in _random.sample(_ROOMS, len(_ROOMS)):  # in random order, as time may not suffice for all
        for folder in state_dir.everywhere(room):
            with suppress(OSError):
                _Pruning(folder, now + seconds).do(deeper=room == "history")


class _Pruning:
    """Deletes old entries of `folder`. Its methods raise OSError; TimeoutError once `deadline` has passed."""

    def __init__(self, folder: Path, deadline: float) -> None:
        self._folder, self._deadline = folder, deadline
        self._owner = folder.lstat().st_uid
        self._before = probed(folder).st_mtime - _AGE  # by the disk's clock, as this machine's may be wrong

    def do(self, *, deeper: bool) -> None:
        """Delete each entry that is old as a whole; if `deeper`, also old entries within one that is not."""
        for path in self._entries(self._folder):
            self._visit(path)
            if deeper and path.is_dir():
                for each in self._entries(path):
                    self._visit(each)

    def _visit(self, path: Path) -> None:
        self._check_time()
        with suppress(FileNotFoundError):  # another process has just deleted it
            if path.lstat().st_uid == self._owner and self._is_old(path):
                self._delete(path)

    def _entries(self, folder: Path) -> Iterator[Path]:
        """The entries of `folder`, beginning with a random one, as time may not suffice for all."""
        half = (time.monotonic() + self._deadline) / 2
        names: list[str] = []
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            names += (entry.name for entry in takewhile(lambda _: time.monotonic() < half, islice(entries, _LISTED)))
        start = _random.randrange(len(names)) if names else 0
        for name in chain(names[start:], names[:start]):
            yield folder / name

    def _is_old(self, path: Path) -> bool:
        """Whether neither `path` nor a folder in it changed for a day. Files of a claims' log never change."""
        if path.lstat().st_mtime >= self._before:
            return False
        return not _is_folder(path) or all(map(self._is_old, filter(_is_folder, self._within(path))))

    def _within(self, folder: Path) -> Iterator[Path]:
        with os.scandir(folder) as entries:
            for entry in entries:
                self._check_time()
                yield Path(entry.path)

    def _delete(self, path: Path) -> None:
        """Delete `path`, renamed first, so that no process sees half a log; not if it has changed by then."""
        aside = draft(path.parent)
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
            os.utime(path, (0, 0))  # the next pruning goes on
            raise

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise TimeoutError


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
