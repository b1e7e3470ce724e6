"""Where this package keeps files: claims, earlier crashes, what was sent when, and what could not be sent."""

from __future__ import annotations

import errno
import io
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

from twinkle_notifier.runtime.locks import locked
from twinkle_notifier.runtime.ownership import ForeignError, check_folder, contents, is_trusted

T = TypeVar("T")

__all__ = [
    "VARIABLE",
    "chosen",
    "contents",
    "draft",
    "elsewhere",
    "everywhere",
    "folder",
    "is_trusted",
    "kept",
    "locked",
    "named",
    "replace",
    "roots",
    "synced",
    "within",
    "write",
]

VARIABLE = "TWINKLE_NOTIFIER_DIR"
_USABLE = "usable"  # the file that says so
_MOST = 4096  # bytes of what is `kept`
_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)  # some FUSE; what a disk says when it fails is none of these

log: logging.Logger = logging.getLogger("twinkle_notifier")
_warned: set[str] = set()
try:
    _began_in = os.getcwd()  # a relative name means this folder, wherever the process goes later
except OSError:  # it was deleted
    _began_in = "/"


def folder(*parts: str, fresh: bool = False, tried: list[str] | None = None) -> Path:
    """The folder `parts` in the first place that can be written to, see `within`, made if need be, of mode 0700.

    Whether it can be written to is tried each time; of one that is `fresh`, made for this run, only the first time:
    a thousand ranks that try it at once take seconds.

    Raises:
        OSError: there is none that can be written to.
    """
    return within(parts, _tried if fresh else _probed, tried)


def within(parts: Sequence[str], work: Callable[[Path], T], tried: list[str] | None = None) -> T:
    """Do `work` in the folder `parts` under ``TWINKLE_NOTIFIER_DIR``; where that fails, in one of the others.

    The others are a folder of the user's own in that one; in the temporary folder; in ``/dev/shm``; and one for state
    (``XDG_RUNTIME_DIR``, else ``XDG_STATE_HOME`` or ``~/.local/state``). What another user made is passed over.

    Args:
        parts: the names from the place on; each part is made with mode 0700.
        work: is handed the folder. It may be called again with another one.
        tried: places that are passed over; the ones that are gone to are added.

    Raises:
        OSError: it could be done in none of them.
    """
    problem = OSError(f"no folder can be written to: set {VARIABLE} to one that can")
    for root in map(str, _roots()):
        if tried is not None:
            if root in tried:
                continue
            tried.append(root)  # first: it may hang
        if root == _in_chosen() and not isinstance(problem, PermissionError):
            continue  # it would fail, or hang, like the chosen one
        try:
            return work(Path(_made(root, parts)))
        except OSError as error:
            problem = error
            _warn(root, error)
    raise problem


def _warn(root: str, error: OSError) -> None:
    """Say once for each place that it cannot be used, if a user would wonder."""
    if root in _warned or not (root == chosen() or isinstance(error, ForeignError)):
        return
    _warned.add(root)
    place = f"{VARIABLE}={root}" if root == chosen() else root
    log.warning("%s cannot be used: %s", place, f"{error.filename}: {error.strerror}" if error.filename else error)


def roots() -> list[Path]:
    """The folders in which this package may have kept something: those that are there, and are this user's."""
    return [Path(root) for root in map(str, _roots()) if _is_there(root)]


def named() -> list[Path]:
    """Of the `roots`, those in ``TWINKLE_NOTIFIER_DIR``; all of them when it is not set."""
    return [root for root in roots() if not chosen() or str(root) in (chosen(), _in_chosen())]


def elsewhere() -> list[Path]:
    """The `roots` that are not `named`, under whatever name."""
    known = {os.path.realpath(root) for root in named()}
    return [root for root in roots() if os.path.realpath(root) not in known]


def everywhere(*parts: str) -> list[Path]:
    """The folder `parts` in each of the `roots` in which it is there, and is this user's."""
    return [Path(root, *parts) for root in map(str, _roots()) if _is_there(root, parts)]


