"""Ray Train: a callback of its controller, which reports the failures of the workers, by rank, and the end.

For Ray's own errors, outside Ray Train, `watch` and `notify_exception` do. It needs Ray Train v2.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from ray import cloudpickle
from ray.train.v2._internal.execution.callback import (
    ControllerCallback,
    ReportCallback,
    TrainContextCallback,
    WorkerGroupCallback,
)
from ray.train.v2._internal.execution.context import get_train_context
from twinkle_notifier.integrations import RunCallback

from twinkle_notifier import ControllerRun, Progress, WorkerError

_STEPS = ("step", "global_step", "training_iteration")  # what people call it in what they report


class NotifierCallback(RunCallback, ControllerCallback, WorkerGroupCallback, ReportCallback):
    """Sends an alert when workers fail, when Ray Train starts them again, and when the training ends.

    Give one to ``RunConfig(callbacks=[...])``, or name the class in ``RAY_TRAIN_CALLBACKS``; one that is given takes
    the place of that. It is no `UserCallback`: Ray Train tells those nothing of the start, the end, the restarts and
    the tracebacks, and calls none that the variable names.

    Its arguments are those of `TrainingRun`. The process of the controller sends, on the driver's node.
    """

    _run_class = ControllerRun
    run: ControllerRun  # pyright: ignore[reportIncompatibleVariableOverride]  # nobody sets another
    _group: Any = None  # of the workers that run
    _status: Any = None  # of the workers, when one had failed
    _config: Any = None  # of the run
    _attempt = 1
    _reports = 0
    _is_quiet = False  # another callback reports
    _is_over = False  # the last failure is reported

    def _twinkle_prepare(self) -> None:
        self._metrics: dict[str, Any] = {}  # that rank 0 has reported last

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        """It is pickled for the controller, and with the run's configuration for each worker.

        A node without this package gets a callback that does nothing: Ray pickles a function in a function by value.
        """
        pickled: bytes = cast(Any, cloudpickle).dumps((type(self), vars(self)))

        def unpickled() -> object:
            import logging

            from ray import cloudpickle
            from ray.train.v2.api.callback import RayTrainCallback

            try:
                kind, state = cloudpickle.loads(pickled)
            except ImportError as error:
                logging.getLogger("twinkle_notifier").warning("no alert will be sent from here: %s", error)
                return RayTrainCallback()
            callback = kind.__new__(kind)
            callback.__dict__.update(state)
            return callback

        return unpickled, ()

    def after_controller_start(self, train_run_context: Any) -> None:
        """See `ControllerCallback`."""
        self._config = getattr(train_run_context, "run_config", None)
        given = NotifierCallback.among(getattr(self._config, "callbacks", None) or [])
        self._is_quiet = bool(given) and all(callback.run.apart != self.run.apart for callback in given)
        if not self._is_quiet:
            self.run.started()

    def after_worker_group_training_start(self, worker_group: Any) -> None:
        """See `WorkerGroupCallback`."""
        self._group, self._status = worker_group, None
        if not self._is_quiet:
            self.run.in_workers(lambda: worker_group.execute(_watch_worker, self.run))

    def after_report(self, training_report: Any, metrics: list[dict[str, Any]]) -> None:
        """See `ReportCallback`. All workers have reported; rank 0 comes first."""
        if self._is_quiet:
            return
        self._reports += 1
        self._metrics = metrics[0] if metrics else {}
        self.run.log(_without_steps(self._metrics), self._step())
        if (checkpoint := getattr(training_report, "checkpoint", None)) is not None:
            self.run.saved(lambda: str(checkpoint.path), self._step())

    def after_worker_group_poll_status(self, worker_group_status: Any) -> None:
        """See `WorkerGroupCallback`. What follows an error is the decision on it."""
        self._status = worker_group_status

    def before_controller_execute_failure_decision(self, failure_decision: Any) -> None:
        """See `ControllerCallback`. It returns when the alert is sent, before the workers that are left are ended."""
        again = getattr(failure_decision, "name", "") == "RETRY"
        if not self._is_quiet and getattr(self._status, "errors", None):
            attempt, attempts = self._attempts()
            errors = partial(_errors, self._status, self._group)
            outcome = self.run.workers_failed(errors, self._reached, attempt=attempt, attempts=attempts, again=again)
            self._is_over = not again and outcome.status != "failed"  # else the end tells it once more
        self._attempt += again
        self._status = None

    def before_controller_abort(self) -> None:
        """See `ControllerCallback`. Somebody pressed Ctrl-C."""
        if not self._is_quiet:
            self.run.failed(KeyboardInterrupt(), progress=self._reached)

    def after_controller_finish(self, result: Any) -> None:
        """See `ControllerCallback`. This process is killed soon."""
        if self._is_quiet or self._is_over:
            return
        if (error := getattr(result, "error", None)) is not None:  # the controller's own
            self.run.failed(error, progress=self._reached)
        else:
            self.run.ended(self._reached)
        self.run.settle()

    def _attempts(self) -> tuple[int, int]:
        """The present one, and how many there may be, where that is more than one."""
        failures = getattr(getattr(self._config, "failure_config", None), "max_failures", 0)  # -1: without end
        if not failures:
            return 0, 0
        return self._attempt, failures + 1 if failures + 1 >= self._attempt else 0  # preemptions are not counted there

    def _step(self) -> int:
        known = (self._metrics.get(name) for name in _STEPS)
        return next((step for step in known if type(step) is int), self._reports)

    def _reached(self) -> Progress:
        return Progress.asked(
            epoch=lambda: self._metrics.get("epoch"),
            step=self._step,
            last_checkpoint=lambda: self.run.last_checkpoint,
            resume=lambda: self._resume() if self.run.last_checkpoint else "",
            metrics=lambda: _without_steps(self._metrics),
        )

    def _resume(self) -> str:
        return f"RunConfig(name={self._config.name!r}, storage_path={str(self._config.storage_path)!r})"


def _without_steps(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name not in (*_STEPS, "epoch")}


def _errors(status: Any, group: Any) -> list[WorkerError]:
    workers = list(group.get_workers()) if group is not None else []
    statuses = status.worker_statuses
    failed = {rank: one.error for rank, one in statuses.items() if one.error is not None}
    return [_error(rank, error, len(statuses), *workers[rank : rank + 1]) for rank, error in failed.items()]


def _error(rank: int, error: BaseException, world_size: int, worker: Any = None) -> WorkerError:
    if worker is None:
        return WorkerError(error, rank, world_size)
    host, local_rank = worker.metadata, worker.distributed_context.local_rank
    return WorkerError(error, rank, world_size, local_rank, host.hostname, host.pid)


class _Beats(TrainContextCallback):
    """In a worker: a report is a step. It waits for the other ranks, and may write a checkpoint."""

    def __init__(self, run: ControllerRun) -> None:
        self.run = run

    @contextmanager
    def on_report(self) -> Generator[None]:
        """See `TrainContextCallback`."""
        self.run.lull()
        yield
        self.run.beat()


def _watch_worker(run: ControllerRun) -> None:
    """In a worker, in which the thread that trains has just begun."""
    execution = get_train_context().execution_context
    execution.train_context_callbacks.append(_Beats(run))
    run.watch_worker(vars(execution.training_thread_runner)["_thread"].ident)
