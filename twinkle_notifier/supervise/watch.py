"""Looks at a command while it runs, each second, in a thread of its own: a disk that hangs holds up no signal."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from twinkle_notifier import foreign
from twinkle_notifier.errors import reason
from twinkle_notifier.runtime import Attempt
from twinkle_notifier.supervise import orphans
from twinkle_notifier.supervise.ending import Ending
from twinkle_notifier.supervise.last_lines import Output
from twinkle_notifier.supervise.say import say
from twinkle_notifier.supervise.silence import Silence
from twinkle_notifier.supervise.teller import Teller
from twinkle_notifier.supervision import Restart, Supervision

_TICK = 1.0  # seconds
_ASKED = 10.0  # seconds that a command which was asked to end may take, before that is told; schedulers kill after 30
_LOOK = 60.0  # seconds for one look; it may have something to tell
_END = 10.0  # seconds for a look that is under way
_DEEP = 6  # generations of a command's processes that are looked at

log = logging.getLogger("twinkle_notifier")


class Watch:
    """Of one command, from `begin` to `end`."""

    def __init__(
        self,
        teller: Teller,
        stall_after: float | None,
        output: Output,
        pid: int,
        folder: Supervision | None,
        ending: Callable[[int], Ending],
    ) -> None:
        self._teller, self._output, self._pid, self._folder, self._ending = teller, output, pid, folder, ending
        self._silence = Silence(stall_after, time.monotonic()) if stall_after is not None else None
        self._written = time.monotonic()  # when something was last seen to be written
        self._told = 0  # restarts
        self._known = self._complained = False
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
        looks = (self._look_at_signals, self._look_at_output, self._look_for_restarts, self._teller.overdue)
        helper = foreign.Helper()
        self._look(helper, self._output.look)  # before the command has written much
        self._look(helper, self._take_over)
        while not self._over.wait(_TICK):
            for look in looks:
                self._look(helper, look)

    def _look(self, helper: foreign.Helper, look: Callable[[], object]) -> None:
        answer = helper.call(look, _LOOK)
        if not answer.returned:  # a disk that is gone, most likely: once more in a second
            log.debug("a look at the command failed: %s", reason(answer.error))

    def _take_over(self) -> None:
        """What killed supervisors have left."""
        if self._folder is not None:
            orphans.adopt([self._folder.folder.parent.parent])

    def _look_at_signals(self) -> None:
        ending = self._ending(0)
        if ending.asked is None:
            self._known = False  # it was long ago
        elif not self._known and time.time() - ending.asked_at > _ASKED:
            self._known = self._teller.preempted(ending)

    def _look_at_output(self) -> None:
        if self._output.look():
            self._written = time.monotonic()
        if not self._complained:
            self._complained = True
            self._complain()
        if self._silence is None:
            return
        beats = self._folder.beats() if self._folder is not None else []
        written = self._written if self._output.is_seen else None
        word = self._silence.look(time.monotonic(), written, time.time(), beats)
        if word == "silent":
            self._teller.silent(self._silence.lasted, self._what_is_known())
        elif word == "moving":
            self._teller.moving(self._silence.lasted)

    def _complain(self) -> None:
        if complaint := self._output.complaint():
            say(complaint)
        if self._silence is not None and not self._output.is_seen:
            say("a silence cannot be seen in the output: --stall-after counts on the callbacks in the command alone")

    def _what_is_known(self) -> list[str]:
        pids = ", ".join(str(pid) for pid in islice(_descendants(self._pid), 8))
        return [
            "- Seen from outside: no output, and no beat of a callback",
            f"- Processes: {pids}; `py-spy dump --pid PID` shows where one is",
            "- With NotifierCallback(stall_after=...) this message would name the rank, and show where it stands",
        ]

    def _look_for_restarts(self) -> None:
        for restart in self._restarts()[self._told :]:
            self._told += 1
            self._teller.restarted(restart, self._ending(1))

    def _restarts(self) -> list[Restart]:
        """Of torchrun's agent, the first if there are several."""
        restarts = self._folder.restarts() if self._folder is not None else []
        return [restart for restart in restarts if restart.pid == restarts[0].pid and restart.failures]

    def attempt(self) -> Attempt | None:
        """The one that runs now, or was the last; None if torchrun has not started its ranks again."""
        restarts = self._restarts()
        return Attempt(restarts[-1].attempt + 1, restarts[-1].attempts) if restarts else None


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
