# pyright: reportMissingImports=false, reportUnknownVariableType=false
"""verl's plug-in, of the group ``verl.plugins``: verl loads this module in the driver and in each worker.

It does nothing unless a notifier is set up by a variable or a file, and if ``TWINKLE_NOTIFIER_ATTACH`` is 0.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twinkle_notifier import notify_exception, settings
from twinkle_notifier.alerts import pipeline
from twinkle_notifier.attach.trainers import AttachedRun
from twinkle_notifier.controller_run import ControllerRun
from twinkle_notifier.integrations.verl import track
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.runtime import run_name
from twinkle_notifier.training_run import TrainingRun


class _Run(ControllerRun):
    """The trainer's process is a worker of Ray's, as a controller is, but takes steps."""

    _start_watch = TrainingRun._start_watch


class _Attached(AttachedRun, _Run):
    pass


def attach() -> None:
    """Put a tracker into each `Tracking` of this process; as the driver, report what ends it and no tracker could."""
    from verl.utils.tracking import Tracking

    track(Tracking, _run_of)
    if not _is_worker_of_ray():
        atexit.register(_end_of_driver, time.time())
        if mailbox.VARIABLE not in os.environ:  # `run` sees such an end by itself
            with suppress(ImportError):
                _report_errors_of_main()


def is_wanted() -> bool:
    """Whether somebody has set up a notifier, and has not switched this off."""
    return settings.attaches(os.environ) and settings.is_set_up()


def _run_of(experiment: str) -> TrainingRun:
    if mailbox.VARIABLE in os.environ:
        return _Attached()
    return _Run(name=None if os.environ.get(run_name.VARIABLE) else experiment)


def _is_worker_of_ray() -> bool:
    return os.path.basename((sys.argv or [""])[0]) == "default_worker.py"


def _report_errors_of_main() -> None:
    """Report what is raised in a function that ``hydra.main`` decorates, as verl's: Hydra prints it, and exits."""
    import hydra

    main = hydra.main

    @functools.wraps(main)
    def reporting(*args: Any, **kwargs: Any) -> Any:
        decorate = main(*args, **kwargs)

        def decorated(task: Callable[..., Any]) -> Any:
            @functools.wraps(task)  # by which Hydra finds the file of `task`
            def run(config: Any) -> Any:
                try:
                    return task(config)
                except Exception as error:
                    notify_exception(settings.configured.get(now=True), "", error)
                    raise

            return decorate(run)

        return decorated

    hydra.main = reporting


def _end_of_driver(began: float) -> None:
    """Report what ends the driver: Ctrl-C, which it alone gets, or an error. One of a worker is not reported again.

    Below `run`, note what the trainer's process has reported: here the run ends.
    """
    if hasattr(sys, "ps1"):  # who types at a prompt has seen each error, and none of them has ended the process
        return
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if mailbox.VARIABLE in os.environ:
        pipeline.adopt(error or SystemExit(1), began)
    elif error is not None:
        notify_exception(settings.configured.get(now=True), "", error)


if is_wanted():
    attach()
