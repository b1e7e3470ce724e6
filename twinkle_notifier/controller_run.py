"""`ControllerRun`: a training whose steps are taken by workers, and which a process of its own controls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from twinkle_notifier import isolation
from twinkle_notifier.alerts.workers import Met, WorkerError, incidents, unread
from twinkle_notifier.budgets import DISK, PATIENCE, PROGRESS, RETURN
from twinkle_notifier.isolation import signals
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.message import Outcome
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.rank_sets import all_ranks, compressed
from twinkle_notifier.training_run import TrainingRun

_TRIES = 4  # more, to make the notifier that is set up
_ALERTS = 3  # of one failure
_RESERVE = DISK + 2 * RETURN  # seconds that are left for each of the next alerts: it is kept on the disk at least


class WorkersFailed(Exception):  # noqa: N818  # people read its name
    """What an alert is about where the errors of workers cannot be read."""


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
        """Workers have ended by `errors`. Returns when that is sent, one alert for each cause: see `notify_exception`.

        Three alerts are sent at most, in 25 s together; the last counts the other causes. `again`: the controller
        starts them again, `attempt` of `attempts` is over; 0 where that is not known.
        """
        deadline = time.monotonic() + PATIENCE
        with signals.deferred() as pending:
            met, note = self._read(errors, Attempt(attempt, attempts, again))
            alerts, others = met[:_ALERTS], met[_ALERTS:]
            if others:
                ranks = compressed({rank for one in others for rank in all_ranks(one.members)})
                note = self.says("{number} more, on ranks {ranks}", number=len(others), ranks=ranks)
            outcomes = list[Outcome]()
            for number, one in enumerate(alerts, 1):
                left = len(alerts) - number
                told = partial(_with, progress, ("Other errors", note)) if note and not left else progress
                seconds = deadline - left * _RESERVE - time.monotonic()
                answer = isolation.call(partial(self._failed, one.exc, "", told, met=one), seconds, pending.interrupted)
                outcomes += [answer.value or Outcome("unknown", "it was not sent in time")]
                if answer.value is None:
                    log.error("alert not sent for a failure of workers: %s", reason(answer.error))
        return outcomes[0]

    def _read(self, errors: Callable[[], Sequence[WorkerError]], attempt: Attempt) -> tuple[list[Met], str]:
        """The incidents, or one of what can be read, and a note about the rest."""
        read = isolation.call(lambda: list(errors()), PROGRESS)
        found = read.value or []
        met = isolation.call(lambda: incidents(found, attempt), PROGRESS)
        if met.value:
            return met.value, ""
        log.error("the errors of workers cannot be read: %s", reason(read.error or met.error))
        one = isolation.tried(lambda: unread(found, attempt)).value if found else None
        if one is not None:
            return [one], self.says("those of {number} workers were not compared", number=len(found))
        what = self.says("workers have failed, and what they raised cannot be read")
        return [Met(WorkersFailed(what), Where.here(), frozenset(), attempt)], ""

    def in_workers(self, execute: Callable[[], object]) -> None:
        """If stalls are looked for, call `execute`: it has each worker call `watch_worker` of a copy of this object."""
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


def _with(progress: Callable[[], Progress], fact: tuple[str, str]) -> Progress:
    reached = isolation.call(progress, PROGRESS / 2).value or Progress()  # the caller waits for `PROGRESS`
    return reached._replace(facts=[*reached.facts, fact])
