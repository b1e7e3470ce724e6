"""What a rule's condition is made of. Each part says what it is worth, by what was logged.

A truth is 1.0 or 0.0. None means that it cannot be said: too few values, no number, a division by zero. A logical
word passes that on where it decides: ``false and unknown`` is false.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from twinkle_notifier.rules.functions import OF_NUMBERS, OVER_WINDOW


class Logged(Protocol):
    """What was logged so far."""

    @property
    def step(self) -> float | None:
        """That of the last log."""
        ...

    @property
    def elapsed(self) -> float | None:
        """Seconds since the training began."""
        ...

    def last(self, name: str) -> float | None:
        """The last value of a metric, which may be NaN."""
        ...

    def window(self, name: str, count: int) -> list[float]:
        """Its last finite values, `count` at most."""
        ...

    def steps(self, name: str, count: int) -> list[float]:
        """The steps of these."""
        ...

    def age(self, name: str) -> float | None:
        """Seconds since it was logged last."""
        ...


Question = Literal["isnan", "isinf", "isfinite", "has", "age"]


class Part(Protocol):
    """A part of a condition."""

    def worth(self, logged: Logged) -> float | None:
        """What it is worth now."""
        ...


@dataclass(frozen=True)
class Number:
    value: float

    def worth(self, logged: Logged) -> float | None:
        return self.value


@dataclass(frozen=True)
class Truth(Number):
    """``true`` or ``false``."""


@dataclass(frozen=True)
class Metric:
    name: str

    def worth(self, logged: Logged) -> float | None:
        return _finite(logged.last(self.name))


@dataclass(frozen=True)
class Windowed:
    """A function over the last `count` finite values of a metric. While its last value is none, it cannot be said."""

    function: str
    name: str
    count: int
    more: tuple[Part, ...] = ()

    def worth(self, logged: Logged) -> float | None:
        function = OVER_WINDOW[self.function]
        if self.function != "count" and _finite(logged.last(self.name)) is None:
            return None
        values = logged.window(self.name, self.count)
        if len(values) < (function.least or self.count):
            return None
        steps = logged.steps(self.name, self.count) if function.reads_steps else []
        more = [part.worth(logged) for part in self.more]
        if None in more:
            return None
        return _computed(function.call, values, steps, *more)


@dataclass(frozen=True)
class Call:
    """A function of numbers."""

    function: str
    arguments: tuple[Part, ...]

    def worth(self, logged: Logged) -> float | None:
        given = [part.worth(logged) for part in self.arguments]
        return None if None in given else _computed(OF_NUMBERS[self.function].call, *given)


@dataclass(frozen=True)
class MetricQuestion:
    """A question about a metric itself: whether it was logged, how long ago, and whether it is a number."""

    question: Question
    name: str

    def worth(self, logged: Logged) -> float | None:
        last = logged.last(self.name)
        if self.question == "has":
            return float(last is not None)
        if last is None:
            return None
        return logged.age(self.name) if self.question == "age" else float(_IS[self.question](last))


@dataclass(frozen=True)
class TrainingQuestion:
    """A question about the training: its last step, or how long it has run."""

    question: Literal["step", "elapsed"]

    def worth(self, logged: Logged) -> float | None:
        return logged.step if self.question == "step" else logged.elapsed


@dataclass(frozen=True)
class Chain:
    """``first + ... - ...``, from left to right. A list and no tree, so that a long one does not nest."""

    first: Part
    rest: tuple[tuple[str, Part], ...]

    def worth(self, logged: Logged) -> float | None:
        total = self.first.worth(logged)
        for sign, part in self.rest:
            value = part.worth(logged)
            if total is None or value is None:
                return None
            total = _applied(_ARITHMETIC[sign], total, value)
        return total


@dataclass(frozen=True)
class Comparison:
    """``first < second <= third``: each pair holds."""

    first: Part
    rest: tuple[tuple[str, Part], ...]

    def worth(self, logged: Logged) -> float | None:
        left, found = self.first.worth(logged), 1.0
        for sign, part in self.rest:
            right = part.worth(logged)
            if left is None or right is None:
                found = math.nan if found else 0.0
            elif not _COMPARED[sign](left, right):
                found = 0.0
            left = right
        return None if math.isnan(found) else found


@dataclass(frozen=True)
class AllOf:
    """``and``."""

    parts: tuple[Part, ...]

    def worth(self, logged: Logged) -> float | None:
        found = [part.worth(logged) for part in self.parts]
        return 0.0 if 0.0 in found else None if None in found else 1.0


@dataclass(frozen=True)
class AnyOf:
    """``or``."""

    parts: tuple[Part, ...]

    def worth(self, logged: Logged) -> float | None:
        found = [part.worth(logged) for part in self.parts]
        return 1.0 if any(found) else None if None in found else 0.0


@dataclass(frozen=True)
class Not:
    part: Part

    def worth(self, logged: Logged) -> float | None:
        found = self.part.worth(logged)
        return None if found is None else float(not found)


@dataclass(frozen=True)
class Minus:
    part: Part

    def worth(self, logged: Logged) -> float | None:
        found = self.part.worth(logged)
        return None if found is None else -found


def is_truth(part: Part) -> bool:
    """Whether a part is true or false by its kind, and no number."""
    if isinstance(part, Windowed):
        return OVER_WINDOW[part.function].is_truth
    if isinstance(part, MetricQuestion):
        return part.question != "age"
    return isinstance(part, Truth | Comparison | AllOf | AnyOf | Not)


def _divided(left: float, right: float) -> float:
    return left / right


_IS: dict[str, Callable[[float], bool]] = {"isnan": math.isnan, "isinf": math.isinf, "isfinite": math.isfinite}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": operator.mod,
}
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _applied(sign: Callable[[float, float], float], left: float, right: float) -> float | None:
    try:
        return _finite(sign(left, right))
    except ZeroDivisionError:
        return None


def _computed(call: Callable[..., float | None], *given: object) -> float | None:
    try:
        found = call(*given)
        return None if found is None else _finite(float(found))
    except (ArithmeticError, ValueError):  # a division by zero, the logarithm of a negative number, too large a result
        return None
