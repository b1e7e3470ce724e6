"""Sends a message within a budget, and keeps on the disk one that was not accepted."""

from __future__ import annotations

import functools
import logging
import os
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.budgets import BACKGROUND_BUDGET, DISK, EXIT_BUDGET
from twinkle_notifier.delivery.descriptor import channel, chat
from twinkle_notifier.delivery.several import LATER, side_by_side, whole
from twinkle_notifier.delivery.spool import Flushed, Spool
from twinkle_notifier.delivery.targets import Target, fans_out, parts, targets, wants
from twinkle_notifier.errors import DeliveryError, NotifierError
from twinkle_notifier.isolation import safe
from twinkle_notifier.isolation.background import at_exit, background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.markdown import title
from twinkle_notifier.messages.message import Message, Outcome
from twinkle_notifier.messages.sanitize import line, reply, shown_in_log
from twinkle_notifier.notifier import keeps_time
from twinkle_notifier.runtime import pruning

# A process that lives on tries again to send what it keeps: after so many seconds, then twice as many, up to
_RETRY = 60.0
_RETRY_MOST = 960.0
_LOOK_UP = 1.0  # seconds to read an error's attributes, or to write a log line
_HEADLINE = 200  # characters of a log line about a message
_PROBLEM = 500  # characters of a log line about the disk
_REASON = 600  # characters
_FATES = ("failed", "throttled", "unknown")
_LONGEST_WAIT = 86400.0  # seconds that a service may ask for

log: logging.Logger = logging.getLogger("twinkle_notifier")
_counts: Counter[str] = Counter()
_named: deque[str] = deque(maxlen=100)  # problems that the log has named, each once


def counters() -> dict[str, int]:
    """The number of messages that this process has sent or kept, by the status of their `Outcome`.

    A message that a later try sent counts as ``sent``, too; ``dropped`` counts those that a full queue dropped.
    """
    return {**_counts, **({"dropped": background.dropped} if background.dropped else {})}


def deliver(
    notifier: Target, message: Message, seconds: float, incident: str = "", *, by_hand: bool = False
) -> Outcome:
    """Send `message`; keep it on the disk if that fails. Never raises, whatever the notifier does.

    A notifier that fans out is sent when one of its notifiers is; what the others could not send is kept for each of
    them. ``skipped``: the level of `message` is below what `notifier` wants, and nobody sends it `by_hand`.
    """
    chosen = targets(notifier) if by_hand else wanting(notifier, message)
    outcomes = side_by_side(chosen, lambda one, left: _deliver(one, message, left, incident), seconds, DISK)
    return whole(chosen, outcomes, incident)


def _deliver(notifier: Target, message: Message, seconds: float, incident: str) -> Outcome:
    outcome = send(notifier, message, seconds, incident)
    if outcome.status != "sent":
        return _keep(notifier, message, outcome)
    _counts["sent"] += 1
    background.post(functools.partial(_after_success, notifier, message))
    return outcome


def keep(notifier: Target, message: Message, outcome: Outcome) -> Outcome:
    """Keep on the disk a message that was not sent, as `outcome` says, to be sent later."""
    chosen = wanting(notifier, message)
    return whole(chosen, side_by_side(chosen, lambda one, _: _keep(one, message, outcome), DISK, 0.0), outcome.incident)


def _keep(notifier: Target, message: Message, outcome: Outcome) -> Outcome:
    kept = isolation.call(lambda: Spool.keep(notifier, message, outcome), DISK)
    if not kept.returned:
        shown = shown_in_log(message.partition("\n")[0], _HEADLINE)
        log.error("a message could not be kept either (%s): %s", reason(kept.error), shown)
        _counts[outcome.status] += 1
        return outcome
    _counts["spooled"] += 1
    _retry_later(notifier, kept.result(), outcome.retry_after or _RETRY)
    return outcome.replaced(status="spooled", reason=outcome.reason + LATER)


def wanting(notifier: Target, message: str) -> list[Target]:
    """Those `targets` for which the level of `message` is high enough. The log names the others, at INFO."""
    if not wants(notifier, message):
        isolation.tried(lambda: _log_info("left out for %s, whose min_level is higher: %s", notifier, message))
        return []
    if not fans_out(notifier):
        return [notifier]
    return [target for part in parts(notifier) for target in wanting(part, message)]


def flush(notifier: Target) -> Flushed:
    """Send what is kept for the channel of `notifier`. Raises no OSError; the log names what cannot be sent."""
    total = Flushed()
    for one in targets(notifier):
        total = total.plus(_flushed(one))
    _counts["sent"] += total.sent
    for problem in total.problems:
        if problem not in _named:
            _named.append(problem)
            log.error("%s", line(problem, _PROBLEM))
    return total


