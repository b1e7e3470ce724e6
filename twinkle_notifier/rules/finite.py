"""NaN and infinity in whatever a trainer logs: the rule that everybody has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal

from twinkle_notifier.messages.message import Level
from twinkle_notifier.rules.state import Change, Cooldown, Firings

_COOLDOWN = 300.0  # seconds
_MOST = 1_000  # metrics of each kind that are remembered
# Of each kind in one training: what comes and goes is no news by then. Only the loss of the training itself always is:
# its cooldown, up to an hour, is limit enough.
_ALERTS = 10
# A gradient's norm is infinite now and then while a loss scaler of fp16 finds its scale: often at first, where it comes
# down from 65536 or more, and a few times in a row later.
_GRADIENTS, _FIRST_GRADIENTS = 5, 20  # times in a row
# Any other metric may be NaN by design: a mean over no samples, the score of a class that is absent.
_HEALTHY, _LOST = 20, 10  # how often in a row it has to be a number before, and none then

# From the most important. "main": the loss of the training itself; "loss": a part of it, or that of an evaluation.
_Kind = Literal["main", "loss", "gradient", "other"]
_KINDS: tuple[_Kind, ...] = ("main", "loss", "gradient", "other")
_EVALUATION = ("val", "valid", "validation", "eval", "evaluation", "test")
_EXTREME = frozenset(("best", "min", "max", "minimum", "maximum", "lowest", "highest"))
_MAIN = frozenset(("loss", "train", "training", "total", "step", "epoch"))
_BEHIND = frozenset(
    (*_MAIN - {"loss"}, *_EVALUATION, "dataloader", "idx")
)  # loss_step, Loss/train, val_loss/dataloader_idx_0


def kind_of(name: str) -> _Kind:
    """What a metric is, by its name."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # trainLoss
    words = re.findall(r"[^\W_]+", apart.lower())
    last = next((word for word in reversed(words) if word not in _BEHIND and not word.isdecimal()), "")
    if last.endswith("loss") and _EXTREME.isdisjoint(words):  # a best loss is infinite at first
        return "main" if _MAIN.issuperset(words) else "loss"
    return "gradient" if "grad" in name.lower() else "other"


class _Metric:
    """What was logged of one metric: how often in a row it was a number, and how often it was none since then."""

    def __init__(self, kind: _Kind) -> None:
        self.kind: _Kind = kind
        self.numbers = self.others = 0
        self.value = 0.0  # the last one that is no number
        self.is_reported = False  # people have read that it is no number

    def is_due(self, shows_loss: bool) -> bool:
        """Whether people should know that it is no number now. `shows_loss`: that may be all that a lost loss shows."""
        is_nan = self.value != self.value
        if self.kind == "gradient":
            times = 1 if is_nan and shows_loss else _GRADIENTS if is_nan or self.numbers else _FIRST_GRADIENTS
            return self.others >= times
        return self.kind != "other" or (self.numbers >= _HEALTHY and self.others >= _LOST)


