"""Which GPUs this process may use, as the driver's files name them. No device is asked."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from contextlib import suppress
from typing import NamedTuple

from twinkle_notifier.surroundings import files

_DRIVER = "/proc/driver/nvidia/gpus"  # a folder for each GPU, named by its place on the bus
_MOST = 64  # GPUs of a machine that are read
_VISIBLE = 1 << 14  # characters of CUDA_VISIBLE_DEVICES
_NUMBER = re.compile(r"\d{1,4}")
_UUIDS = re.compile(r"GPU-[0-9a-fA-F-]+(?:,GPU-[0-9a-fA-F-]+)*")


class _Gpu(NamedTuple):
    model: str
    uuid: str


class Gpus(NamedTuple):
    """How many GPUs of which model: ``8 × NVIDIA H100 80GB HBM3``; empty without a GPU.

    `chosen`: how many of these this process may use, where it is not known which; else 0, and it may use all.
    """

    models: str = ""
    chosen: int = 0


def has_driver() -> bool:
    """Whether NVIDIA's driver is there."""
    return os.path.isdir(_DRIVER)


def gpus() -> Gpus:
    """The GPUs that are visible to this process. None are without NVIDIA's driver.

    CUDA_VISIBLE_DEVICES limits them. The model stands alone where it does so in another way than by numbers or UUIDs.
    """
    there = _there()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None or len(visible) > _VISIBLE:
        return _counted(there) if visible is None else Gpus()
    numbers = [number.strip() for number in visible.removesuffix(",").split(",")]
    if all(map(_NUMBER.fullmatch, numbers)):
        return _numbered(there, list(map(int, numbers)))
    if _UUIDS.fullmatch(visible):
        beginnings = tuple(visible.split(","))
        return _counted([gpu for gpu in there if gpu.uuid.startswith(beginnings)])
    is_some = "-1" not in visible and visible.strip()
    return Gpus(", ".join(dict.fromkeys(gpu.model for gpu in there)) if is_some else "")


def is_visible(number: int, uuid: str) -> bool:
    """Whether CUDA_VISIBLE_DEVICES leaves this process the GPU of that number on the bus; True where that is not known.

    CUDA numbers GPUs of several models in another order, unless CUDA_DEVICE_ORDER says so.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")[:_VISIBLE]
    names = [name.strip() for name in visible.removesuffix(",").split(",")]
    if all(map(_NUMBER.fullmatch, names)):
        return number in map(int, names)
    return not (uuid and _UUIDS.fullmatch(visible)) or uuid.startswith(tuple(names))


def uses_gpu() -> bool:
    """Whether torch has taken a GPU for this process: CUDA is initialised, of NVIDIA or AMD."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return cuda is not None and cuda.is_initialized() is True


def _there() -> list[_Gpu]:
    found: list[_Gpu] = []
    with suppress(OSError):
        for place in sorted(os.listdir(_DRIVER))[:_MOST]:
            with suppress(OSError, ValueError):
                found.append(_described(files.text(f"{_DRIVER}/{place}/information", 1 << 14)))
    return found


def _described(information: str) -> _Gpu:
    fields = {name.strip(): value.strip() for name, _, value in map(_parted, information.splitlines())}
    return _Gpu(fields.get("Model", "") or "GPU", fields.get("GPU UUID", ""))


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _numbered(there: list[_Gpu], numbers: list[int]) -> Gpus:
    """Those of these numbers: CUDA takes them up to the first that does not exist."""
    wrong = next((at for at, number in enumerate(numbers) if number >= len(there)), len(numbers))
    chosen = dict.fromkeys(numbers[:wrong])
    ordered = os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    # Without that variable CUDA sorts them by speed: which model has which number is not known here.
    if ordered or len(chosen) == len(there) or len({gpu.model for gpu in there}) == 1:
        return _counted([there[number] for number in chosen])
    return _counted(there)._replace(chosen=len(chosen)) if chosen else Gpus()


def _counted(found: list[_Gpu]) -> Gpus:
    counts = Counter(gpu.model for gpu in found)
    return Gpus(", ".join(f"{count} × {model}" for model, count in counts.items()))