def _flushed(notifier: Target) -> Flushed:
    total = Flushed()
    for spool in Spool.of(notifier):
        total = total.plus(spool.flush(lambda _, message: send(notifier, message, BACKGROUND_BUDGET)))
    return total


def send(notifier: Target, message: str, seconds: float, incident: str = "") -> Outcome:
    """Hand `message` to `notifier` and wait up to `seconds`, 2 at the interpreter's end. Never raises."""
    return asked(notifier, "__call__", lambda: notifier(message), message, seconds, incident)[0]


def asked(
    notifier: Target, method: str, call: Callable[[], object], message: str, seconds: float, incident: str = ""
) -> tuple[Outcome, object]:
    """As `send`, by a `call` of the `method` of `notifier`; also what it returned, None if it did not."""
    seconds = min(seconds, EXIT_BUDGET) if at_exit() else seconds
    answer = (isolation.call_inline if keeps_time(notifier, method) else isolation.call)(call, seconds)
    if answer.returned:
        isolation.tried(lambda: _log_sent(notifier, message))  # there may be no stack left for the log
        return Outcome("sent", incident=incident), answer.value
    return _not_sent(notifier, answer.error, seconds, incident), None


def _not_sent(notifier: Target, error: BaseException | None, seconds: float, incident: str) -> Outcome:
    """What the `error` of `notifier` means; None: it has not returned."""
    name = safe.type_name(type(notifier))
    if error is None:
        return Outcome("unknown", f"{name} gave no answer within {seconds:.3g} s", incident=incident)
    if (refused := isolation.tried(lambda: _refused(error)).value) is not None:
        return refused.replaced(incident=incident)
    # Not the error's text: a notifier that a user wrote puts its webhook's URL there (requests does, in every one).
    kind = safe.type_name(type(error))
    return Outcome("failed", f"{name} raised {kind} at {_origin(error)}", incident=incident)


def _log_sent(notifier: Target, message: str) -> None:
    if not parts(notifier):  # else each of them is named
        _log_info("sent to %s: %s", notifier, message)


def _log_info(text: str, notifier: Target, message: str) -> None:
    if log.isEnabledFor(logging.INFO):  # a handler may be the user's own
        shown = isolation.call(lambda: shown_in_log(title(message, _HEADLINE), _HEADLINE), _LOOK_UP).value
        isolation.call(lambda: log.info(text, shown_in_log(chat(notifier), _HEADLINE), shown), _LOOK_UP)


def _refused(error: BaseException) -> Outcome | None:
    """The outcome that a NotifierError states; None for another error. A class that derives from it may raise here.

    A user's notifier may put anything into its error, and quote anybody.
    """
    if not issubclass(type(error), NotifierError):
        return None
    if not isinstance(error, DeliveryError):
        return Outcome("failed", reply(reason(error), _REASON))
    kind = safe.type_name(type(error))
    stated = isolation.call(lambda: (error.fate, error.reason, error.final, error.retry_after), _LOOK_UP)
    fate, why, final, after = stated.value or ("failed", kind, False, None)
    known = type(fate) is str and fate in _FATES
    said = reply(safe.text(why) or kind, _REASON)
    return Outcome(fate if known else "failed", said, final is True, retry_after=_wait(after))


def _wait(asked: Any) -> float | None:
    if type(asked) not in (int, float) or not asked > 0:
        return None
    return float(min(asked, _LONGEST_WAIT))


def _origin(error: BaseException) -> str:
    tb = safe.slot(error, "__traceback__")
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return f"{os.path.basename(tb.tb_frame.f_code.co_filename)}:{tb.tb_lineno}" if tb else "an unknown place"


def _after_success(notifier: Target, message: Message) -> None:
    for spool in Spool.of(notifier):
        spool.remove(message)  # which another rank, or an earlier try, may have kept
    _try_again(notifier, channel(notifier), _RETRY)
    pruning.prune()


def _retry_later(notifier: Target, name: str, seconds: float) -> None:
    if not at_exit() and name not in background.names:
        background.post(lambda: _try_again(notifier, name, seconds), after=seconds, name=name)


def _try_again(notifier: Target, name: str, seconds: float) -> None:
    flushed = flush(notifier)
    if flushed.left:
        _retry_later(notifier, name, max(min(2 * seconds, _RETRY_MOST), flushed.retry_after or 0.0))
