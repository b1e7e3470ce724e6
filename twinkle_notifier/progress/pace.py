"""How fast a training goes: its steps since the last message, without the time in which the process was stopped."""

from __future__ import annotations


class Pace:
    """Steps a second, from steps that are noted now and then.

    What came before the first step does not count: a compilation, or the batches that a resume skips. Nor do steps that
    a resume finds done. Where the steps go back, as to a checkpoint, it begins anew.
    """

    def __init__(self) -> None:
        self.moved_at: float | None = None  # when a new step was last seen; until then, when the first was
        self._first = self._last = self._since = self._stopped = 0.0
        self._moves = False

    def note(self, step: float, now: float, stopped: float = 0.0) -> None:
        """The training is at `step`. The whole process was `stopped` for so many seconds since the last note."""
        if self.moved_at is None or step < self._last:
            self._first, self._since, self._stopped, self._moves, self.moved_at = step, now, 0.0, False, now
        elif step > self._last:
            self._moves, self.moved_at = True, now
        self._last = step
        if self._moves:
            self._stopped += stopped
        else:
            self._since = now

    def steps(self) -> float:
        """Those since the last message."""
        return self._last - self._first

    def speed(self, now: float) -> float | None:
        """Steps a second since the last message; None if there was none, or no time."""
        seconds = now - self._since - self._stopped
        return self.steps() / seconds if self.steps() > 0 and seconds > 0 else None

    def turn(self, now: float) -> None:
        """A message is sent: the next one counts from here."""
        self._first, self._since, self._stopped = self._last, now, 0.0
