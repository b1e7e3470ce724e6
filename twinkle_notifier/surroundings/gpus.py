"""GPUs that are out of order, by what NVML says of them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.isolation.safe import is_list
from twinkle_notifier.surroundings import devices, nvml
from twinkle_notifier.surroundings.kernel_log import place
from twinkle_notifier.surroundings.thresholds import POWER_BRAKE, THERMAL
from twinkle_notifier.surroundings.trouble import Trouble

_ASK = 0.4  # seconds for all GPUs
_MOST = 4  # troubles
_ERRORS = 10**9  # more than that is no count
_WARM = range(1, 151)  # °C that can be

Reading = Mapping[str, Any]


def here() -> list[Reading]:
    """What NVML says, asked in this process, for 0.4 s at most: the GPUs that have answered by then.

    None is asked in a process that uses no GPU: one that waits for the driver may never end, and a process that uses a
    GPU waits for it anyway.
    """
    found: list[Reading] = []

    def ask() -> None:
        for reading in nvml.readings(sys.modules.get("pynvml") or importlib.import_module("pynvml")):
            found.append(reading)  # those so far count, whatever the next does

    if "pynvml" in sys.modules or isolation.tried(devices.uses_gpu).value is True:
        isolation.call(ask, _ASK)
    return [*found]


def indexes(readings: Iterable[Reading]) -> dict[str, int]:
    """The number of each GPU by its place on the bus."""
    return {place(str(reading["place"])): reading["index"] for reading in readings if "place" in reading}


def troubles(readings: Iterable[Reading]) -> list[Trouble]:
    """What is out of order, four at most. A value that cannot be counts as none."""
    return [trouble for reading in readings for trouble in _of(reading)][:_MOST]


def _of(reading: Reading) -> list[Trouble]:
    gpu = {"gpu": f"GPU {reading['index']}"}
    if reading.get("lost") is True:
        return [Trouble("{gpu} is lost: the driver cannot reach it", gpu)]
    errors = _count(reading.get("ecc"))
    pending, failed = _flags(reading.get("remap"))
    found = [Trouble("{gpu} has {errors} uncorrected ECC errors since the driver started", {**gpu, "errors": errors})]
    return [
        *(found if errors else []),
        *([Trouble("{gpu} cannot repair its memory any more: it has to be replaced", gpu)] if failed else []),
        *([Trouble("{gpu} needs a reset to repair its memory", gpu)] if pending and not failed else []),
        *_slow(gpu, reading),
    ]


def _slow(gpu: Mapping[str, str], reading: Reading) -> list[Trouble]:
    slow, celsius = reading.get("slow"), reading.get("celsius")
    if type(slow) is not int or slow < 0:
        return []
    found: list[Trouble] = []
    if slow & THERMAL and type(celsius) is int and celsius in _WARM:
        values = {**gpu, "celsius": str(celsius)}
        found.append(Trouble("{gpu} slows down at {celsius} °C (thermal limit)", values))
    elif slow & THERMAL:
        found.append(Trouble("{gpu} slows down (thermal limit)", gpu))
    if slow & POWER_BRAKE:
        found.append(Trouble("{gpu} slows down: its power supply asks for it (power brake)", gpu))
    return found


def _count(value: object) -> str:
    """A number of errors; empty for none, and for what is none."""
    return str(value) if type(value) is int and 0 < value < _ERRORS else ""


def _flags(value: object) -> tuple[bool, bool]:
    return (value[0] is True, value[1] is True) if is_list(value) and len(value) == 2 else (False, False)
