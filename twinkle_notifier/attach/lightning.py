"""The callbacks that Lightning's trainers get without a line of code. It imports the framework."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from twinkle_notifier import settings
from twinkle_notifier.attach.trainers import AttachedRun, UnsavedRun, harmless
from twinkle_notifier.integrations.lightning import NotifierCallback, follow_loaded

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer


class Installed(NotifierCallback):
    """Among the callbacks of each trainer; it does nothing if the user adds one, at any time. It sends by itself."""

    _run_class = UnsavedRun
    _gives_way = 1

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """See `Callback`. By now the model's own callbacks are there, too."""
        owner: Any = trainer  # undeclared: a connector sets its callbacks
        if self._is_needed(owner.callbacks):
            super().setup(trainer, pl_module, stage)
        else:  # a new list: Lightning iterates over the other
            owner.callbacks = [callback for callback in owner.callbacks if callback is not self]

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """See `Callback`. It may come before `setup`."""
        owner: Any = trainer  # undeclared: a connector sets its callbacks
        if self._is_needed(owner.callbacks):
            super().on_exception(trainer, pl_module, exception)


class Attached(Installed):
    """The same below `twinkle-notifier run`, which sends in its place."""

    _run_class = AttachedRun


def attach(trainer: Any) -> None:
    """Add the callback to a new `trainer`, before those that save; the order of the others stays."""
    if not any(isinstance(callback, NotifierCallback) for callback in trainer.callbacks):
        follow_loaded()
        saving = len(trainer.checkpoint_callbacks)
        trainer.callbacks.insert(len(trainer.callbacks) - saving, Attached())


def installed() -> list[NotifierCallback]:
    """What Lightning adds to a new trainer: a callback, where a notifier is set up."""
    if not settings.attaches(os.environ) or not settings.is_set_up():
        return []
    made = list[NotifierCallback]()

    def make() -> None:
        follow_loaded()
        made.append(Installed())

    harmless(make)  # it says why there is none
    return made
