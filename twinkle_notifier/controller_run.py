"""`ControllerRun`: a training whose steps are taken by workers, and which a process of its own controls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from twinkle_notifier import isolation
from twinkle_notifier.alerts.workers import WorkerError, incidents
from twinkle_notifier.budgets import PROGRESS
from twinkle_notifier.isolation import signals
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.message import Outcome
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.runtime.launcher import Attempt
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.training_run import TrainingRun

_TRIES = 4  # more, to make the notifier that is set up


class ControllerRun(TrainingRun):
    """The run as the controller of its workers sees it: the start, the end, and failures with the ranks that met them.

    Stalls are looked for in the workers alone: see `in_workers`.
    """

    def workers_failed(
        self,
        errors: Callable[[], Sequence[WorkerError]],
        progress: Callable[[], Progress] = Progress,
        *,
        attempt: int = 0,
        attempts: int = 0,
        again: bool | None = None,
    ) -> Outcome:
        """Workers have ended by `errors`. Returns when the alert is sent, one for each cause: see `notify_exception`.

        `again`: the controller starts them again, `attempt` of `attempts` is over; 0 where that is not known.
        """
        with signals.deferred():
            met = isolation.call(lambda: incidents(errors(), Attempt(attempt, attempts, again)), PROGRESS)
            outcomes = [self._failed(one.exc, "", progress, met=one) for one in met.value or []]
        if not outcomes:
            log.error("alert not sent for a failure of workers: %s", reason(met.error))
        return next(iter(outcomes), Outcome("failed", "the errors of the workers cannot be read"))

    def in_workers(self, execute: Callable[[], object]) -> None:
        """Where stalls are looked for, call `execute`, which has each worker call `watch_worker` of a copy of this."""
        if self.stall_after is not None and (error := isolation.tried(execute).error) is not None:
            log.warning("stalls are not looked for in the workers: %s", reason(error))

    def watch_worker(self, thread: int | None = None) -> None:
        """In a worker: look for stalls of `thread`, by default this one, until that ends. Each step calls `beat`."""
        self._notifier(now=True)
        self._look_for_stalls(None, thread or threading.get_ident())

    def _outside(self, *, now: bool = False) -> Callable[[str], object] | None:
        """See `RunState`. Ray runs its workers with nice 15: on a busy machine a notifier takes longer to be made."""
        found = super()._outside(now=now)
        for _ in range(_TRIES if now else 0):
            if found is None and self._configured.complaint:
                found = super()._outside(now=now)
        return found

    def _start_watch(self, progress: Callable[[], Progress] | None) -> None:
        """Do nothing: a controller takes no steps."""
