"""The folders in which this package keeps files: claims, earlier crashes, send rates, and messages to be sent."""

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

from twinkle_notifier import system
from twinkle_notifier.runtime.locks import locked as locked
from twinkle_notifier.runtime.ownership import ForeignError, check_folder, probed
from twinkle_notifier.runtime.ownership import contents as contents
from twinkle_notifier.runtime.ownership import draft as draft
from twinkle_notifier.runtime.ownership import is_trusted as is_trusted

T = TypeVar("T")

VARIABLE: str = "TWINKLE_NOTIFIER_DIR"
_USABLE = "usable"  # a file in each folder that could be written to
_MOST = 4096  # bytes of a file that `kept` reads
_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)  # of some FUSE file systems; never of a disk that fails

log: logging.Logger = logging.getLogger("twinkle_notifier")
_warned: set[str] = set()
try:
    _began_in = os.getcwd()  # relative names are of this folder, even if the process changes its own later
except OSError:  # it was deleted
    _began_in = "/"


def folder(*parts: str, fresh: bool = False, tried: list[str] | None = None) -> Path:
    """The folder `parts` in the first place that can be written to, see `within`; made with mode 0700 if need be.

    Each call tries to write there. If the folder is `fresh`, made for this run, only the first call of any process
    does: a thousand ranks that try at once take seconds.

    Raises:
        OSError: there is none that can be written to.
    """
    return within(parts, lambda path: _probed(path, fresh), tried)


def within(parts: Sequence[str], work: Callable[[Path], T], tried: list[str] | None = None) -> T:
    """Do `work` in the folder `parts` of the first place in which that succeeds.

    The places are ``TWINKLE_NOTIFIER_DIR``; a folder of the user's own in that one, in the temporary folder and in
    ``/dev/shm``; and those for state (``XDG_RUNTIME_DIR``; ``XDG_STATE_HOME`` or ``~/.local/state``). Folders that
    another user made are skipped.

    Args:
        parts: the names of the folders below the place; each is made with mode 0700.
        work: gets the folder. It may be called again with another one.
        tried: places to skip; those that are tried are added.

    Raises:
        OSError: it could be done in none of them.
    """
    problem = OSError(f"no folder can be written to: set {VARIABLE} to one that can")
    for root in map(str, _roots()):
        if tried is not None:
            if root in tried:
                continue
            tried.append(root)  # before the work, which may hang
        if root == _in_chosen() and not isinstance(problem, PermissionError):
            continue  # it would fail, or hang, as the chosen place did
        try:
            return work(Path(_made(root, parts)))
        except OSError as error:
            problem = error
            _warn(root, error)
    raise problem


def _warn(root: str, error: OSError) -> None:
    """Log once for each place that it cannot be used, if the user chose it or another user made it."""
    if root in _warned or not (root == chosen() or isinstance(error, ForeignError)):
        return
    _warned.add(root)
    place = f"{VARIABLE}={root}" if root == chosen() else root
    log.warning("%s cannot be used: %s", place, f"{error.filename}: {error.strerror}" if error.filename else error)


def roots() -> list[Path]:
    """The places that exist and belong to this user: any of them may hold files of this package."""
    return everywhere()


def named() -> list[Path]:
    """Of the `roots`, those in ``TWINKLE_NOTIFIER_DIR``; all of them when it is not set."""
    return [root for root in roots() if not chosen() or str(root) in (chosen(), _in_chosen())]


def elsewhere() -> list[Path]:
    """The `roots` that are not `named`; links are followed to compare them."""
    known = {os.path.realpath(root) for root in named()}
    return [root for root in roots() if os.path.realpath(root) not in known]


def everywhere(*parts: str) -> list[Path]:
    """The folder `parts` in each of the `roots` in which it exists and belongs to this user."""
    return [Path(root, *parts) for root in map(str, _roots()) if _is_there(root, parts)]


