"""A pruned trial of a hyperparameter search is no failure."""

from __future__ import annotations

from typing import Any

import pytest

from twinkle_notifier import notify_exception, watch
from twinkle_notifier.messages.message import Outcome
from twinkle_notifier.testing import RecordingNotifier


def of_module(module: str, name: str = "TrialPruned", base: type = Exception) -> Any:
    return type(name, (base,), {"__module__": module})


PRUNED = of_module("optuna.exceptions")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PRUNED(), 0),
        (of_module("optuna")(), 0),
        (of_module("mine", "Stopped", PRUNED)(), 0),
        (of_module("mine")(), 1),
        (of_module("optunas.exceptions")(), 1),
        (of_module("optuna.exceptions", "StorageInternalError")(), 1),
        (ValueError("TrialPruned"), 1),
    ],
)
def test_only_optunas_own_word_for_it_is_none(error: Exception, told: int, caplog: pytest.LogCaptureFixture) -> None:
    """Or a class that inherits it; by `notify_exception` and `watch`, which write nothing to the log either."""
    recorded = RecordingNotifier()
    with pytest.raises(type(error)), watch(recorded, "objective", "sft"):
        raise error
    notify_exception(recorded, "objective", error, "sft")
    assert (len(recorded.messages), caplog.text) == (told, "")


def test_optunas_own_class() -> None:
    """Where it is installed."""
    optuna = pytest.importorskip("optuna")
    told = RecordingNotifier()
    outcome = notify_exception(told, exc=optuna.TrialPruned())
    assert outcome == Outcome("skipped", "its search has pruned the trial, which is no failure", final=True)
