"""What torchrun's agent says of its ranks: in its words on standard error, and in its error file."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

# torch.distributed.elastic.multiprocessing, 2.13: api.py logs "failed ..."; errors/__init__.py writes the table.
_LOST = re.compile(r"\bfailed \(exitcode: (?P<code>-?\d+)\) local_rank: (?P<local>\d+) \(pid: (?P<pid>\d+)\)")
_CLOSING = re.compile(r"\bSending process (\d+) closing signal SIG")  # before it says which failed
_ROOT = re.compile(
    r"Root Cause \(first observed failure\):\s*\[\d+\]:\s*time\s*: (?P<time>\S+)\s*host\s*: (?P<host>\S+)\s*"
    r"rank\s*: (?P<rank>\d+) \(local_rank: (?P<local>\d+)\)\s*exitcode\s*: (?P<code>-?\d+) \(pid: (?P<pid>\d+)\)"
)
_SIGNALLED = re.compile(r"SignalException: Process \d+ got signal: (?P<number>\d+)")
_OWN_WORDS = re.compile(
    r"^[EW]\d{4} .*torch/distributed/(?:elastic/|run\.py).*\n?"
    r"|^\*{20,}\nSetting OMP_NUM_THREADS .*\n\*{20,} *\n?",
    re.MULTILINE,
)
_PAGE = re.compile(
    r"^Traceback \(most recent call last\):\n(?=[^\n]*\btorchrun\b|(  .*\n)*?.*torch/distributed/run\.py)", re.M
)


_AFTER = 40  # lines after the agent's last words: the rest of its table, a traceback, what a wrapper adds
_CLOCK = 1.0  # seconds that a file system may be behind


@dataclass(frozen=True)
class Lost:
    """A rank that has ended as it should not: its exit code, which is minus the signal where one killed it.

    `at` is when the agent noticed, in seconds since 1970, if it says so.
    """

    code: int
    pid: int
    local_rank: int
    rank: int | None = None
    host: str = ""
    at: float | None = None

    @property
    def signal(self) -> int | None:
        """What killed it, if a signal did."""
        return -self.code if self.code < 0 else None

    def __str__(self) -> str:
        rank = f"rank {self.rank}" if self.rank is not None else f"local rank {self.local_rank}"
        return f"{rank} on {self.host}" if self.host else rank


def lost(text: str) -> list[Lost]:
    """The ranks of which the agent has said that they failed, in its log."""
    return [Lost(int(m["code"]), int(m["pid"]), int(m["local"])) for m in _LOST.finditer(text)]


def root_cause(text: str) -> Lost | None:
    """The rank that failed first, as the agent says at its end; None if that is not the end of `text`."""
    found = _last(_ROOT, text)
    if found is None:
        return None
    at = _seconds(found["time"])
    return Lost(int(found["code"]), int(found["pid"]), int(found["local"]), int(found["rank"]), found["host"], at)


def closed(text: str, first: Lost) -> int:
    """How many ranks of this machine the agent has ended since `first` had failed; 0 if it does not say."""
    begin = 0
    for found in _LOST.finditer(text):
        if int(found["pid"]) == first.pid:
            return len(set(_CLOSING.findall(text, begin, found.start())))
        begin = found.end()
    return 0


def signalled(text: str) -> int | None:
    """The signal that ended the agent itself; None if that is not the end of `text`."""
    found = _last(_SIGNALLED, text)
    return int(found["number"]) if found else None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """What the agent said last of all; an earlier agent's words are followed by other output."""
    found = next(reversed(list(pattern.finditer(text))), None)
    return found if found is not None and text.count("\n", found.end()) <= _AFTER else None


def _seconds(clock: str) -> float | None:
    try:
        return time.mktime(time.strptime(clock, "%Y-%m-%d_%H:%M:%S"))
    except ValueError:
        return None


def without_words(text: str) -> str:
    """`text` without the agent's own log, and without its end, which says nothing that `root_cause` does not."""
    page = _PAGE.search(text)
    return _OWN_WORDS.sub("", text[: page.start()] if page else text).strip("\n")


@dataclass(frozen=True)
class Recorded:
    """An exception that a process has written into its error file, as ``torch.distributed.elastic``'s `record` does."""

    message: str
    traceback: str


def recorded(path: Path, since: float) -> Recorded | None:
    """What was written into an error file after `since` (seconds since 1970); None if nothing that can be read."""
    try:
        if path.stat().st_mtime < since - _CLOCK:
            return None
        said = json.loads(path.read_bytes())["message"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(said, dict):
        return Recorded(str(said), "")
    extra = said.get("extraInfo")
    return Recorded(str(said.get("message", "")), str(extra.get("py_callstack", "")) if isinstance(extra, dict) else "")
