"""Counts the messages to a robot per minute, over all processes that share the state folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.runtime.stored import Stored, hashed

_SECOND = 1.1  # seconds
_MINUTE = 61.0  # seconds: the service's clock may run a little slower
_PATIENCE = 1.0  # seconds to wait for the lock
_LONGEST = 30.0  # seconds that a process holds it; usually a millisecond
_FOLDER = 1.5  # seconds for the folder, the lock included; then this process counts on its own
_MOST = 1 << 16  # bytes of a file; the times of a minute take a few hundred
_LONGEST_HOLD = 3600.0  # seconds that a service may ask for; what it asks for longer is tried once an hour
_BUSY = 5.0  # seconds until the next try, when so many processes want to send that this one cannot count

# What this process counts on its own, where the folder does not work.
_known_here: dict[str, tuple[list[float], float]] = {}
# From the times of sent messages, and the time until which the robot is closed, to both of them anew and the wait.
_Step = Callable[[list[float], float], tuple[list[float], float, float]]


class Rate(NamedTuple):
    """The limit of one robot.

    Args:
        robot: its identity, such as its webhook URL; only the hash is kept.
        per_minute: messages.
        penalty: seconds for which the service refuses all messages after too many.
        per_second: messages; 0 for no such limit.
        spare: messages of a minute that stay for others.
    """

    robot: str
    per_minute: int
    penalty: float
    per_second: int = 0
    spare: int = 0

    def take(self) -> float:
        """Count a message that is sent now, and return 0. If none may be sent, return the seconds until one may."""
        own = self._alone(self._taken)
        answer = isolation.call(lambda: self._change(self._taken), _FOLDER)
        return answer.result() if answer.returned else own

    def exceeded(self, seconds: float | None = None) -> None:
        """Let nobody send for so many `seconds`, by default those of the penalty: the service has refused a message."""
        held = partial(self._held, min(self.penalty if seconds is None else seconds, _LONGEST_HOLD))
        self._alone(held)
        isolation.call(lambda: self._change(held), _FOLDER)

    def _taken(self, sent: list[float], closed_until: float) -> tuple[list[float], float, float]:
        now = time.time()
        recent = [at for at in sent if 0 <= now - at < _MINUTE]  # a clock that was set back forgets
        longest = max(self.penalty, _LONGEST_HOLD)
        wait = closed_until - now if closed_until - now <= longest else 0.0  # set back: it is over
        if len(recent) >= (most := self.per_minute - self.spare):
            wait = max(wait, recent[-most] + _MINUTE - now)
        if self.per_second and len(recent) >= self.per_second:
            wait = max(wait, recent[-self.per_second] + _SECOND - now)
        return (recent, closed_until, wait) if wait > 0 else ([*recent, now], 0.0, 0.0)

    def _held(self, seconds: float, sent: list[float], _closed_until: float) -> tuple[list[float], float, float]:
        return sent, time.time() + seconds, seconds

    def _change(self, step: _Step) -> float:
        name = hashed(self.robot, errors="replace")
        return state_dir.within(["rate"], lambda folder: _changed(folder / name, step))

    def _alone(self, step: _Step) -> float:
        sent, closed_until, wait = step(*_known_here.get(self.robot, ([], 0.0)))
        _known_here[self.robot] = (sent, closed_until)
        return wait


def _changed(path: Path, step: _Step) -> float:
    with state_dir.locked(path, _PATIENCE, _LONGEST) as handle:
        if handle is None:
            return _BUSY
        sent, closed_until, wait = step(*_read(handle))
        # In one write, and with a newline: the rest of a longer line may follow it.
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps({"sent": sent, "closed_until": closed_until}).encode() + b"\n")
    return wait


def _read(handle: int) -> tuple[list[float], float]:
    with suppress(ValueError):  # what is damaged is written anew
        os.lseek(handle, 0, os.SEEK_SET)
        data = Stored.read(os.read(handle, _MOST).partition(b"\n")[0])
        return data.numbers("sent"), data.number("closed_until")
    return [], 0.0
