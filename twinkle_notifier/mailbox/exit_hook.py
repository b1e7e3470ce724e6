"""Records how a process leaves that has reported an exception: the supervisor asks whether it left by that."""

from __future__ import annotations

import atexit
import functools
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from twinkle_notifier.exceptions.chain import behind_hidden, chain
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.mailbox.notes import By, Leave

_is_installed = False


def install(is_known: Callable[[BaseException], bool]) -> None:
    """Record how this process leaves, at its end. `is_known`: whether the process has reported an exception."""
    global _is_installed
    if not _is_installed:
        _is_installed = True
        leave = functools.cache(lambda: _leave(is_known))  # once
        atexit.register(leave)
        # Before Python waits, perhaps for ever, for the program's threads. A private function of the standard library.
        with suppress(AttributeError, RuntimeError):  # another version of Python; the process is ending
            threading._register_atexit(leave)  # type: ignore[attr-defined]


def _leave(is_known: Callable[[BaseException], bool]) -> None:
    # What ended the interpreter, unless that is SystemExit.
    last = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    by: By = "exit" if last is None else "it" if any(map(is_known, chain(last, following=behind_hidden))) else "other"
    mailbox.report(lambda to: to.leave(Leave(by, time.time())))
