"""``make stress``: every case many times, and the tables for docs/ranks.md and docs/run.md."""

from __future__ import annotations

import argparse
import os
import platform
import re
import signal
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import claimants
from cases import CASES, Case
from deaths import DEATHS
from lab import Seen


def right(case: Case, seen: Seen) -> bool:
    """Whether as many messages came as should, and say what they should."""
    found = [message.service for message in seen.messages if re.search(case.says, message.text)]
    return found == [case.service] * case.expected == [message.service for message in seen.messages]


def row(case: Case, runs: list[Seen]) -> str:
    counts = Counter(len(seen.messages) for seen in runs)
    told = ", ".join(
        f"{count} ({times}x)" if len(counts) > 1 else f"{count}" for count, times in sorted(counts.items())
    )
    return f"| {case.name} | {case.expected} | {told} | {spread([s.to_message for s in runs])} | {spread([s.to_last for s in runs])} | {case.reference} |"


def spread(figures: list[float | None]) -> str:
    known = [figure for figure in figures if figure is not None]
    return f"{statistics.median(known):.2f} ({max(known):.2f})" if known else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", choices=["ranks", "deaths"], help="those of one table; without it all")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=1, help="runs side by side: quicker, with slower figures")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and what they start
    wrong = 0
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}, {arguments.times} runs a case ({arguments.at_once} at once)\n"
    )
    print("| case | right | messages | s to message, median (max) | s to last rank | reference sends |")
    print("|---|---|---|---|---|---|", flush=True)
    tables = {"ranks": CASES, "deaths": DEATHS}
    for case in tables.get(arguments.cases, [*CASES, *DEATHS]):
        if arguments.only not in case.name or (case.needs_root and os.getuid()):
            continue
        times = max(arguments.times // 6, 1) if case.slow else arguments.times
        with ThreadPoolExecutor(arguments.at_once) as pool:
            runs = list(pool.map(lambda _, case=case: case.run(), range(times)))
        print(row(case, runs), flush=True)
        for seen in runs:
            if not right(case, seen):
                wrong += 1
                titles = [message.title for message in seen.messages]
                print(f"WRONG in {case.name!r}: {titles}\n{seen.stderr[-6000:]}", file=sys.stderr)
    if not arguments.only and arguments.cases != "deaths":
        print()
        wrong += not claimants.main(max(arguments.times // 4, 1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
