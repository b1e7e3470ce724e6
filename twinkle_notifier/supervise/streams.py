"""The output of a command, passed on byte for byte as it comes; its end is kept."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import termios
import threading
import time
from contextlib import suppress

_KEPT = 64 * 1024  # bytes of output that are kept
_CHUNK = 256 * 1024  # bytes of one read
_PIPE = 1024 * 1024  # bytes that a pipe holds, where the system allows it
# Seconds between two looks. Who is asleep need not be woken by every line that the command writes, which would cost the
# command as much as the line itself.
_PAUSE = 0.002
_QUIET = 0.5  # seconds without output after which what the command's children may still write is not waited for
_F_SETPIPE_SZ = 1031  # fcntl.F_SETPIPE_SZ, Python 3.10 and newer on Linux


class Streams:
    """Where a command writes to instead of our standard output and error, which get all of it.

    A terminal stays a terminal, a pipe a pipe; where both go to one place the order is kept. Standard input is the
    command's own.
    """

    def __init__(self) -> None:
        self.last = time.monotonic()  # when the command wrote something
        self._tail = bytearray()
        self._ways = _ways()
        self._ended = False
        self._thread = threading.Thread(target=self._pass_on, name="twinkle-notifier-output", daemon=True)

    @property
    def stdout(self) -> int | None:
        """The file descriptor for the command's standard output; None if ours is closed, which it inherits."""
        return next((way.inlet for way in self._ways if 1 in way.stands_for), None)

    @property
    def stderr(self) -> int | None:
        """The same for its standard error."""
        return next((way.inlet for way in self._ways if 2 in way.stands_for), None)

    def begin(self) -> None:
        """The command has started."""
        for way in self._ways:
            os.close(way.inlet)
        self._thread.start()

    def resize(self) -> None:
        """Our terminal has another size now."""
        for way in self._ways:
            way.resize()

    def end(self, seconds: float | None = None) -> None:
        """The command has ended: wait until what it wrote is passed on, at most `seconds`."""
        self._ended = True
        self._thread.join(seconds)

    def tail(self) -> str:
        """The end of what it wrote, to both streams, as a person would see it."""
        text = bytes(self._tail).decode("utf-8", "replace")
        return "\n".join(_shown(line) for line in text.split("\n"))

    def _pass_on(self) -> None:
        buffer = memoryview(bytearray(_CHUNK))
        open_ways, quiet_since = list(self._ways), time.monotonic()
        while open_ways:
            ready = select.select([way.outlet for way in open_ways], [], [], _QUIET / 4)[0]
            for way in [way for way in open_ways if way.outlet in ready]:
                if (count := way.read(buffer)) == 0 or not way.write(buffer[:count]):
                    os.close(way.outlet)  # if nobody reads our output, the command learns it as it would without us
                    open_ways.remove(way)
                self._keep(buffer[:count])
            if ready or not self._ended:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > _QUIET:
                return
            time.sleep(_PAUSE)

    def _keep(self, data: memoryview) -> None:
        self.last = time.monotonic()
        self._tail += data[-_KEPT:]
        del self._tail[:-_KEPT]


class _Way:
    """From a file descriptor that the command writes to, to one of ours."""

    def __init__(self, target: int) -> None:
        self.target, self.stands_for = target, {target}
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
        self.resize()

    def resize(self) -> None:
        if self._is_terminal:
            with suppress(OSError):
                size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, bytes(8))
                fcntl.ioctl(self.outlet, termios.TIOCSWINSZ, size)

    def read(self, buffer: memoryview) -> int:
        try:
            return os.readv(self.outlet, [buffer])
        except OSError:  # EIO: nobody has the terminal open any more
            return 0

    def write(self, data: memoryview) -> bool:
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


def _ways() -> list[_Way]:
    ways: list[_Way] = []
    for target in (1, 2):
        with suppress(OSError):  # it is closed
            same = next((way for way in ways if _same(way.target, target)), None)
            if same is not None:
                same.stands_for.add(target)
            else:
                ways.append(_Way(target))
    return ways


def _same(one: int, other: int) -> bool:
    first, second = os.fstat(one), os.fstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _shown(line: str) -> str:
    """Of a line that was written over and over, as a progress bar is, what stands there in the end."""
    parts = [part for part in line.split("\r") if part.strip()]
    return parts[-1] if parts else ""
