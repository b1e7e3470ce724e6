"""The ways to an alert: `notify_exception` for a caught exception, `send_milestone` for a start or an end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.alerts import dedupe, pipeline, underway
from twinkle_notifier.alerts.event import Event
from twinkle_notifier.alerts.sending import Sending
from twinkle_notifier.alerts.workers import Met
from twinkle_notifier.budgets import BACKGROUND_BUDGET, CRASH_BUDGET, PATIENCE, RETURN
from twinkle_notifier.claims import Watermark
from twinkle_notifier.claims.store import Store
from twinkle_notifier.delivery import descriptor, sender
from twinkle_notifier.exceptions import cancellation
from twinkle_notifier.exceptions.cancellation import is_pruned
from twinkle_notifier.isolation import forks, safe, signals, stack_room, threads
from twinkle_notifier.isolation.at_end import at_end
from twinkle_notifier.isolation.background import background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages import report
from twinkle_notifier.messages.message import Level, Message, Outcome, calls_people, level_of_end, random_id
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.runtime.language import Language
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.settings import SET_UP, checked_notifier, configured

_EXCEPTION: type = BaseException  # what is given as one may be anything
_LOG = 1.0  # seconds for a line of the log
_THREAD = 72 << 20  # bytes of address space that a thread takes: its stack, and what malloc sets aside for it
# Address space, which takes no memory. It is given back for the one alert of a process that has used up its own.
_RESERVE = 16 << 20
_reserve = [bytes(_RESERVE)]
_BLOCK = 7  # the place of the block of `watch` among the arguments of `Event.of`
_NO_ROOM = Outcome("queued", "there is no stack, or no memory, left here: it is sent when the process ends")
# Exceptions for which there was no stack or memory, and which no handler further out has reported. Each with its
# notifier and the other arguments of `Event.of`.
_unsent: list[tuple[Any, tuple[Any, ...]]] = []


def notify_exception(
    notifier: Callable[[str], object] | None = SET_UP,
    context: str = "",
    exc: BaseException | None = None,
    name: str | None = None,
    *,
    progress: Progress | None = None,
    mark: Watermark | None = None,
    store: Store | None = None,
    earlier: Sequence[tuple[str, float]] = (),
    language: Language | None = None,
    diagnose: bool | None = None,
    met: Met | None = None,
) -> Outcome:
    """Send one alert about `exc` for all ranks of the run, and return when it is sent.

    Call it on every rank that meets an exception. One rank sends. The others wait for its result: a rank that ended
    earlier would take the sender down with it. Where the sender fails or dies, another rank takes over.

    These get no alert of their own:

    - The same exception, met again further out, and an equal one, met again in a loop. A block of `watch` that is
      entered later, and a notifier that is made later, begin anew.
    - An error that only follows from another rank's, such as a closed connection, if a rank reports the root cause.
    - In a crash loop, over several runs or blocks, all but the first three, the 5th, 9th, 17th ...
    - What is no failure: Optuna's TrialPruned, and the CancelledError of a task that code has cancelled. A cancel by
      Ctrl-C gets an alert, as "interrupted".

    Args:
        notifier: what sends the message; by default the one that is set up, as for `watch`. With None nothing happens.
        context: where the exception was met, for people, e.g. ``"forward_backward"``.
        exc: the exception. It is not written to, and kept only where no memory is left: until the process ends.
        name: the run's name; by default what ``TWINKLE_NOTIFIER_NAME`` says, else the script, module or notebook.
        progress: how far the training got; by default how far the `TrainingRun` of this process got, if there is one.
        mark: claims made before it belong to an earlier run; by default this process's start.
        store: where the ranks agree on who sends; by default torchrun's store, Ray, or files, see docs/ranks.md.
        earlier: incidents (`Outcome.incident`) of this run's past and their times, in seconds since 1970.
        language: ``en`` or ``zh``; by default what is set up, see docs/settings.md, else that of the locale.
        diagnose: whether a known error gets its likely cause and next steps; by default what is set up, else True.
        met: which workers of this process met it, see `ControllerRun.workers_failed`; by default this process did.

    Never raises, and takes at most 25 s, 8 s of them for the send. SIGTERM and SIGINT take effect when it returns;
    SIGINT ends the wait. An alert that was not sent is an error in the log of the logger ``twinkle_notifier``.
    """
    global _unsent
    has_room, is_short, block = False, False, None
    reached: Any = progress
    try:
        try:  # Right here: without memory no function of Python's can be called.
            bytes(_THREAD)
            if not _reserve:
                _reserve.append(bytes(_RESERVE))
        except MemoryError:
            is_short = True
            _reserve.clear()
        if notifier is None or notifier is False:  # type: ignore[comparison-overlap]  # `is_first and notifier`
            return Outcome("skipped", "there is no notifier")
        if exc is None or not issubclass(type(exc), _EXCEPTION):  # not isinstance: a class may lie, or raise
            kind = safe.type_name(type(exc))
            _log_error(
                "no alert is sent: notify_exception was given %s as exc. Write exc=error, the exception itself", kind
            )
            return Outcome("failed", "exc is not an exception", final=True)
        try:
            _need_stack(stack_room.ROOM)
        except RecursionError:  # A thread, with a stack of its own, does the rest; this one only has to start it.
            with stack_room.lock:
                now = sys.getrecursionlimit()
                sys.setrecursionlimit(now + stack_room.ROOM)
                stack_room.limits += [now] * (2 - bool(stack_room.limits))
                has_room = True
        if mark is None:  # else the caller has said when the run began
            block = dedupe.innermost.get()
        if progress is None:  # asked here: which training is meant depends on the thread
            reached = isolation.tried(underway.innermost).value
        _unsent[:] = [one for one in _unsent if one[1][0] is not exc]  # it is reported now, further out
        facts = (exc, name, context, reached, mark, store, earlier, block, language, diagnose, met)
        if is_short:
            with threads.no_new():  # a thread that finds no memory may never say that it has started
                return _report(notifier, facts)
        return _report(notifier, facts)
    except (RecursionError, MemoryError, SystemError):  # the last is how CPython 3.11 fails to call without memory
        # This calls nothing.
        _unsent += [(notifier, (exc, name, context, reached, mark, store, earlier, block, language, diagnose, met))]
        return _NO_ROOM
    finally:
        if has_room:
            stack_room.give_back()


def _send_late() -> None:
    for _ in range(len(_unsent)):  # not what comes back, as there is still no room
        notifier, (exc, name, context, progress, mark, store, earlier, block, language, diagnose, met) = _unsent.pop(0)
        dedupe.innermost.set(block)
        given = {"progress": progress, "mark": mark, "store": store, "earlier": earlier}
        notify_exception(notifier, context, exc, name, **given, language=language, diagnose=diagnose, met=met)


at_end(1, _send_late)  # before the wait for the background
forks.in_child(_unsent.clear)  # the parent sends its own


def _need_stack(calls: int) -> None:
    """Raise RecursionError where the stack has no room for so many `calls`."""
    if calls:
        _need_stack(calls - 1)


def _report(notifier: Callable[[str], object], facts: Any) -> Outcome:
    began = time.monotonic()
    if is_pruned(facts[0]):
        return Outcome("skipped", "its search has pruned the trial, which is no failure", final=True)
    exc, runner = cancellation.to_report(facts[0], facts[_BLOCK].cancels if facts[_BLOCK] is not None else 0)
    if exc is None:
        return Outcome("skipped", "its task was cancelled, which is no failure", final=True)
    if (wrong := isolation.tried(lambda: checked_notifier(notifier, "notify_exception")).error) is not None:
        _log_error("no alert is sent: %s", reason(wrong))
        return Outcome("failed", reason(wrong), final=True)
    with signals.deferred():  # to make the notifier that is set up may take seconds
        found = configured.get(now=True) if notifier is SET_UP else notifier
        if found is None:
            return _without_a_notifier(exc)
        if runner is not None:
            return _report_ctrl_c(found, runner, facts, began)
        return _send_in_time(found, (exc, *facts[1:]), began)


def _without_a_notifier(exc: BaseException) -> Outcome:
    if configured.complaint:
        _log_error("alert not sent for %s: %s", safe.type_name(type(exc)), configured.complaint)
        return Outcome("failed", configured.complaint)
    isolation.call(lambda: configured.warn_of_none("`notify_exception`"), _LOG)
    return Outcome("skipped", "no notifier is set up")


def _report_ctrl_c(notifier: Callable[[str], object], runner: Any, facts: Any, began: float) -> Outcome:
    """Send one alert for all tasks of a `runner`: one Ctrl-C cancels them, and each meets an exception of its own."""
    with signals.deferred():  # a second Ctrl-C takes effect when the alert is out
        channel = descriptor.channel(notifier)
        if (before := isolation.tried(lambda: cancellation.reported(runner, channel)).value) is not None:
            pipeline.remember(channel, facts[0], before)
            return Outcome("duplicate", "another task has reported this Ctrl-C", incident=before)
        outcome = _send_in_time(notifier, facts, began)
        if outcome.status not in ("failed", "unknown"):  # a runner may take no weak reference
            isolation.tried(lambda: cancellation.note(runner, channel, outcome.incident))
        return outcome


def _send_in_time(notifier: Callable[[str], object], facts: Any, began: float) -> Outcome:
    """Let the pipeline send, within `PATIENCE` of `began`. Where it raises or hangs, send or keep a bare message."""
    sending = Sending()
    is_late = False  # the pipeline, by `sending.taken_over`

    def give_up() -> bool:
        nonlocal is_late
        is_late = is_late or sending.taken_over()
        return is_late or pending.interrupted()

    def send() -> Outcome:
        return pipeline.send_alert(notifier, Event.of(*facts), pending.arrived, sending)

    def raised() -> str:
        return f"preparing the alert raised {reason(answer.error)}" if answer.error is not None else ""

    def take_over() -> Outcome:
        why = outcome.reason if outcome is not None else raised() or "it was not sent in time"
        event = isolation.tried(lambda: Event.of(*facts)).value or Event.alone(facts[0])
        # Where another rank may be sending it, this one only keeps it: a second message is better than none.
        sends = is_late or (answer.error is not None and sending.begin())
        return pipeline.send_bare(notifier, event, sending, why, sends=sends)

    with signals.deferred() as pending:
        answer = isolation.call(send, began + PATIENCE - RETURN - time.monotonic(), give_up)
        outcome = answer.value or sending.outcome
        if (outcome is None or outcome.status == "unknown") and not pending.interrupted():
            late = isolation.call(take_over, max(began + PATIENCE - time.monotonic(), RETURN))
            outcome = late.value or sending.outcome or outcome
        if outcome is None:
            silent = f"no result within {PATIENCE:g} s, or Ctrl-C ended the wait"
            outcome = Outcome("failed", raised()) if answer.error is not None else Outcome("unknown", silent)
        if outcome.status not in ("sent", "duplicate", "queued", "skipped"):
            exc: BaseException = facts[0]
            incident_id = outcome.incident or sending.incident or random_id()  # so that no other line repeats it
            _log_error("alert not sent for %s: %s", safe.type_name(type(exc)), outcome.reason, incident=incident_id)
    return outcome


def _log_error(text: str, *details: object, incident: str = "") -> None:
    known = {"incident": incident}  # see `log_repeats`
    isolation.call(lambda: log.error(text, *details, extra=known), _LOG)  # a handler may be the user's own


def send_milestone(
    notifier: Callable[[str], object] | None,
    headline: str,
    name: str,
    facts: list[str],
    level: Level = "info",
    language: str = "en",
) -> None:
    """Send the alert of a start or an end: from rank 0, in the background. At exit it may be kept on the disk."""
    where = Where.here()
    if notifier is None or where.rank != 0:
        return
    text = report.milestone(headline, name, where, facts, Attempt.here(), language)
    message = Message(text, random_id(), level)

    def send() -> None:
        outcome = sender.deliver(notifier, message, BACKGROUND_BUDGET)
        if outcome.status not in ("sent", "skipped"):
            log.warning("alert not sent for %r: %s", message.splitlines()[0], outcome.reason)

    def keep() -> None:
        sender.keep(notifier, message, Outcome("unknown", "there was no time to send it"))

    background.post(send, otherwise=keep)


def send_failures(
    notifier: Callable[[str], object] | None, headline: str, name: str, facts: list[str], language: str = "en"
) -> Outcome:
    """Send the alert of a run of many jobs, some of which failed: from rank 0. Returns when it is sent."""
    where = Where.here()
    if notifier is None or where.rank != 0:
        return Outcome("skipped", "there is no notifier" if notifier is None else "rank 0 sends it")
    text = report.milestone(headline, name, where, facts, Attempt.here(), language)
    message = Message(text, random_id(), level_of_end("failed"), calls_people("failed"))
    with signals.deferred():
        outcome = sender.deliver(notifier, message, CRASH_BUDGET)
    if outcome.status in ("sent", "skipped"):
        pipeline.leave_note("told", message.id, lambda: "failed")  # this process may end by it
    else:
        _log_error("alert not sent for %r: %s", message.splitlines()[0], outcome.reason)
    return outcome
