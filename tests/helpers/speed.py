"""How fast this machine is, for the few tests of a promised time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

_SUM = 120e-6  # seconds to add 10,000 numbers, on a machine on which the promises hold


def best(work: Callable[[], object], rounds: int = 1000) -> float:
    """The least seconds of processor of many rounds."""
    least = math.inf
    for _ in range(rounds):
        began = time.thread_time()
        work()
        least = min(least, time.thread_time() - began)
    return least


def slowness() -> float:
    """How many times as long it takes now as such a machine; 1 at least."""
    return max(1.0, best(lambda: sum(range(10_000))) / _SUM)
