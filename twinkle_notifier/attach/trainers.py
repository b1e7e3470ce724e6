"""Trainings of which the user's code says nothing to this package: our callback is put among those of each trainer.

Loaded when the first trainer of an attached process is made. What is raised here breaks no trainer.
"""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.alerts.deferred import Deferred
from twinkle_notifier.isolation.background import background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.mailbox import directory, mailbox
from twinkle_notifier.messages.report import Progress
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.training_run import TrainingRun

log = logging.getLogger("twinkle_notifier")


def before(framework: str, module: ModuleType) -> None:
    """A trainer, whose class `module` defines, is about to be constructed: HF's makes its default callbacks then."""
    if framework == "transformers":
        _try(lambda: importlib.import_module("twinkle_notifier.attach.transformers").attach(module))


def after(framework: str, trainer: Any) -> None:
    """`trainer` is constructed: a Lightning one has its callbacks."""
    if framework == "lightning":
        _try(lambda: importlib.import_module("twinkle_notifier.attach.lightning").attach(trainer))


def _try(work: Callable[[], None]) -> None:
    answer = isolation.tried(work)
    if answer.error is not None and not isinstance(answer.error, Exception):
        raise answer.error  # Ctrl-C, or what the user's handler of a signal raises
    if answer.error is not None:
        log.warning("this training is not attached: %s", reason(answer.error))


class AttachedRun(TrainingRun):
    """Tells what only a process's inside knows, and leaves the rest to the supervisor. Checkpoints hold none of it.

    The supervisor tells the end, so that it is told once: with what is left to it here. It has checked the notifier,
    and has said so where there is none.
    """

    def __init__(self, notifier: Callable[[str], object] | None = None, **_settings: Any) -> None:
        super().__init__(notifier, name=os.environ.get(directory.RUN_NAME) or None)

    def _alerting(self) -> Callable[[str], object] | None:
        notifier = self._notifier()
        return Deferred(notifier) if notifier is not None else None

    def started(self, facts: list[str] | None = None, progress: Callable[[], Progress] | None = None) -> None:
        """See `TrainingRun`. A process that trains again has handled what it met before."""
        super().started(facts, progress)
        before = time.time()
        background.post(lambda: mailbox.tell(lambda to: _forget(to, before)))

    def _check(self, notifier: Callable[[str], object] | None) -> None:
        pass

    def _tell_end(self, progress: Callable[[], Progress], facts: Callable[[], list[str]], what: str) -> None:
        if Where.here().rank == 0:
            lines = self._lines(progress, facts)

            def leave() -> None:
                mailbox.tell(lambda to: to.tell_reached(lines))

            background.post(leave, otherwise=leave)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: a checkpoint is read where nobody has heard of this package."""
        return {}

    def resume(self, states: object) -> None:
        """Nothing is taken over, as nothing is left."""

    def live_in(self, states: dict[str, Any]) -> None:
        """Nothing is left there."""


def _forget(to: mailbox.Mailbox, before: float) -> None:
    """Take away what this process has left to the supervisor to decide until then."""
    for word in to.words():
        if word.state == "deferred" and word.holder == Holder.me() and word.at < before:
            to.forget(word)
