"""Reads what torchrun's agent prints and records of its ranks, and finds its log files."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from twinkle_notifier.isolation.safe import is_dict

# Patterns that `re` compiles at their first use: 2 ms, which most commands never need.
# The table is that of torch/distributed/elastic/multiprocessing/errors/__init__.py, 2.13.
_CLOSED = r"(?m)^ +rank +: (\d+) .*\n +exitcode +: -15 "
_ROOT = (
    r"Root Cause \(first observed failure\):\s*\[\d+\]:\s*time\s*: (?P<time>\S+)\s*host\s*: (?P<host>\S+)\s*"
    r"rank\s*: (?P<rank>\d+) \(local_rank: (?P<local>\d+)\)\s*exitcode\s*: (?P<code>-?\d+) \(pid: (?P<pid>\d+)\)"
)
_SIGNALLED = r"SignalException: Process \d+ got signal: (?P<number>\d+)"
_OWN_LINES = (
    r"(?m)^[EW]\d{4} .*torch/distributed/(?:elastic/|run\.py).*\n?"
    r"|^\*{20,}\nSetting OMP_NUM_THREADS .*\n\*{20,} *\n?"
)
_PAGE = (
    r"(?m)^Traceback \(most recent call last\):\n"
    r"(?=[^\n]*\btorchrun\b|(  .*\n)*?.*torch/distributed/run\.py)"
)
# In a command's arguments, one a line.
_LOG_DIR = r"(?m)^--log[-_]dir[=\n](.+)$"
_WRITES_LOGS = r"(?m)^(?:--(?:redirects|tee)\b|-[rt]$)"
_AFTER = 40  # lines after what the agent prints last: the rest of its table, a traceback, a wrapper's lines
_CLOCK = 1.0  # seconds that a file system's clock may be late


class Lost(NamedTuple):
    """A rank that has failed: its exit code, which is minus the signal if one killed it.

    `at` is when the agent noticed, in seconds since 1970, if known; `closed` the ranks that the agent then ended;
    `logs` the rank's folder among the agent's log files.
    """

    code: int
    pid: int
    local_rank: int
    rank: int | None = None
    host: str = ""
    at: float | None = None
    closed: Sequence[int] = ()
    logs: str = ""

    @property
    def signal(self) -> int | None:
        """The signal that killed it, if one did."""
        return -self.code if self.code < 0 else None

    def __str__(self) -> str:
        rank = f"rank {self.rank}" if self.rank is not None else f"local rank {self.local_rank}"
        return f"{rank} on {self.host}" if self.host else rank


def root_cause(text: str) -> Lost | None:
    """The rank that failed first, as the agent prints at its end; None if `text` does not end so."""
    found = _last(_ROOT, text)
    if found is None:
        return None
    at = None
    with suppress(ValueError):
        at = time.mktime(time.strptime(found["time"], "%Y-%m-%d_%H:%M:%S"))
    table = text[max(text.rfind("\nFailures:", 0, found.start()), 0) : found.start()]
    closed = [int(rank) for rank in re.findall(_CLOSED, table)]
    return Lost(
        int(found["code"]), int(found["pid"]), int(found["local"]), int(found["rank"]), found["host"], at, closed
    )


def signalled(text: str) -> int | None:
    """The signal that ended the agent itself; None if `text` does not end so."""
    found = _last(_SIGNALLED, text)
    return int(found["number"]) if found else None


def writes_logs(command: Sequence[str]) -> bool:
    """Whether `command` is a torchrun that writes what its ranks print to files."""
    line = "\n".join(command)
    return ("torchrun" in line or "torch.distributed" in line) and re.search(_WRITES_LOGS, line) is not None


def logs(command: Sequence[str], lost: Lost | None, since: float) -> list[Path]:
    """The files to which torchrun has written what the rank `lost` printed since `since`, or all ranks if it is None.

    An attached agent names their folder, else ``--log-dir`` in `command` does. Raises OSError.
    """
    if lost is not None and os.path.isabs(lost.logs):
        ranks = [Path(lost.logs)]
    elif named := re.search(_LOG_DIR, "\n".join(command)):
        begun = sorted((path.stat().st_mtime, path) for path in Path(named[1]).glob("*/attempt_*"))
        last = [path for at, path in begun[-1:] if at >= since - _CLOCK]
        ranks = [rank for attempt in last for rank in sorted(attempt.glob(str(lost.local_rank) if lost else "*"))]
    else:
        ranks = []
    return [path for rank in ranks for path in (rank / "stdout.log", rank / "stderr.log") if path.is_file()]


def _last(pattern: str, text: str) -> re.Match[str] | None:
    """The last match, if it is near the end of `text`; after that of an earlier agent comes more output."""
    found = next(reversed(list(re.finditer(pattern, text))), None)
    return found if found is not None and text.count("\n", found.end()) <= _AFTER else None


def without_own_lines(text: str) -> str:
    """`text` without the agent's log lines and its last table, which `root_cause` reads."""
    page = re.search(_PAGE, text)
    return re.sub(_OWN_LINES, "", text[: page.start()] if page else text).strip("\n")


class Recorded(NamedTuple):
    """An exception that a process has recorded: by `attach`, or by `record` of ``torch.distributed.elastic``.

    `at` is its place in the user's code, `code` the line there. `pid` names the process and `time` its end (in seconds
    since 1970), if they are known. `secondary`: it is a secondary error.
    """

    message: str
    traceback: str
    at: str = ""
    rank: int | None = None
    pid: int = 0
    time: float | None = None
    secondary: bool = False
    code: str = ""


def recorded(path: Path, since: float) -> Recorded | None:
    """The exception in an error file that was written after `since` (seconds since 1970), if it can be read."""
    try:
        if path.stat().st_mtime < since - _CLOCK:
            return None
        message = json.loads(path.read_bytes())["message"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not is_dict(message):
        return Recorded(str(message), "")
    extra = message.get("extraInfo")
    return Recorded(str(message.get("message", "")), str(extra.get("py_callstack", "")) if is_dict(extra) else "")
