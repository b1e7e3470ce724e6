"""How far a training got since it began, and what it would lose: its loss, its time, its last checkpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from twinkle_notifier import isolation
from twinkle_notifier.budgets import PROGRESS
from twinkle_notifier.course import Course
from twinkle_notifier.messages.progress import Progress


class Trainer:
    """A trainer's answer for how far it got, which may hang. Until it has come, the trainer is not asked again."""

    def __init__(self, progress: Callable[[], Progress]) -> None:
        self._progress, self._asking = progress, threading.Lock()

    def __call__(self) -> Progress:
        """Ask, within a `call`. Raises TimeoutError when another question got no answer in the time of this one."""
        if not self._asking.acquire(timeout=min(isolation.remaining(), PROGRESS)):
            raise TimeoutError("the trainer has not answered the last question")
        try:
            return self._progress()
        finally:
            self._asking.release()


class HowFar:
    """What a run knows of this by itself; the trainer knows the rest."""

    def __init__(self) -> None:
        self.began: float = time.time()
        self.last_checkpoint: str = ""
        self._saved: tuple[float, int | None] | None = None  # when the last checkpoint was written, and its step
        self._course = Course()

    def start(self) -> None:
        """The training begins (again). It goes on from `last_checkpoint`, if there is one."""
        self.began = time.time()
        self._saved = (self.began, None) if self.last_checkpoint else None
        self._course = Course()

    def log(self, metrics: Mapping[str, object]) -> None:
        """The trainer logs `metrics`. They are not read here."""
        self._course.add(metrics)

    def saved(self, checkpoint: str, step: int | None) -> None:
        """A checkpoint is written, at `step`."""
        self.last_checkpoint, self._saved = checkpoint, (time.time(), step)

    def seconds(self) -> float:
        """Since it began."""
        return time.time() - self.began

    def course(self) -> Course:
        """A copy of the course of the loss, as it is now."""
        return self._course.copy()

    def reached(self, progress: Callable[[], Progress], course: Course | None = None) -> Progress:
        """What the trainer says by `progress`, with the last checkpoint and the course of the loss.

        The trainer has 2 s at most, and half of what a call around this has left: if it hangs, the rest is known.
        """
        course = course or self._course
        reached = Progress.of(isolation.call(progress, min(PROGRESS, isolation.remaining() / 2)).value)
        last, growth = reached.last_checkpoint or self.last_checkpoint, reached.growth or course.growth()
        reached = reached._replace(last_checkpoint=last, growth=growth)
        if not reached.metrics:
            reached = reached._replace(metrics=course.metrics())
        if reached.history:
            return reached
        return reached._replace(history=course.read(), history_of=course.name)

    def lost(self, reached: Progress) -> Progress:
        """`reached` with the time since the begin, and what is lost since the last checkpoint."""
        reached = reached._replace(seconds=reached.seconds or self.seconds())
        if self._saved is None or reached.saved_seconds is not None:
            return reached
        at, step = self._saved
        steps = reached.step - step if type(reached.step) is int and type(step) is int else None
        return reached._replace(saved_seconds=time.time() - at, saved_steps=steps)


class Checkpointed:
    """A run that knows its last checkpoint."""

    _far: HowFar

    @property
    def last_checkpoint(self) -> str:
        """The path of the last checkpoint, or of the one that the training has resumed; "" if there is none."""
        return self._far.last_checkpoint

    @last_checkpoint.setter
    def last_checkpoint(self, path: str) -> None:
        self._far.last_checkpoint = path