def kept(*parts: str) -> list[bytes]:
    """What the file `parts` holds, of up to 4 KiB, in each of the `roots` in which it is there, and is this user's."""
    found: list[bytes] = []
    for place in everywhere(*parts[:-1]):
        with suppress(OSError):
            found.append(contents(place / parts[-1], _MOST))
    return found


def write(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Make a file of mode 0600, with `sync` on the disk when this returns, where the file system can do that.

    Raises:
        OSError: it could not be written; FileExistsError if it is there.
    """
    # At the interpreter's end there is no other `open`.
    with io.open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:  # noqa: UP020
        file.write(data)
        file.flush()
        if sync:
            synced(file.fileno())


def synced(handle: int) -> None:
    """Wait until a file is on the disk, where the file system can do that. Raises OSError."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def replace(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Put `data` into the file `path`, whole or not at all. Raises OSError."""
    fresh = draft(path.parent)
    try:
        write(fresh, data, sync=sync)
        os.replace(fresh, path)
    finally:
        with suppress(OSError):
            fresh.unlink()  # there only if something failed


def draft(where: Path) -> Path:
    """A name in the folder `where` that no other process or thread uses."""
    return where / f"draft-{os.getpid()}-{os.urandom(6).hex()}"


def chosen() -> str:
    """``TWINKLE_NOTIFIER_DIR`` as an absolute path, against the folder in which this process began; empty if not set.

    A supervisor hands it on like this, as its command may go to another folder before it loads this package.
    """
    path = os.path.expanduser(os.environ.get(VARIABLE, ""))
    return os.path.join(_began_in, path) if path else ""


# Texts and not Paths, which take longer to make than a folder takes to be looked at: a crash waits for this.
def _roots() -> Iterator[str]:
    if place := chosen():
        yield place
        yield _in_chosen()  # where another user of the same folder came first
    with suppress(FileNotFoundError):  # tempfile found no folder at all
        yield os.path.join(tempfile.gettempdir(), _user())
    yield os.path.join("/dev/shm", _user())  # memory: there when the disk is full or read-only
    yield from _own()  # where another user has made those first


def _in_chosen() -> str:
    return os.path.join(chosen(), _user())


def _user() -> str:
    return f"twinkle-notifier-{os.getuid()}" if hasattr(os, "getuid") else "twinkle-notifier"


def _own() -> Iterator[str]:
    """Places that no other user can make first. The first is taken away at logout, but is on no network."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.path.isdir(runtime):  # in a batch job it often names one that is not there
        yield os.path.join(runtime, "twinkle-notifier")
    state = os.environ.get("XDG_STATE_HOME", "")
    state = state if os.path.isabs(state) else os.path.expanduser("~/.local/state")
    if os.path.isabs(state):  # else this user has no home
        yield os.path.join(state, "twinkle-notifier")


def _is_there(root: str, parts: Sequence[str] = ()) -> bool:
    try:
        _check(root, parts)
    except OSError as error:
        if isinstance(error, ForeignError):
            _warn(root, error)
        return False
    return True


def _check(root: str, parts: Sequence[str]) -> None:
    """Raise OSError unless all folders from `root` on are there, and this user's."""
    if root == chosen():
        os.stat(root)  # it may be a group's, or a link: that is the user's own choice
    else:
        check_folder(root)
    for place in list(accumulate((root, *parts), os.path.join))[1:]:
        check_folder(place)


def _made(root: str, parts: Sequence[str]) -> str:
    try:
        _check(root, parts)
    except FileNotFoundError:
        for place in accumulate((root, *parts), os.path.join):
            # One by one: it gives the mode to the last part alone. Parents are made only for the place itself.
            with suppress(FileExistsError):
                Path(place).mkdir(parents=place == root, mode=0o700)
        _check(root, parts)
    return os.path.join(root, *parts)


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
