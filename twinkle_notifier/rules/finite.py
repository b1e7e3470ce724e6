"""NaN and infinity in whatever a trainer logs: the rule that everybody has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from twinkle_notifier.messages.message import Level
from twinkle_notifier.rules.state import Change, Cooldown, Firing

_COOLDOWN = 300.0  # seconds
_MOST = 100  # metrics that are no numbers, and are remembered
_ALERTS = 10  # of one training: a loss that comes and goes is no news by then
# A gradient's norm is infinite now and then while a loss scaler of fp16 finds its scale.
_GRADIENTS = 5  # times in a row


class _Open:
    """An alert whose end people wait for."""

    def __init__(self, names: tuple[str, ...], change: Change, has_loss: bool) -> None:
        self.names, self.change, self.has_loss = names, change, has_loss


class NotFinite:
    """Finds metrics that are no numbers, and says so once for all that one log brings.

    What follows while a loss of the training is no number, such as that of an evaluation, is no news.
    """

    def __init__(self) -> None:
        self._bad: dict[str, int] = {}  # how often in a row
        self._known: set[str] = set()  # those of them that people know of, or need not
        self._open: list[_Open] = []
        self._cooldowns: dict[str, Cooldown] = {}
        self._alerts = 0

    def look(self, numbers: Mapping[str, float], step: float | None, moment: float) -> Iterator[Change]:
        """What people should know of what was logged at `step`."""
        for name, value in numbers.items():
            if value - value == 0:
                if name in self._bad:
                    del self._bad[name]
                    self._known.discard(name)
            elif name in self._bad or len(self._bad) < _MOST:
                self._bad[name] = self._bad.get(name, 0) + 1
        if self._open:
            yield from self._resolved(step, moment)
        if self._bad:
            yield from self._fired(numbers, step, moment)

    def _resolved(self, step: float | None, moment: float) -> Iterator[Change]:
        for one in [one for one in self._open if not self._bad.keys() & one.names]:
            self._open.remove(one)
            yield one.change._replace(kind="resolved", step=step, moment=moment)

    def _fired(self, numbers: Mapping[str, float], step: float | None, moment: float) -> Iterator[Change]:
        due = _GRADIENTS
        if any(_is_of_training(name) and (not value or value - value != 0) for name, value in numbers.items()):
            due = 1  # the HF Trainer logs a loss of 0 where it was NaN: see its logging_nan_inf_filter
        new = [
            name
            for name, times in self._bad.items()
            if name not in self._known and name in numbers and (times >= due or "grad" not in name.lower())
        ]
        if not new:
            return
        new.sort(key=lambda name: (not _is_of_training(name), not _is_loss(name)))
        first, has_loss = new[0], _is_of_training(new[0])
        if any(one.has_loss for one in self._open):
            self._known |= set(new)
            return
        cooldown = self._cooldowns.setdefault(first, Cooldown(_COOLDOWN))
        if self._alerts >= _ALERTS or not cooldown.is_over(moment):
            return
        self._alerts += 1
        self._known |= set(new)
        level: Level = "error" if _is_loss(first) or due == 1 else "warning"
        change = Change(
            "fired",
            f"not-finite-{first}",
            level,
            step,
            moment,
            Firing(step, moment),
            tuple(new),
            not_finite=(first, numbers[first]),
            also=tuple(new[1:]),
        )
        self._open.append(_Open(tuple(new), change, has_loss))
        yield change


def _is_loss(name: str) -> bool:
    return name.lower().endswith("loss")


def _is_of_training(name: str) -> bool:
    return _is_loss(name) and not name.lower().startswith(("val", "eval", "test"))
