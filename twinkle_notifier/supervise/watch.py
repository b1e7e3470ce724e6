"""Looks at a command while it runs, about each second, in a thread of its own: a disk that hangs holds up no signal."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from twinkle_notifier import foreign
from twinkle_notifier.errors import reason
from twinkle_notifier.supervise import torchrun
from twinkle_notifier.supervise.ending import INTERRUPTING, PREEMPTING, Ending
from twinkle_notifier.supervise.silence import Silence
from twinkle_notifier.supervise.streams import Streams
from twinkle_notifier.supervise.teller import Restart, Teller
from twinkle_notifier.supervise.torchrun import Lost
from twinkle_notifier.supervision import Supervision

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
        streams: Streams,
        pid: int,
        folder: Supervision | None,
        ending: Callable[[int], Ending],
    ) -> None:
        self._teller, self._streams, self._pid, self._folder, self._ending = teller, streams, pid, folder, ending
        self._silence = Silence(stall_after, time.monotonic()) if stall_after is not None else None
        self._lost: dict[int, tuple[Lost, float]] = {}  # by process id, with the time
        self._restarts = 0
        self._asked_at: float | None = None
        self._known = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="twinkle-notifier-watch", daemon=True)

    def begin(self) -> None:
        """The command runs."""
        self._thread.start()

    def end(self) -> bool:
        """The command has ended; whether people were told already that it would."""
        self._over.set()
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
        if ending.asked not in (*PREEMPTING, *INTERRUPTING) or self._known:
            return
        self._asked_at = self._asked_at or time.monotonic()
        if time.monotonic() - self._asked_at > _ASKED:
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
        pids = ", ".join(str(pid) for pid in _descendants(self._pid)[:8])
        return [
            "- Seen from outside: no output, and no heartbeat of a callback",
            f"- Processes: {pids}; `py-spy dump --pid PID` shows where one is",
            "- With NotifierCallback(stall_after=...) this message would name the rank, and show where it stands",
        ]

    def _look_for_restarts(self) -> None:
        for lost in torchrun.lost(self._streams.tail()):
            self._lost.setdefault(lost.pid, (lost, time.time()))
        restarts, limit = _restarts(self._pid) if self._lost else (0, 0)
        if restarts > self._restarts:
            self._restarts = restarts
            lost, at = list(self._lost.values())[-1]
            ending = replace(self._ending(1), lost=lost)
            self._teller.restarted(Restart(lost, restarts, limit + 1, at), ending)


def _restarts(pid: int) -> tuple[int, int]:
    """How often torchrun has started its ranks, some of the processes below `pid`, again, and how often it may."""
    for child in _descendants(pid):
        try:
            env = Path(f"/proc/{child}/environ").read_bytes()
        except OSError:  # gone, or another user's
            continue
        found = [
            re.search(rb"(?:^|\0)TORCHELASTIC_%s=(\d+)" % name, env) for name in (b"RESTART_COUNT", b"MAX_RESTARTS")
        ]
        if found[0] and found[1]:
            return int(found[0][1]), int(found[1][1])
    return 0, 0


def _descendants(pid: int) -> list[int]:
    """The processes below `pid`, nearest first."""
    found, parents = [pid], [pid]
    for _ in range(_DEEP):
        children = [child for parent in parents for child in _children(parent)]
        found, parents = found + children, children
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    except OSError:  # gone
        pass
    return found
