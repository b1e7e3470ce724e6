"""A hyperparameter search: its trials, and what stops one of them because the search asked for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from twinkle_notifier.isolation.safe import class_slot, module_name, type_name

_BEST = 5  # trials that are named where a search has several objectives


class Trial(NamedTuple):
    """A trial that is among the best, as its search knows it."""

    name: object
    objective: object
    parameters: object


@dataclass
class Search:
    """What became of a search's trials in this process."""

    trials: int = 0
    failed: int = 0
    pruned: int = 0
    _threads: set[int] = field(default_factory=set)  # that are in a trial

    @contextmanager
    def trial(self, *, begins: bool) -> Iterator[None]:
        """A trial, or a part of one that does not begin with it; of blocks within each other the outermost counts."""
        thread = threading.get_ident()
        if thread in self._threads:
            yield
            return
        self._threads.add(thread)
        self.trials += begins
        try:
            yield
        except BaseException as exc:
            self.pruned, self.failed = self.pruned + is_pruned(exc), self.failed + (not is_pruned(exc))
            raise
        finally:
            self._threads.discard(thread)

    def facts(self, *best: Trial) -> list[str]:
        """Markdown list items: how many trials there were, and the `best`."""
        counts = [f"{self.trials} trials", f"{self.failed} failed", f"{self.pruned} pruned"]
        told = [count for count in counts if not count.startswith("0 ")]
        return [f"- Search: {', '.join(told)}"] * bool(told) + [
            f"- Best trial: {trial.name}, objective {_shown(trial.objective)}, {_shown(trial.parameters)}"
            for trial in best[:_BEST]
        ]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(of)}" for name, of in value.items())
    if isinstance(value, list | tuple):
        return " and ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def is_pruned(exc: BaseException) -> bool:
    """Whether `exc` is Optuna's `TrialPruned`, or a class of its own that inherits it. Never raises."""
    # By name: Optuna need not be here, and loading it to find out would be too much.
    return any(map(_is_signal, class_slot(type(exc), "__mro__")))


def _is_signal(base: type) -> bool:
    return type_name(base) == "TrialPruned" and module_name(base).partition(".")[0] == "optuna"
