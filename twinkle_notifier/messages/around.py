"""What is around a run, as list items: the job and its log, the devices, the command, the commit, the experiment."""

from __future__ import annotations

from twinkle_notifier.messages.catalog import fact, facts, phrase, retold
from twinkle_notifier.messages.sanitize import line, path
from twinkle_notifier.surroundings import Surroundings
from twinkle_notifier.surroundings.devices import Gpus

_FACT = 300  # characters
_OFFLINE = "{tracker}, offline: {folder}"  # as a link says it
_CHANGED = ", with uncommitted changes"  # as the repository says it


def job_lines(around: Surroundings, language: str = "en") -> list[str]:
    """The scheduler's job, and the file with its output."""
    return facts(fact(language, "Job", line(around.job, _FACT)), fact(language, "Log", path(around.log, _FACT)))


def lines(around: Surroundings, language: str = "en") -> list[str]:
    """What helps to do the same again, or to look it up."""
    commit = retold(language, line(around.commit, _FACT), _CHANGED)
    return facts(
        fact(language, "Visible GPUs", _gpus(around.gpus, language)),
        fact(language, "Command", path(around.command, _FACT)),
        fact(language, "Folder", path(around.folder, _FACT)),
        fact(language, "Commit", commit),
        *(f"- {retold(language, line(link, _FACT), _OFFLINE)}" for link in around.links),
    )


def _gpus(gpus: Gpus, language: str) -> str:
    models = line(gpus.models, _FACT)
    return phrase(language, "{number} of these: {models}", number=gpus.chosen, models=models) if gpus.chosen else models
