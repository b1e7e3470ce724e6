"""The notifier that the environment describes, for those that are given none."""

from __future__ import annotations

import logging
import os
from time import monotonic

from twinkle_notifier import isolation
from twinkle_notifier.channels import OF_TWINKLE, VARIABLE, from_environment
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.notifier import Notifier

_BUDGET = 2.0  # seconds to make it
_PAUSE = 60.0  # seconds until one that could not be made is asked for again, while nothing has failed

log = logging.getLogger("twinkle_notifier")


class Configured:
    """The environment's notifier: one object as long as its variables stay the same. A copy or pickle begins anew."""

    def __init__(self) -> None:
        self.texts = 0  # a hash of the variables' texts, which may be secret, when they were looked at
        self.complaint = ""  # about them, as it was logged
        self._notifier: Notifier | None = None
        self._again = 0.0  # when what failed is asked for again

    def __reduce__(self) -> tuple[type[Configured], tuple[()]]:
        return type(self), ()  # another process, another environment

    def get(self, *, now: bool = False) -> Notifier | None:
        """The notifier; None when there is none, or it cannot be made: a warning says why.

        Never raises; within 2 s. One that cannot be made is asked for once a minute, and `now`: for an alert.
        """
        variables = (os.environ.get(VARIABLE), os.environ.get(OF_TWINKLE))
        texts = hash(variables)
        if texts == self.texts and (self._notifier is not None or (not now and monotonic() < self._again)):
            return self._notifier
        if not any(variables):
            self.texts, self.complaint, self._notifier, self._again = texts, "", None, 0.0
            return None
        # What failed may work later: its class is registered by then, or its disk is there again.
        answer = isolation.call(from_environment, _BUDGET)
        complaint = "" if answer.returned else reason(answer.error)
        if complaint and complaint != self.complaint:
            log.warning("no notifier from the environment: %s", complaint)
        self.texts, self.complaint, self._notifier = texts, complaint, answer.value
        self._again = monotonic() + _PAUSE
        return self._notifier


configured = Configured()  # for `watch`, which has no object of its own that lives as long as a run
