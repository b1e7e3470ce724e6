"""``make reliability``: each fault once, and the table for docs/reliability.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from trials import TRIALS, Seen, Trial


def row(trial: Trial, seen: Seen) -> str:
    return f"| {trial.name} | {seen.statuses} | {seen.seconds:.1f} | {seen.requests} | {seen.accepted} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-once", type=int, default=4, help="side by side: quicker, with slower figures")
    parser.add_argument("--only", default="", help="faults whose name holds this")
    arguments = parser.parse_args()
    chosen = [trial for trial in TRIALS if arguments.only in trial.name and not (trial.needs_root and os.getuid())]
    wrong = 0
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}\n")
    print("| fault | outcome | seconds | requests | accepted |\n|---|---|---|---|---|", flush=True)
    with ThreadPoolExecutor(arguments.at_once) as pool:
        for trial, seen in zip(chosen, pool.map(Trial.run, chosen), strict=True):
            print(row(trial, seen), flush=True)
            if complaints := trial.complaints(seen):
                wrong += 1
                print(f"WRONG in {trial.name!r}: {complaints}\n{seen.stderr[-3000:]}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
