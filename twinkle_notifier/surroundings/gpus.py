"""GPUs that are out of order, by what NVML says of them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.isolation.safe import is_list
from twinkle_notifier.surroundings import devices, nvml
from twinkle_notifier.surroundings.kernel_log import named, place
from twinkle_notifier.surroundings.thresholds import HARDWARE, POWER_BRAKE, THERMAL
from twinkle_notifier.surroundings.trouble import Trouble

_MOST = 4  # troubles
_ERRORS = 10**9  # more than that is no count
_WARM = range(1, 151)  # °C that can be

Reading = Mapping[str, Any]
_Values = dict[str, str | int | float | Trouble]


def here() -> Iterator[Reading]:
    """What NVML says, asked in this process: each GPU as soon as it has answered. It may hang, and raise any error.

    None is asked in a process that uses no GPU: one that waits for the driver may never end, and a process that uses a
    GPU waits for it anyway.
    """
    if "pynvml" in sys.modules or isolation.tried(devices.uses_gpu).value is True:
        yield from nvml.readings(sys.modules.get("pynvml") or importlib.import_module("pynvml"))


def indexes(readings: Iterable[Reading]) -> dict[str, int]:
    """The number of each GPU by its place on the bus."""
    return {place(str(reading["place"])): reading["index"] for reading in readings if "place" in reading}


def others(readings: Iterable[Reading]) -> set[str]:
    """The places of the GPUs that this process may not use, without those that are lost."""
    return {place(str(reading["place"])) for reading in readings if "place" in reading and not _is_own(reading)}


def _is_own(reading: Reading) -> bool:
    """Whether this process may use it. One that is lost may have been its own: CUDA's numbers are others without it."""
    return reading.get("lost") is True or devices.is_visible(reading["index"], str(reading.get("uuid", "")))


def troubles(readings: Iterable[Reading]) -> list[Trouble]:
    """What is out of order, four at most: first of the GPUs that are lost or that this process may use.

    A value that cannot be counts as none.
    """
    ordered = sorted(readings, key=lambda reading: not _is_own(reading))
    return [trouble for reading in ordered for trouble in _of(reading)][:_MOST]


def _of(reading: Reading) -> list[Trouble]:
    gpu: _Values = {"gpu": named(place(str(reading.get("place", ""))), reading["index"])}
    if reading.get("lost") is True:
        return [Trouble("{gpu} is lost: the driver cannot reach it", gpu)]
    if reading.get("reset") is True:
        return [Trouble("{gpu} cannot be used before it is reset", gpu)]
    errors = _count(reading.get("ecc"))
    pending, failed = _flags(reading.get("remap"))
    found = [Trouble("{gpu} has {errors} uncorrected ECC errors since the driver started", {**gpu, "errors": errors})]
    return [
        *(found if errors else []),
        *([Trouble("{gpu} cannot repair its memory any more: it has to be replaced", gpu)] if failed else []),
        *([Trouble("{gpu} needs a reset to repair its memory", gpu)] if pending and not failed else []),
        *_slow(gpu, reading),
    ]


def _slow(gpu: _Values, reading: Reading) -> list[Trouble]:
    slow, celsius = reading.get("slow"), reading.get("celsius")
    if type(slow) is not int or slow < 0:
        return []
    found: list[Trouble] = []
    if slow & THERMAL and type(celsius) is int and celsius in _WARM:
        values: _Values = {**gpu, "celsius": str(celsius)}
        found.append(Trouble("{gpu} slows down at {celsius} °C (thermal limit)", values))
    elif slow & THERMAL:
        found.append(Trouble("{gpu} slows down (thermal limit)", gpu))
    if slow & POWER_BRAKE:
        found.append(Trouble("{gpu} slows down: its power supply asks for it (power brake)", gpu))
    if slow & HARDWARE and not found:
        found.append(Trouble("{gpu} slows down: its hardware protects itself against heat or a lack of power", gpu))
    return found


def _count(value: object) -> str:
    """A number of errors; empty for none, and for what is none."""
    return str(value) if type(value) is int and 0 < value < _ERRORS else ""


def _flags(value: object) -> tuple[bool, bool]:
    return (value[0] is True, value[1] is True) if is_list(value) and len(value) == 2 else (False, False)
