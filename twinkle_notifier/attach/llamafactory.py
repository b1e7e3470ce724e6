"""The callback that is attached to LLaMA-Factory's v1 trainers. It imports the framework."""

from __future__ import annotations

from typing import Any

from twinkle_notifier.attach.trainers import AttachedRun
from twinkle_notifier.integrations.llamafactory import NotifierCallback


class Attached(NotifierCallback):
    """Among the callbacks of each trainer; it does nothing if the user adds one, at any time before `fit`."""

    _run_class = AttachedRun
    _gives_way = 2

    def on_train_begin(self, args: Any, state: Any, **kwargs: Any) -> None:
        """See `TrainerCallback`."""
        handler = self._trainer.callback_handler
        if self._is_needed(handler.callbacks):
            super().on_train_begin(args, state, **kwargs)
        else:  # a new list: the handler iterates over the other
            handler.callbacks = [callback for callback in handler.callbacks if callback is not self]


def attach(trainer: Any) -> None:
    """Add the callback to a new `trainer`."""
    callbacks: list[object] = trainer.callback_handler.callbacks
    if not any(isinstance(callback, NotifierCallback) for callback in callbacks):
        callbacks.append(Attached(trainer))
