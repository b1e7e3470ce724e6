"""Reads the last lines of a command's output from where it goes; the output does not pass through this process."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_KEPT = 64 * 1024  # bytes that are read
_ASK = 3.0  # seconds for tmux and for SLURM
_HOPS = 4  # commands of a pipeline, up to the one that writes a file
_READERS = 5  # checks for that one: a shell starts a pipeline's commands in any order
_SETTLE = 1.0  # seconds for the last bytes to pass a pipeline
_PAUSE = 0.05  # seconds
_QUIET = 4  # pauses without a change: what is in a pipe further on cannot be seen
_SCHEDULERS = ("LSB_OUTPUTFILE", "LSB_ERRORFILE")  # LSF's


@dataclass
class _File:
    """A file or a terminal that the output goes to. In a file the command's output begins at `start`."""

    path: str
    start: int = 0
    seen: tuple[int, int] = field(default=(0, 0))  # its size and time at the last check

    def has_changed(self) -> bool:
        """Whether it has changed since the last call."""
        with suppress(OSError):
            found = os.stat(self.path)
            before, self.seen = self.seen, (found.st_size, found.st_mtime_ns)
            return self.seen != before
        return False

    def tail(self, most: int = _KEPT) -> str:
        """Its last `most` bytes; nothing if it cannot be read."""
        with suppress(OSError), open(self.path, "rb", opener=_at_once) as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode):
                start = self.start if self.start <= found.st_size else 0  # it was truncated meanwhile
                file.seek(max(start, found.st_size - most))
                # A file that is emptied while another process writes it gets a hole.
                return file.read(most).replace(b"\0", b"").decode("utf-8", "replace")
        return ""


class Output:
    """Where a command's output goes, as far as it can be seen. For one thread at a time; raises no OSError."""

    def __init__(self, log: Path | None) -> None:
        """`log`: a file that the user names. Nothing is read before `begin`."""
        self._log = log
        self._files: dict[tuple[int, int], _File] = {}
        self._terminals: list[_File] = []
        self._pipes: list[int] = []
        self._readers: set[int] = set()  # the pipes whose reader's file is known
        self._checks = 0
        self._other = False  # output goes where it cannot be read

    def begin(self) -> None:
        """The command is about to start."""
        if self._log is not None:
            self._add(str(self._log))
            self._files = self._files or {(0, 0): _File(str(self._log))}  # the command may make it
        for stream in (1, 2):
            with suppress(OSError):
                self._add_stream(stream)
        for name in _SCHEDULERS:
            self._add(os.environ.get(name, ""))
        self._find_readers()  # before the command writes, to know where its output begins

    def _add_stream(self, stream: int) -> None:
        found = os.fstat(stream)
        if stat.S_ISREG(found.st_mode):
            appends = fcntl.fcntl(stream, fcntl.F_GETFL) & os.O_APPEND
            self._add(f"/proc/self/fd/{stream}", None if appends else os.lseek(stream, 0, os.SEEK_CUR))
        elif stat.S_ISFIFO(found.st_mode):
            self._pipes.append(stream)
        elif os.isatty(stream):
            self._terminals.append(_File(os.ttyname(stream)))
        else:
            self._other = self._other or not os.path.samestat(found, os.stat(os.devnull))

    def _find_readers(self) -> None:
        """Add the files that the readers of our pipes write, where they are not known yet."""
        for pipe in [pipe for pipe in self._pipes if pipe not in self._readers]:
            with suppress(OSError):
                path, start = next(_readers_files(f"pipe:[{os.fstat(pipe).st_ino}]", _HOPS), ("", None))
                # A reader that starts later than the command opens its file later, too, and mostly empties it.
                self._add(path, start if start is None or not self._checks else 0)
                self._readers |= {pipe} if path else set()

    def _add(self, path: str, start: int | None = None) -> None:
        """Read `path` from `start` on, or from its present end."""
        with suppress(OSError):
            found = os.stat(path)
            if stat.S_ISREG(found.st_mode) and os.access(path, os.R_OK):
                seen = (found.st_size, found.st_mtime_ns)
                file = _File(path, found.st_size if start is None else start, seen)
                self._files.setdefault((found.st_dev, found.st_ino), file)

    @property
    def is_seen(self) -> bool:
        """Whether new output can be noticed."""
        return bool(self._files or self._terminals)

    def check(self) -> bool:
        """Whether there is output since the last check, which should be about a second ago."""
        self._checks += 1
        if self._checks <= _READERS:
            self._find_readers()
        if self._checks == 1 and not self._files:
            self._add(_slurms_file())
        changed = [file.has_changed() for file in (*self._files.values(), *self._terminals)]
        return any(changed)

    def end(self) -> None:
        """The command has ended: wait until readers have written its output, for a second at most."""
        deadline, quiet = time.monotonic() + _SETTLE, 0
        while self._pipes and quiet < _QUIET and time.monotonic() < deadline:
            is_moving = self.check() or any(map(_waiting, self._readers))
            quiet = 0 if is_moving else quiet + 1
            time.sleep(_PAUSE)

    def complaint(self) -> str:
        """Why there are no last lines, and the remedy; nothing if there are. To be called after the first check."""
        if self._files or (self._terminals and _pane()):
            return ""
        places = {"a terminal": self._terminals, "a pipe": self._pipes, "another device": self._other}
        where = next((name for name, is_used in places.items() if is_used), "")
        return f"alerts will not show the last lines of the output, which goes to {where}: {_REMEDY}" if where else ""

    def tail(self) -> str:
        """The end of the command's output, as a person sees it."""
        text = _joined([file.tail() for file in self._files.values()])
        return text or (as_seen(_of_pane(_pane())) if self._terminals else "")


