"""The notifier that the environment describes, for a run or a block of `watch` that is given none."""

from __future__ import annotations

import logging
import os
from time import monotonic

from twinkle_notifier import isolation
from twinkle_notifier.channels import OF_TWINKLE, VARIABLE, from_environment
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.notifier import Notifier

_BUDGET = 2.0  # seconds to make it
_PAUSE = 60.0  # seconds until the next try, after it could not be made

log: logging.Logger = logging.getLogger("twinkle_notifier")


class Configured:
    """The environment's notifier: one object while its variables stay the same. A copy, or a pickle, begins anew."""

    def __init__(self) -> None:
        self.texts: int = 0  # a hash of the variables when they were last read; their texts may be secret
        self.complaint: str = ""  # about them, as it was logged
        self._notifier: Notifier | None = None
        self._again = 0.0  # when the next try may be

    def __reduce__(self) -> tuple[type[Configured], tuple[()]]:
        return type(self), ()  # another process, another environment

    def get(self, *, now: bool = False) -> Notifier | None:
        """The notifier; None when there is none, or it cannot be made: a warning says why.

        Never raises, and takes at most 2 s. After a failure it tries again once a minute, and for an alert: `now`.
        """
        variables = (os.environ.get(VARIABLE), os.environ.get(OF_TWINKLE))
        texts = hash(variables)
        if texts == self.texts and (self._notifier is not None or (not now and monotonic() < self._again)):
            return self._notifier
        if not any(variables):
            self.texts, self.complaint, self._notifier, self._again = texts, "", None, 0.0
            return None
        # A try that failed may work later: the class may be registered by then, or a disk be back.
        answer = isolation.call(from_environment, _BUDGET)
        complaint = "" if answer.returned else reason(answer.error)
        if complaint and complaint != self.complaint:
            log.warning("no notifier from the environment: %s", complaint)
        self.texts, self.complaint, self._notifier = texts, complaint, answer.value
        self._again = monotonic() + _PAUSE
        return self._notifier


configured: Configured = Configured()  # for `watch`, which has no object that lives as long as a run
