"""What the allocator of torch knows of the device's memory, and which other processes hold some of it."""

from __future__ import annotations

import functools
import os
import re
import sys
import time
from collections.abc import Mapping
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.diagnosis.memory_growth import Growth
from twinkle_notifier.diagnosis.pattern import size
from twinkle_notifier.isolation.safe import names

_BUDGET = 1.0  # seconds for torch, and as many for NVML; a device that is broken may never answer
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
    found = isolation.tried(lambda: _of_torch(cuda, device)).value or {}
    others = (isolation.call(lambda: _of_others(cuda, device), _BUDGET).value or {}) if found else {}
    return {**grew, **found, **others}


def _of_torch(cuda: Any, device: int) -> dict[str, str]:
    """What the allocator and the driver tell, as far as each answers. Either of them is no reason to lose the other."""
    until = time.monotonic() + _BUDGET
    found: dict[str, str] = {}
    if isolation.call(cuda.is_initialized, _BUDGET).value is True:
        for ask in (_of_allocator, _of_driver):
            answer = isolation.call(functools.partial(ask, cuda, device), max(until - time.monotonic(), 0.0))
            found.update(answer.value or {})
            if not answer.returned and answer.error is None:  # it hangs, and so may the other
                break
    return found


def _of_allocator(cuda: Any, device: int) -> dict[str, str]:
    stats: Mapping[str, Any] = cuda.memory_stats(device)
    allocated = stats["allocated_bytes.all.current"]
    peak, reserved = stats["allocated_bytes.all.peak"], stats["reserved_bytes.all.current"]
    return {"allocated": size(allocated), "peak": size(peak), "reserved": size(reserved - allocated)}


def _of_driver(cuda: Any, device: int) -> dict[str, str]:
    free, total = cuda.mem_get_info(device)
    return {"total": size(total), "free": size(free)}


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
