"""The course of a training, from what its trainer logs: its loss, its other metrics, the device's memory in use."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.diagnosis.memory_growth import Growth, Usage
from twinkle_notifier.rules.values import LATER, plain

_MOST_METRICS = 1_000  # that are kept
_READING = 0.5  # seconds
_VALUES = 60  # of the loss
_LOSSES = ("loss", "train_loss", "train/loss", "training_loss")


class Course:
    """The last values of a training's loss, the last one of each metric, and the device's memory in use at the logs."""

    def __init__(self) -> None:
        self.name: str = ""
        self.values: deque[Any] = deque(maxlen=_VALUES)
        self._last: dict[str, Any] = {}
        self._usage = Usage()

    def add(self, metrics: Mapping[str, object]) -> None:
        """Keep the loss among `metrics`, if there is one, and the others that are one number. No device is asked."""
        isolation.tried(self._usage.note)
        some = dict(islice(metrics.items(), _MOST_METRICS))
        if not self.name:
            self.name = next((name for name in _LOSSES if name in metrics), "") or next(filter(_is_loss, some), "")
        if self.name in metrics:  # among more of them, too
            some[self.name] = metrics[self.name]
        for name, value in some.items():
            kept = value if type(value) is float else isolation.tried(functools.partial(_one_number, value)).value
            if kept is None:
                continue
            if name == self.name:
                self.values.append(kept)
            if name in self._last or len(self._last) < _MOST_METRICS:
                self._last[name] = kept

    def metrics(self) -> dict[str, float | None]:
        """The last value of each metric, as far as they can be read. Takes half a second at most."""
        last = dict(self._last)
        return {name: value for name, value in zip(last, _read([*last.values()]), strict=True) if value is not None}

    def copy(self) -> Course:
        """One that later values do not change."""
        copied = Course()
        copied.name, copied.values, copied._last = self.name, self.values.copy(), self._last.copy()
        return copied

    def read(self) -> tuple[float, ...]:
        """The values of the loss, as far as they can be read. Takes half a second at most."""
        return tuple(value for value in _read([*self.values]) if value is not None)

    def growth(self) -> Growth | None:
        """How the memory in use grew, if it did so steadily."""
        return isolation.tried(self._usage.growth).value


def _is_loss(name: object) -> bool:
    return (
        isinstance(name, str) and name.lower().endswith("loss") and not name.lower().startswith(("val", "eval", "test"))
    )


def _one_number(value: Any) -> Any:
    """What is kept of `value`: the number that it is, or where a device holds that, `value`. None if it is none."""
    number = plain(value)
    if number is not LATER:
        return value if number is not None and type(value) is int else number
    detach: Any = getattr(value, "detach", None)  # of a tensor, which would keep the graph behind it
    return value if detach is None else detach()


def _read(values: Sequence[Any]) -> list[float | None]:
    """Each as a number; None for one that cannot be read: a tensor may be on a broken device, and never answer."""
    found = [value if type(value) in (int, float) else None for value in values]
    later = [place for place, value in enumerate(found) if value is None]

    def read() -> None:
        for place in later:
            found[place] = isolation.tried(functools.partial(float, values[place])).value

    if later:
        isolation.call(read, min(_READING, isolation.remaining() / 2))
    return list(found)
