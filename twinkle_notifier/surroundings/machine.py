"""What is out of order on this machine, beside the run: GPUs, the kernel's log, disks and memory.

A healthy machine has nothing here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable

from twinkle_notifier import isolation
from twinkle_notifier.surroundings import gpus, kernel_log, room
from twinkle_notifier.surroundings.gpus import Reading
from twinkle_notifier.surroundings.kernel_log import Record
from twinkle_notifier.surroundings.thresholds import RECENT, XIDS_AT_MOST
from twinkle_notifier.surroundings.trouble import Trouble

_LOG = 0.2  # seconds to read the kernel's log
_DISKS = 0.25  # seconds for them after that
_GPUS = 0.45  # seconds for all GPUs: an alert waits for 0.5 s in all


def look(
    checkpoint: str,
    seconds: float,
    pids: Collection[int],
    ask: Callable[[], Iterable[Reading]] = gpus.here,
    *,
    oom: bool = True,
    patience: float = _GPUS,
) -> tuple[Trouble, ...]:
    """What is out of order now. Never raises; takes half a second at most, or `patience`.

    Args:
        checkpoint: the path of the last one; empty if there is none.
        seconds: since the run began. Xids count from there on, and those of the last ten minutes in any case.
        pids: the processes whose own faults count.
        ask: what NVML says of each GPU. Those count that it has given by then.
        oom: whether the out-of-memory killer is to be told of; not if it is known anyway.
        patience: seconds for the GPUs, which are asked beside all else.
    """
    until, found = time.monotonic() + patience, list[Reading]()
    answered = isolation.start(lambda: found.extend(ask()))  # those so far count, if one hangs
    disks = room.disks(checkpoint)
    since = min(max(seconds, RECENT), XIDS_AT_MOST)
    # No thread for what the kernel answers at once.
    records = isolation.tried(lambda: [*kernel_log.records(since, time.monotonic() + _LOG)]).value or []
    memory = isolation.tried(room.memory).value or []
    full = disks(_DISKS)
    answered(max(until - time.monotonic(), 0.0))
    readings = [*found]
    logged = isolation.tried(lambda: _logged(records, readings, since, pids, oom=oom)).value or []
    return (*logged, *(isolation.tried(lambda: gpus.troubles(readings)).value or []), *full, *memory)


def _logged(
    records: list[Record], readings: list[Reading], since: float, pids: Collection[int], *, oom: bool
) -> list[Trouble]:
    return kernel_log.troubles(records, since, pids, gpus.indexes(readings), gpus.others(readings), oom=oom)
