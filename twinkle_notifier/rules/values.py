"""Reads what a trainer logs, and keeps the last values of the metrics that rules read."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, Literal

from twinkle_notifier.isolation import safe

_MOST = 1_000  # metrics of one log that are looked at; those that rules name in any case
_NAME = 200  # characters of a metric's name
_COURSE = 60  # values of each that are kept for messages
LATER: Final = "later"


def read(metrics: Mapping[Any, object], named: Mapping[str, int]) -> tuple[dict[str, float], dict[str, object]]:
    """The numbers among `metrics`, and those values that a device may hold: reading them would wait for it.

    `named` are metrics that rules name. What is no number is left out.
    """
    found: dict[str, float] = {}
    later: dict[str, object] = {}
    some = metrics.items() if len(metrics) <= _MOST else [*islice(metrics.items(), _MOST), *_of(metrics, named)]
    for name, value in some:
        kind = type(value)
        if type(name) is not str:
            continue
        if kind is not float:
            number = plain(value)
            if number is LATER:
                detach: Any = getattr(value, "detach", None)  # of a tensor, which would keep the graph behind it
                later[name[:_NAME]] = value if detach is None else detach()
                continue
            if number is None:
                continue
            value = number
        found[name[:_NAME]] = value  # type: ignore[assignment]  # it is a float here
    return found, later


def _of(metrics: Mapping[Any, object], named: Mapping[str, int]) -> list[tuple[str, object]]:
    return [(name, metrics[name]) for name in named if name in metrics]


def plain(value: object) -> float | Literal["later"] | None:
    """The number that `value` is, if it can be read at once; `LATER` if reading it may take long; None if it is none.

    A tensor of a subclass is none: to read a distributed one is a collective, for which the other ranks would wait.
    """
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return _float(value)
    if not hasattr(kind, "__float__") or issubclass(kind, str | bytes):
        return None
    array: Any = value  # or what can be made a float
    torch: Any = sys.modules.get("torch")  # never imported here
    if torch is not None and issubclass(kind, torch.Tensor):
        if kind is not torch.Tensor or array.numel() != 1:
            return None
        return _float(array.item()) if array.device.type == "cpu" else LATER
    if safe.module_name(kind) == "numpy":
        return _float(array) if array.ndim == 0 else None
    if issubclass(kind, float):
        return float.__float__(array)
    return LATER if _is_one(array) else None


def _is_one(value: Any) -> bool:
    """Whether an array of an unknown kind holds one value, as far as it says so by its form."""
    numel = getattr(value, "numel", None)
    count = numel() if callable(numel) else getattr(value, "size", 1)
    return type(count) is not int or count == 1


def now(value: Any) -> float | None:
    """The number that `value` is, however long that takes."""
    return _float(getattr(value, "item", lambda: value)())


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):  # an int of 400 digits; an array of texts
        return None


class Series:
    """The last values of the metrics that rules read. `moment` and `step` are those of the last log.

    What is not finite is the last value until another is logged. It is in no window: one infinite norm of a gradient
    would make a window of 50 useless for 50 logs.
    """

    def __init__(self, windows: Mapping[str, int], began: float | None) -> None:
        self._values = {name: deque[float](maxlen=max(count, _COURSE)) for name, count in windows.items()}
        self._steps = {name: deque[float](maxlen=max(count, _COURSE)) for name, count in windows.items()}
        self._last: dict[str, float] = {}
        self._at: dict[str, float] = {}
        self._began = began
        self._logs = 0
        self.moment: float = 0.0
        self.step: float | None = None

    def add(self, numbers: Mapping[str, float], step: object, moment: float) -> set[str]:
        """Keep what was logged at `step`; the names of the metrics that are kept."""
        self._logs += 1
        self.moment, self.step = moment, safe.finite(_float(step)) if isinstance(step, int | float) else None
        touched = self._values.keys() & numbers.keys()
        at = self._logs if self.step is None else self.step
        for name in touched:
            value = self._last[name] = numbers[name]
            self._at[name] = moment
            if value - value == 0:
                self._values[name].append(value)
                self._steps[name].append(at)
        return touched

    @property
    def elapsed(self) -> float | None:
        """See `expression.Logged`."""
        return None if self._began is None else self.moment - self._began

    def last(self, name: str) -> float | None:
        """See `expression.Logged`."""
        return self._last.get(name)

    def window(self, name: str, count: int) -> list[float]:
        """See `expression.Logged`."""
        return _newest(self._values[name], count)

    def steps(self, name: str, count: int) -> list[float]:
        """See `expression.Logged`."""
        return _newest(self._steps[name], count)

    def age(self, name: str) -> float | None:
        """See `expression.Logged`."""
        return None if self._began is None else self.moment - self._at[name]

    def course(self, name: str) -> tuple[float, ...]:
        """The last values of a metric, for people; the very last also where it is not finite."""
        values, last = _newest(self._values[name], _COURSE), self._last.get(name, 0.0)
        return tuple(values) if last - last == 0 else (*values[1 - _COURSE :], last)

    def missing(self) -> list[str]:
        """The metrics that were never logged."""
        return [name for name in self._values if name not in self._last]


def _newest(values: deque[float], count: int) -> list[float]:
    """The last `count`, without a look at many before."""
    if len(values) <= 2 * count:
        return list(values)[-count:]
    found = list(islice(reversed(values), count))
    found.reverse()
    return found
