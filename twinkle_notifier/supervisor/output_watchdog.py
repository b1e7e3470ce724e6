"""Whether a command has stalled, by its output and by the beats of its ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from twinkle_notifier.mailbox.notes import Beat

_SLOWEST = 10.0  # a stall lasts longer than so many times the slowest step
_FRESH = 30.0  # seconds; a rank records its progress every few seconds
_LATE = 5.0  # seconds between two checks that are no delay


class OutputWatchdog:
    """Detects from outside that a command has stalled: there was no output and no beat for `after` seconds.

    A rank with its own watchdog reports, as that sees more.
    All times are in seconds; `now` is of a clock that stops while the machine is suspended.
    """

    def __init__(self, after: float, now: float) -> None:
        self._after = after
        self._checked = self._heard = now
        self._since: float | None = None  # of a reported silence: its last sign of life
        self.lasted: float = 0.0  # seconds of the silence that `check` last reported

    def check(
        self, now: float, last_output: float | None, wall: float, beats: Sequence[Beat]
    ) -> Literal["silent", "moving"] | None:
        """``silent`` when a silence is long enough, ``moving`` when it ends. To be called about each second.

        `last_output` is None if the output cannot be seen. Without that and without a beat nothing is known.
        """
        late, self._checked = now - self._checked - _LATE, now
        if late > 0:  # this process was stopped, and so was the command
            self._heard += late
        newest = max((beat.at for beat in beats), default=0.0)
        if last_output is None and not beats:
            return None
        heard = max(last_output or 0.0, now - (wall - newest) if beats else 0.0)
        self._heard = max(self._heard, heard)
        is_watched = wall - newest < _FRESH
        if self._since is not None and heard > self._since:
            self.lasted, self._since = now - self._since, None
            return "moving"
        threshold = max([self._after, *(_SLOWEST * beat.slowest for beat in beats)])
        if self._since is None and not is_watched and now - self._heard > threshold:
            self.lasted, self._since = now - self._heard, self._heard
            return "silent"
        return None
