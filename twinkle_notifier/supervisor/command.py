"""The command as a process."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

# SLURM's --signal sends the second; submitit asks it for the third.
PREEMPTING = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
INTERRUPTING = (signal.SIGINT, signal.SIGHUP)
DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)  # which Python ignores, for itself


class Command:
    """Runs `words` from when it is made. Raises OSError if it cannot be started.

    It has the open files, the terminal and the process group of this process. glibc leaves the signals 32 and 33
    ignored, which are its own, and which the command's glibc sets up anew.
    """

    def __init__(self, words: Sequence[str], env: Mapping[str, str], mask: Collection[int]) -> None:
        """`mask`: the signals it blocks."""
        self.code: int | None = None  # how it ended, minus the signal if one killed it
        self.pid: int = os.posix_spawnp(words[0], list(words), env, setsigmask=mask, setsigdef=DEFAULT)

    def reaped(self, status: int) -> None:
        """It has ended."""
        self.code = os.waitstatus_to_exitcode(status)

    def send(self, number: int) -> None:
        """Send it a signal, if it is there."""
        if self.code is None:  # not reaped, so the number is still its own
            with suppress(OSError):  # it runs as another user by now
                os.kill(self.pid, number)
