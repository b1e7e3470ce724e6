"""HF Trainer: a callback that sends alerts of exceptions and of the end of training, and a guard to do so by hand."""

from __future__ import annotations

import functools
import inspect
import os
import shlex
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any, cast

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK
from transformers.trainer_callback import CallbackHandler
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, BestRun
from twinkle_notifier.integrations import RunCallback

from twinkle_notifier import Progress, TrainingRun

_ENTRIES = ("train", "evaluate", "predict", "hyperparameter_search")
_MARK = "_twinkle_notifier_entry"
_PARTS = {"train": True, "evaluate": False}  # of a trial; whether one begins with it
# The module that reads a program's options: the option that resumes. The first that is loaded counts, as Axolotl loads
# transformers' parser, too; trl has a copy of that.
_OPTIONS = {
    "axolotl": "--resume-from-checkpoint",
    "transformers.hf_argparser": "--resume_from_checkpoint",
    "trl.scripts._hf_argparser": "--resume_from_checkpoint",
}
_COUNTS = ("step", "epoch", "total_flos")
_NO_METRICS: tuple[type, ...] = (str, bytes, list, tuple, dict, type(None))  # which trainers and callbacks log, too


class NotifierCallback(RunCallback, TrainerCallback):
    """Sends an alert when train, evaluate, predict or hyperparameter_search fails, and when a training ends.

    Add one to the `Trainer`, at its construction or later, on every rank; the run sends one message. Errors that the
    trainer itself handles (`auto_find_batch_size`, a failed trial) get none. A search is reported as a whole, with its
    best trial. The checkpoint holds the notifier without its secrets, and the failures that were reported.

    The Trainer has no hook for exceptions: making the first such callback puts one around those four methods of the
    `Trainer` class and of its subclasses. Where an instance has such a method of its own, adding the callback does the
    same to that. Its arguments are those of `TrainingRun`.
    """

    _twinkle_hooks = ("on_step_end", "on_substep_end", "on_epoch_end", "on_prediction_step", "on_evaluate")
    _twinkle_hooks_once = ("on_log",)
    twinkle_resumed: str = ""  # the checkpoint that the training was told to resume
    twinkle_preempted: bool = False  # SIGTERM came, and the trainer has saved

    def _twinkle_prepare(self) -> None:
        _hook(Trainer)

    def on_init_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """See `TrainerCallback`. The trainer's class may be younger than this callback."""
        _hook(Trainer)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """See `TrainerCallback`. The trainer writes its state, and ours within it, into each checkpoint."""
        states = cast(dict[str, Any], state.stateful_callbacks)  # it is declared as the list that it is made from
        self.run.resume(states)
        self.run.live_in(states)
        self.run.last_checkpoint = self.twinkle_resumed or _checkpoint(args, state)
        self.run.started(progress=lambda: Progress(state.epoch, state.global_step, of_steps=_steps(state)))

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """See `TrainerCallback`. It follows the save, on every rank."""
        self.run.beat()
        if checkpoint := _checkpoint(args, state):
            self.run.saved(checkpoint, state.global_step)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """See `TrainerCallback`."""
        self._twinkle_ran.add("on_log")
        logs: dict[str, Any] = kwargs.get("logs") or {}
        self.run.log(lambda: {name: value for name, value in logs.items() if name not in _COUNTS}, state.global_step)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """See `TrainerCallback`."""
        if self.twinkle_preempted:
            self.run.preempted(partial(_reached, self.run, state), context="train")
        else:
            self.run.ended(partial(_reached, self.run, state, why_ended=partial(_why, self.run, state)))

    def _end_step(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if not self._is_watched:
            return
        if control.should_save or control.should_evaluate:  # there is no hook before either
            self.run.lull()
        else:
            self.run.beat()

    on_step_end = on_epoch_end = _end_step
    on_substep_end = on_evaluate = RunCallback._beat
    on_prediction_step = RunCallback._lull  # `compute_metrics` may follow


class _Reported(NotifierCallback):
    """What `report_to="twinkle_notifier"` adds; it gives way to a callback that the user adds."""

    _gives_way = 1


# Its type is inferred from the callbacks that it begins with.
cast(dict[str, Any], INTEGRATION_TO_CALLBACK)["twinkle_notifier"] = _Reported


@contextmanager
def guard(trainer: Trainer) -> Generator[None]:
    """Send an alert about an exception that leaves the block, by the callbacks of `trainer`. The exception goes on.

    For code around the trainer that the callback cannot see: `with guard(trainer): ...`. What a callback has reported
    within the block is not reported again.
    """
    with _alerting(trainer, "guard"):
        yield


_inside = threading.local()


@contextmanager
def _alerting(trainer: Trainer, context: str) -> Generator[None]:
    """Only the outermost block of a thread reports: an error that does not reach it, the trainer has handled."""
    trainers: set[int] = _inside.__dict__.setdefault("trainers", set())
    search = next((callback.run.search for callback in _callbacks(trainer) if callback.run.search), None)
    if search is not None:  # by any thread
        with search.trial(begins=_PARTS[context]) if context in _PARTS else nullcontext():
            yield
        return
    if id(trainer) in trainers:
        yield
        return
    trainers.add(id(trainer))
    before = {id(callback): callback.run.watcher for callback in _callbacks(trainer)}
    try:
        yield
    except BaseException as exc:
        for callback in _callbacks(trainer):
            progress = partial(_reached, callback.run, trainer.state)
            callback.run.failed(exc, context=context, progress=progress)
        raise
    finally:
        trainers.discard(id(trainer))
        for callback in _callbacks(trainer):
            # An error that the trainer handled has ended a training, too, but not one that began outside the block.
            if callback.run.watcher is not before.get(id(callback)):
                callback.run.pause()


def _callbacks(trainer: Trainer) -> list[NotifierCallback]:
    handler = getattr(trainer, "callback_handler", None)  # missing when the trainer's own construction failed
    return NotifierCallback.among(getattr(handler, "callbacks", []))


def _give_way(handler: Any) -> None:
    """Remove the callback that gives way to one that the user has added."""
    active = NotifierCallback.among(handler.callbacks)
    kept = [one for one in handler.callbacks if not isinstance(one, NotifierCallback) or one in active]
    if len(kept) < len(handler.callbacks):
        handler.callbacks = kept


def _best(found: BestRun | list[BestRun] | None) -> list[tuple[object, object, object]]:
    """For `Search.facts`: the best run, or by several objectives the best runs, as the trainer gives them."""
    runs = found if isinstance(found, list) else [found]
    return [(run.run_id, run.objective, run.hyperparameters) for run in runs if isinstance(run, BestRun)]


def _hook(cls: type[Trainer]) -> None:
    _wrap(CallbackHandler, "add_callback")
    for name in _ENTRIES:
        _wrap(cls, name)
    for subclass in cls.__subclasses__():
        _hook(subclass)


def _wrap(cls: type, name: str) -> None:
    method = cls.__dict__.get(name)
    if callable(method) and not hasattr(method, _MARK):
        setattr(cls, name, _wrapped(method, name))


def _hook_own(trainer: Trainer) -> None:
    """Wrap methods of the instance, which hide its class's: Unsloth makes such a `train` when it makes the trainer."""
    for name in _ENTRIES:
        method = vars(trainer).get(name)
        if callable(method) and not hasattr(method, _MARK):
            own = method.__func__ if isinstance(method, MethodType) and method.__self__ is trainer else None
            function = own or _without_self(method)
            setattr(trainer, name, MethodType(_wrapped(function, name), trainer))


def _without_self(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def function(_self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return function


def _hook_preemption() -> None:
    """The trainer's own handler of SIGTERM, `enable_jit_checkpoint`, leaves no other trace of the signal."""
    manager = getattr(sys.modules.get("transformers.trainer_jit_checkpoint"), "CheckpointManager", None)
    if manager is not None:
        _wrap(manager, "execute_jit_checkpoint")


def _wrapped(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def entry(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name in _AROUND:
            return _AROUND[name](method, self, *args, **kwargs)
        with _alerting(self, name):
            return method(self, *args, **kwargs)

    setattr(entry, _MARK, True)
    return entry


def _train(method: Callable[..., Any], trainer: Trainer, *args: Any, **kwargs: Any) -> Any:
    _hook_preemption()
    checkpoint = kwargs.get("resume_from_checkpoint", args[0] if args else None)
    _give_way(trainer.callback_handler)  # one may have been added past `add_callback`
    for callback in NotifierCallback.placed(_callbacks(trainer)):
        callback.twinkle_resumed = os.fspath(checkpoint) if isinstance(checkpoint, str | os.PathLike) else ""
        callback.twinkle_preempted = False
    with _alerting(trainer, "train"):
        return method(trainer, *args, **kwargs)


def _hyperparameter_search(method: Callable[..., Any], trainer: Trainer, *args: Any, **kwargs: Any) -> Any:
    if any(callback.run.search is not None for callback in _callbacks(trainer)):  # a subclass calls its class's method
        return method(trainer, *args, **kwargs)
    with _alerting(trainer, "hyperparameter_search"):
        with ExitStack() as stack:
            searches = [stack.enter_context(callback.run.parts("search")) for callback in _callbacks(trainer)]
            found = method(trainer, *args, **kwargs)
        for callback in _callbacks(trainer):  # the first has counted
            callback.run.ended(facts=lambda: searches[0].facts(*_best(found)), what="search")
        return found


def _add_callback(method: Callable[..., Any], handler: Any, *args: Any, **kwargs: Any) -> Any:
    result = method(handler, *args, **kwargs)
    _give_way(handler)
    # Two frames above, `Trainer.add_callback` calls this. That method cannot be wrapped in time: in
    # `trainer.add_callback(NotifierCallback())` Python looks it up before it makes the first callback.
    caller = inspect.currentframe()
    for _ in range(2):
        caller = caller and caller.f_back
    trainer = caller and caller.f_locals.get("self")
    if isinstance(trainer, Trainer) and _callbacks(trainer):
        _hook_own(trainer)
    return result


def _execute_jit_checkpoint(method: Callable[..., Any], manager: Any, *args: Any, **kwargs: Any) -> Any:
    result = method(manager, *args, **kwargs)
    trainer = manager.trainer
    for callback in _callbacks(trainer):
        callback.twinkle_preempted = True
        callback.on_save(trainer.args, trainer.state, trainer.control)
    return result


_AROUND: dict[str, Callable[..., Any]] = {
    "train": _train,
    "hyperparameter_search": _hyperparameter_search,
    "add_callback": _add_callback,
    "execute_jit_checkpoint": _execute_jit_checkpoint,
}


def _reached(run: TrainingRun, state: TrainerState, **more: Callable[[], object]) -> Progress:
    def last_checkpoint() -> str:
        run.last_checkpoint = _present(run.last_checkpoint, state)
        return run.last_checkpoint

    return Progress.asked(
        epoch=lambda: state.epoch,
        step=lambda: state.global_step,
        last_checkpoint=last_checkpoint,
        of_steps=lambda: _steps(state),
        resume=lambda: _resuming(last_checkpoint()),
        best_checkpoint=lambda: state.best_model_checkpoint,
        **more,
        metrics=lambda: _metrics(state),
    )


def _resuming(checkpoint: str) -> str:
    """An option of the program, if it has loaded one of the parsers above; else an argument of `train`."""
    if not checkpoint:
        return ""
    option = next((option for module, option in _OPTIONS.items() if module in sys.modules), "")
    return f"{option} {shlex.quote(checkpoint)}" if option else f"resume_from_checkpoint={checkpoint}"


def _steps(state: TrainerState) -> int | None:
    """How many steps the training is to take; an iterable dataset does not say."""
    return state.max_steps if state.max_steps > 0 else None


def _metrics(state: TrainerState) -> dict[str, Any]:
    """The last logged value of each metric, without those that are no number."""
    metrics: dict[str, Any] = {}
    for logged in state.log_history:
        metrics.update({name: value for name, value in logged.items() if type(value) not in _NO_METRICS})
    return {name: value for name, value in metrics.items() if name not in _COUNTS}


def _why(run: TrainingRun, state: TrainerState) -> str:
    if state.global_step < state.max_steps:
        return run.says("a callback stopped it")
    return run.says("all {steps} steps are done", steps=state.max_steps)


def _present(last: str, state: TrainerState) -> str:
    """`last`, or if the trainer has removed that, the newest of this training that is there."""
    if not last or os.path.isdir(last):
        return last
    found = {
        int(path.name.rpartition("-")[2]): path for path in Path(last).parent.glob(f"{PREFIX_CHECKPOINT_DIR}-*[0-9]")
    }
    return str(found[step]) if (step := max((n for n in found if n <= state.global_step), default=-1)) >= 0 else ""


def _checkpoint(args: TrainingArguments, state: TrainerState) -> str:
    """The checkpoint of the present step, if there is one. A trial of a search has a folder of its own."""
    path = os.path.join(str(args.output_dir), f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}")
    return path if os.path.isdir(path) else ""
