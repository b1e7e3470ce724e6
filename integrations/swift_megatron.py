# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUntypedBaseClass=false
"""ms-swift's Megatron trainers: a callback that sends alerts of exceptions and of the end of training."""

from __future__ import annotations

from functools import partial
from typing import Any

from swift.megatron.callbacks import MegatronCallback
from twinkle_notifier.integrations import RunCallback

from twinkle_notifier import Progress


class NotifierMegatronCallback(RunCallback, MegatronCallback):
    """Sends an alert when `train` fails, and when it ends. These trainers have no hook for exceptions.

    A checkpoint holds nothing of it. `settings` are the arguments of `TrainingRun`.
    """

    args: Any
    state: Any
    trainer: Any

    def __init__(self, trainer: Any, **settings: Any) -> None:
        RunCallback.__init__(self, **settings)
        MegatronCallback.__init__(self, trainer)
        self._guard(trainer, "train", lambda: [self, *trainer.callbacks], partial(_reached, self))

    def on_train_begin(self) -> None:
        """See `MegatronCallback`."""
        resumed = getattr(self.args, "mcore_model", None) or getattr(self.args, "mcore_adapter", None)
        self.run.last_checkpoint = str(resumed or "") if self.state.iteration else ""
        self.run.started(progress=partial(_step, self))

    def on_step_end(self) -> None:
        """See `MegatronCallback`. What the step was for, a checkpoint or an evaluation, may follow."""
        if self.state.should_save or self.state.should_eval:
            self._lull()
        else:
            self._beat()

    on_eval_begin = on_eval_end = RunCallback._lull
    on_eval_step = RunCallback._beat

    def on_log(self, logs: dict[str, Any]) -> None:
        """See `MegatronCallback`."""
        self.run.log(logs, self.state.iteration)

    def on_save(self, output_dir: str) -> None:
        """See `MegatronCallback`. With `async_save` the checkpoint may not be written yet."""
        self._beat()
        if output_dir:
            self.run.saved(output_dir, self.state.iteration)

    def on_train_end(self) -> None:
        """See `MegatronCallback`."""
        self.run.ended(partial(_reached, self))


def _step(callback: NotifierMegatronCallback) -> Progress:
    return Progress(step=callback.state.iteration, of_steps=callback.state.max_steps)


def _reached(callback: NotifierMegatronCallback) -> Progress:
    state = callback.state
    return Progress.asked(
        step=lambda: state.iteration,
        of_steps=lambda: state.max_steps,
        best_checkpoint=lambda: state.best_model_checkpoint,
        metrics=lambda: getattr(callback.trainer, "_last_logged_metrics", {}),
    )
