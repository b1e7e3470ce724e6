"""What 2,000 tiny steps cost by instructions of the processor, which a busy machine does not change: counted by valgrind.

A training framework is imported once, and each training forked from that: to import one takes valgrind minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import training
from lab import Options, environment, progress, table

_FIRST = 100  # steps of a shorter training, which is subtracted: what happens once is no cost of a step
_COUNT = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
_LIMIT = 3600.0  # seconds for one framework


def run(options: Options, steps: int = 2000) -> str:
    """The table of both frameworks."""
    if shutil.which(_COUNT[0]) is None:
        return "Instructions were not counted: there is no valgrind here."
    progress(f"instructions: {steps} steps, by valgrind: ten minutes")
    with ThreadPoolExecutor() as pool:
        found = dict(
            zip(training.FRAMEWORKS, pool.map(lambda name: _counted(name, steps), training.FRAMEWORKS), strict=True)
        )
    rows = []
    for framework, counts in found.items():
        empty = counts[training.WAYS[1]]
        for way, count in counts.items():
            more = f"{count / steps - empty / steps:+,.0f} ({(count / empty - 1) * 100:+.3f} %)"
            rows.append((framework, way, f"{count / steps:,.0f}", "" if count == empty else more))
    return table(("trainer", "with", "instructions a step", "more than with an empty one"), rows)


def _counted(framework: str, steps: int) -> dict[str, int]:
    """Instructions of `steps` steps, by the way."""
    with tempfile.TemporaryDirectory() as folder:
        log = ["--log-file=" + str(Path(folder, "%p.log"))]
        command = [*_COUNT, *log, sys.executable, __file__, framework, str(steps)]
        env = environment(PYTHONHASHSEED="0", TWINKLE_NOTIFIER_DIR=folder)
        done = subprocess.run(
            command, env=env, cwd=folder, check=True, stdout=subprocess.PIPE, text=True, timeout=_LIMIT
        )
        found: dict[tuple[str, int], int] = {}
        for way, length, child in re.findall(r"^(.+) \| (\d+) \| (\d+)$", done.stdout, re.MULTILINE):
            said = Path(folder, f"{child}.log").read_text()
            found[way, int(length)] = int(re.findall(r"Collected : (\d+)", said)[-1])
    return {way: found[way, _FIRST + steps] - found[way, _FIRST] for way in training.WAYS}


def main(framework: str, steps: int) -> None:
    """Train in each way, short and long, each in a process of its own, and say in which."""
    warnings.simplefilter("ignore")
    train = training.FRAMEWORKS[framework]()
    for way in training.WAYS:
        for length in (_FIRST, _FIRST + steps):
            if not (child := os.fork()):
                try:
                    train(length, way)
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            os.write(1, f"{way} | {length} | {child}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
