"""Lightning: a callback that sends alerts of exceptions and of the end of training.

It is for the trainers of `lightning.pytorch` and of `pytorch_lightning`: two copies of one framework, of which either
may be installed, or both.
"""

from __future__ import annotations

import math
import os
import sys
import weakref
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor
from twinkle_notifier.integrations import RunCallback

from twinkle_notifier import Progress, TrainingRun

if TYPE_CHECKING:
    from lightning.pytorch import Callback, LightningModule, Trainer

_LOGS_EVERY = 50  # batches, where the trainer does not say
_COPIES = ("lightning.pytorch", "pytorch_lightning")


def loaded() -> list[Any]:
    """The copies that are loaded."""
    return [module for name in _COPIES if hasattr(module := sys.modules.get(name), "Callback")]


def _base() -> type[Callback]:
    """The `Callback` of the copy that the program has loaded, else of the first that is installed; of both, if loaded.

    The trainers accept each other's callbacks in a list. Only `Trainer(callbacks=callback)`, without a list, and
    LightningCLI check the class. Raises ImportError if none can be loaded: that of the first, unless only the second is
    installed.
    """
    if not loaded():
        try:
            import_module(_COPIES[0])
        except ImportError as first:  # what is called `lightning` may be a folder of the user's
            try:
                import_module(_COPIES[1])
            except ImportError as second:
                raise (second if _is_absent(first) and not _is_absent(second) else first) from None
    bases = tuple(module.Callback for module in loaded())
    return bases[0] if len(bases) == 1 else type("Callback", bases, {})


def _is_absent(error: ImportError) -> bool:
    """Whether there is no such copy; else it, or what it needs, is broken."""
    return isinstance(error, ModuleNotFoundError) and error.name in ("lightning", *_COPIES)


def follow_loaded() -> None:
    """Make our class one of each copy of Lightning that was loaded since: old versions refuse another copy's callback.

    Raises:
        TypeError: a subclass of the user's has bases that do not go with these.
    """
    missing = [module.Callback for module in loaded() if not issubclass(NotifierCallback, module.Callback)]
    if missing:
        NotifierCallback.__bases__ = (*NotifierCallback.__bases__, *missing)


if not TYPE_CHECKING:
    Callback = _base()


class NotifierCallback(RunCallback, Callback):
    """Sends an alert when fit, validate, test or predict fails, and when a fit ends.

    Add one to the `Trainer` on every rank, under any launcher; the run sends one message. Ctrl-C is "interrupted",
    SIGTERM "preempted". The checkpoint holds the notifier without its secrets, and the failures that were reported.

    Its arguments are those of `TrainingRun`; a training is a fit.
    """

    _twinkle_hooks = (
        "on_save_checkpoint",
        "on_train_batch_start",
        "on_train_batch_end",
        "on_train_epoch_end",
        "on_validation_start",
        "on_validation_batch_end",
        "on_validation_epoch_end",
        "on_validation_end",
    )
    _is_placed = False  # in a trainer that runs
    _has_saved = False  # a checkpoint that the run does not know of yet

    def _twinkle_prepare(self) -> None:
        self._logged: dict[str, Any] = {}

    @property
    def state_key(self) -> str:
        """See `Callback`. While a trainer runs, the key is the callback's position in it, as in its checkpoints."""
        return self.run.key if self._is_placed else self.run.apart

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """See `Callback`. It comes before a checkpoint is loaded."""
        NotifierCallback.placed(_callbacks(trainer))
        self._is_placed = True

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See `Callback`."""
        self.run.last_checkpoint = str(trainer.ckpt_path or "")  # not that of an earlier fit
        self.run.started(progress=partial(_step, weakref.ref(trainer)))  # the watchdog must not keep the trainer alive

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See `Callback`. The steps are over; other callbacks, such as the last checkpoint, may take their time."""
        self.run.beat()
        self.run.pause()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See `Callback`. It follows every `on_train_end`, ModelCheckpoint's too."""
        self._report_saved(trainer)
        self.run.ended(partial(_reached, trainer, why_ended=partial(_why, self.run, trainer)))

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """See `Callback`. It returns when a rank has sent the alert, so that no rank ends before."""
        self._is_placed = False
        if self._has_saved:  # or tried to
            self.run.saved(partial(_newer, trainer, self.run.last_checkpoint), trainer.global_step)
        entry = str(getattr(trainer.state.fn, "value", ""))
        self.run.failed(exception, context=entry, progress=partial(_reached, trainer))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """See `Callback`. A fit may end with neither `on_fit_end` nor `on_exception`."""
        self._is_placed = False
        if stage == "fit":
            self.run.pause()

    # These come with each step. They return at once where no stall is looked for and no checkpoint was saved.

    def _report_saved(self, trainer: Trainer, *_: Any, **__: Any) -> None:
        if self._has_saved and self.run.saved(partial(_last, trainer), trainer.global_step):
            self._has_saved = False  # else it is not written yet

    on_train_batch_start = _report_saved

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """See `Callback`. It looks at the metrics as often as Lightning logs them."""
        if self._is_watched:
            self.run.beat()
        if not batch_idx % (getattr(trainer, "log_every_n_steps", 0) or _LOGS_EVERY):
            self.run.log(partial(_new, trainer, self._logged), trainer.global_step)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See `Callback`. No batch may follow that logs its metrics."""
        self._beat()
        if not trainer.sanity_checking:
            self.run.log(partial(_new, trainer, self._logged), trainer.global_step)

    on_validation_batch_end = RunCallback._beat
    on_validation_epoch_end = on_train_epoch_end = RunCallback._lull  # what the model makes of an epoch may follow

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See `Callback`. The first batch may be slow."""
        self._lull()
        self._report_saved(trainer)

    def state_dict(self) -> dict[str, Any]:
        """See `Callback`."""
        return self.run.state_dict()

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """See `Callback`. Lightning writes the file next. It has put our states there, after a fit under other keys."""
        self.run.lull()
        self._has_saved = True
        states: dict[str, Any] | None = checkpoint.get("callbacks")
        ours = NotifierCallback.placed(_callbacks(trainer))
        if isinstance(states, dict):
            for callback in ours:
                states.pop(callback.run.apart, None)
            states.update({callback.run.key: callback.state_dict() for callback in ours if not callback._gives_way})

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """See `Callback`. It searches all states: a run with more or fewer callbacks may have saved ours."""
        self.run.resume(checkpoint.get("callbacks"))


