"""The callback that is attached to LLaMA-Factory's v1 trainers. It imports the framework."""

from __future__ import annotations

from typing import Any

from twinkle_notifier.attach.trainers import AttachedRun
from twinkle_notifier.integrations.llamafactory import NotifierCallback


class Attached(NotifierCallback):
    """Among the callbacks of each trainer to which the user has added none."""

    _run_class = AttachedRun
    _gives_way = 2


def attach(trainer: Any) -> None:
    """Add the callback to a new `trainer`."""
    callbacks: list[object] = trainer.callback_handler.callbacks
    if not any(isinstance(callback, NotifierCallback) for callback in callbacks):
        callbacks.append(Attached(trainer))
