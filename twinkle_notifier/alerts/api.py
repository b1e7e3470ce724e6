"""`notify_exception`: from a caught exception to one alert."""

from __future__ import annotations

import _thread
import logging
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from multiprocessing.util import Finalize, register_after_fork
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.alerts import dedupe, pipeline
from twinkle_notifier.alerts.event import Event
from twinkle_notifier.alerts.pipeline import Sending
from twinkle_notifier.budgets import BACKGROUND_BUDGET, PATIENCE, RETURN
from twinkle_notifier.claims import Watermark
from twinkle_notifier.claims.store import Store
from twinkle_notifier.delivery import descriptor, sender
from twinkle_notifier.exceptions import cancellation
from twinkle_notifier.exceptions.cancellation import is_pruned
from twinkle_notifier.isolation import forks, safe, signals, threads
from twinkle_notifier.isolation.background import background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages import report
from twinkle_notifier.messages.message import Message, Outcome
from twinkle_notifier.messages.report import Progress
from twinkle_notifier.runtime.launcher import Attempt, Where

log = logging.getLogger("twinkle_notifier")

_LOG = 1.0  # seconds for a line of the log
_ROOM = 150  # calls within calls for which the caller's stack must have room
_THREAD = 72 << 20  # bytes of address space that a thread takes: its stack, and what malloc sets aside for it
# Address space, which takes no memory, for the one alert of a process that has used up all that it may have.
_RESERVE = 16 << 20
_reserve = [bytes(_RESERVE)]
_NO_ROOM = Outcome("queued", "there is no stack, or no memory, left here: it is sent when the process ends")
# Exceptions that were met without either, which no handler further out has reported; each with its notifier, and the
# block of `watch` around it.
_unsent: list[tuple[Any, Any, tuple[Any, ...]]] = []


def notify_exception(
    notifier: Callable[[str], object] | None,
    context: str = "",
    exc: BaseException | None = None,
    name: str | None = None,
    *,
    progress: Progress | None = None,
    mark: Watermark | None = None,
    store: Store | None = None,
    earlier: Sequence[tuple[str, float]] = (),
) -> Outcome:
    """Send one alert about `exc` over all ranks of the run, and return when it is sent.

    Call it on every rank. One sends; the others wait for its word, so that none ends (and takes the rest down with
    it) before the message is out. Where the sender fails or dies, another takes over. Call it again with the same
    exception further out, or meet an equal one in a loop, and it stays silent; one in a block of `watch` that was
    entered after the last was told, or for a notifier that was made anew, is told. An error that only follows from
    another rank's (its connection closed) is told only if no rank tells of a cause. In a crash loop over several
    runs or blocks the first three are told, then the 5th, 9th, 17th ... Optuna's TrialPruned is no failure, nor is
    the CancelledError of a task that code has cancelled: no alert is sent. A cancel by Ctrl-C is sent as "interrupted".

    Args:
        notifier: what sends the message; with None nothing happens.
        context: where the exception was met, for people, e.g. ``"forward_backward"``.
        exc: the exception. It is not written to, and kept only where no memory is left: until the process ends.
        name: the run's name; by default what ``TWINKLE_NOTIFIER_NAME`` says, else the script, module or notebook.
        progress: how far the training got, if known.
        mark: claims made before it belong to an earlier run; by default this process's start.
        store: where the ranks agree on who tells; by default torchrun's store, Ray, or files, see docs/ranks.md.
        earlier: incidents (`Outcome.incident`) of this run's past and their times, in seconds since 1970.

    Never raises, and takes at most 25 s, 8 s of them for the send. SIGTERM and SIGINT take effect after it; SIGINT
    ends the waiting. What it could not tell is logged as an error of the logger ``twinkle_notifier``.
    """
    global _unsent
    limit, short, block = 0, False, None
    try:
        try:  # right here: without memory not even a function of Python's can be called
            bytes(_THREAD)
            if not _reserve:
                _reserve.append(bytes(_RESERVE))
        except MemoryError:
            short = True
            _reserve.clear()
        if notifier is None:
            return Outcome("skipped", "there is no notifier")
        if exc is None or not issubclass(type(exc), BaseException):  # not isinstance: a class may lie, or raise
            kind = safe.type_name(type(exc))
            _log_error("notify_exception was given %s as exc: it takes the exception itself", kind)
            return Outcome("failed", "exc is not an exception", final=True)
        try:
            _dive(_ROOM)
        except RecursionError:  # these are the last frames of the stack; the walk has one of its own
            limit = sys.getrecursionlimit()
            sys.setrecursionlimit(limit + _ROOM)
        if mark is None:  # which says itself since when the run has gone on
            block = dedupe.block()
        _unsent = [one for one in _unsent if one[2][0] is not exc]  # now it is reported, further out
        facts = (exc, name, context, progress, mark, store, earlier, block)
        if short:
            with threads.no_new():  # one that finds no memory may never say that it has started
                return _alert(notifier, facts)
        return _alert(notifier, facts)
    except (RecursionError, MemoryError, SystemError):  # the last is how CPython 3.11 fails to call without memory
        _unsent += [
            (notifier, block, (exc, name, context, progress, mark, store, earlier))
        ]  # no call: none is possible
        return _NO_ROOM
    finally:
        if limit:
            _restore(limit)


def _send_late() -> None:
    global _unsent
    late, _unsent = _unsent, []
    for notifier, block, (exc, name, context, progress, mark, store, earlier) in late:
        dedupe.go_back_to(block)
        notify_exception(notifier, context, exc, name, progress=progress, mark=mark, store=store, earlier=earlier)