def _new(trainer: Trainer, logged: dict[str, Any]) -> dict[str, Any]:
    """The metrics that are new since they were `logged`: the trainer keeps each until it is logged again."""
    found = {name: value for name, value in trainer.callback_metrics.items() if not _is(value, logged.get(name))}
    logged.update(found)
    return found


def _is(value: Any, before: Any) -> bool:
    """Whether both are one value. The trainer gives a new view of its tensor to each that asks."""
    if value is before:
        return True
    if not (isinstance(value, Tensor) and isinstance(before, Tensor)):
        return False
    try:
        place = value.data_ptr()  # no other tensor has it while `before` is kept
        return place != 0 and place == before.data_ptr()
    except RuntimeError:  # it has no memory of its own, as on a TPU
        return False


def _step(watched: weakref.ref[Trainer]) -> Progress:
    trainer = watched()
    if trainer is None:
        return Progress()
    return Progress(epoch=trainer.current_epoch, step=trainer.global_step, of_steps=_steps(trainer))


def _reached(trainer: Trainer, **more: Callable[[], object]) -> Progress:
    return Progress.asked(
        epoch=lambda: trainer.current_epoch,
        step=lambda: trainer.global_step,
        of_steps=lambda: _steps(trainer),
        last_checkpoint=lambda: _last(trainer),
        resume=lambda: f"ckpt_path={last}" if (last := _last(trainer)) else "",
        best_checkpoint=lambda: _best(trainer),
        **more,
        metrics=lambda: trainer.callback_metrics,
    )


def _steps(trainer: Trainer) -> int | None:
    """How many steps the fit is to take, as far as that is known without asking the data."""
    batches, epochs = trainer.num_training_batches, trainer.max_epochs
    if trainer.max_steps > -1:
        return trainer.max_steps
    if epochs is None or epochs < 0 or not math.isfinite(batches):
        return None
    return math.ceil(batches / trainer.accumulate_grad_batches) * epochs


def _best(trainer: Trainer) -> str:
    """The best by a metric: to a `ModelCheckpoint` without one, whatever it saved last is the best."""
    measured = [callback for callback in trainer.checkpoint_callbacks if getattr(callback, "monitor", None)]
    return next((path for callback in measured if (path := _path(callback, "best_model_path"))), "")


def _last(trainer: Trainer) -> str:
    """The newest checkpoint whose write is on record, else the one that this fit has resumed."""
    saved = [callback for callback in trainer.checkpoint_callbacks if _saved(callback)]
    resumed = str(trainer.ckpt_path or "") if trainer.global_step else ""
    newest = max(saved, key=lambda callback: getattr(callback, "_last_global_step_saved", 0) or 0, default=None)
    last = _saved(newest) if newest is not None else resumed
    requeued = _requeued(trainer)
    return max([*requeued, last], key=_modified) if requeued else last


def _newer(trainer: Trainer, known: str) -> str:
    last = _last(trainer)
    return last if last != known else ""


def _requeued(trainer: Trainer) -> list[str]:
    """What Lightning saves, without any callback, when SLURM warns that it will end the job."""
    if not trainer.received_sigterm or "SLURM_JOB_ID" not in os.environ:
        return []
    return list(map(str, Path(trainer.default_root_dir).absolute().glob("hpc_ckpt_*.ckpt")))


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _saved(callback: Callback) -> str:
    """What `callback` wrote last. Its public paths are set before the write, and stay when that fails."""
    if hasattr(callback, "_last_checkpoint_saved"):
        return _path(callback, "_last_checkpoint_saved")
    return _path(callback, "last_model_path") or _path(callback, "best_model_path")


def _path(callback: Callback, name: str) -> str:
    return str(getattr(callback, name, "") or "")


def _why(run: TrainingRun, trainer: Trainer) -> str:
    stopped = [getattr(stopper, "stopping_reason_message", None) for stopper in trainer.early_stopping_callbacks]
    if any(stopped):
        return str(next(filter(None, stopped)))
    if -1 < trainer.max_steps <= trainer.global_step:
        return run.says("{limit} reached", limit=f"max_steps={trainer.max_steps}")
    if any(_is_over(callback) for callback in _callbacks(trainer)):
        return run.says("{limit} reached", limit="max_time")
    if trainer.max_epochs is not None and -1 < trainer.max_epochs <= trainer.current_epoch:
        return run.says("{limit} reached", limit=f"max_epochs={trainer.max_epochs}")
    return run.says("{what} was set", what="trainer.should_stop") if trainer.should_stop else ""


def _callbacks(trainer: Trainer) -> list[Callback]:
    return list(getattr(trainer, "callbacks", []))  # undeclared: a connector sets it


def _is_over(callback: Callback) -> bool:
    timers = tuple(module.callbacks.Timer for module in loaded())
    timer: Any = callback
    left: float | None = timer.time_remaining() if isinstance(callback, timers) else None
    return left is not None and left <= 0
