"""Whether the device memory in use grows from log to log, as it does where something keeps tensors alive."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from twinkle_notifier.diagnosis.pattern import size

_KINDS = ("cuda", "npu", "xpu")  # torch's modules of devices; ROCm's is torch.cuda, too
_MOST = 60  # values that are kept
_LEAST = 24  # values, to judge
_WARM_UP = 0.25  # of the values, at the begin: the optimizer's states and caches come there
_PARTS = 6  # of the rest, each with a floor: the least of its values, which a large batch does not raise
_EVEN = (0.5, 1.75)  # each floor rises by so many times the mean
# The growth is steady: neither half rises by less than so much of the other, so it neither slows down nor speeds up.
_ALIKE = 0.75
# So many of the values are above the one before by a fifth of the mean rise or more: not a few large jumps, no noise.
_RISING = 2 / 3
_FIFTH = 0.2
_PEAK = (0.5, 1.1)  # the peak rises by so many times as much: where the batches grow, it rises faster


class Growth(NamedTuple):
    """The memory in use on a device grew steadily, from `before` to `after` bytes over so many `logs`."""

    device: int
    before: int
    after: int
    logs: int

    def facts(self) -> Mapping[str, str]:
        """Numbers for rules: ``grew_from``, ``grew_to``, ``grown``, ``logs``."""
        return {
            "grew_from": size(self.before),
            "grew_to": size(self.after),
            "grown": size(self.after - self.before),
            "logs": str(self.logs),
        }

    @staticmethod
    def of(given: object) -> Growth | None:
        """`given`, if it is one in plain numbers."""
        return given if type(given) is Growth and all(type(number) is int for number in given) else None


class Usage:
    """The memory that torch has in use on the current device, at logs of a whole training.

    It keeps sixty values at most: when there are as many, every other one goes, and from then on only every other log
    is looked at.
    """

    def __init__(self) -> None:
        self._used: list[int] = []
        self._peaks: list[int] = []
        self._device: tuple[str, int] | None = None
        self._logs, self._every = 0, 1

    def note(self) -> None:
        """A log is made. It loads nothing, takes no device and waits for none; it may raise what torch raises."""
        self._logs += 1
        if self._logs % self._every or (found := _in_use()) is None:
            return
        device, used, peak = found
        if device != self._device:
            self._device, self._used, self._peaks = device, [], []
        self._used.append(used)
        self._peaks.append(peak)
        if len(self._used) == _MOST:
            self._used, self._peaks, self._every = self._used[1::2], self._peaks[1::2], 2 * self._every

    def growth(self) -> Growth | None:
        """How it grew since the warm-up, if it did so steadily to the end; None where that is not sure."""
        warm = int(len(self._used) * _WARM_UP)
        used, peaks = self._used[warm:], self._peaks[warm:]
        if self._device is None or len(self._used) < _LEAST or not _is_steady(used, peaks):
            return None
        return Growth(self._device[1], used[0], used[-1], (len(used) - 1) * self._every)


def _in_use() -> tuple[tuple[str, int], int, int] | None:
    """The current device, the bytes in use there, and the peak of these; None if this process has taken no device."""
    there = vars(
        sys.modules.get("torch", object)
    ).get  # not getattr: torch loads some of its modules when they are asked for
    for kind in _KINDS:
        module: Any = there(kind)
        if module is not None and module.is_initialized():
            device: int = module.current_device()
            # What memory_allocated() reads, which also flattens and sorts some hundred other numbers.
            counted = module.memory_stats_as_nested_dict(device)["allocated_bytes"]["all"]
            return (kind, device), int(counted["current"]), int(counted["peak"])
    return None


def _is_steady(used: list[int], peaks: list[int]) -> bool:
    parts = [used[at * len(used) // _PARTS : (at + 1) * len(used) // _PARTS] for at in range(_PARTS)]
    floors = [min(part) for part in parts]
    steps = [after - before for before, after in pairwise(floors)]
    least, most = (share * (floors[-1] - floors[0]) / len(steps) for share in _EVEN)
    if least <= 0 or not all(least <= step <= most for step in steps):
        return False
    halves = sum(steps[: len(steps) // 2]), sum(steps[-(len(steps) // 2) :])
    grown, rises = used[-1] - used[0], [after - before for before, after in pairwise(used)]
    rising = sum(rise > _FIFTH * grown / len(rises) for rise in rises)
    return (
        min(halves) >= _ALIKE * max(halves)
        and rising >= _RISING * len(rises)
        and _PEAK[0] * grown <= peaks[-1] - peaks[0] <= _PEAK[1] * grown
    )
