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
    """The environment's notifier: one object as long as its variables stay the same. What is wrong is logged once."""

    def __init__(self) -> None:
        self._texts: tuple[str | None, ...] | None = None
        self._notifier: Notifier | None = None

    def get(self) -> Notifier | None:
        """The notifier; None, with a warning, when there is none or it cannot work. Never raises; within 2 s."""
        texts = tuple(map(os.environ.get, (VARIABLE, OF_TWINKLE)))
        if texts == self._texts and (self._notifier is not None or not any(texts)):
            return self._notifier
        # What failed may work later: its class is registered by then, or its disk is there again.
        answer = foreign.call(from_environment, _BUDGET)
        self._notifier = answer.value
        if texts != self._texts:
            self._texts = texts
            if answer.error is not None:
                log.warning("no notifier from the environment: %s", reason(answer.error))
            if answer.value is None:
                log.warning("nobody will be told of this run: give `watch` a notifier, or set %s", VARIABLE)
        return self._notifier


configured = Configured()
