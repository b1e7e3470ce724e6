"""What the allocator of torch knows of the device's memory, and which other processes hold some of it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.diagnosis.memory_growth import Growth
from twinkle_notifier.diagnosis.pattern import size
from twinkle_notifier.isolation.safe import names

_BUDGET = 1.0  # seconds for each of the two; a device that is broken may never answer
_BEGINS = tuple(f"{kind} out of memory" for kind in ("CUDA", "HIP", "NPU", "XPU"))
_PROCESS = re.compile(r"process +(\d{1,10}) uses +([\d.]{1,20}) MB")
_DEVICE = re.compile(r"[GN]PU (\d{1,4})\b")
_PROCESSES = 5  # that are named


def facts(exc: BaseException, text: str, growth: Growth | None = None) -> dict[str, str]:
    """Numbers of the device on which `exc`, with the words `text`, found no memory. Empty for other errors.

    ``allocated``, ``peak``, ``reserved`` (free, but kept by torch), ``total``, ``free``; ``others`` (memory of other
    processes) and ``processes`` (these, for people) where NVML is there; those of `growth`, if it is of this device.
    Never raises, and takes two seconds at most.
    """
    if "OutOfMemoryError" not in names(type(exc)) and not text.startswith(_BEGINS):
        return {}
    cuda, named = getattr(sys.modules.get("torch"), "cuda", None), _DEVICE.search(text)
    if cuda is None or named is None:
        return {}
    device = int(named[1])  # the current one is another in each thread, and to ask for it may take memory there
    grew: Mapping[str, str] = growth.facts() if growth is not None and growth.device == device else {}
    found = isolation.call(lambda: _of_torch(cuda, device), _BUDGET).value or {}
    others = (isolation.call(lambda: _of_others(cuda, device), _BUDGET).value or {}) if found else {}
    return {**grew, **found, **others}


def _of_torch(cuda: Any, device: int) -> dict[str, str]:
    if not cuda.is_initialized():
        return {}
    stats: Mapping[str, Any] = cuda.memory_stats(device)
    free, total = cuda.mem_get_info(device)
    allocated = stats["allocated_bytes.all.current"]
    numbers = {
        "allocated": allocated,
        "peak": stats["allocated_bytes.all.peak"],
        "reserved": stats["reserved_bytes.all.current"] - allocated,
        "total": total,
        "free": free,
    }
    return {name: size(number) for name, number in numbers.items()}


def _of_others(cuda: Any, device: int) -> dict[str, str]:
    """What torch learns from NVML, if its package is installed. Nothing where NVML does not know this process."""
    listed = _PROCESS.findall(cuda.list_gpu_processes(device))
    found = {int(pid): float(used) * 2**20 for pid, used in listed}
    if found.pop(os.getpid(), None) is None or not found:  # in a container the numbers may be the host's
        return {}
    most = sorted(found, key=lambda pid: -found[pid])[:_PROCESSES]
    return {
        "others": size(sum(found.values())),
        "processes": ", ".join(f"PID {pid} {size(found[pid])}" for pid in most) if len(most) > 1 else f"PID {most[0]}",
    }
