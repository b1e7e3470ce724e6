"""Work that nobody waits for: one bounded queue and one daemon thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.budgets import BACKGROUND_BUDGET, DISK, EXIT_BUDGET
from twinkle_notifier.isolation import forks, threads
from twinkle_notifier.isolation.at_end import at_end
from twinkle_notifier.isolation.safe import reason

_POLL = 0.01  # seconds between two checks of the queue, at exit
_QUEUE = 100  # pieces of work that may wait

log: logging.Logger = logging.getLogger("twinkle_notifier")

Work = Callable[[], object]


def at_exit() -> bool:
    """Whether the interpreter is ending: no thread may start any more, and little time is left."""
    return not threading.main_thread().is_alive()


class _Piece(NamedTuple):
    """Work that waits until it is due, and what to do when there is no time for it."""

    work: Work
    otherwise: Work
    due: float
    name: str = ""


def _put_aside(pieces: list[_Piece]) -> None:
    isolation.call(lambda: [piece.otherwise() for piece in pieces], DISK)


class Background:
    """Does work in order in one thread. The end of the interpreter waits for it shortly.

    The thread ends when nothing waits, so that a training leaves none behind; the next piece starts another.
    """

    def __init__(self) -> None:
        self.dropped: int = 0
        self._here = threading.local()
        self.start_over()

    def start_over(self) -> None:
        """Forget all pieces, and the thread."""
        self._waiting: list[_Piece] = []
        self._doing: _Piece | None = None
        self._changed = threading.Condition()
        self._running: bool = False
        self._stops = False
        self._thread: threading.Thread | None = None

    @property
    def names(self) -> set[str]:
        """The names of the pieces that wait."""
        return {piece.name for piece in list(self._waiting) if piece.name}

    def post(self, work: Work, otherwise: Work = lambda: None, after: float = 0.0, name: str = "") -> None:
        """Do `work` soon, or `after` some seconds. Where that is impossible, do `otherwise`, which is quick.

        It is impossible for the oldest piece when the queue is full, and for pieces that are due when the interpreter
        ends. Work that is not due by then is dropped.
        """
        piece = _Piece(work, otherwise, time.monotonic() + after, name)
        if at_exit() and not self._running:
            if not isolation.call(work, EXIT_BUDGET).returned:
                _put_aside([piece])
            return
        with self._changed:
            self._waiting.append(piece)
            oldest = self._waiting.pop(0) if len(self._waiting) > _QUEUE else None
            runs = self._running = self._running or self._start()
            self._changed.notify()
        if oldest is not None:
            self.dropped += 1
            log.warning("%d messages wait in the background already: the oldest is put aside", _QUEUE)
            _put_aside([oldest])
        if at_exit():
            # In another thread nobody would wait, and work done here may wait for that very thread.
            if threading.current_thread() is threading.main_thread() and not getattr(self._here, "doing", False):
                self.flush()
        elif not runs:
            self._do_all()

    def flush(self, seconds: float = EXIT_BUDGET) -> bool:
        """Wait up to `seconds` for what is due; False, and a log line, when some of it is not done."""
        deadline = time.monotonic() + seconds
        while left := self._due():
            if time.monotonic() > deadline:
                log.warning("the interpreter ends before %d message(s) were delivered", len(left))
                _put_aside(left)
                return False
            time.sleep(_POLL)  # no wait for the thread: at exit it may never start, or hang
        if self._thread is not None and not self._waiting:
            self._thread.join(threads.END)  # a thread that ends together with the interpreter may abort it
        return True

    def _due(self) -> list[_Piece]:
        waiting = [piece for piece in list(self._waiting) if piece.due <= time.monotonic()]
        doing = self._doing  # read last: a piece is here before it leaves the queue
        return [*([doing] if doing else []), *(piece for piece in waiting if piece is not doing)]

    def _start(self) -> bool:
        thread = threads.Stoppable(self.work, "twinkle-notifier-background", self.stop)
        if not threads.started(thread):
            return False
        self._thread = thread
        return True

    def work(self) -> None:
        """Do all pieces that wait, until none is left. The thread runs this."""
        while True:
            with self._changed:
                while (piece := self._next()) is None:
                    if self._stops or not self._waiting:
                        self._waiting.clear()
                        self._running = self._stops = False
                        return
                    due = min(piece.due for piece in self._waiting)
                    self._changed.wait(max(due - time.monotonic(), 0.0))
            self._do(piece)

    def stop(self) -> None:
        """Let the thread end once it has done what is due. The rest, such as another try, is dropped."""
        with self._changed:
            self._stops = self._running
            self._changed.notify()

    def _do_all(self) -> None:
        while (piece := self._next()) is not None:
            self._do(piece)

    def _do(self, piece: _Piece) -> None:
        answer = isolation.call(lambda: self._done_here(piece.work), BACKGROUND_BUDGET + 1)
        if answer.error is not None:
            log.warning("work in the background failed: %s", reason(answer.error))
        self._doing = None

    def _done_here(self, work: Work) -> None:
        self._here.doing = True
        try:
            work()
        finally:
            self._here.doing = False

    def _next(self) -> _Piece | None:
        with self._changed:
            piece = min(self._waiting, key=lambda piece: piece.due, default=None)
            if piece is None or piece.due > time.monotonic():
                return None
            self._doing = piece  # before it leaves the queue, see `_due`
            self._waiting.remove(piece)
            return piece


background: Background = Background()  # one for the process, so that its end waits once
at_end(2, background.flush)
forks.in_child(background.start_over)  # the thread and the pieces are the parent's
