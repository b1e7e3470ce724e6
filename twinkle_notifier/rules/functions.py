"""The functions that a rule may call, by the names that expr_tracker gives them.

One over a window gets the last values of a metric, oldest first, and the steps at which they were logged. None means
that it cannot be said: there are too few values, or one is no number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

Values = Sequence[float]


def _mean(values: Values, _: Values) -> float:
    return math.fsum(values) / len(values)


def _std(values: Values, _: Values) -> float:
    return _spread(values, math.fsum(values) / len(values))


def _spread(values: Values, mean: float) -> float:
    return math.dist(values, [mean] * len(values)) / math.sqrt(len(values))


def _var(values: Values, steps: Values) -> float:
    return _std(values, steps) ** 2


def _median(values: Values, _: Values) -> float:
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else ordered[middle - 1] / 2 + ordered[middle] / 2


def _rate(values: Values, steps: Values) -> float:
    return (values[-1] - values[0]) / (steps[-1] - steps[0])


def _pct_change(values: Values, _: Values) -> float:
    return (values[-1] - values[0]) / abs(values[0])


def _slope(values: Values, steps: Values) -> float:
    """Of the line that fits best, for each step."""
    x, y = math.fsum(steps) / len(steps), math.fsum(values) / len(values)
    over = math.fsum([(step - x) * (value - y) for step, value in zip(steps, values, strict=True)])
    return over / math.fsum([(step - x) * (step - x) for step in steps])


def _zscore(values: Values, _: Values) -> float:
    mean = math.fsum(values) / len(values)
    return (values[-1] - mean) / _spread(values, mean)


def _ema(values: Values, _: Values, alpha: float = 0.3) -> float | None:
    if not 0 < alpha <= 1:
        return None
    found = values[0]
    for value in values[1:]:
        found += alpha * (value - found)
    return found


def _stalled(values: Values, _: Values, eps: float = 0.0) -> bool:
    return max(values) - min(values) <= eps


def _increasing(values: Values, _: Values) -> bool:
    return all(later > earlier for earlier, later in pairwise(values))


def _decreasing(values: Values, _: Values) -> bool:
    return all(later < earlier for earlier, later in pairwise(values))


def _sum(values: Values, _: Values) -> float:
    return math.fsum(values)


def _min(values: Values, _: Values) -> float:
    return min(values)


def _max(values: Values, _: Values) -> float:
    return max(values)


def _first(values: Values, _: Values) -> float:
    return values[0]


def _last(values: Values, _: Values) -> float:
    return values[-1]


def _count(values: Values, _: Values) -> float:
    return len(values)


def _diff(values: Values, _: Values) -> float:
    return values[-1] - values[0]


class OverWindow(NamedTuple):
    """A function over a window of a metric.

    `window`: how many values, where the rule names none; 0: it has to. `least`: how many it needs; 0: all of them.
    Only one that `reads_steps` gets these.
    """

    call: Callable[..., float | None]
    window: int = 0
    least: int = 1
    more: int = 0  # other arguments that it may have
    is_truth: bool = False
    reads_steps: bool = False


OVER_WINDOW: dict[str, OverWindow] = {
    "mean": OverWindow(_mean),
    "median": OverWindow(_median),
    "std": OverWindow(_std, least=2),
    "var": OverWindow(_var, least=2),
    "sum": OverWindow(_sum),
    "min": OverWindow(_min),
    "max": OverWindow(_max),
    "first": OverWindow(_first),
    "last": OverWindow(_last, window=1),
    "count": OverWindow(_count),
    "diff": OverWindow(_diff, window=2, least=2),
    "rate": OverWindow(_rate, window=2, least=2, reads_steps=True),
    "pct_change": OverWindow(_pct_change, window=2, least=2),
    "slope": OverWindow(_slope, least=2, reads_steps=True),
    "zscore": OverWindow(_zscore, least=2),
    "ema": OverWindow(_ema, more=1),
    # expr_tracker answers these from two values on. Here they need all: two equal values of five are no plateau.
    "stalled": OverWindow(_stalled, least=0, more=1, is_truth=True),
    "increasing": OverWindow(_increasing, least=0, is_truth=True),
    "decreasing": OverWindow(_decreasing, least=0, is_truth=True),
}


def _abs(value: float) -> float:
    return abs(value)


class OfNumbers(NamedTuple):
    """A function of so many numbers."""

    call: Callable[..., float]
    least: int = 1
    most: int = 1


OF_NUMBERS: dict[str, OfNumbers] = {
    "min": OfNumbers(min, 2, 10),
    "max": OfNumbers(max, 2, 10),
    "abs": OfNumbers(_abs),
    "log": OfNumbers(math.log, 1, 2),
    "exp": OfNumbers(math.exp),
    "sqrt": OfNumbers(math.sqrt),
    "floor": OfNumbers(math.floor),
    "ceil": OfNumbers(math.ceil),
}
OF_TRAINING = ("step", "elapsed")
OF_METRIC = ("isnan", "isinf", "isfinite", "has", "age")
NAMES = frozenset({*OVER_WINDOW, *OF_NUMBERS, *OF_TRAINING, *OF_METRIC})
