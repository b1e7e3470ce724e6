"""What a trainer's hooks call with each step, so that a stall shows."""

from __future__ import annotations

from time import monotonic

from twinkle_notifier.stalls.watchdog import StallWatch


class Beats:
    """A training that beats while it makes progress."""

    _watch: StallWatch

    @property
    def stall_after(self) -> float | None:
        """Seconds without a beat after which an alert is sent; None: no stall is looked for."""
        return self._watch.after

    def beat(self, *_: object, **__: object) -> None:
        """A step is done. It reads a clock and stores two numbers, whatever it is given: it can be a hook itself."""
        watch = self._watch
        watch.at = monotonic()
        watch.beats += 1

    def lull(self, *_: object, **__: object) -> None:
        """A step is done. What follows, such as a checkpoint's write, may take ten times `stall_after`."""
        self.beat()
        self._watch.lull = self._watch.beats

    @property
    def watcher(self) -> object:
        """A new object for each training in which stalls are looked for; None while there is none."""
        return self._watch.watcher

    def pause(self) -> None:
        """The training is over, well or not: no stall is looked for until it starts again."""
        self._watch.stop()
