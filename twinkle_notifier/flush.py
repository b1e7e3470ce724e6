"""``twinkle-notifier flush``: what could not be delivered, sent."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType

from twinkle_notifier import delivery, pruning
from twinkle_notifier.channels import VARIABLE, from_environment, from_text
from twinkle_notifier.message import Message, Outcome
from twinkle_notifier.spool import Flushed, Letter, Spool
from twinkle_notifier.state import restored
from twinkle_notifier.supervise.orphans import adopt

_PAUSE = 10.0  # seconds until a robot that took no message is asked again; then twice as many, up to
_PAUSE_MOST = 300.0
_PRUNING = 2.0  # seconds, once an hour, for what is old


class Flush:
    """Sends what waits, `to` what people gave, else to what the environment says, else to each message's own robot."""

    def __init__(self, to: str | None) -> None:
        adopt()
        self._notifier = from_text(to, "--to") if to else from_environment()
        self._said: set[str] = set()
        self._pauses: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    def once(self) -> int:
        """All channels, one after the other; the exit code."""
        told, left = self._all()
        print(f"{told} sent, {left} left")
        return 1 if left else 0

    def follow(self, every: float) -> int:
        """Until a signal; what is being sent is finished first."""
        ended = threading.Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            ended.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        while not ended.is_set():
            told, _ = self._all()
            if told:
                print(f"{told} sent", flush=True)
            ended.wait(every)
        return 0

    def _all(self) -> tuple[int, int]:
        pruning.prune(_PRUNING)  # nodes without a way out send nothing, and so take nothing away
        told = left = 0
        for spool in Spool.everyone():
            if time.monotonic() < self._not_before.get(spool.name, 0.0):
                continue
            try:
                flushed = spool.flush(self._deliver)
            except OSError as error:
                flushed = Flushed(0, 1, f"a folder does not work: {error}")
            self._wait_for(spool.name, flushed)
            told, left = told + flushed.told, left + flushed.left
            if flushed.left:
                self._say(f"{flushed.left} left: {flushed.why}")
        return told, left

    def _wait_for(self, name: str, flushed: Flushed) -> None:
        """Ask a robot that does not take a message ever less often: each request counts against its rate."""
        pause = min(2 * self._pauses.get(name, _PAUSE / 2), _PAUSE_MOST) if flushed.left and not flushed.told else 0.0
        self._pauses[name] = pause or _PAUSE / 2
        self._not_before[name] = time.monotonic() + max(pause, flushed.retry_after or 0.0)

    def _deliver(self, letter: Letter, message: Message) -> Outcome:
        notifier = self._notifier if self._notifier is not None else restored({"notifier": letter.notifier})
        if notifier is None:
            return Outcome("failed", f"nobody knows where to: give --to, or set {VARIABLE}")
        return delivery.send(notifier, message, delivery.BACKGROUND_BUDGET)

    def _say(self, problem: str) -> None:
        if problem not in self._said:  # once, not every five seconds
            print(problem, file=sys.stderr, flush=True)
            self._said.add(problem)
