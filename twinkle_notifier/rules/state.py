"""What a rule has said so far: whether it holds, and whether people know."""

from __future__ import annotations

from typing import Literal, NamedTuple

from twinkle_notifier.messages.message import Level, Outcome

_SLOWEST = 3600.0  # seconds up to which a cooldown doubles


class Firing:
    """One time for which a rule holds. `outcome` is that of the alert, once it is known."""

    def __init__(self, step: float | None, moment: float) -> None:
        self.step: float | None = step
        self.moment: float = moment
        self.outcome: Outcome | None = None


class Change(NamedTuple):
    """What people should know: a rule has fired, or what it said is over.

    `names` are the metrics that it is about, `values` what they see of them. `history`: the last values of the metric
    `history_of`, where the run's own loss says less. `also`: other metrics that are no numbers.
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
        self._firing: Firing | None = None  # that people were told of

    def look(
        self, worth: float | None, step: float | None, moment: float
    ) -> tuple[Literal["", "fired", "resolved"], Firing]:
        """What follows from what its condition is worth now. While that cannot be said, nothing changes."""
        firing = self._firing or Firing(step, moment)
        if worth is None:
            return "", firing
        if not worth:
            self._hits, told, self._firing = 0, self._firing, None
            return "resolved" if told else "", firing
        self._hits += 1
        if self._firing or self._hits < self._for_steps or not self._cooldown.is_over(moment):
            return "", firing
        self._firing = firing
        return "fired", firing
