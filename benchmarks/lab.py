"""What the benchmarks share: processes that do one thing when asked, figures with their spread, and Markdown."""

from __future__ import annotations

import os
import platform
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).parent
_STARTS = 60.0  # seconds for a process to be ready
_LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_", "MASTER_", "TORCHELASTIC_", "SLURM_", "TWINKLE")
_NOT_INHERITED = (*_LAUNCHERS, "PYTHONUNBUFFERED")  # with the last, each line of a peer's log would be one write


@dataclass(frozen=True)
class Options:
    """How much is measured, and by which interpreters."""

    peers: str  # the interpreter that has the peers, and this package without any framework
    times: int = 20  # rounds of quick points
    few: int = 3  # rounds of slow points
    most: float = 60.0  # seconds that a peer may block


def environment(**more: str) -> dict[str, str]:
    """That of this process without a launcher's variables, proxies, and what this package would read."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_NOT_INHERITED) and not name.lower().endswith("_proxy")
    }
    return {**kept, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **more}


class Worker:
    """A process that answers each line with a figure. In a folder of its own, which is also its state folder."""

    def __init__(self, command: Sequence[str], before: Sequence[str] = (), **env: str) -> None:
        self._stack = ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        self.errors = self._stack.enter_context(tempfile.TemporaryFile("w+"))
        self._process = subprocess.Popen(
            [*before, *command],
            cwd=folder,
            env=environment(**{"TWINKLE_NOTIFIER_DIR": folder, **env}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def wait(self, seconds: float = _STARTS) -> str | None:
        """The next line that it writes; None if there is none in time."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            return None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"it ended: {self.said()[-2000:]}")
        return line.strip()

    def post(self) -> None:
        """Let it begin."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def answer(self, seconds: float = _STARTS) -> tuple[float, float]:
        """What it says next: seconds, and when they began."""
        line = self.wait(seconds)
        if line is None:
            raise TimeoutError(f"no figure within {seconds:g} s")
        took, began = map(float, line.split())
        return took, began

    def ask(self, seconds: float = _STARTS) -> tuple[float, float]:
        """Let it begin, and its answer. Raises TimeoutError if there is none in time."""
        self.post()
        return self.answer(seconds)

    def said(self) -> str:
        """What it has written to stderr."""
        self.errors.seek(0)
        return self.errors.read()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, _type: object, _exc: BaseException | None, _traceback: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()
        self._stack.close()


def seconds_of(command: Sequence[str], **env: str) -> float:
    """How long a process takes from its start to its end."""
    began = time.perf_counter()
    subprocess.run(command, env=environment(**env), cwd="/", check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def spread(values: Sequence[float], scale: float = 1.0, digits: int = 1) -> str:
    """``12.1 (11.5 to 13.2)``: the median and the quartiles; of fewer than four values the least and the greatest."""
    low, middle, high = quartiles(values)
    return f"{middle * scale:,.{digits}f} ({low * scale:,.{digits}f} to {high * scale:,.{digits}f})"


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The first, the median, the third."""
    if len(values) < 4:
        return min(values), statistics.median(values), max(values)
    low, middle, high = statistics.quantiles(values, n=4)
    return low, middle, high


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def machine(versions: Mapping[str, str]) -> str:
    """What was measured on, and with what. No names, no paths."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{os.cpu_count()} CPUs ({_model()}), Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, {named}. {time.strftime('%Y-%m-%d')}, load averages {load} at the start."
    )


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def progress(text: str) -> None:
    """Say on stderr what is being done."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
