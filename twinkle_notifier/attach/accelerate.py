"""The tracker of a loop with Accelerate that has none of its user's. It imports the framework."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import Any

from twinkle_notifier.alerts import underway
from twinkle_notifier.attach.trainers import AttachedRun
from twinkle_notifier.integrations.accelerate import NotifierTracker, hook


class Attached(NotifierTracker):
    """Is made at a loop's first step, unless another `TrainingRun`, such as the HF Trainer's, reports that loop."""

    _run_class = AttachedRun

    def __init__(self) -> None:
        super().__init__()
        with suppress(RuntimeError):  # the process is ending
            # No hook of Accelerate has the exception that leaves a loop, and not every loop calls `end_training`. Not
            # atexit: no thread may start then. A private function of the standard library, see `mailbox`.
            vars(threading)["_register_atexit"](self._at_exit)

    def _at_exit(self) -> None:
        if not self.run.is_underway or hasattr(sys, "ps1"):
            return
        error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        if error is None:
            self.finish()
        else:
            self.run.failed(error, progress=self.reached)


def _otherwise() -> NotifierTracker | None:
    return Attached() if not underway.goes_on() and AttachedRun.attaches() else None


def attach(_: Any) -> None:
    """An `Accelerator` is made: from now on a loop has a tracker."""
    hook(_otherwise)
