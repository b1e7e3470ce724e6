"""Looks at a command while it runs, about each second, in a thread of its own: a disk that hangs holds up no signal."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from twinkle_notifier import foreign
from twinkle_notifier.errors import reason
from twinkle_notifier.runtime import Attempt
from twinkle_notifier.supervise import torchrun
from twinkle_notifier.supervise.ending import Ending
from twinkle_notifier.supervise.silence import Silence
from twinkle_notifier.supervise.streams import Streams
from twinkle_notifier.supervise.teller import Teller
from twinkle_notifier.supervise.torchrun import Lost
from twinkle_notifier.supervision import Supervision

_TICK = 1.0  # seconds
_ASKED = 10.0  # seconds that a command which was asked to end may take, before that is told; schedulers kill after 30
_LOOK = 60.0  # seconds for one look; it may have something to tell
_END = 10.0  # seconds for a look that is under way
_SELDOM = 5  # looks between two for torchrun's ranks: there may be many processes
_DEEP = 6  # generations of a command's processes that are looked at

log = logging.getLogger("twinkle_notifier")


class Watch:
    """Of one command, from `begin` to `end`."""

    def __init__(
        self,
        teller: Teller,
        stall_after: float | None,
        streams: Streams,
        pid: int,
        folder: Supervision | None,
        ending: Callable[[int], Ending],
    ) -> None:
        self._teller, self._streams, self._pid, self._folder, self._ending = teller, streams, pid, folder, ending
        self._silence = Silence(stall_after, time.monotonic()) if stall_after is not None else None
        self._lost: dict[int, tuple[Lost, float]] = {}  # by process id, with the time
        self._seen_lost = self._ticks = 0
        self.attempt: Attempt | None = None  # of torchrun's, if it may restart
        self._known = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="twinkle-notifier-watch", daemon=True)

    def begin(self) -> None:
        """The command runs."""
        self._thread.start()

    def end(self) -> bool:
        """The command has ended; whether people were told already that it would."""
        self._over.set()
        if self._thread.is_alive():  # it may never have started
            self._thread.join(_END)
        return self._known

    def _look_on(self) -> None:
        looks = (self._look_at_signals, self._look_for_silence, self._look_for_restarts, self._teller.overdue)
        helper = foreign.Helper()
        while not self._over.wait(_TICK):
            for look in looks:
                answer = helper.call(look, _LOOK)
                if not answer.returned:  # a disk that is gone, most likely: once more in a second
                    log.debug("a look at the command failed: %s", reason(answer.error))

    def _look_at_signals(self) -> None:
        ending = self._ending(0)
        if ending.asked is None:
            self._known = False  # it was long ago
        elif not self._known and time.time() - ending.asked_at > _ASKED:
            self._known = self._teller.preempted(ending)

    def _look_for_silence(self) -> None:
        if self._silence is None:
            return
        beats = self._folder.beats() if self._folder is not None else []
        word = self._silence.look(time.monotonic(), self._streams.last, time.time(), beats)
        if word == "silent":
            self._teller.silent(self._silence.lasted, self._what_is_known())
        elif word == "moving":
            self._teller.moving(self._silence.lasted)

    def _what_is_known(self) -> list[str]:
        pids = ", ".join(str(pid) for pid in islice(_descendants(self._pid), 8))
        return [
            "- Seen from outside: no output, and no heartbeat of a callback",
            f"- Processes: {pids}; `py-spy dump --pid PID` shows where one is",
            "- With NotifierCallback(stall_after=...) this message would name the rank, and show where it stands",
        ]

    def _look_for_restarts(self) -> None:
        for lost in torchrun.lost(self._streams.tail()):
            self._lost.setdefault(lost.pid, (lost, time.time()))
        self._ticks += 1
        if len(self._lost) == self._seen_lost and (self.attempt is not None or self._ticks % _SELDOM):
            return
        before, self.attempt = self.attempt, _attempt(self._pid) or self.attempt
        if self.attempt is None or not self._lost or self.attempt.number <= (before.number if before else 1):
            return
        self._seen_lost = len(self._lost)
        lost, at = list(self._lost.values())[-1]
        self._teller.restarted(
            replace(self._ending(1), lost=lost, at=at, attempt=replace(self.attempt, number=self.attempt.number - 1))
        )


def _attempt(pid: int) -> Attempt | None:
    """As torchrun tells it to its ranks, if some of the processes below `pid` are such."""
    for child in _descendants(pid):
        try:
            env = Path(f"/proc/{child}/environ").read_bytes()
        except OSError:  # gone, or another user's
            continue
        found = dict(re.findall(rb"(?:^|\0)TORCHELASTIC_(RESTART_COUNT|MAX_RESTARTS)=(\d+)", env))
        if len(found) == 2 and int(found[b"MAX_RESTARTS"]):
            return Attempt(int(found[b"RESTART_COUNT"]) + 1, int(found[b"MAX_RESTARTS"]) + 1)
    return None


def _descendants(pid: int) -> Iterator[int]:
    """The processes below `pid`, and itself, nearest first."""
    generation = [pid]
    for _ in range(_DEEP):
        yield from generation
        generation = [child for parent in generation for child in _children(parent)]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    except OSError:  # gone
        pass
    return found
