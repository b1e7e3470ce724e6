"""What is around a run, and out of order on its machine: it is looked at while the alert is prepared."""

from __future__ import annotations

import os
import time

from twinkle_notifier import isolation
from twinkle_notifier.alerts.event import Event
from twinkle_notifier.messages.report import Report
from twinkle_notifier.runtime import node_history
from twinkle_notifier.surroundings import look, machine

_PATIENCE = 0.5  # seconds to wait for all at the end


class Around:
    """The looks, which begin at once: also at the nodes of earlier failures."""

    def __init__(self, event: Event) -> None:
        checkpoint, seconds = event.progress.last_checkpoint, event.mark.at.age()
        self._failures = isolation.start(node_history.earlier)
        self._run = isolation.start(look)
        self._machine = isolation.start(lambda: machine.look(checkpoint, seconds, (os.getpid(),)))

    def shown_in(self, report: Report) -> Report:
        """`report` with what was found by now, or is half a second later; the machine's part only in a failure's."""
        until = time.monotonic() + _PATIENCE
        report = report.placed(self._run(_PATIENCE).value)
        if not report.is_failure():
            return report
        found = self._machine(max(until - time.monotonic(), 0.0)).value or ()
        return report.beside(found, self._failures(max(until - time.monotonic(), 0.0)).value or ())
