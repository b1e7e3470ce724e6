"""Which signals were sent to all of us, and which to the supervisor alone."""

from __future__ import annotations

import os
import select
import signal
import struct
import time
from collections.abc import Collection

from twinkle_notifier.signals import awaited

_SAME = 0.1  # seconds; who signals many processes does it one after the other
_RECENT = 1.0  # seconds for which a report is of the same sending
_LOOK = 1.0  # seconds between two looks whether the supervisor is there
_REPORT = struct.Struct("Bd")


class Canary:
    """A process beside the command, of the supervisor's group, session and control group, which only notes signals.

    A terminal, `timeout`, `kill` with a group and most schedulers signal every process. Passed on once more, such a
    signal would cut short what the command does about the first. Made before any thread is started, and with the
    signals blocked that it is to note.
    """

    def __init__(self, signals: Collection[int]) -> None:
        self._reports, writer = os.pipe()
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _note(signals, writer, parent)
            finally:
                os._exit(0)
        os.close(writer)

    def had(self, number: int) -> bool:
        """Whether it was sent the signal `number`, too, just now."""
        deadline = time.monotonic() + _SAME
        while select.select([self._reports], [], [], max(deadline - time.monotonic(), 0.0))[0]:
            report = os.read(self._reports, _REPORT.size)
            if not report:  # it is gone
                return False
            noted, at = _REPORT.unpack(report)
            if noted == number and time.monotonic() - at < _RECENT:
                return True
        return False

    def end(self) -> None:
        """Take it away."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._reports)


def _note(signals: Collection[int], writer: int, parent: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # or it would hold a pipe open
        os.dup2(null, stream)
    while os.getppid() == parent:
        number = awaited(signals, _LOOK)
        if number is not None:
            os.write(writer, _REPORT.pack(number, time.monotonic()))
