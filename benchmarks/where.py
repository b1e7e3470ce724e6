"""Where the time goes from the exception to the message: a clock around each step. ``python where.py URL ROUNDS``.

What a step calls counts in it, too. Run by the peers' interpreter; see delivery.py.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from typing import Any

from peers import crash, ours

from twinkle_notifier.alerts import crash_loop, event, pipeline
from twinkle_notifier.alerts.event import Snapshot
from twinkle_notifier.channels import http, rate_limit
from twinkle_notifier.claims.lease import Claims
from twinkle_notifier.exceptions import traceback_text
from twinkle_notifier.messages.report import Report

_WARM = 3
STEPS: dict[str, tuple[Any, str]] = {
    "all of the walk": (pipeline, "send_alert"),
    "looking at the exception and its past, in a thread": (Snapshot, "at"),
    "its description, within that": (Report, "of"),
    "its fingerprint": (event, "fingerprint"),
    "its traceback": (traceback_text, "formatted"),
    "earlier crashes by the same error: reading": (crash_loop, "look"),
    "the claim": (Claims, "claim"),
    "the text": (Report, "markdown"),
    "the rate of the robot, in a thread, under a lock": (rate_limit.Rate, "take"),
    "the request, tries and all": (http, "post"),
    "one try, in a thread": (http, "_post"),
    "earlier crashes: writing, after the message": (crash_loop, "keep"),
}


def timed(owner: Any, name: str, seconds: list[float]) -> None:
    """Let a function tell how long it takes."""
    found = vars(owner)[name]
    function = getattr(found, "__func__", found)

    @functools.wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            seconds.append(time.perf_counter() - began)

    setattr(owner, name, measured if function is found else type(found)(measured))


def main(url: str, rounds: int) -> None:
    """Write, as JSON, the times of each step in a crash and its milliseconds, from the warm rounds."""
    sys.stdout, answers = sys.stderr, os.fdopen(os.dup(1), "w")
    tell, all_of = ours(url), defaultdict[str, list[float]](list)
    for number in range(_WARM):
        crash(tell, number)
    for step, (owner, name) in STEPS.items():
        timed(owner, name, all_of[step])
    for number in range(_WARM, _WARM + rounds):
        crash(tell, number)
        time.sleep(0.1)
    said = {
        step: (len(took) / rounds, statistics.mean(took) * len(took) / rounds * 1000)
        for step, took in all_of.items()
        if took
    }
    print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