def ends_of(paths: Sequence[Path]) -> str:
    """The ends of these files, as a person sees them: together as much as `Output.tail` reads of one."""
    return _joined([_File(str(path)).tail(_KEPT // len(paths)) for path in paths])


def _joined(texts: Sequence[str]) -> str:
    return as_seen("\n".join(filter(str.strip, (text.strip("\n") for text in texts))))


_REMEDY = "add `2>&1 | tee train.log` to the command, or name the file that has it with --log FILE"


def as_seen(text: str) -> str:
    """`text` as a terminal shows it: only the last state of a line that is overwritten, as a progress bar is."""
    return "\n".join(
        next((part for part in reversed(line.split("\r")) if part.strip()), "") for line in text.split("\n")
    )


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO would wait for a writer


def _waiting(pipe: int) -> int:
    """How many bytes wait in `pipe`."""
    with suppress(OSError):
        return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
    return 0


def _readers_files(pipe: str, hops: int) -> Iterator[tuple[str, int | None]]:
    """The files that the readers of `pipe`, such as `tee`, write, along a pipeline; with `start` for `Output._add`."""
    for process in filter(str.isdecimal, os.listdir("/proc")) if hops else ():
        with suppress(OSError):  # another user's, or gone
            if process != str(os.getpid()) and os.readlink(f"/proc/{process}/fd/0") == pipe:
                yield from _written_by(process)
                after = os.readlink(f"/proc/{process}/fd/1")
                if after.startswith("pipe:") and after != pipe:
                    yield from _readers_files(after, hops - 1)


def _written_by(process: str) -> Iterator[tuple[str, int | None]]:
    """The files that a process writes, its standard output last, and where it writes next; None: at the end."""
    numbers = sorted(map(int, os.listdir(f"/proc/{process}/fd")))
    for number in [*(number for number in numbers if number > 2), 1]:
        path = f"/proc/{process}/fd/{number}"
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{process}/fdinfo/{number}").read_text().splitlines())
        flags = int(fields["flags"], 8)
        if flags & os.O_ACCMODE == os.O_WRONLY and stat.S_ISREG(os.stat(path).st_mode):
            yield os.readlink(path), None if flags & os.O_APPEND else int(fields["pos"])


def _slurms_file() -> str:
    """The file of a job step, whose output is a pipe to SLURM; nothing elsewhere."""
    job = os.environ.get("SLURM_JOB_ID", "")
    if not job.isdecimal() or shutil.which("scontrol") is None:
        return ""
    found = re.search(r"(?:^|\s)StdOut=(\S+)", _output_of(["scontrol", "show", "job", job]))
    return found[1] if found else ""


def _pane() -> str:
    return os.environ.get("TMUX_PANE", "") if os.environ.get("TMUX") and shutil.which("tmux") else ""


def _of_pane(pane: str) -> str:
    """The text in a pane of tmux below the line that started this process; nothing without a pane."""
    text = pane and _output_of(["tmux", "capture-pane", "-p", "-J", "-S", "-200", "-t", pane])
    return text.rpartition("twinkle-notifier run")[2].partition("\n")[2] if "twinkle-notifier run" in text else text


def _output_of(command: Sequence[str]) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, timeout=_ASK, stdin=subprocess.DEVNULL)  # noqa: S603  fixed commands
        return done.stdout.decode("utf-8", "replace")
    return ""
