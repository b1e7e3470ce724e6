"""The facts around a run that help a person to go on after a crash: where it ran, what it ran, where to look."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.credentials.masking import beginning
from twinkle_notifier.surroundings import devices, experiment, job, program, repository
from twinkle_notifier.surroundings.devices import Gpus

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


def look() -> Surroundings:
    """What is around this process now. Never raises; takes 1.5 s at most.

    It reads the environment, files and modules that are loaded. It starts no process, imports nothing and asks no
    device and no server.
    """
    until = time.monotonic() + _PATIENCE
    return Surroundings(
        job=_fact(job.job, 0.2, until),
        folder=_fact(program.folder, 0.1, until),
        command=_fact(program.command, 0.3, until),
        log=_fact(program.log, 0.2, until),
        links=_links(0.4, until),
        commit=_fact(repository.commit, 0.8, until),
        gpus=_gpus(0.2, until),
        uses_gpu=isolation.call(devices.uses_gpu, _within(0.1, until)).value is True,
    )


def _fact(work: Callable[[], str], seconds: float, until: float) -> str:
    return isolation.call(lambda: _line(work()), _within(seconds, until)).value or ""


def _gpus(seconds: float, until: float) -> Gpus:
    found = isolation.call(devices.gpus, _within(seconds, until)).value or Gpus()
    return found._replace(models=_line(found.models))


def _links(seconds: float, until: float) -> tuple[str, ...]:
    return isolation.call(lambda: tuple(map(_line, experiment.links())), _within(seconds, until)).value or ()


def _within(seconds: float, until: float) -> float:
    return max(min(seconds, until - time.monotonic()), 0.0)


def _line(text: str) -> str:
    """`text` in one line, bounded, and without secrets."""
    line = " ".join(beginning(text, 2 * _LONGEST).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
