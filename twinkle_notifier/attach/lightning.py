"""The callback that is attached to Lightning's trainers. It imports the framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twinkle_notifier.attach.trainers import AttachedRun
from twinkle_notifier.integrations.lightning import NotifierCallback

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer


class Attached(NotifierCallback):
    """Among the callbacks of each trainer; it does nothing if the user adds one, at any time."""

    _run_class = AttachedRun
    _gives_way = True

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """See `Callback`. By now the model's own callbacks are there, too."""
        if _is_alone(trainer):
            super().setup(trainer, pl_module, stage)
        else:  # a new list: Lightning iterates over the other
            callbacks: Any = trainer
            callbacks.callbacks = [callback for callback in callbacks.callbacks if callback is not self]

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """See `Callback`. It may come before `setup`."""
        if _is_alone(trainer):
            super().on_exception(trainer, pl_module, exception)


def _is_alone(trainer: Any) -> bool:
    return not any(isinstance(one, NotifierCallback) and not isinstance(one, Attached) for one in trainer.callbacks)


def attach(trainer: Any) -> None:
    """Add the callback to a new `trainer`, before those that save; the order of the others stays."""
    if not any(isinstance(callback, NotifierCallback) for callback in trainer.callbacks):
        saving = len(trainer.checkpoint_callbacks)
        trainer.callbacks.insert(len(trainer.callbacks) - saving, Attached())
