"""Where this package keeps files: claims, earlier crashes, what was sent when, and what could not be sent."""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

VARIABLE = "TWINKLE_NOTIFIER_DIR"
_USABLE = "usable"  # the file that says so
_MOST = 4096  # bytes of what is `kept`
_POLL = 0.01  # seconds between two tries to get a lock

log = logging.getLogger("twinkle_notifier")
_warned: set[str] = set()


def folder(*parts: str, fresh: bool = False) -> Path:
    """The folder `parts` under ``TWINKLE_NOTIFIER_DIR``, else in a temporary folder, made if need be, of mode 0700.

    Whether it can be written to is tried each time; of one that is `fresh`, made for this run, only the first time:
    a thousand ranks that try it at once take seconds.

    Raises:
        OSError: there is none that can be written to.
    """
    return within(parts, _tried if fresh else _probed)


def within(parts: Sequence[str], work: Callable[[Path], T]) -> T:
    """Do `work` in the folder `parts` under ``TWINKLE_NOTIFIER_DIR``; where that fails, in one of the others.

    Raises:
        OSError: it could be done in none of them.
    """
    problem = OSError(f"no folder can be written to: set {VARIABLE} to one that can")
    for root in _roots():
        try:
            return work(Path(_made(root, parts)))
        except OSError as error:
            problem = error
            if root == _chosen() and root not in _warned:
                _warned.add(root)
                log.warning("%s=%s cannot be used: %s", VARIABLE, root, error)
    raise problem


def roots() -> list[Path]:
    """The folders in which this package may have kept something: those that are there, and are this user's."""
    return [Path(root) for root in _roots() if _is_there(root)]


def kept(*parts: str) -> list[bytes]:
    """What the file `parts` holds, up to 4 KiB, in each of the folders in which it is, and is this user's."""
    found = []
    for root in _roots():
        with suppress(OSError):
            handle = os.open(os.path.join(root, *parts), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                if _is_ours(root):
                    found.append(os.read(handle, _MOST))
            finally:
                os.close(handle)
    return found


def write(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Make a file of mode 0600, with `sync` on the disk when this returns.

    Raises:
        OSError: it could not be written; FileExistsError if it is there.
    """
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
        file.flush()
        if sync:
            os.fsync(file.fileno())


def replace(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Put `data` into the file `path`, whole or not at all. Raises OSError."""
    fresh = draft(path.parent)
    try:
        write(fresh, data, sync=sync)
        os.replace(fresh, path)
    finally:
        with suppress(OSError):
            fresh.unlink()  # there only if something failed


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[int | None]:
    """Hold the lock of the file `path`, made if need be; gives its descriptor, or None if it is not free in time.

    In time: within `seconds`. The system frees it when its holder dies. Raises OSError where the file system knows no
    locks.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _held.add(handle)
    try:
        yield handle if _lock(handle, time.monotonic() + seconds) else None
    finally:
        if handle in _held:  # not in a child, where `_let_go` has closed it
            _held.discard(handle)
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_UN)  # closing alone would leave it to a child that is just being forked
            os.close(handle)


_held: set[int] = set()


def _let_go() -> None:
    """A lock is the process's that took it: in a forked child it would outlive its holder."""
    for handle in list(_held):
        _held.discard(handle)
        os.close(handle)


os.register_at_fork(after_in_child=_let_go)


def _lock(handle: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)


def draft(where: Path) -> Path:
    """A name in the folder `where` that no other process or thread uses."""
    return where / f"draft-{os.getpid()}-{os.urandom(6).hex()}"


def _chosen() -> str:
    return os.path.expanduser(os.environ.get(VARIABLE, ""))


# Texts and not Paths, which take longer to make than a folder takes to be looked at: a crash waits for this.
def _roots() -> Iterator[str]:
    if chosen := _chosen():
        yield chosen
    user = f"twinkle-notifier-{os.getuid()}" if hasattr(os, "getuid") else "twinkle-notifier"
    with suppress(FileNotFoundError):  # tempfile found no folder at all
        yield os.path.join(tempfile.gettempdir(), user)
    yield os.path.join("/dev/shm", user)  # memory: there when the disk is full or read-only


def _is_there(root: str) -> bool:
    try:
        return _is_ours(root)
    except OSError:
        return False


def _is_ours(path: str) -> bool:
    """Whether no other user was first, in the common temporary folder. Raises OSError if it is not there."""
    if not hasattr(os, "getuid") or os.stat(path).st_uid == os.getuid():
        return True
    # A chosen one is the user's own matter: over NFS its files may belong to somebody else altogether.
    chosen = _chosen()
    return bool(chosen) and Path(path).is_relative_to(chosen)


def _made(root: str, parts: Sequence[str]) -> str:
    path = os.path.join(root, *parts)
    try:
        ours = _is_ours(root) and _is_ours(path)
    except FileNotFoundError:
        ours = all(_is_ours(_made_one(place)) for place in accumulate((root, *parts), os.path.join))
    if not ours:
        raise PermissionError(f"{path} belongs to another user")
    return path


def _made_one(path: str) -> str:
    Path(path).mkdir(parents=True, exist_ok=True, mode=0o700)  # one by one: it gives the mode to the last part alone
    return path


def _tried(path: Path) -> Path:
    mark = path / _USABLE
    if not mark.exists():
        _probed(path)
        with suppress(FileExistsError):
            write(mark, b"", sync=False)
    return path


def _probed(path: Path) -> Path:
    probe = draft(path)
    try:
        write(probe, b"probe", sync=False)
    finally:
        with suppress(OSError):
            probe.unlink()
    return path