def kept(*parts: str) -> list[bytes]:
    """The contents of the file `parts`, up to 4 KiB, in each of the `roots` in which it exists and is this user's."""
    found: list[bytes] = []
    for place in everywhere(*parts[:-1]):
        with suppress(OSError):
            found.append(contents(place / parts[-1], _MOST))
    return found


def write(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Make a file of mode 0600. With `sync` it is on the disk when this returns, if the file system can do that.

    Raises:
        OSError: it could not be written; FileExistsError if it exists.
    """
    # io.open: the builtin one is gone at the interpreter's end.
    with io.open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:  # noqa: UP020
        file.write(data)
        file.flush()
        if sync:
            synced(file.fileno())


def synced(handle: int) -> None:
    """Wait until a file is on the disk, if the file system can do that. Raises OSError."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def replace(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Make `data` the content of the file `path`, whole or not at all. Raises OSError."""
    fresh = draft(path.parent)
    try:
        write(fresh, data, sync=sync)
        os.replace(fresh, path)
    finally:
        with suppress(OSError):
            fresh.unlink()  # it exists only if something failed


def chosen() -> str:
    """``TWINKLE_NOTIFIER_DIR`` as an absolute path; empty if not set. It is relative to this process's first folder.

    A supervisor sets this path for its command, which may change its folder before it loads this package.
    """
    path = os.path.expanduser(os.environ.get(VARIABLE, ""))
    return os.path.join(_began_in, path) if path else ""


# Texts, not Paths: to make a Path takes longer than to stat a folder, and a crash waits for this.
def _roots() -> Iterator[str]:
    if place := chosen():
        yield place
        yield _in_chosen()  # if another user made its folders first
    with suppress(FileNotFoundError):  # tempfile found no folder at all
        yield os.path.join(tempfile.gettempdir(), _user())
    if system.HAS_OWNERS:  # else anybody may have made it
        yield os.path.join("/dev/shm", _user())  # memory: works if the disk is full or read-only
    yield from _own()  # if another user made those first


def _in_chosen() -> str:
    return os.path.join(chosen(), _user())


def _user() -> str:
    return f"twinkle-notifier-{os.getuid()}" if system.HAS_OWNERS else "twinkle-notifier"


def _own() -> Iterator[str]:
    """Places that no other user can make first. The system deletes the first at logout, but it is never remote."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.path.isdir(runtime):  # in a batch job it often names one that does not exist
        yield os.path.join(runtime, "twinkle-notifier")
    state = os.environ.get("XDG_STATE_HOME", "")
    state = state if os.path.isabs(state) else os.path.expanduser("~/.local/state")
    if os.path.isabs(state):  # else this user has no home
        yield os.path.join(state, "twinkle-notifier")


def _is_there(root: str, parts: Sequence[str] = ()) -> bool:
    try:
        _check(root, parts)
        return True
    except OSError as error:
        if isinstance(error, ForeignError):
            _warn(root, error)
        return False


def _check(root: str, parts: Sequence[str]) -> None:
    """Raise OSError unless all folders from `root` on exist and are this user's."""
    if root == chosen():
        os.stat(root)  # a group's folder or a link is the user's own choice
    else:
        check_folder(root)
    for place in list(accumulate((root, *parts), os.path.join))[1:]:
        check_folder(place)


def _made(root: str, parts: Sequence[str]) -> str:
    try:
        _check(root, parts)
    except FileNotFoundError:
        for place in accumulate((root, *parts), os.path.join):
            # One by one, as mkdir gives the mode to the last folder alone. Only the place itself gets parents.
            with suppress(FileExistsError):
                Path(place).mkdir(parents=place == root, mode=0o700)
        _check(root, parts)
    return os.path.join(root, *parts)


def _probed(path: Path, fresh: bool) -> Path:
    """`path`, if a file can be made there. In one that is `fresh` a mark shows that some process has tried it."""
    mark = path / _USABLE
    if not (fresh and mark.exists()):
        probed(path, b"probe")  # a disk that is full takes an empty file
        if fresh:
            with suppress(FileExistsError):
                write(mark, b"", sync=False)
    return path
