"""The command as a process."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from twinkle_notifier.supervise.streams import Streams

# SLURM's --signal sends the second; submitit asks it for the third.
PREEMPTING = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
INTERRUPTING = (signal.SIGINT, signal.SIGHUP)
_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)  # which Python ignores, for itself


class Command:
    """Runs `words` from when it is made. Raises OSError if it cannot be started.

    glibc leaves the signals 32 and
    33 ignored, which are its own, and which the command's glibc sets up anew.
    """

    def __init__(
        self,
        words: Sequence[str],
        env: Mapping[str, str],
        streams: Streams,
        closed: Collection[int],
        mask: Collection[int],
    ) -> None:
        """Its output goes to `streams`; of the standard streams those `closed` are; `mask`: the signals it blocks."""
        to = ((streams.stdout, 1), (streams.stderr, 2))
        self.pid = os.posix_spawnp(  # other files that we were given are the command's, too; ours are not inherited
            words[0],
            list(words),
            env,
            file_actions=[
                *((os.POSIX_SPAWN_DUP2, inlet, stream) for inlet, stream in to if inlet is not None),
                *((os.POSIX_SPAWN_CLOSE, stream) for stream in closed),
            ],
            setsigmask=mask,
            setsigdef=_DEFAULT,
        )
        self._code: int | None = None

    def code(self) -> int | None:
        """How it ended, minus the signal if one killed it; None as long as it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def send(self, number: int) -> None:
        """Send it a signal, if it is there."""
        if self.code() is None:
            with suppress(OSError):  # it has just ended, or runs as another user by now
                os.kill(self.pid, number)
