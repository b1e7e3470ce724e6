"""`Sweep`: many jobs, in any processes, with one alert at the end, and one for each new kind of error."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, cast

from twinkle_notifier import isolation
from twinkle_notifier.budgets import DISK, PROGRESS
from twinkle_notifier.exceptions.cancellation import is_pruned
from twinkle_notifier.exceptions.fingerprint import fingerprint
from twinkle_notifier.exceptions.kind import kind_of
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages import jobs
from twinkle_notifier.messages.jobs import Job
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.messages.report import Report
from twinkle_notifier.messages.wording import duration
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.host import process_key
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.stored import dumped, hashed, parsed
from twinkle_notifier.training_run import TrainingRun

_AT_ONCE = 3  # kinds of errors that get an alert of their own
_TEXT = 500  # characters of settings, of an error
_MOST = 100_000  # bytes of a file
_MOST_JOBS = 10_000  # that are read


class Sweep:
    """The jobs of one sweep, as the alerts of `run` tell of them. None of its methods raises.

    The process that begins the sweep calls `running`. Each job's process has a copy, by pickle, and calls `began`, then
    `ended` or `failed`. What other processes say is in files in the sweep's folder, until its end.

    Args:
        run: whose name, notifier and settings count.
        folder: of the sweep, which its jobs share; "" if they are all in this process.
        direction: ``minimize`` or ``maximize``: which value of a job is the best; "" if that is not known.
    """

    def __init__(self, run: TrainingRun, folder: str = "", direction: str = "") -> None:
        run.keep_name()
        self._run, self._direction = run, direction
        self._folder = os.path.abspath(folder) if folder else ""
        self._place = Path(self._folder, f".twinkle_notifier-{os.urandom(8).hex()}")
        self._home = process_key(os.getpid())
        self._jobs: dict[int, Job] = {}  # in this process
        self._kinds: set[str] = set()

    @contextmanager
    def running(self) -> Generator[None]:
        """The sweep is the block. Its end is sent when the block is left: with how many jobs failed, and of what.

        An error that leaves the block goes on. If no job has failed by it, the alert is about that error.
        """
        began, error = time.time(), None
        try:
            with self._run.parts("sweep"):
                self._run.started()
                self._run.pause()  # what a step is, only the jobs know
                yield
        except BaseException as exc:
            error = exc
            raise
        finally:
            self._report(error, time.time() - began)

    def began(self, number: int, settings: str = "") -> None:
        """Job `number` begins; `settings` are what it has of its own, for people."""
        self._note(Job(number, settings[:_TEXT]))

    def ended(self, number: int, settings: str = "", value: object = None) -> None:
        """It ended well. A `value` that is a number takes part in which is the best."""
        self._note(Job(number, settings[:_TEXT], over=True, value=_number(value)))

    def failed(
        self,
        number: int,
        exc: BaseException,
        settings: str = "",
        facts: Sequence[jobs.Fact] = (),
        left_by: BaseException | None = None,
    ) -> None:
        """It failed. The first jobs that fail in a new way are reported at once, with `facts`; see `Progress`.

        `left_by`: what the job raises, where that is an error around `exc`. It may leave the sweep, too.
        """
        if is_pruned(exc):
            self.ended(number, settings)
            return
        error, at = self._described(exc)
        kind = isolation.tried(lambda: fingerprint(exc, kind_of(exc), self._run.name, "")).value or hashed(error)
        around = self._described(left_by)[0] if left_by is not None else ""
        self._note(Job(number, settings[:_TEXT], over=True, error=error, at=at, kind=kind, left_by=around))
        if self._run.notifications != "end_only" and self._is_new(kind):
            goes_on = self._run.says("the sweep continues; its last message counts failures of this kind")
            reached = Progress(facts=[*facts, ("Sweep", goes_on)])
            self._run.failed(exc, progress=lambda: reached, what=self._run.says("job {number}", number=number))

    def _described(self, exc: BaseException) -> tuple[str, str]:
        """An exception's type and words, and its place."""
        report = isolation.tried(
            lambda: Report.of(exc, name=self._run.name, context="", where=Where.here(), progress=Progress())
        ).value
        if report is None:
            return type(exc).__name__, ""
        return f"{report.type}: {report.message}"[:_TEXT] if report.message else report.type, report.at

    def _is_here(self) -> bool:
        return process_key(os.getpid()) == self._home

    def _note(self, job: Job) -> None:
        if self._is_here():
            self._jobs[job.number] = job
            return
        answer = isolation.call(lambda: self._write(f"{job.number}.job", dumped(job), replaces=True), DISK)
        if not answer.returned:
            log.warning("the end of the sweep will not tell of job %d: %s", job.number, reason(answer.error))

    def _write(self, name: str, data: bytes, *, replaces: bool) -> None:
        self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state_dir.replace if replaces else state_dir.write)(self._place / name, data, sync=False)

    def _is_new(self, kind: str) -> bool:
        """Whether this is the first job that fails in this way, and few others have failed in other ways."""
        if not self._is_here():
            name = f"{kind}.kind"
            answer = isolation.call(lambda: self._write(name, b"", replaces=False), DISK)
            if isinstance(answer.error, FileExistsError):
                return False
            before = isolation.call(lambda: len(list(self._place.glob("*.kind"))), DISK).value or 0
            return before <= _AT_ONCE
        is_new = kind not in self._kinds and len(self._kinds) < _AT_ONCE
        self._kinds.add(kind)
        return is_new

    def _report(self, error: BaseException | None, seconds: float) -> None:
        run, found = self._run, self._all()
        failed = jobs.not_fine(found)
        facts = isolation.tried(lambda: jobs.facts(found, self._direction, run.language)).value or []
        if self._folder:
            facts.append(("Output folder", self._folder))
        progress = Progress(facts=facts)
        known = {words for job in found if job.kind for words in (job.error, job.left_by)}
        if error is not None and self._described(error)[0] not in known:
            run.failed(error, progress=lambda: progress)
        elif failed:
            progress = Progress(facts=[*facts, ("Duration", duration(seconds, run.language))])
            run.ended_in_part(failed, len(found), progress)
        else:
            run.ended(lambda: progress, what="sweep")

    def _all(self) -> list[Job]:
        """The jobs in their order. Removes the files."""
        elsewhere = isolation.call(self._read, DISK).value or []
        isolation.call(lambda: shutil.rmtree(self._place, ignore_errors=True), DISK)
        both = {**{job.number: job for job in elsewhere}, **self._jobs}
        return [both[number] for number in sorted(both)]

    def _read(self) -> list[Job]:
        """What other processes have written. A file that cannot be read does not count."""
        found: list[Job] = []
        for path in islice(self._place.glob("*.job"), _MOST_JOBS):
            with suppress(OSError):
                found += filter(None, [parsed(Job.load, state_dir.contents(path, _MOST))])
        return found


def _number(value: object) -> str:
    """The number that a task has returned, as `Job` has it. A tensor on a broken device may never answer."""
    if value is None or issubclass(type(value), str | bytes | bool):
        return ""
    answer = isolation.call(lambda: float(cast(Any, value)), PROGRESS).value
    return repr(answer) if answer is not None and math.isfinite(answer) else ""
