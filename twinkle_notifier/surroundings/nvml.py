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
_LOST = 15  # NVML_ERROR_GPU_IS_LOST


def readings(nvml: Any) -> Iterator[dict[str, Any]]:
    """For each GPU: ``index``, ``place`` (on the bus), and what it answers of the rest; ``lost`` if it is gone.

    ``ecc``: uncorrected errors since the driver started. ``remap``: whether a repair of its memory waits for a reset,
    and whether one has failed. ``slow``: NVML's bits for why it is slow. ``celsius``. The values are as NVML gives
    them. Raises any error of NVML if that cannot start.
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
            if getattr(error, "value", None) == _LOST:
                found["lost"] = True
        except (AttributeError, TypeError, ValueError):  # an older version of the package
            pass

    ask("handle", lambda: nvml.nvmlDeviceGetHandleByIndex(index))
    if "handle" in found:
        gpu = found.pop("handle")
        ask("place", lambda: _text(nvml.nvmlDeviceGetPciInfo(gpu).busId))
        ask("ecc", lambda: nvml.nvmlDeviceGetTotalEccErrors(gpu, _UNCORRECTED, _SINCE_DRIVER))
        ask("remap", lambda: [bool(flag) for flag in nvml.nvmlDeviceGetRemappedRows(gpu)[2:4]])
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
