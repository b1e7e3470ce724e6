"""Who owns a folder or a file. What another user made is neither read nor written; symbolic links are not followed."""

from __future__ import annotations

import errno
import io
import os
import stat
from contextlib import suppress
from pathlib import Path

from twinkle_notifier import system

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

# The owner of what this process creates, by device: over NFS, "root squash" maps root to another user.
_created: dict[int, int] = {}


class ForeignError(PermissionError):
    """A file or folder that another user owns, or can change. The text says who."""


def is_trusted(path: str | Path) -> bool:
    """Whether `path` is a folder or regular file of this user or root. False for any link."""
    try:
        status = os.lstat(path)
        return (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)) and _is_own(status, path)
    except OSError:
        return False


def check_folder(path: str) -> None:
    """Raise OSError unless `path` is a folder of this user's or root's, and no symbolic link.

    A folder of this user's that others may write to is closed to them; such a folder of root's is a ForeignError.
    """
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        raise ForeignError(errno.ELOOP, f"it is a symbolic link of uid {status.st_uid}", str(path))
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is no folder", str(path))
    if not _is_own(status, path):
        raise ForeignError(errno.EACCES, f"it belongs to another user, uid {status.st_uid}", str(path))
    if system.HAS_OWNERS and status.st_mode & _OTHERS_WRITE:
        _close_to_others(path, status)


def draft(where: Path) -> Path:
    """A name in the folder `where` that no other process or thread uses."""
    return where / f"draft-{os.getpid()}-{os.urandom(6).hex()}"


def open_file(path: str | Path, flags: int) -> int:
    """Open the regular file `path` of this user or root; with O_CREAT in `flags` it is made with mode 0600.

    Returns its descriptor. Neither hangs nor follows a symbolic link.

    Raises:
        FileNotFoundError: it does not exist.
        OSError: it is something else, or another user's.
    """
    try:
        if system.FOLLOWS_LINKS and os.path.islink(path):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        handle = os.open(path, flags | system.CAREFULLY, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link", str(path)) from None
        raise
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        if not _is_own(status, path):
            raise ForeignError(errno.EACCES, f"it belongs to another user, uid {status.st_uid}", str(path))
    except OSError:
        os.close(handle)
        raise
    return handle


def contents(path: str | Path, most: int) -> bytes:
    """The content of the regular file `path` of this user or root.

    Raises:
        FileNotFoundError: it does not exist.
        OSError: it is something else, another user's, or longer than `most` bytes (EFBIG).
    """
    # io.open: os.fdopen imports something, which fails at the interpreter's end.
    with io.open(open_file(path, os.O_RDONLY), "rb") as file:  # noqa: UP020
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it holds more than {most} bytes", str(path))
    return data


def _is_own(status: os.stat_result, path: str | Path) -> bool:
    if not hasattr(os, "getuid") or status.st_uid in (os.getuid(), 0):
        return True
    try:
        return status.st_uid == _created_as(Path(path).parent, status.st_dev)
    except OSError:
        return False


def probed(folder: Path, data: bytes = b"") -> os.stat_result:
    """The status of a file with `data` that is made in `folder`, and deleted. Raises OSError if it cannot be made."""
    probe = draft(folder)
    handle = os.open(probe, system.NEW_FILE, 0o600)
    try:
        try:
            os.write(handle, data)
            return os.fstat(handle)
        finally:
            os.close(handle)  # on a full disk this may raise, too
    finally:
        with suppress(OSError):
            probe.unlink()


def _created_as(folder: Path, device: int) -> int:
    """The owner of files that this process creates on `device`, tried in `folder`. Raises OSError if it cannot."""
    if device not in _created:
        status = probed(folder)
        if status.st_dev != device:
            raise ForeignError(errno.EACCES, "what is in it is on another file system", str(folder))
        _created[device] = status.st_uid
    return _created[device]


def _close_to_others(path: str, status: os.stat_result) -> None:
    if status.st_uid == 0 != os.getuid():
        raise ForeignError(errno.EACCES, "it belongs to root, and others may write to it", str(path))
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | system.CAREFULLY)
    try:
        with suppress(OSError):  # as it is our folder, it only fails if the file system keeps no modes
            os.fchmod(handle, 0o700)
    finally:
        os.close(handle)
