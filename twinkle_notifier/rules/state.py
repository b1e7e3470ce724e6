"""What a rule has said so far: whether it holds, and whether people know."""

from __future__ import annotations

from typing import Literal, NamedTuple

from twinkle_notifier.messages.message import Level, Outcome

_SLOWEST = 3600.0  # seconds up to which a cooldown doubles


class Firing:
    """One time for which a rule holds. `outcome` is that of the alert, once it is known.

    `number`: which one it is at its step, from 1; without steps, which one of the training.
    """

    def __init__(self, step: float | None, moment: float, number: int = 1) -> None:
        self.step: float | None = step
        self.moment: float = moment
        self.number: int = number
        self.outcome: Outcome | None = None


class Firings:
    """Counts the firings of a rule, so that each has a name of its own on which all ranks agree."""

    def __init__(self) -> None:
        self._step: float | None = None
        self._number = 0

    def next(self, step: float | None, moment: float) -> Firing:
        """The next firing, at `step`."""
        self._number = self._number + 1 if step == self._step else 1
        self._step = step
        return Firing(step, moment, self._number)


class Change(NamedTuple):
    """What people should know: a rule has fired, or what it said is over.

    `names` are the metrics that it is about, `values` what they see of them. `history`: the last values of the metric
    `history_of`, where the run's own loss says less. `also`: other metrics that are no numbers, or still none.
    """

    kind: Literal["fired", "resolved"]
    key: str  # the same on every rank
    level: Level
    step: float | None
    moment: float
    firing: Firing
    names: tuple[str, ...]
    rule: str = ""
    title: str = ""
    not_finite: tuple[str, float] | None = None  # a metric, and its value
    also: tuple[str, ...] = ()
    values: tuple[tuple[str, float], ...] = ()
    history: tuple[float, ...] = ()
    history_of: str = ""


class Cooldown:
    """How long a rule says nothing again: twice as long each time, up to an hour."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = float("-inf")

    def is_over(self, moment: float) -> bool:
        """Whether it may say something at `moment`; then the next one begins."""
        if moment < self._until:
            return False
        self._until = moment + self._seconds
        self._seconds = min(2 * self._seconds, max(self._seconds, _SLOWEST))
        return True


class State:
    """Of one rule."""

    def __init__(self, for_steps: int, cooldown: float) -> None:
        self._for_steps, self._cooldown = for_steps, Cooldown(cooldown)
        self._hits = 0
        self._firings = Firings()
        self._open: Firing | None = None  # that people have read of

    def update(
        self, worth: float | None, step: float | None, moment: float
    ) -> tuple[Literal["fired", "resolved"], Firing] | None:
        """What follows from what its condition is worth now. While that cannot be said, nothing changes."""
        if worth is None:
            return None
        if not worth:
            self._hits, ended, self._open = 0, self._open, None
            return ("resolved", ended) if ended else None
        self._hits += 1
        if self._open or self._hits < self._for_steps or not self._cooldown.is_over(moment):
            return None
        self._open = self._firings.next(step, moment)
        return "fired", self._open
