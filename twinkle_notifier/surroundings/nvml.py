"""What NVIDIA's management library says of each GPU, by the package nvidia-ml-py.

It needs nothing of this package, so that a Python of its own can run this file: the library waits for the driver, and a
process in which it waits for a broken GPU may never end.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

_MOST = 64  # GPUs
_UNCORRECTED, _SINCE_DRIVER = 1, 0  # NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC
_CORE = 0  # NVML_TEMPERATURE_GPU
_REFUSALS = {15: "lost", 16: "reset"}  # NVML_ERROR_GPU_IS_LOST, NVML_ERROR_RESET_REQUIRED


def readings(nvml: Any) -> Iterator[dict[str, Any]]:
    """For each GPU: ``index``, ``place`` (on the bus), ``uuid``, and what it answers of the rest.

    ``ecc``: uncorrected errors since the driver started. ``remap``: whether a repair of its memory waits for a reset,
    and whether one has failed. ``slow``: NVML's bits for why it is slow. ``celsius``. ``lost``: it is gone. ``reset``:
    it answers no more before a reset. The values are as NVML gives them. Raises any error of NVML if that cannot start.
    """
    nvml.nvmlInit()
    try:
        for index in range(min(nvml.nvmlDeviceGetCount(), _MOST)):
            yield _of(nvml, index)
    finally:
        nvml.nvmlShutdown()


def _of(nvml: Any, index: int) -> dict[str, Any]:
    found: dict[str, Any] = {"index": index}

    def ask(name: str, question: Callable[[], Any]) -> None:
        try:
            found[name] = question()
        except nvml.NVMLError as error:
            value = getattr(error, "value", None)
            if type(value) is int and value in _REFUSALS:
                found[_REFUSALS[value]] = True
        except (AttributeError, TypeError, ValueError):  # an older version of the package
            pass

    ask("handle", lambda: nvml.nvmlDeviceGetHandleByIndex(index))
    if "handle" in found:
        gpu = found.pop("handle")
        ask("place", lambda: _text(nvml.nvmlDeviceGetPciInfo(gpu).busId))
        ask("uuid", lambda: _text(nvml.nvmlDeviceGetUUID(gpu)))
        ask("ecc", lambda: nvml.nvmlDeviceGetTotalEccErrors(gpu, _UNCORRECTED, _SINCE_DRIVER))
        ask("remap", lambda: [bool(flag) for flag in nvml.nvmlDeviceGetRemappedRows(gpu)[2:4]])
        ask("slow", lambda: nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu))
        if "slow" not in found:  # an older package, or an older driver: its name until 2023
            ask("slow", lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))
        ask("celsius", lambda: nvml.nvmlDeviceGetTemperature(gpu, _CORE))
    return found


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


def main() -> None:
    """Print a line of JSON for each GPU, as soon as that has answered."""
    for reading in readings(importlib.import_module("pynvml")):
        sys.stdout.write(json.dumps(reading) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