def _begin_anew() -> None:
    global _unsent
    _unsent = []  # the parent of a forked child sends its own


def _send_at_the_end(_: object = None) -> None:
    # Not atexit, which does not run in multiprocessing's children. Before the background is waited for.
    Finalize(None, _send_late, exitpriority=110)


_send_at_the_end()
register_after_fork(_send_late, _send_at_the_end)  # multiprocessing's children forget what is to be done at the end
forks.in_child(_begin_anew)


def _dive(calls: int) -> None:
    if calls:
        _dive(calls - 1)


def _restore(limit: int) -> None:
    """Set the limit of recursion to `limit` again, below which this very frame may stand: then a thread does it."""
    done = threading.Lock()

    def restore() -> None:
        sys.setrecursionlimit(limit)
        done.release()

    try:
        try:
            sys.setrecursionlimit(limit)
        except RecursionError:
            done.acquire()
            _thread.start_new_thread(restore, ())
            done.acquire(timeout=RETURN)  # raises RecursionError when it is done already
    except (RecursionError, RuntimeError, MemoryError):  # or no thread can start, and the limit stays
        pass


def _alert(notifier: Callable[[str], object], facts: Any) -> Outcome:
    if is_pruned(facts[0]):
        return Outcome("skipped", "its search has pruned the trial, which is no failure", final=True)
    exc, runner = cancellation.to_tell(facts[0], facts[-1].cancels if facts[-1] is not None else 0)
    if exc is None:
        return Outcome("skipped", "its task was cancelled, which is no failure", final=True)
    if runner is not None:
        return _alert_once(notifier, runner, facts)
    return _walked(notifier, (exc, *facts[1:]), time.monotonic())


def _alert_once(notifier: Callable[[str], object], runner: Any, facts: Any) -> Outcome:
    """One Ctrl-C cancels all tasks of a `runner`: each meets an exception of its own, and one alert is sent."""
    began = time.monotonic()
    with signals.deferred():  # a second Ctrl-C takes effect when the alert is out
        channel = descriptor.channel(notifier)
        if (before := isolation.tried(lambda: cancellation.told(runner, channel)).value) is not None:
            pipeline.remember(channel, facts[0], before)
            return Outcome("duplicate", "another task has reported this Ctrl-C", incident=before)
        outcome = _walked(notifier, facts, began)
        if outcome.status not in ("failed", "unknown"):  # a runner may take no weak reference
            isolation.tried(lambda: cancellation.note(runner, channel, outcome.incident))
        return outcome


def _walked(notifier: Callable[[str], object], facts: Any, began: float) -> Outcome:
    sending = Sending()
    over = False  # the walk, by `sending.taken_over`

    def give_up() -> bool:
        nonlocal over
        over = over or sending.taken_over()
        return over or pending.interrupted()

    def walk() -> Outcome:
        return pipeline.send_alert(notifier, Event.of(*facts), pending.arrived, sending)

    def other() -> Outcome:
        why = (
            "it was not sent in time" if answer.error is None else f"preparing the alert raised {reason(answer.error)}"
        )
        why = outcome.reason if outcome is not None else why
        case = isolation.tried(lambda: Event.of(*facts)).value or Event.alone(facts[0])
        # Where another rank may be sending it yet, this one only keeps it: rather a second message than none.
        sends = over or (answer.error is not None and sending.begin())
        return pipeline.stand_in(notifier, case, sending, why, sends=sends)

    with signals.deferred() as pending:
        answer = isolation.call(walk, began + PATIENCE - RETURN - time.monotonic(), give_up)
        outcome = answer.value or sending.outcome
        if (outcome is None or outcome.status == "unknown") and not pending.interrupted():
            late = isolation.call(other, max(began + PATIENCE - time.monotonic(), RETURN))
            outcome = late.value or sending.outcome or outcome
        outcome = outcome or _unfinished(answer.error)
        if outcome.status not in ("sent", "duplicate", "queued"):
            what = safe.type_name(type(facts[0]))
            incident_id = outcome.incident or sending.incident or uuid.uuid4().hex  # another's line is no repeat
            _log_error("alert not sent for %s: %s", what, outcome.reason, incident=incident_id)
    return outcome


def _log_error(text: str, *details: object, incident: str = "") -> None:
    known = {"incident": incident}  # see `repeats`
    isolation.call(lambda: log.error(text, *details, extra=known), _LOG)  # a handler may be the user's own


def _unfinished(error: BaseException | None) -> Outcome:
    if error is None:
        return Outcome("unknown", f"no result within {PATIENCE:g} s, or Ctrl-C ended the wait")
    return Outcome("failed", f"preparing the alert raised {reason(error)}")


def send_milestone(notifier: Callable[[str], object] | None, headline: str, name: str, facts: list[str]) -> None:
    """Send it in the background, from rank 0; what there is no time for at exit is kept on the disk."""
    where = Where.here()
    if notifier is None or where.rank != 0:
        return
    text = report.milestone(headline, name, where, facts, Attempt.here())
    message = Message(text, uuid.uuid4().hex)
    background.post(lambda: _send_milestone(notifier, message), otherwise=lambda: _keep_milestone(notifier, message))


def _send_milestone(notifier: Callable[[str], object], message: Message) -> None:
    outcome = sender.deliver(notifier, message, BACKGROUND_BUDGET)
    if outcome.status != "sent":
        log.warning("alert not sent for %r: %s", message.splitlines()[0], outcome.reason)


def _keep_milestone(notifier: Callable[[str], object], message: Message) -> None:
    sender.keep(notifier, message, Outcome("unknown", "there was no time to send it"))
