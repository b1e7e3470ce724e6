"""What stops a trial of a hyperparameter search: the search asked for it, so it is no failure."""

from __future__ import annotations

from twinkle_notifier import foreign


def is_pruned(exc: BaseException) -> bool:
    """Whether `exc` is Optuna's `TrialPruned`, or a class of its own that inherits it. Never raises."""
    # By name: Optuna need not be here, and loading it to find out would be too much.
    return foreign.tried(lambda: any(map(_is_signal, type(exc).__mro__))).value is True


def _is_signal(base: type) -> bool:
    return base.__name__ == "TrialPruned" and base.__module__.split(".")[0] == "optuna"
