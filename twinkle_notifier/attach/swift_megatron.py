"""The callback that is attached to ms-swift's Megatron trainers. It imports the framework."""

from __future__ import annotations

from typing import Any

from twinkle_notifier.attach.trainers import AttachedRun
from twinkle_notifier.integrations.swift_megatron import NotifierMegatronCallback


class Attached(NotifierMegatronCallback):
    """Among the callbacks of each trainer; it does nothing if the user adds one, at any time before `train`."""

    _run_class = AttachedRun
    _gives_way = 2

    def on_train_begin(self) -> None:
        """See `MegatronCallback`."""
        trainer = self.trainer
        if self._is_needed(trainer.callbacks):
            super().on_train_begin()
        else:  # a new list: the trainer iterates over the other
            trainer.callbacks = [callback for callback in trainer.callbacks if callback is not self]


def attach(trainer: Any) -> None:
    """Add the callback to a new `trainer`."""
    callbacks: list[object] = trainer.callbacks
    if not any(isinstance(callback, NotifierMegatronCallback) for callback in callbacks):
        callbacks.append(Attached(trainer))
