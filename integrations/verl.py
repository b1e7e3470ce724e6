"""verl: its `Tracking` tells how far the training got, and how it ended. The plug-in `attach.verl` puts us there."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twinkle_notifier import Progress, TrainingRun

_MARK = "twinkle_notifier"  # among the backends of a `Tracking`
_LAST = "latest_checkpointed_iteration.txt"  # in the folder of the checkpoints
_KEPT = ("training/", "timing", "perf/", "global_seqlen/")  # prefixes of metrics that no message shows


class Tracker:
    """One more backend of a `Tracking`: each step is logged to it."""

    def __init__(self, run: TrainingRun, config: Any = None) -> None:
        self.run = run
        self._config = config
        self._metrics: dict[str, object] = {}
        self._step: int | None = None
        run.started(progress=lambda: Progress(step=self._step))

    def log(self, data: Mapping[str, object], step: int) -> None:
        """A step is done, or validated."""
        self._metrics, self._step = {**self._metrics, **data}, step
        self.run.beat()
        self.run.log(data, step)

    def finish(self, exit_code: int = 0) -> None:
        """The training is over. verl calls this while the exception that has ended it, if any, is on its way."""
        error = sys.exc_info()[1]
        if error is not None:
            self.run.failed(error, progress=self._reached)
        elif exit_code == 0:
            self.run.ended(self._reached)
        else:  # verl has handled what ended it
            self.run.pause()
        self.run.settle()  # the process of the trainer is an actor of Ray's, which is killed next

    def _reached(self) -> Progress:
        return Progress.asked(
            epoch=lambda: self._metrics.get("training/epoch"),
            step=lambda: self._step,
            last_checkpoint=self._last,
            metrics=lambda: {name: value for name, value in self._metrics.items() if not name.startswith(_KEPT)},
        )

    def _last(self) -> str:
        folder = Path(self._config["trainer"]["default_local_dir"]).absolute()
        return str(folder / f"global_step_{int((folder / _LAST).read_text())}")


def track(tracking: Any, made: Callable[[str], TrainingRun]) -> None:
    """Give each new object of the class `tracking` a `Tracker`, with the run that is `made` for its experiment."""
    begin, finish, delete = tracking.__init__, tracking.finish, tracking.__del__
    if hasattr(begin, _MARK):
        return

    @functools.wraps(begin)
    def __init__(self: Any, project_name: Any, experiment_name: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        begin(self, project_name, experiment_name, *args, **kwargs)
        config = kwargs.get("config", args[1] if len(args) > 1 else None)
        self.logger[_MARK] = Tracker(made(str(experiment_name)), config)

    @functools.wraps(finish)
    def finished(self: Any, exit_code: int = 0) -> None:
        tracker = getattr(self, "logger", {}).pop(_MARK, None)
        if tracker is not None:  # before services that may take their time
            tracker.finish(exit_code)
        finish(self, exit_code)

    @functools.wraps(delete)
    def __del__(self: Any) -> None:  # noqa: N807
        tracker = getattr(self, "logger", {}).pop(_MARK, None)
        if tracker is not None:  # its trainer did not say how the training ended
            tracker.run.pause()
        delete(self)

    setattr(__init__, _MARK, True)
    tracking.__init__, tracking.finish, tracking.__del__ = __init__, finished, __del__
