"""Whether a command has stalled, as far as can be seen from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from twinkle_notifier.mailbox.notes import Beat

_SLOWEST = 10.0  # times the slowest step seen is no stall yet
_FRESH = 30.0  # seconds; a rank says every few seconds how it gets on
_LATE = 5.0  # seconds between two looks that are no lateness


class OutputWatchdog:
    """No output and no heartbeat for `after` seconds. Where ranks have watchers of their own, these tell, and see more.

    All times are in seconds; `now` is of a clock that stops while the machine is suspended.
    """

    def __init__(self, after: float, now: float) -> None:
        self._after = after
        self._looked = self._heard = now
        self._since: float | None = None  # it is silent, and that was told
        self.lasted: float = 0.0  # without a sign, when `look` last gave a word

    def look(
        self, now: float, last_output: float | None, wall: float, beats: Sequence[Beat]
    ) -> Literal["silent", "moving"] | None:
        """``silent`` when that begins to count, ``moving`` when it ends. Called about each second.

        Without an output that can be seen (None), and without a beat, nothing is known.
        """
        late, self._looked = now - self._looked - _LATE, now
        if late > 0:  # we were stopped, and so was the command
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
