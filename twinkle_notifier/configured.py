"""The notifier that the environment describes, for those that are given none."""

from __future__ import annotations

import logging
import os

from twinkle_notifier import foreign
from twinkle_notifier.channels import OF_TWINKLE, VARIABLE, from_environment
from twinkle_notifier.errors import reason
from twinkle_notifier.notifier import Notifier

_BUDGET = 2.0  # seconds to make it

log = logging.getLogger("twinkle_notifier")


class Configured:
    """The environment's notifier: one object as long as its variables stay the same."""

    def __init__(self) -> None:
        self.texts: tuple[str | None, ...] | None = None  # of the variables, when they were looked at
        self.complaint = ""  # about them, as it was logged
        self._notifier: Notifier | None = None

    def get(self) -> Notifier | None:
        """The notifier; None when there is none, or it cannot be made: a warning says why. Never raises; within 2 s."""
        texts = tuple(map(os.environ.get, (VARIABLE, OF_TWINKLE)))
        if texts == self.texts and (self._notifier is not None or not any(texts)):
            return self._notifier
        # What failed may work later: its class is registered by then, or its disk is there again.
        answer = foreign.call(from_environment, _BUDGET)
        complaint = "" if answer.returned else reason(answer.error)
        if complaint and complaint != self.complaint:
            log.warning("no notifier from the environment: %s", complaint)
        self.texts, self.complaint, self._notifier = texts, complaint, answer.value
        return self._notifier


configured = Configured()  # for `watch`, which has no object of its own that lives as long as a run
