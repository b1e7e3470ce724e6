"""What an operating system may lack, and what stands in for it. The rest of the package asks here.

Windows has no user IDs, modes, `flock`, forks or `O_NOFOLLOW`; macOS has those; only Linux has /proc.
"""

from __future__ import annotations

import errno
import functools
import importlib
import os
import sys
from typing import Any

HAS_PROC = os.path.isdir("/proc/self/task")  # Linux's /proc: what looks at other processes needs it
HAS_PROXY_SETTINGS = sys.platform != "linux"  # beside the environment's
HAS_OWNERS = hasattr(os, "getuid")  # whether `os.stat` says whose a file is, and who else may write to it

# For `os.open`. Python lets no child inherit the descriptor; without O_BINARY, Windows would change line ends.
_BINARY: int = getattr(os, "O_BINARY", 0)
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
FOLLOWS_LINKS = not hasattr(os, "O_NOFOLLOW")
# A FIFO that nobody writes to would block.
CAREFULLY: int = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | _BINARY

_FAR = 1 << 30  # bytes: where Windows locks one, beyond what a file holds, as nobody else can read that byte


def user() -> int:
    """The ID of the user that this process makes files as; 0, as in `os.stat`, where users have none."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _found(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


_fcntl, _msvcrt = _found("fcntl"), _found("msvcrt")


def try_lock(handle: int) -> bool:
    """Lock an open file, for as long as it is open; False if another process has locked it.

    Raises OSError, with ENOSYS where the system has no such locks.
    """
    busy: type[OSError] = BlockingIOError
    if _fcntl is not None:
        lock = functools.partial(_fcntl.flock, handle, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    elif _msvcrt is not None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        lock, busy = functools.partial(_msvcrt.locking, handle, _msvcrt.LK_NBLCK, 1), PermissionError
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    try:
        lock()
    except busy:
        return False
    return True


def unlock(handle: int) -> None:
    """Undo `try_lock`. Raises OSError if the file is not locked."""
    if _fcntl is not None:
        _fcntl.flock(handle, _fcntl.LOCK_UN)
    elif _msvcrt is not None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        _msvcrt.locking(handle, _msvcrt.LK_UNLCK, 1)
