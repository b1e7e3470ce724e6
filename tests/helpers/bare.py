"""A bare machine: without what Windows lacks, for the code and the tests that are loaded after this, for good.

It is made where ``TWINKLE_TEST_MACHINE=bare`` is set; with ``msvcrt`` it has a stand-in for Windows' locks, too.

Modules that are loaded already, such as pytest and much of the standard library, keep the machine as it is. Child
processes are bare, too, by `bare_start/sitecustomize.py`. What cannot be hidden so is not shown: Windows' own rules for
files that are open, its console, its line ends.
"""

from __future__ import annotations

import errno
import os
import pathlib
import re
import signal
import stat
import struct
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIABLE = "TWINKLE_TEST_MACHINE"
_START = Path(__file__).with_name("bare_start")
_MODULES = ("fcntl", "grp", "posix", "pwd", "resource", "termios")
# The public names of these modules that Windows has. Functions of `os` in Python are not named: they are all there.
_OS = """
GenericAlias Mapping MutableMapping PathLike altsep curdir defpath devnull extsep linesep name pardir pathsep sep
supports_bytes_environ supports_dir_fd supports_effective_ids supports_fd supports_follow_symlinks F_OK R_OK W_OK X_OK
O_APPEND O_CREAT O_EXCL O_RDONLY O_RDWR O_TRUNC O_WRONLY P_NOWAIT P_NOWAITO P_WAIT SEEK_CUR SEEK_END SEEK_SET TMP_MAX
EX_OK DirEntry abort access chdir chmod close closerange cpu_count device_encoding dup dup2 environ error execv execve
fspath fstat fsync ftruncate get_inheritable get_terminal_size getcwd getcwdb getlogin getpid getppid isatty kill link
listdir lseek lstat mkdir open pipe putenv read readlink remove rename replace rmdir scandir set_inheritable stat
stat_result strerror symlink system terminal_size times times_result truncate umask unlink unsetenv urandom utime
waitpid waitstatus_to_exitcode write
"""
_SIGNAL = """
NSIG SIGABRT SIGFPE SIGILL SIGINT SIGSEGV SIGTERM SIG_DFL SIG_IGN Handlers Signals default_int_handler getsignal
raise_signal set_wakeup_fd signal strsignal valid_signals
"""
_MISSED = re.compile(rf"module '(os|signal|time)' has no attribute|import of ({'|'.join(_MODULES)}) halted")
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]$')  # in a file's name
_NAMES = {"open": 1, "os.mkdir": 1, "os.rename": 2, "os.link": 2}  # audit events, and how many paths they begin with
_HIDDEN = ("/proc/", "/dev/shm")
_SHARED = (
    "genericpath",
    "pathlib",
    "pathlib._abc",
    "pathlib._local",
    "posixpath",
    __name__,
)  # what they do for our code they do on the bare machine


class _Posix:
    """Shows ``posix`` for a moment: since 3.12 CPython crashes where that is missing when it makes a `stat_result`."""

    def __init__(self) -> None:
        self._real, self._lock = sys.modules.get("posix"), threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()
        if self._real is not None:
            sys.modules["posix"] = self._real

    def __exit__(self, *_: object) -> None:
        sys.modules["posix"] = None  # type: ignore[assignment]
        self._lock.release()


_posix = _Posix()


class NoLinksError(OSError):
    """Windows lets only some users make symbolic links."""


def is_missed_by(error: BaseException, folder: Path) -> bool:
    """Whether `error` says that something is missing here, and it was code in `folder` that asked for it."""
    if not isinstance(error, NoLinksError) and not _MISSED.match(str(error)):
        return False
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    ours = [file for file in files if "twinkle_notifier" in Path(file).parts or Path(file).is_relative_to(folder)]
    return Path(ours[-1]).is_relative_to(folder) if ours else False


def environment(machine: str = "bare") -> dict[str, str]:
    """What makes a Python process bare from its start; ``msvcrt``: with locks as Windows has them."""
    return {VARIABLE: machine, "PYTHONPATH": os.pathsep.join(filter(None, (str(_START), os.environ.get("PYTHONPATH"))))}


