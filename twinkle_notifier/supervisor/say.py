"""A line for whoever started the supervisor."""

from __future__ import annotations

import os
import select
import signal

_PATIENCE = 0.5  # seconds for a terminal that is held, or a reader that is slow


def say(text: str) -> None:
    """Write a line to standard error, if that takes it. Does not hang, and raises nothing that a stream can do.

    A terminal may stop a job in the background that writes to it, and with it the command: not for our line.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
    try:
        if select.select([], [2], [], _PATIENCE)[1]:
            os.write(2, f"twinkle-notifier: {text}\n".encode("utf-8", "replace"))
    except (OSError, ValueError):
        pass
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
