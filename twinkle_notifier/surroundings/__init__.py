"""The facts around a run that help a person to go on after a crash: where it ran, what it ran, where to look."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from twinkle_notifier import isolation
from twinkle_notifier.credentials.masking import beginning
from twinkle_notifier.surroundings import devices, experiment, job, program, repository
from twinkle_notifier.surroundings.devices import Gpus

T = TypeVar("T")
_PATIENCE = 1.5  # seconds for all looks together
_LONGEST = 500  # characters of a fact


class Surroundings(NamedTuple):
    """What is known around a run. Each fact is one line without secrets, and empty if it is not known.

    They are names and numbers, which read the same in each language.
    """

    job: str = ""  # the scheduler's: "SLURM 4711_3 (sft, partition gpu)", "pod ml/trainer-0"
    log: str = ""  # the path of the file that standard output goes to
    gpus: Gpus = Gpus()  # that this process may use
    command: str = ""  # the command line of this process
    folder: str = ""  # the working folder
    commit: str = ""  # "a1b2c3d4 (main), with uncommitted changes"; without these words it may have some, too
    links: tuple[str, ...] = ()  # where the experiment is tracked: "W&B: https://wandb.ai/me/llm/runs/x1"
    uses_gpu: bool = False  # whether this process has used one, by torch


_commits: dict[str, str] = {}  # of the repositories of working folders, as they were when this process began


def ready(*, anew: bool = False) -> None:
    """Read the commit in a thread, so that a crash need not: that of the code that runs, whatever follows later.

    The command line is masked there, too: that compiles the patterns, which takes as long as half an alert.

    Returns at once. `anew`: also if it is known, as where a notebook trains once more.
    """
    if anew or not _commits:
        isolation.start(lambda: [_fact(program.command), _commit()])


def look() -> Surroundings:
    """What is around this process now. Never raises; takes 1.5 s at most.

    It reads the environment, files and modules that are loaded. It starts no process, imports nothing and asks no
    device and no server. What may hang has a thread: the disk, a driver, an object of somebody else.
    """
    until = time.monotonic() + _PATIENCE
    return Surroundings(
        job=_fact(job.job),
        folder=_fact(program.folder),
        command=_fact(program.command),
        log=_fact(program.log),
        links=_links(until),
        commit=_fact(lambda: _commits.get(program.folder(), "")) or _within(0.8, until, _commit) or "",
        gpus=_gpus(until),
        uses_gpu=isolation.tried(devices.uses_gpu).value is True,
    )


def _commit() -> str:
    folder = isolation.tried(program.folder).value or ""
    found = _commits[folder] = _line(repository.commit())
    return found


def _fact(work: Callable[[], str]) -> str:
    return isolation.tried(lambda: _line(work())).value or ""


def _links(until: float) -> tuple[str, ...]:
    if not experiment.is_tracked():
        return ()
    return _within(0.4, until, lambda: tuple(map(_line, experiment.links()))) or ()


def _gpus(until: float) -> Gpus:
    if not devices.has_driver():
        return Gpus()
    found = _within(0.2, until, devices.gpus) or Gpus()
    return found._replace(models=_line(found.models))


def _within(seconds: float, until: float, work: Callable[[], T]) -> T | None:
    return isolation.call(work, max(min(seconds, until - time.monotonic()), 0.0)).value


def _line(text: str) -> str:
    """`text` in one line, bounded, and without secrets."""
    line = " ".join(beginning(text, 2 * _LONGEST).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
