# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUntypedBaseClass=false
"""LLaMA-Factory's v1 trainers (`USE_V1=1`): a callback that sends alerts of exceptions and of the end of training.

Those of its other commands are the HF Trainer's: see `twinkle_notifier.integrations.transformers`.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from llamafactory.v1.utils.callbacks import TrainerCallback
from twinkle_notifier.integrations import RunCallback

from twinkle_notifier import Progress


class NotifierCallback(RunCallback, TrainerCallback):
    """Sends an alert when `fit` of `trainer` fails, and when it ends. These trainers have no hook for exceptions.

    Add it to the trainer that it is made for: ``trainer.callback_handler.add_callback(NotifierCallback(trainer))``. A
    checkpoint holds nothing of it. `settings` are the arguments of `TrainingRun`.
    """

    def __init__(self, trainer: Any, **settings: Any) -> None:
        RunCallback.__init__(self, **settings)
        self._guard(
            trainer, "fit", lambda: [self, *trainer.callback_handler.callbacks], partial(_reached, self, trainer)
        )
        self._trainer = trainer

    def on_train_begin(self, args: Any, state: Any, **kwargs: Any) -> None:
        """See `TrainerCallback`."""
        self.run.last_checkpoint = str(args.resume_from_checkpoint or "") if state.global_step else ""
        self.run.started(progress=partial(_step, self._trainer))

    def on_step_begin(self, args: Any, state: Any, **kwargs: Any) -> None:
        """See `TrainerCallback`. A checkpoint of the step before is written by now; there is no hook for it."""
        self._saved(args, state.global_step - 1)

    def on_step_end(self, args: Any, state: Any, **kwargs: Any) -> None:
        """See `TrainerCallback`."""
        if args.save_steps and not state.global_step % args.save_steps:
            self._lull()
        else:
            self._beat()

    def on_log(self, args: Any, state: Any, logs: dict[str, Any], **kwargs: Any) -> None:
        """See `TrainerCallback`."""
        self.run.log(logs, state.global_step)

    def on_train_end(self, args: Any, state: Any, **kwargs: Any) -> None:
        """See `TrainerCallback`."""
        self._saved(args, state.global_step)
        self.run.ended(partial(_reached, self, self._trainer))

    def _saved(self, args: Any, step: int) -> None:
        if args.save_steps and step and not step % args.save_steps:
            self.run.saved(os.path.join(args.output_dir, f"checkpoint-{step}"), step)


def _step(trainer: Any) -> Progress:
    return Progress(trainer.state.epoch, trainer.global_step, of_steps=trainer.num_training_steps)


def _reached(callback: NotifierCallback, trainer: Any) -> Progress:
    last = callback.run.last_checkpoint
    return Progress.asked(
        epoch=lambda: trainer.state.epoch,
        step=lambda: trainer.global_step,
        of_steps=lambda: trainer.num_training_steps,
        resume=lambda: f"resume_from_checkpoint: {last}" if last else "",
        metrics=lambda: {"loss": trainer.state.loss, "grad_norm": trainer.state.grad_norm},
    )
