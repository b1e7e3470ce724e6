"""Sends progress messages of a training, from a thread of its own: no step waits, and none does anything for it."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.budgets import CRASH_BUDGET, PROGRESS
from twinkle_notifier.delivery.standing import Standing
from twinkle_notifier.isolation import safe, threads
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.message import Message, Outcome, random_id
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.progress import every
from twinkle_notifier.progress.every import Every
from twinkle_notifier.progress.pace import Pace
from twinkle_notifier.progress.report import Speed, markdown
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.log_repeats import log

POLL = 5.0  # seconds between two looks at the steps
_TEXT = 3 * PROGRESS  # seconds to make a message, the trainer's answer included


class Reached(NamedTuple):
    """A training, and who gets messages about it.

    `asked`: the trainer's own answer for how far it got. `reached`: the same with metrics and the loss. `beats`: the
    steps, where the trainer says none.
    """

    notifier: Callable[[], Callable[[str], object] | None]
    name: str
    language: str
    asked: Callable[[], Progress]
    reached: Callable[[], Progress]
    beats: int


class ProgressWatch:
    """Sends a training's progress messages, from rank 0 alone.

    A copy, or a pickle, sends nothing until it is started; nor does the one in a forked process.
    """

    def __init__(self, how: Every | None) -> None:
        self.every: Every | None = how  # None: nothing is sent
        self._sender: _Sender | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(ProgressWatch(self.every))}

    def start(self, training: Callable[[], Reached]) -> None:
        """Send messages about the `training` from now on. It is a method of an object that is not kept alive."""
        self.stop()
        if self.every is not None and Where.here().rank == 0:
            self._sender = _Sender(self.every, training)

    def stop(self) -> None:
        """No message begins from now on. Returns at once."""
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.stop()


class _Sender:
    def __init__(self, how: Every, training: Callable[[], Reached]) -> None:
        self._every, self._training = how, weakref.WeakMethod(training)  # a training that nobody ended ends by itself
        self._pid, self._over = os.getpid(), threading.Event()
        self._pace, self._standing = Pace(), Standing()
        self._sent_at = time.monotonic()
        self._has_sent = self._is_still = False
        self._part: int | None = None  # how many parts of the steps were done at the last look
        self._began_at: float | None = None  # the first step that was seen
        if not threads.started(threads.Stoppable(self._run, "twinkle-notifier-progress", self._over.set)):
            log.warning("no progress messages: no thread can start")

    def stop(self) -> None:
        if self._pid == os.getpid():  # else the thread is the parent's, and its lock may be held
            self._over.set()

    def _run(self) -> None:
        asleep = time.monotonic()
        while not self._over.wait(POLL):
            late = time.monotonic() - asleep - POLL
            training = self._training()
            if training is None:
                return
            answer = isolation.tried(partial(self._look_at, training, late if late > POLL else 0.0))
            if answer.error is not None:
                log.warning("no progress message: %s", reason(answer.error))
            del training, answer
            asleep = time.monotonic()

    def _look_at(self, training: Callable[[], Reached], stopped: float) -> None:
        self._look(training(), stopped)

    def _look(self, about: Reached, stopped: float) -> None:
        """Note the step; send a message if one is due. The process was `stopped` for so many seconds."""
        now = time.monotonic()
        step, of_steps = self._steps(about)
        if step is not None:
            self._began_at = step if self._began_at is None else self._began_at
            self._pace.note(step, now, stopped)
        if self._is_due(now, step, of_steps):
            self._send(about, step, now)

    def _steps(self, about: Reached) -> tuple[float | None, float | None]:
        progress = isolation.call(about.asked, PROGRESS).value
        step, of_steps = (safe.finite(getattr(progress, name, None)) for name in ("step", "of_steps"))
        return (about.beats or None) if step is None else step, of_steps

    def _is_due(self, now: float, step: float | None, of_steps: float | None) -> bool:
        if self._every.seconds:
            return now - self._sent_at >= self._every.seconds and self._has_moved()
        if step is None or not of_steps:
            if step is not None and step != self._began_at:
                log.warning(_NO_STEPS, self._every.text)
            return False
        part = int(min(step / of_steps, 1.0) / self._every.part + 1e-9)
        if self._part is None or part < self._part:  # a resume finds some of them done
            self._part = part
        rests = self._has_sent and now - self._sent_at < every.LEAST
        if part == self._part or rests or step >= of_steps:  # the end has a message of its own
            return False
        self._part = part
        return True

    def _has_moved(self) -> bool:
        """Whether there was a step since the last message; one message says that there was none."""
        moved = self._pace.moved_at is None or self._pace.steps() > 0
        was_still, self._is_still = self._is_still, not moved
        return moved or not was_still

    def _send(self, about: Reached, step: float | None, now: float) -> None:
        self._sent_at, self._has_sent = now, True
        notifier = about.notifier()
        if notifier is None:
            return
        idle = now - self._pace.moved_at if self._pace.moved_at is not None else None
        speed = Speed(self._pace.speed(now), idle)
        self._pace.turn(now)
        answer = isolation.call(lambda: _message(about, step, speed), _TEXT)
        outcome = Outcome("failed", reason(answer.error))
        if answer.value is not None and not self._over.is_set():
            outcome = self._standing.send(notifier, answer.value, CRASH_BUDGET)
        if outcome.status not in ("sent", "skipped") and not self._over.is_set():
            log.warning("progress message not sent: %s", outcome.reason)


_NO_STEPS = (
    "no progress messages: progress_every is %r, and this training does not say how many steps there are. "
    'Give a time, such as "2h"'
)


def _message(about: Reached, step: float | None, speed: Speed) -> Message:
    reached = about.reached()
    if reached.step is None and step is not None:
        reached = reached._replace(step=int(step))
    text = markdown(about.name, reached, speed, Where.here(), about.language)
    return Message(text, random_id(), "info", calls=False, quiet=True)
