"""What a run keeps in its trainer's checkpoints, and which notifier it has: the user's, or a checkpoint's."""

from __future__ import annotations

import copy
import itertools
import os
import weakref
from collections.abc import Callable
from typing import Any

from twinkle_notifier import checkpoint, settings
from twinkle_notifier.credentials.masking import redact
from twinkle_notifier.delivery import descriptor
from twinkle_notifier.exceptions import kind
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.runtime.stored import hashed
from twinkle_notifier.settings import Configured, is_off

_living: weakref.WeakSet[RunState] = weakref.WeakSet()  # one trainer may have any two of them


class RunState:
    """The state of a run in checkpoints, under a key for each run of a trainer; see `TrainingRun`."""

    def __init__(self, notifier: Callable[[str], object] | None, *, save_secrets: bool) -> None:
        """Raises TypeError: `notifier` is something that cannot be called with a message."""
        if notifier is not None and not callable(notifier):
            raise TypeError(f"notifier is of type {type(notifier).__name__}: give a Notifier, or leave it out")
        self.apart: str = _free_key()  # a key that no other run of this process has
        self.key: str = self.apart  # of the state in a checkpoint, see `placed`
        self._keys: set[str] = set()  # of all runs of this trainer
        _living.add(self)
        self._given = notifier
        self._configured = Configured()
        self._restored: Callable[[str], object] | None = None  # from a checkpoint
        self._restored_from = ""  # a digest: the description may hold a secret
        self._save_secrets = save_secrets
        self._state = checkpoint.fresh()
        self._described_notifier: Callable[[str], object] | None = None

    @property
    def is_supervised(self) -> bool:
        """Whether it runs below `twinkle-notifier run`, which needs the path of each checkpoint: see `saved`."""
        return mailbox.VARIABLE in os.environ

    @staticmethod
    def attaches() -> bool:
        """Whether callbacks that no code of the user's has made send; see docs/settings.md."""
        return settings.attaches(os.environ)

    @staticmethod
    def is_clean_exit(exc: BaseException) -> bool:
        """Whether `exc` is a good end: ``sys.exit()`` with no code or 0, unless the handler of a signal called it."""
        return kind.is_clean_exit(exc)

    def state_dict(self) -> dict[str, Any]:
        """A copy of the state, for a checkpoint, in plain JSON values: the notifier without secrets, alerts sent."""
        return copy.deepcopy(self._described())

    def load_state_dict(self, saved: object) -> None:
        """Take over the state that a checkpoint holds, as far as it can be used; see `checkpoint.read`."""
        self._state, self._described_notifier = checkpoint.read(saved), None
        described = self._state["notifier"]
        if not self._save_secrets:  # the checkpoint may be written with it, but the next one is not
            self._state["notifier"] = redact(described)
        if self._outside() is not None or is_off():
            self._restored = None
            return
        digest = hashed(repr(described), 64)
        if self._restored is None or digest != self._restored_from:
            self._restored_from = digest
            self._restored = checkpoint.from_checkpoint(described, save_secrets=self._save_secrets)

    def resume(self, states: object) -> None:
        """Take over this run's state among the `states` of a checkpoint, if it is there."""
        ours = checkpoint.ours(states)
        saved = ours.get(self.key if self.key in ours else next(iter(ours), ""))
        if saved is not None:
            self.load_state_dict(saved)

    def placed(self, place: int, among: int) -> None:
        """It is at `place`, from 0, `among` so many runs of its trainer. That gives its state the `key`.

        A key by the order of construction could be another one in the process that resumes.
        """
        self.key, self._keys = checkpoint.key(place), set(map(checkpoint.key, range(among)))

    def live_in(self, states: dict[str, Any]) -> None:
        """Put the state itself into `states`, under `key`: alerts that are sent later show there at once.

        States that an earlier trainer with more callbacks left there are removed.
        """
        for key in [key for key in states if checkpoint.is_ours(key) and self._keys and key not in self._keys]:
            del states[key]
        states[self.key] = self._described()

    def _described(self) -> dict[str, Any]:
        notifier = self._notifier()
        if notifier is not self._described_notifier:  # once, as a to_dict that hangs would delay every checkpoint
            self._state["notifier"] = descriptor.describe(notifier, save_secrets=self._save_secrets)
            self._described_notifier = notifier
        return self._state

    def _describe_to_supervisor(self) -> None:
        described = descriptor.describe(self._notifier(), save_secrets=False)
        mailbox.report(lambda to: to.record_run(described))

    def _notifier(self, *, now: bool = False) -> Callable[[str], object] | None:
        outside = self._outside(now=now)
        return outside if outside is not None or is_off() else self._restored

    def _alerting(self) -> Callable[[str], object] | None:
        """The notifier for the alert of an exception."""
        return self._notifier(now=True)

    def _outside(self, *, now: bool = False) -> Callable[[str], object] | None:
        """The notifier that was given, else the environment's. Either goes before a checkpoint's."""
        return self._given if self._given is not None else self._configured.get(now=now)


def _free_key() -> str:
    return next(key for key in map(checkpoint.key, itertools.count()) if all(key != run.apart for run in _living))
