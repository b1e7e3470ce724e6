"""A lock between processes: the system's; where that or the file system has none, a file that names its holder."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from twinkle_notifier import system
from twinkle_notifier.isolation import forks
from twinkle_notifier.runtime.ownership import contents, draft, open_file
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.runtime.stored import Stored, fields_of

# A system without locks; Lustre without `-o flock`; some FUSE; NFS without its lock service.
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
_POLL = 0.01  # seconds between two tries to get a lock
_LONGEST = 900.0  # seconds
_MOST = 1000  # bytes that name a holder

_held: set[int] = set()


@contextmanager
def locked(path: Path, seconds: float, longest: float = _LONGEST) -> Generator[int | None]:
    """Hold the lock of the file `path`, made if need be; gives its descriptor, or None if it is not free in `seconds`.

    It is free again when its holder dies. If the file system has no locks, another machine cannot see that: then nobody
    holds it for more than `longest` seconds. Raises OSError.
    """
    handle = open_file(path, os.O_RDWR | os.O_CREAT)
    _held.add(handle)
    guard = _Guard(path, longest)
    try:
        yield handle if _lock(handle, guard, time.monotonic() + seconds) else None
    finally:
        if handle in _held:  # not in a child, where `_let_go` has closed it
            _held.discard(handle)
            guard.release()
            with suppress(OSError):
                system.unlock(handle)  # closing alone would leave it to a child that is just being forked
            os.close(handle)


def _let_go() -> None:
    """Close the parent's locks in a forked child: they would outlive their holder."""
    for handle in list(_held):
        _held.discard(handle)
        os.close(handle)


forks.in_child(_let_go)


def _lock(handle: int, guard: _Guard, deadline: float) -> bool:
    while True:
        try:
            if system.try_lock(handle):
                return True
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            if guard.take():
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)


class _Guard:
    """A file beside `path` that only one process can make, and that names this process."""

    def __init__(self, path: Path, longest: float) -> None:
        self._path, self._longest, self._me = path.with_name(f"{path.name}.held"), longest, b""

    def take(self) -> bool:
        """Make the file; False while another process has it. Raises OSError."""
        if self._made():
            return True
        abandoned = self._abandoned()
        return abandoned is not None and self._removed(abandoned) and self._made()

    def _made(self) -> bool:
        data = json.dumps({**fields_of(Holder.me()), "key": os.urandom(6).hex()}).encode()
        try:
            handle = os.open(self._path, system.NEW_FILE, 0o600)
        except FileExistsError:
            return False
        try:
            os.write(handle, data)
        except OSError:
            self._path.unlink()
            raise
        finally:
            os.close(handle)
        self._me = data
        return True

    def release(self) -> None:
        """Delete the file, if it is this process's."""
        with suppress(OSError):
            if self._me and contents(self._path, _MOST) == self._me:  # else it took too long, and lost it
                self._path.unlink()

    def _abandoned(self) -> bytes | None:
        """The content of the file if its holder is dead, or has had it for too long; else None."""
        with suppress(OSError, ValueError):  # it is just being made or deleted
            said = contents(self._path, _MOST)
            age = abs(time.time() - os.lstat(self._path).st_mtime)  # a clock may have been set back
            if age > self._longest or Holder.load(Stored.read(said)).dead():
                return said
        return None

    def _removed(self, abandoned: bytes) -> bool:
        """Delete the file with that content; of several processes that try, one succeeds."""
        aside = draft(self._path.parent)
        is_removed = False
        with suppress(OSError):
            os.rename(self._path, aside)
            is_removed = contents(aside, _MOST) == abandoned
            if not is_removed:
                _put_back(aside, self._path)
        with suppress(OSError):
            aside.unlink()
        return is_removed


def _put_back(aside: Path, path: Path) -> None:
    """Undo a rename, unless a third process has made `path` meanwhile: then the holder of `aside` has lost it."""
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        os.rename(aside, path)
