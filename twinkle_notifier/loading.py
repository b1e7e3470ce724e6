"""When that is loaded which telling takes: not at import, and before a crash."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from twinkle_notifier import foreign

SECONDS = 10.0  # for modules to load; they may lie on a disk that is gone
# `folders` loads the second only where it has to, `background` the third with its first work.
_WALK = ("twinkle_notifier.incident", "tempfile", "multiprocessing.util")
_PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")

_called: set[str] = set()
_put_off: list[set[str]] = []  # of the innermost `put_off` last


def preload(*modules: str) -> None:
    """Load what telling of an exception takes, and `modules`. Quick from the second time on. Never raises.

    Importing this package does not load it, as that takes a tenth of a second. In a crash it may be too late: no file
    can be opened any more, a disk is gone, the interpreter ends. So whatever is made beforehand calls this. What is
    made while an exception is handled leaves it to `notify_exception`, which defers signals first: a launcher ends the
    other ranks of one that has failed within a tenth of a second.
    """
    if _put_off:
        _put_off[-1].update(modules)
    elif sys.exc_info()[1] is None:
        load((*_WALK, *modules))


@contextmanager
def put_off() -> Iterator[set[str]]:
    """Let what is made in the block load nothing; gives the modules that a message of it takes, to `load` them later.

    For a process that has something to do first, and tells of no exceptions of its own.
    """
    modules: set[str] = set()
    _put_off.append(modules)
    try:
        yield modules
    finally:
        _put_off.pop()  # not by what it holds: another may hold the same


def has_proxies() -> bool:
    """A quick look at what mostly is not there. Elsewhere than on Linux the system's settings count, too."""
    return sys.platform != "linux" or any(map(os.environ.__contains__, _PROXIES))


def load(modules: Iterable[str]) -> None:
    """Load `modules`, in a thread, which has a stack of its own, and in time. What fails is tried again when needed.

    A name may be ``module:function``: that is called, once.
    """
    missing = [name for name in modules if name not in sys.modules and name not in _called]
    if missing:
        # Not `foreign.call`, whose thread waits for more: since Python 3.12 a fork beside any thread is warned of.
        foreign.Helper().call(lambda: list(map(_load, missing)), SECONDS)


def _load(name: str) -> None:
    module, _, function = name.partition(":")
    __import__(module)
    if function:
        getattr(sys.modules[module], function)()
        _called.add(name)