class NotFinite:
    """Finds metrics that are no numbers, and says so once for all that one log brings.

    While the loss of the training itself is no number, what follows from that, such as the loss of an evaluation, is no
    news. What is still no number afterwards is.
    """

    def __init__(self, asked: Mapping[str, frozenset[str]] | None = None, cooldown: float = _COOLDOWN) -> None:
        """`asked`: for which metrics a rule asks whether they are "nan" or "inf". That rule alone decides about it."""
        self._asked = asked or {}
        self._cooldown = cooldown
        self._metrics: dict[str, _Metric] = {}
        self._count: Counter[_Kind] = Counter()  # of the metrics
        self._lost: dict[str, _Metric] = {}  # those that are no numbers now
        self._open: dict[str, Change] = {}  # alerts whose end people wait for, by the metric in their heading
        self._cooldowns: dict[str, Cooldown] = {}
        self._firings: dict[str, Firings] = {}
        self._alerts: Counter[_Kind] = Counter()

    def changes(self, numbers: Mapping[str, float], step: float | None, moment: float) -> Iterator[Change]:
        """What people should know of what was logged at `step`."""
        for name, value in numbers.items():
            metric = self._metrics.get(name) or self._added(name)
            if metric is None:
                continue
            if value - value != 0:
                metric.others, metric.value = metric.others + 1, value
                self._lost[name] = metric
                continue
            if metric.others:
                metric.numbers, metric.others, metric.is_reported = 0, 0, False
                del self._lost[name]
            metric.numbers += 1
        if self._open:
            yield from self._resolved(step, moment)
        if self._lost:
            yield from self._fired(numbers, step, moment)

    def _added(self, name: str) -> _Metric | None:
        kind = kind_of(name)
        if self._count[kind] >= _MOST:
            return None
        self._count[kind] += 1
        metric = self._metrics[name] = _Metric(kind)
        return metric

    def _resolved(self, step: float | None, moment: float) -> Iterator[Change]:
        for name, change in list(self._open.items()):
            if name not in self._lost:
                del self._open[name]
                still = tuple(other for other in change.also if other in self._lost)
                yield change._replace(kind="resolved", step=step, moment=moment, also=still)

    def _fired(self, numbers: Mapping[str, float], step: float | None, moment: float) -> Iterator[Change]:
        new = self._new(numbers)
        first = next((name for name in new if self._is_main(name) or self._may_alert(name, moment)), None)
        # What follows from a lost loss waits with it.
        if first is None or (self._is_main(first) and not self._may_alert(first, moment)):
            return
        names = (first, *(name for name in new if name != first))
        metric = self._lost[first]
        self._alerts[metric.kind] += 1
        for name in names:
            self._lost[name].is_reported = True
        is_hidden = metric.kind == "gradient" and metric.value != metric.value and _may_hide_nan(numbers)
        level: Level = "error" if metric.kind in ("main", "loss") or is_hidden else "warning"
        firing = self._firings.setdefault(first, Firings()).next(step, moment)
        key = f"not-finite-{first}"
        said = (first, metric.value)
        change = Change("fired", key, level, step, moment, firing, names, not_finite=said, also=names[1:])
        self._open[first] = change
        yield change

    def _new(self, numbers: Mapping[str, float]) -> list[str]:
        """The metrics that people should read about now, the most important one first."""
        lost = {name: metric for name, metric in self._lost.items() if name in numbers and not metric.is_reported}
        if not lost or self._follows(numbers):
            return []
        shows_loss = _may_hide_nan(numbers)
        new = [name for name, metric in lost.items() if metric.is_due(shows_loss) and self._is_free(name, metric)]
        new.sort(key=lambda name: _KINDS.index(lost[name].kind))
        if new and self._is_main(new[0]):  # what was a number until now is lost together with it
            new += [name for name, metric in lost.items() if name not in new and metric.numbers]
        return new

    def _follows(self, numbers: Mapping[str, float]) -> bool:
        """Whether people know, or soon will, that the loss of the training is lost: all else follows from that."""
        for name, metric in self._lost.items():
            if metric.kind == "main" and (metric.is_reported or self._is_asked(name, metric)):
                return True
            if metric.kind == "main" and name not in numbers and self._is_free(name, metric):
                return True
        return False

    def _is_main(self, name: str) -> bool:
        return self._metrics[name].kind == "main"

    def _is_asked(self, name: str, metric: _Metric) -> bool:
        return ("nan" if metric.value != metric.value else "inf") in self._asked.get(name, ())

    def _is_free(self, name: str, metric: _Metric) -> bool:
        return (metric.kind == "main" or self._alerts[metric.kind] < _ALERTS) and not self._is_asked(name, metric)

    def _may_alert(self, name: str, moment: float) -> bool:
        return self._cooldowns.setdefault(name, Cooldown(self._cooldown)).is_over(moment)


def _may_hide_nan(numbers: Mapping[str, float]) -> bool:
    """The HF Trainer logs a loss of 0 where it was NaN, see its `logging_nan_inf_filter`."""
    loss = numbers.get("loss", 1.0)
    return loss == 0 or loss != loss
