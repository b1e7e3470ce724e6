"""The callback that is attached to Ray Train's trainers, in the driver. It imports Ray Train."""

from __future__ import annotations

import time
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.alerts import pipeline
from twinkle_notifier.attach.trainers import AttachedRun
from twinkle_notifier.controller_run import ControllerRun
from twinkle_notifier.integrations.ray import NotifierCallback


class _Run(AttachedRun, ControllerRun):
    pass


class Attached(NotifierCallback):
    """Among the callbacks of the controller, unless the user gives one."""

    _run_class = _Run
    _gives_way = 2


def attach(trainer: Any) -> None:
    """Have the controller of `trainer`, which is about to start, get the callback.

    The controller is another process, whose end is none of the command's. So the driver notes what has ended the
    training, too: that it was reported there; if it was not, it reports it by itself.
    """
    original = trainer._initialize_and_run_controller

    def run_controller(*args: Any, **kwargs: Any) -> Any:
        callbacks = kwargs["callbacks"]
        if not NotifierCallback.among(callbacks):
            isolation.tried(lambda: callbacks.append(Attached()))
        began = time.time()
        result = original(*args, **kwargs)
        if (error := getattr(result, "error", None)) is not None and not pipeline.adopt(error, began):
            for callback in NotifierCallback.among(callbacks):
                callback.run.failed(error)
        return result

    trainer._initialize_and_run_controller = run_controller
