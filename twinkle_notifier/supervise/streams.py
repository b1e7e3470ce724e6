"""The output of a command, passed on byte for byte as it comes; its end is kept."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import termios
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

_KEPT = 64 * 1024  # bytes of output that are kept
_CHUNK = 256 * 1024  # bytes that are passed on at once
_PIPE = 1024 * 1024  # bytes that a pipe holds, where the system allows it
_LINE = 4095  # bytes that a terminal gives at once; so many mean that there are more
# Seconds between two looks. Who is asleep need not be woken by every line that the command writes, which would cost the
# command as much as the line itself.
_PAUSE = 0.002
_LOOK = 0.1  # seconds; how soon it is noticed that the command has ended
_LATE = 5.0  # seconds for what is still being written then
_F_SETPIPE_SZ = 1031  # fcntl.F_SETPIPE_SZ, since Python 3.10 on Linux


class Streams:
    """Where a command writes to instead of our standard output and error, which get all of it.

    A terminal stays a terminal, a pipe a pipe; where both go to one place the order is kept. Standard input is the
    command's own.
    """

    def __init__(self, closed: Collection[int] = ()) -> None:
        """Those that are `closed` are not passed on."""
        self.last = time.monotonic()  # when the command wrote something
        self._tail = bytearray()
        self._lock = threading.Lock()
        self._ways = _ways([target for target in (1, 2) if target not in closed], self._keep)

    @property
    def stdout(self) -> int | None:
        """The file descriptor for the command's standard output; None if ours is closed."""
        return next((way.inlet for way in self._ways if 1 in way.stands_for), None)

    @property
    def stderr(self) -> int | None:
        """The same for its standard error."""
        return next((way.inlet for way in self._ways if 2 in way.stands_for), None)

    def begin(self) -> None:
        """The command has started."""
        for way in self._ways:
            os.close(way.inlet)
            way.begin()

    def resize(self) -> None:
        """Our terminal has another size now."""
        for way in self._ways:
            way.resize()

    def end(self) -> None:
        """The command has ended: from now on `busy` tells whether something of what it wrote is on its way."""
        for way in self._ways:
            way.over_at = time.monotonic()

    def busy(self) -> bool:
        """Whether what the command wrote is not all passed on; it is not if nobody reads it."""
        return any(way.thread.is_alive() for way in self._ways)

    def leave_the_rest(self) -> None:
        """What children of the command may still write is passed on by a process of its own; call it when not `busy`.

        They would be killed by their next write otherwise, and are not waited for: a shell would not, either.
        """
        rest = [way for way in self._ways if not way.closed]
        if not rest or os.fork():
            return
        try:
            os.setsid()
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            for way in rest:
                way.over_at = None
                way.begin()
            for way in rest:
                way.thread.join()
        finally:
            os._exit(0)

    def tail(self) -> str:
        """The end of what it wrote, to both streams, as a person would see it."""
        with self._lock:
            text = bytes(self._tail).decode("utf-8", "replace")
        return "\n".join(_shown(line) for line in text.split("\n"))

    def _keep(self, data: memoryview) -> None:
        with self._lock:
            self.last = time.monotonic()
            self._tail += data[-_KEPT:]
            del self._tail[:-_KEPT]


class _Way:
    """From a file descriptor that the command writes to, to one of ours, in a thread: none holds up the other."""

    def __init__(self, target: int, keep: Callable[[memoryview], None]) -> None:
        self.target, self.stands_for, self._keep = target, {target}, keep
        self.over_at: float | None = None  # the command's end
        self.closed = False
        self._is_terminal = os.isatty(target)
        self.outlet, self.inlet = os.openpty() if self._is_terminal else os.pipe()
        if self._is_terminal:
            self._like_the_real_one()
        else:
            with suppress(OSError):  # more than this user may have
                fcntl.fcntl(self.inlet, _F_SETPIPE_SZ, _PIPE)

    def _like_the_real_one(self) -> None:
        attributes = termios.tcgetattr(self.target)
        attributes[1] &= ~termios.OPOST  # the real one makes two characters of a line's end; once is enough
        termios.tcsetattr(self.inlet, termios.TCSANOW, attributes)
        os.set_blocking(self.outlet, False)
        self.resize()

    def resize(self) -> None:
        """Let the command's terminal have the size of ours."""
        if self._is_terminal:
            with suppress(OSError):
                size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, bytes(8))
                fcntl.ioctl(self.outlet, termios.TIOCSWINSZ, size)

    def begin(self) -> None:
        """Pass on until nobody writes, or nobody reads, any more; after the command's end until it is quiet."""
        self.thread = threading.Thread(target=self._pass_on, name="twinkle-notifier-output", daemon=True)
        self.thread.start()

    def _pass_on(self) -> None:
        buffer = memoryview(bytearray(_CHUNK))
        while not self._is_late():
            if not select.select([self.outlet], [], [], _LOOK)[0]:
                if self.over_at is not None:
                    return
                continue
            count = self._read(buffer)
            if count == 0 or not self._write(buffer[:count]):
                os.close(self.outlet)  # if nobody reads our output, the command learns it as it would without us
                self.closed = True
                return
            self._keep(buffer[:count])
            if count < (_LINE if self._is_terminal else _CHUNK):
                time.sleep(_PAUSE)

    def _is_late(self) -> bool:
        return self.over_at is not None and time.monotonic() - self.over_at > _LATE

    def _read(self, buffer: memoryview) -> int:
        """As much as is there, and fits; 0 at the end."""
        count = 0
        with suppress(OSError):  # EAGAIN: that was all; EIO: nobody has the terminal open any more
            while count < len(buffer) and (more := os.readv(self.outlet, [buffer[count:]])):
                count += more
                if not self._is_terminal:
                    break
        return count

    def _write(self, data: memoryview) -> bool:
        """Write all of it; False when there is nobody to read it any more."""
        while data:
            try:
                data = data[os.write(self.target, data) :]
            except BlockingIOError:  # somebody who shares it has made it so
                select.select([], [self.target], [], 1.0)
            except OSError as error:
                # A full disk costs the output, not the run, which would otherwise stand still once the pipe is full.
                return error.errno not in (errno.EPIPE, errno.EIO, errno.EBADF)
        return True


def _ways(targets: Sequence[int], keep: Callable[[memoryview], None]) -> list[_Way]:
    ways: list[_Way] = []
    for target in targets:
        same = next((way for way in ways if _same(way.target, target)), None)
        if same is not None:
            same.stands_for.add(target)
        else:
            ways.append(_Way(target, keep))
    return ways


def _same(one: int, other: int) -> bool:
    first, second = os.fstat(one), os.fstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _shown(line: str) -> str:
    """Of a line that was written over and over, as a progress bar is, what stands there in the end."""
    parts = [part for part in line.split("\r") if part.strip()]
    return parts[-1] if parts else ""
