"""Adds our callback to each trainer of an attached process, unless the user did, and bounds what it may break.

It is loaded when the first trainer is made. What is raised here breaks no trainer.
"""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.alerts.handover import Deferred
from twinkle_notifier.isolation.background import background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.training_run import TrainingRun

log: logging.Logger = logging.getLogger("twinkle_notifier")


def attach(framework: str, to: object) -> None:
    """Add the callback to a new Lightning trainer, or to the defaults of HF's module before it makes a trainer."""
    harmless(lambda: importlib.import_module(f"twinkle_notifier.attach.{framework}").attach(to))


def harmless(work: Callable[[], object]) -> None:
    """Do our own `work` amid a trainer's. What it raises breaks no training: it is logged."""
    error = isolation.tried(work).error
    if error is not None and not isinstance(error, Exception):
        raise error  # Ctrl-C, or what the user's handler of a signal raises
    if error is not None:
        log.warning("this training is not attached: %s", reason(error))


class UnsavedRun(TrainingRun):
    """A training whose user's code has no callback of ours: its checkpoints may be read by code without this package.

    They hold nothing of it.
    """

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def resume(self, states: object) -> None:
        """Do nothing."""

    def live_in(self, states: dict[str, Any]) -> None:
        """Do nothing."""


class AttachedRun(UnsavedRun):
    """One below `twinkle-notifier run`: the supervisor sends its alerts.

    The supervisor reports the end, once, with what this process leaves to it. It has checked the notifier, and has
    warned if there is none.
    """

    def __init__(self, notifier: Callable[[str], object] | None = None, **_settings: Any) -> None:
        super().__init__(notifier, name=os.environ.get(mailbox.RUN_NAME) or None)

    def _alerting(self) -> Callable[[str], object] | None:
        notifier = self._notifier()
        return Deferred(notifier) if notifier is not None else None

    def started(self, facts: list[str] | None = None, progress: Callable[[], Progress] | None = None) -> None:
        """See `TrainingRun`. A process that trains again has handled what it met before."""
        super().started(facts, progress)
        before = time.time()
        background.post(lambda: mailbox.report(lambda to: _forget(to, before)))

    def _check(self, notifier: Callable[[str], object] | None) -> None:
        pass

    def _send_end(self, progress: Callable[[], Progress], facts: Callable[[], list[str]], what: str) -> None:
        if Where.here().rank == 0:
            lines = self._lines(progress, facts)

            def record() -> None:
                mailbox.report(lambda to: to.record_reached(lines))

            background.post(record, otherwise=record)


def _forget(to: mailbox.Mailbox, before: float) -> None:
    """Remove the notes that this process deferred before the time `before`."""
    for note in to.notes():
        if note.state == "deferred" and note.holder == Holder.me() and note.at < before:
            to.forget(note)
