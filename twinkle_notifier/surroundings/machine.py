"""What is out of order on this machine, beside the run: GPUs, the kernel's log, disks and memory.

A healthy machine has nothing here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from twinkle_notifier import isolation
from twinkle_notifier.surroundings import gpus, kernel_log, room
from twinkle_notifier.surroundings.gpus import Reading
from twinkle_notifier.surroundings.thresholds import RECENT, XIDS_AT_MOST
from twinkle_notifier.surroundings.trouble import Trouble

_LOG = 0.2  # seconds to read the kernel's log
_DISKS = 0.25
_LATE = 0.05  # seconds that GPUs may take longer than all else


def look(
    checkpoint: str,
    seconds: float,
    pids: Collection[int],
    ask: Callable[[], list[Reading]] = gpus.here,
    *,
    oom: bool = True,
    patience: float = 0.0,
) -> tuple[Trouble, ...]:
    """What is out of order now. Never raises; takes 0.6 s at most, and up to `patience` more for the GPUs.

    Args:
        checkpoint: the path of the last one; empty if there is none.
        seconds: since the run began. Xids count from there on, and those of the last ten minutes in any case.
        pids: the processes whose own faults count.
        ask: what NVML says of each GPU.
        oom: whether the out-of-memory killer is to be told of; not if it is known anyway.
        patience: seconds that GPUs may take longer than all else.
    """
    answer = isolation.start(ask)
    disks: list[Trouble] = []
    asked = isolation.start(lambda: disks.extend(room.disks(checkpoint)))  # those so far count, if a mount is dead
    since = min(max(seconds, RECENT), XIDS_AT_MOST)
    # No thread for what the kernel answers at once.
    records = isolation.tried(lambda: [*kernel_log.records(since, time.monotonic() + _LOG)]).value or []
    memory = isolation.tried(room.memory).value or []
    asked(_DISKS)
    readings = answer(_LATE + patience).value or []
    indexes = isolation.tried(lambda: gpus.indexes(readings)).value or {}
    logged = isolation.tried(lambda: kernel_log.troubles(records, since, pids, indexes, oom=oom)).value or []
    return (*logged, *(isolation.tried(lambda: gpus.troubles(readings)).value or []), *disks, *memory)
