"""The callback that is attached to Ray Train's trainers, in the driver. It imports Ray Train."""

from __future__ import annotations

import time
from typing import Any

from twinkle_notifier.alerts import pipeline
from twinkle_notifier.attach.trainers import AttachedRun, harmless
from twinkle_notifier.controller_run import ControllerRun
from twinkle_notifier.integrations.ray import NotifierCallback

_MARK = "_twinkle_notifier"


class _Run(AttachedRun, ControllerRun):
    pass


class Attached(NotifierCallback):
    """Among the callbacks of the controller, unless the user gives one."""

    _run_class = _Run
    _gives_way = 2


def attach(trainer: Any) -> None:
    """Give the callback to the controller of `trainer`, which is about to start.

    The controller is another process: the supervisor does not see how it ends. So the driver notes for the supervisor
    that the controller has reported the error which the driver raises next. If it has not, the driver reports it.
    """
    original = trainer._initialize_and_run_controller
    if hasattr(original, _MARK):  # a second `fit`
        return

    def run_controller(*args: Any, **kwargs: Any) -> Any:
        harmless(lambda: _add(kwargs["callbacks"]))
        began = time.time()
        result = original(*args, **kwargs)
        harmless(lambda: _note_end(result, kwargs.get("callbacks", []), began))
        return result

    setattr(run_controller, _MARK, True)
    trainer._initialize_and_run_controller = run_controller


def _add(callbacks: list[object]) -> None:
    if not NotifierCallback.among(callbacks):
        callbacks.append(Attached())


def _note_end(result: Any, callbacks: list[object], began: float) -> None:
    error = getattr(result, "error", None)
    if error is not None and not pipeline.adopt(error, began):
        for callback in NotifierCallback.among(callbacks):
            callback.run.failed(error)
