"""What stops a trial of a hyperparameter search: the search asked for it, so it is no failure."""

from __future__ import annotations

from twinkle_notifier.foreign import class_slot, module_name, type_name


def is_pruned(exc: BaseException) -> bool:
    """Whether `exc` is Optuna's `TrialPruned`, or a class of its own that inherits it. Never raises."""
    # By name: Optuna need not be here, and loading it to find out would be too much.
    return any(map(_is_signal, class_slot(type(exc), "__mro__")))


def _is_signal(base: type) -> bool:
    return type_name(base) == "TrialPruned" and module_name(base).partition(".")[0] == "optuna"
