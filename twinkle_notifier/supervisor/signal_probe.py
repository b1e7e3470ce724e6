"""Finds out which signals were sent to the whole process group, and which to the supervisor alone."""

from __future__ import annotations

import os
import resource
import signal
import time
import warnings
from collections.abc import Collection
from contextlib import suppress

_RECENT = 1.0  # seconds for which its death counts for the same signal
_PAUSE = 0.05  # seconds between two starts, at least
_POLL = 1.0  # seconds between two checks that the supervisor lives


class SignalProbe:
    """A process beside the command, in the supervisor's group, session and control group, that dies of any signal.

    A terminal, `timeout`, `kill` with a group and most schedulers signal every process, so also the probe. The
    supervisor must not pass such a signal on: a second one would cut short how the command handles the first. Without a
    probe, every signal is passed on.
    """

    def __init__(self, signals: Collection[int]) -> None:
        self._signals = signals
        self._ended: dict[int, float] = {}  # signal: when
        self._began = 0.0
        self.pid: int = 0

    def renew(self) -> None:
        """Start it if it is not there. For the main thread of a process that has blocked the signals."""
        if self.pid:
            return
        time.sleep(max(self._began + _PAUSE - time.monotonic(), 0.0))
        self._began = time.monotonic()
        parent = os.getpid()
        with suppress(OSError), warnings.catch_warnings():  # no room for a process
            warnings.simplefilter("ignore")  # other threads hold no lock that it needs
            self.pid = os.fork()
            if self.pid == 0:
                try:
                    _live(self._signals, parent)
                finally:
                    os._exit(0)

    def reaped(self, status: int) -> None:
        """Note that it has ended."""
        self.pid = 0
        if os.WIFSIGNALED(status):
            self._ended[os.WTERMSIG(status)] = time.monotonic()

    def had(self, number: int) -> bool:
        """Whether it died of the signal `number` just now. One death answers once."""
        return time.monotonic() - self._ended.pop(number, -_RECENT) < _RECENT

    def end(self) -> None:
        """Kill it."""
        if self.pid:  # not reaped, so the number is still its own
            os.kill(self.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = 0


def _live(signals: Collection[int], parent: int) -> None:
    """The probe: it holds no files, leaves no core file, and sleeps until a signal or the supervisor's end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.closerange(0, max(map(int, os.listdir("/proc/self/fd"))) + 1)
    for number in signals:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    while os.getppid() == parent:
        time.sleep(_POLL)
