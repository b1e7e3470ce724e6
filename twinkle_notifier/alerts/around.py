"""What is around a run, and out of order on its machine: it is looked at while the alert is prepared."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.alerts.event import Event
from twinkle_notifier.exceptions.chain import chain
from twinkle_notifier.isolation import Answer
from twinkle_notifier.messages.report import Report
from twinkle_notifier.runtime import node_history
from twinkle_notifier.surroundings import look, machine
from twinkle_notifier.surroundings.devices import uses_gpu
from twinkle_notifier.surroundings.trouble import Trouble

_PATIENCE = 0.5  # seconds to wait for all at the end
_OF_CODE = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError),
    *(NameError, StopIteration, TypeError, ValueError),
)


class Around:
    """The looks, which begin at once: also at the nodes of earlier failures."""

    def __init__(self, event: Event) -> None:
        self._run = isolation.start(look)
        self._machine = isolation.start(partial(_machine, event)) if _may_be_the_machines(event.exc) else _nothing
        self._failures = isolation.start(node_history.earlier) if node_history.is_kept() else _nothing

    def shown_in(self, report: Report) -> Report:
        """`report` with what was found by now, or is half a second later; the machine's part only in a failure's."""
        until = time.monotonic() + _PATIENCE
        report = report.placed(self._run(_PATIENCE).value)
        if not report.is_failure():
            return report
        troubles = self._machine(max(until - time.monotonic(), 0.0)).value or ()
        return report.beside(troubles, self._failures(max(until - time.monotonic(), 0.0)).value or ())


def _machine(event: Event) -> Sequence[Trouble]:
    return machine.look(event.progress.last_checkpoint, event.mark.at.age(), (os.getpid(),))


def _nothing(seconds: float) -> Answer[Any]:
    return Answer()


def _may_be_the_machines(exc: BaseException) -> bool:
    """Whether more than the code may be to blame: a process without a GPU needs no look at it for a KeyError."""
    return isolation.tried(uses_gpu).value is True or not all(issubclass(type(link), _OF_CODE) for link in chain(exc))
