"""How a process left that had told of an exception: the supervisor above it wants to know whether that was why."""

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

_minds_leaving = False


def install(is_known: Callable[[BaseException], bool]) -> None:
    """Once: say at this process's end how it left. `is_known` tells whether an exception is one that it has told of."""
    global _minds_leaving
    if not _minds_leaving:
        _minds_leaving = True
        leave = functools.cache(lambda: _leave(is_known))  # once
        atexit.register(leave)
        # Before Python waits for the program's threads, which may take for ever. Of the standard library, and private.
        with suppress(AttributeError, RuntimeError):  # another version; the process is ending
            threading._register_atexit(leave)  # type: ignore[attr-defined]


def _leave(is_known: Callable[[BaseException], bool]) -> None:
    # What ended the interpreter; SystemExit does not stand there.
    last = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    by: By = "exit" if last is None else "it" if any(map(is_known, chain(last, following=behind_hidden))) else "other"
    mailbox.tell(lambda to: to.leave(Leave(by, time.time())))
