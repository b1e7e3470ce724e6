# pyright: reportMissingTypeStubs=false
"""Accelerate: a tracker that sends an alert of a training's end, and knows how far it got when `watch` reports one."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from accelerate import Accelerator, tracking
from accelerate.optimizer import AcceleratedOptimizer
from accelerate.tracking import GeneralTracker

from twinkle_notifier import Notifier, Progress, TrainingRun

_NAME = "twinkle_notifier"
_MARK = "_twinkle_notifier_hook"


class NotifierTracker(GeneralTracker):  # type: ignore[misc]  # it has no types
    """Sends an alert when a training ends, and while it stalls; what `watch` around it sends says how far it got.

    Give one to the `Accelerator`, on every process: ``Accelerator(log_with=NotifierTracker("sft"))``. From accelerate
    1.15 on ``log_with="twinkle_notifier"`` does the same, once this module is imported. A training begins with
    `Accelerator.init_trackers`, else with its first step, and ends with `Accelerator.end_training`.

    Accelerate tells a tracker nothing but metrics, and that on the main process alone: making the first one puts hooks
    around methods of `Accelerator` and of its optimizer. The arguments are those of `TrainingRun`, the name first.
    """

    name = _NAME
    requires_logging_directory = False
    main_process_only = False
    _run_class: ClassVar[type[TrainingRun]] = TrainingRun

    def __init__(self, run_name: str | None = None, notifier: Notifier | None = None, **more: Any) -> None:
        super().__init__()
        self.run: TrainingRun = self._run_class(notifier, name=run_name, **more)
        self.step: int = 0
        self.epoch: int | None = None  # from 1
        self._counted: weakref.ref[object] | None = None  # the optimizer whose steps count
        self._has_begun = False
        if _active.tracker is not None:  # that of a loop that failed, or one that gives way
            _active.tracker.run.pause()
        _active.tracker = self
        hook()

    @property
    def tracker(self) -> TrainingRun:
        """See `GeneralTracker`."""
        return self.run

    def start(self) -> None:
        """See `GeneralTracker`. Only the first call does something."""
        if not self._has_begun:
            self._has_begun = True
            self.run.started(progress=self.reached)

    def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
        """See `GeneralTracker`."""
        self.start()
        self.run.log(values, step)

    def finish(self) -> None:
        """See `GeneralTracker`. The training has ended well."""
        if _active.tracker is self:
            _active.tracker = None
            if self._has_begun:
                self.run.ended(self.reached)

    def reached(self) -> Progress:
        """How far it got, without a question to a device."""
        last = self.run.last_checkpoint
        resume = f"accelerator.load_state({last!r})" if last else ""
        return Progress(epoch=self.epoch, step=self.step, last_checkpoint=last, resume=resume)

    def stepped(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """An optimizer has made a step, or a part of one. If there are several, the first one's count."""
        self.run.beat()
        state = optimizer.gradient_state
        counted = self._counted and self._counted()
        if state.sync_gradients and (counted is None or counted is optimizer):
            self._counted = weakref.ref(optimizer)
            self.step += 1
            passes = getattr(state.active_dataloader, "iteration", None)
            self.epoch = passes + 1 if passes is not None else self.epoch


class _Active:
    def __init__(self) -> None:
        self.tracker: NotifierTracker | None = None  # the last that was made, and has not finished
        self.otherwise: Callable[[], NotifierTracker | None] = lambda: None


_active = _Active()


def hook(otherwise: Callable[[], NotifierTracker | None] | None = None) -> None:
    """Put the hooks where they are needed. `otherwise` makes a tracker for a training without one, or gives None."""
    _active.otherwise = otherwise or _active.otherwise
    for name, after in _HOOKS.items():
        _wrap(Accelerator, name, after)
    for cls in (AcceleratedOptimizer, *AcceleratedOptimizer.__subclasses__()):  # those of DeepSpeed and Megatron
        _wrap(cls, "step", NotifierTracker.stepped)


def _wrap(cls: type, name: str, after: Callable[..., object]) -> None:
    method = vars(cls).get(name)
    if method is None or hasattr(method, _MARK):
        return

    @functools.wraps(method)
    def ours(self: Any, *args: Any, **kwargs: Any) -> Any:
        begins = name in ("step", "backward", "save_state", "load_state")
        tracker = _active.tracker or (_active.otherwise() if begins else None)
        if tracker is not None and begins:
            tracker.start()
        if tracker is not None and name == "save_state":
            tracker.run.lull()
        result = method(self, *args, **kwargs)
        if tracker is not None or name == "init_trackers":
            after(tracker, self, result, *args, **kwargs)
        return result

    setattr(ours, _MARK, True)
    setattr(cls, name, ours)


def _begun(
    _: Any,
    accelerator: Any,
    __: Any,
    project_name: Any,
    config: Any = None,
    init_kwargs: dict[str, Any] | None = None,
) -> None:
    if _active.tracker is None and _NAME in accelerator.log_with:  # by name, on another process than the main one
        NotifierTracker(project_name, **(init_kwargs or {}).get(_NAME, {}))
    if _active.tracker is not None:
        _active.tracker.start()  # accelerate 1.0 does not call that


def _computed(tracker: NotifierTracker, *_: Any, **__: Any) -> None:
    tracker.run.beat()


def _gathered(tracker: NotifierTracker, *_: Any, **__: Any) -> None:
    tracker.run.lull()  # an evaluation's metrics may follow


def _saved(tracker: NotifierTracker, _: Any, path: Any, *__: Any, **___: Any) -> None:
    tracker.run.saved(path, tracker.step)


def _loaded(tracker: NotifierTracker, _: Any, __: Any, input_dir: Any = None, *___: Any, **____: Any) -> None:
    tracker.run.saved(input_dir or "", tracker.step)


def _logged(
    tracker: NotifierTracker, accelerator: Any, _: Any, values: Any, step: Any = None, *__: Any, **___: Any
) -> None:
    if tracker not in accelerator.trackers:  # as on any process but the main one
        tracker.log(values, step)


def _ended(tracker: NotifierTracker, *_: Any) -> None:
    tracker.finish()


# What a tracker is told after the call: the object whose method it was, the result, the arguments.
_HOOKS: dict[str, Callable[..., object]] = {
    "backward": _computed,
    "gather_for_metrics": _gathered,
    "save_state": _saved,
    "load_state": _loaded,
    "init_trackers": _begun,
    "log": _logged,
    "end_training": _ended,
}

if hasattr(tracking, "register_tracker_class"):  # from accelerate 1.15 on
    tracking.register_tracker_class(NotifierTracker)
