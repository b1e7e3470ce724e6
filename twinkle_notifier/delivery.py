"""How a message gets out: within a budget, and in the background when nobody should wait for it."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from twinkle_notifier import foreign
from twinkle_notifier.errors import DeliveryError, NotifierError, reason

CRASH_BUDGET = 8.0  # seconds for one send while a run is crashing
EXIT_BUDGET = 2.0  # seconds that the end of the interpreter waits for the background
BACKGROUND_BUDGET = 30.0  # seconds for one send that nobody waits for
_POLL = 0.01  # seconds between two looks at the queue, at exit
_QUEUE = 100  # messages that may wait in the background

log = logging.getLogger("twinkle_notifier")

Work = Callable[[], object]
Status = Literal["sent", "duplicate", "throttled", "failed", "unknown", "queued", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """What became of a message, with a reason that a person can act on.

    ``sent``: the service has accepted it. ``duplicate``: another rank, or an earlier call, has told of it.
    ``throttled``, ``failed``: it is not there. ``unknown``: no answer came in time. ``queued``: it is on its way in
    the background. ``skipped``: there was nobody to tell. `final`: no other try can fare better. `incident`: what
    the same error has in common on every rank and in every run.
    """

    status: Status
    reason: str = ""
    final: bool = False
    incident: str = ""


class Message(str):
    """A message with an id that stays the same however often, and by whichever rank, it is sent.

    A notifier whose service can drop repeats hands it on; to every other it is a plain text.
    """

    id: str

    def __new__(cls, text: str, message_id: str) -> Message:
        """`text`, known to services as `message_id`."""
        message = super().__new__(cls, text)
        message.id = message_id
        return message

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return str(self), self.id


def send(notifier: Callable[[str], object], message: str, seconds: float, incident: str = "") -> Outcome:
    """Hand `message` to `notifier` and wait up to `seconds`. Never raises, whatever the notifier does."""
    answer = foreign.call(lambda: notifier(message), seconds)
    if answer.returned:
        return Outcome("sent", incident=incident)
    error, name = answer.error, type(notifier).__name__
    if error is None:
        return Outcome("unknown", f"{name} gave no answer within {seconds:g} s")
    if isinstance(error, DeliveryError):
        return Outcome(error.fate, error.reason, error.final)
    if isinstance(error, NotifierError):
        return Outcome("failed", reason(error))
    # Not the error's text: a notifier that a user wrote puts its webhook's URL there (requests does, in every one).
    return Outcome("failed", f"{name} raised {type(error).__name__} at {_origin(error)}")


def _origin(error: BaseException) -> str:
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return f"{os.path.basename(tb.tb_frame.f_code.co_filename)}:{tb.tb_lineno}" if tb else "an unknown place"


class Background:
    """One queue and one daemon thread for messages that no training waits for; waited for shortly at exit."""

    _pid: int
    _queue: queue.Queue[Work]
    _lock: threading.Lock
    _running: bool

    def __init__(self) -> None:
        self._start_over()

    def post(self, work: Work) -> None:
        """Do `work` soon, in order. At the interpreter's exit, do it now."""
        self._mind_forks()
        if not threading.main_thread().is_alive():  # in an atexit handler: nobody would wait for the thread any more
            foreign.call(work, EXIT_BUDGET)
            return
        try:
            self._queue.put_nowait(work)
        except queue.Full:
            log.warning("a message was dropped: %d are waiting already", _QUEUE)
            return
        with self._lock:
            if not self._running:
                self._running = self._start()

    def flush(self, seconds: float = EXIT_BUDGET) -> bool:
        """Wait up to `seconds` for what is waiting; False, and a log line, when something is still on its way."""
        self._mind_forks()
        deadline = time.monotonic() + seconds
        while left := self._queue.unfinished_tasks:  # not join(): it knows no time-out, and no thread may start now
            if time.monotonic() > deadline:
                log.warning("the interpreter ends before %d message(s) were delivered", left)
                return False
            time.sleep(_POLL)
        return True

    def _mind_forks(self) -> None:
        if self._pid != os.getpid():  # forked: the thread, and what waits for it, are the parent's
            self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._queue = queue.Queue(_QUEUE)
        self._lock = threading.Lock()
        self._running = False

    def _start(self) -> bool:
        from multiprocessing.util import Finalize  # runs in multiprocessing's children too, where atexit does not

        import requests  # noqa: F401  here: a fork while the thread imports it would inherit a locked import

        try:
            threading.Thread(target=self._work, name="twinkle-notifier-background", daemon=True).start()
        except RuntimeError:  # at the process limit
            self._do(self._queue.get_nowait())
            return False
        Finalize(None, self.flush, exitpriority=100)
        return True

    def _work(self) -> None:
        while True:
            self._do(self._queue.get())

    def _do(self, work: Work) -> None:
        foreign.call(work, BACKGROUND_BUDGET + 1)
        self._queue.task_done()


background = Background()  # one for the process, so that its end waits once