def _hide() -> None:
    if str(_START) not in os.environ.get("PYTHONPATH", ""):
        os.environ.update(environment(MACHINE))
    _keep_real(os, signal)
    for name in _MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    _remove(os, lambda name: name not in _OS.split() and type(vars(os)[name]) is not types.FunctionType)
    _remove(signal, lambda name: name not in _SIGNAL.split())
    _remove(time, lambda name: name.startswith(("CLOCK_", "clock_", "pthread_")))
    for name in ("fstat", "lstat", "readlink", "stat"):
        _replace(name, _without_owners(getattr(os, name)))
    sys.addaudithook(_audit)


def _keep_real(*modules: types.ModuleType) -> None:
    """Give a copy of each of `modules` to all modules that are loaded."""
    copies: dict[int, types.ModuleType] = {}
    for module in modules:
        copies[id(module)] = types.ModuleType(module.__name__)
        vars(copies[id(module)]).update(vars(module))
    for name, module in list(sys.modules.items()):
        if module is not None and name not in _SHARED:
            for key, value in list(vars(module).items()):
                if id(value) in copies:
                    setattr(module, key, copies[id(value)])


def _remove(module: types.ModuleType, lacks: Callable[[str], bool]) -> None:
    for name in [name for name in vars(module) if name[0] != "_" and type(vars(module)[name]) is not types.ModuleType]:
        if lacks(name):
            delattr(module, name)


def _replace(name: str, function: Callable[..., Any]) -> None:
    setattr(os, name, function)
    accessor = getattr(pathlib, "_NormalAccessor", None)  # of Python 3.10
    if hasattr(accessor, name):
        setattr(accessor, name, staticmethod(function))


def _without_owners(real: Callable[..., Any]) -> Callable[..., Any]:
    """`real`, a function that looks at a path: without /proc, and each file is nobody's and everybody's."""

    def function(path: Any, *arguments: Any, **options: Any) -> Any:
        _check_hidden(path)
        found = real(path, *arguments, **options)
        if not isinstance(found, os.stat_result):
            return found
        kind, (values, more) = found.__reduce__()
        mode = found.st_mode | (0o777 if stat.S_ISDIR(found.st_mode) else 0o666)
        with _posix:
            return kind((mode, *values[1:4], 0, 0, *values[6:]), more)

    return function


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.symlink":
        raise NoLinksError(errno.EPERM, "A required privilege is not held by the client")
    for path in arguments[: _NAMES.get(event, 0)]:
        if isinstance(path, str | bytes | os.PathLike):
            _check_hidden(path)
            if _FORBIDDEN.search(os.path.basename(os.fsdecode(path))):
                raise OSError(errno.EINVAL, "The filename syntax is incorrect", path)
    if event in ("os.listdir", "os.scandir"):
        _check_hidden(arguments[0])


def _check_hidden(path: Any) -> None:
    if isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(_HIDDEN):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def _windows_locks() -> types.ModuleType:
    """A lock belongs to an open file, and to bytes from where that stands; it ends with the file."""
    import fcntl  # this function is called before that is hidden

    def locking(handle: int, mode: int, count: int) -> None:
        kind = fcntl.F_WRLCK if mode == found.LK_NBLCK else fcntl.F_UNLCK
        place = os.lseek(handle, 0, os.SEEK_CUR)
        try:
            fcntl.fcntl(handle, fcntl.F_OFD_SETLK, struct.pack("hhqqi0q", kind, os.SEEK_SET, place, count, 0))
        except BlockingIOError:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None

    found: Any = types.ModuleType("msvcrt")
    found.LK_UNLCK, found.LK_NBLCK, found.locking = 0, 2, locking
    return found  # type: ignore[no-any-return]


MACHINE = os.environ.get(VARIABLE, "")
if MACHINE:
    if sys.version_info >= (3, 13):
        import asyncio  # noqa: F401 - its modules for Linux read os.sysconf as they load
    if MACHINE == "msvcrt":
        sys.modules["msvcrt"] = _windows_locks()
    _hide()

IS_ROOT = hasattr(os, "getuid") and os.getuid() == 0
