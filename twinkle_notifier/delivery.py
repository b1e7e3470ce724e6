"""How a message gets out: within a budget; and what becomes of one that does not."""

from __future__ import annotations

import functools
import logging
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from twinkle_notifier import foreign
from twinkle_notifier.background import BUDGET, EXIT_BUDGET, at_exit, background
from twinkle_notifier.description import channel, describe
from twinkle_notifier.errors import DeliveryError, NotifierError, reason
from twinkle_notifier.message import Message, Outcome
from twinkle_notifier.spool import Flushed, Spool

CRASH_BUDGET = 8.0  # seconds for one send while a run is crashing
BACKGROUND_BUDGET = BUDGET  # seconds for one send that nobody waits for
_SPOOL = 3.0  # seconds to keep a message on the disk, two of them for its own description
_RETRY = (
    60.0  # seconds after which a process that lives on tries again what it could not send; then twice as long, up to
)
_RETRY_MOST = 960.0
_LATER = "it is kept on the disk and goes out with the next message, the next run, or `twinkle-notifier flush`"

log = logging.getLogger("twinkle_notifier")
_counts: Counter[str] = Counter()
_retried: set[str] = set()  # channels that a later try waits for

Sender = Callable[[str], object]


def counters() -> dict[str, int]:
    """How many messages of this process came to which status of `Outcome`; ``dropped`` from a full queue."""
    return {**_counts, **({"dropped": background.dropped} if background.dropped else {})}


def deliver(notifier: Sender, message: Message, seconds: float, incident: str = "") -> Outcome:
    """Send `message`; keep it on the disk if that fails. Never raises, whatever the notifier does."""
    outcome = send(notifier, message, seconds, incident)
    if outcome.status != "sent":
        return keep(notifier, message, outcome)
    _counts["sent"] += 1
    background.post(functools.partial(_after_success, notifier, message))
    return outcome


def keep(notifier: Sender, message: Message, outcome: Outcome) -> Outcome:
    """Keep on the disk a message that came to `outcome`, to be sent later."""
    kept = foreign.call(lambda: _spool(notifier).add(message, outcome.reason, _described(notifier)), _SPOOL)
    if not kept.returned:
        log.error("a message could not be kept either (%s): %s", reason(kept.error), message.partition("\n")[0])
        _counts[outcome.status] += 1
        return outcome
    _counts["spooled"] += 1
    _retry_later(notifier, outcome.retry_after or _RETRY)
    return replace(outcome, status="spooled", reason=f"{outcome.reason}; {_LATER}")


def flush(notifier: Sender) -> Flushed:
    """Send what was kept for the channel of `notifier`. Raises OSError when the folder does not work."""
    return _spool(notifier).flush(lambda _, message: send(notifier, message, BACKGROUND_BUDGET))


def send(notifier: Sender, message: str, seconds: float, incident: str = "") -> Outcome:
    """Hand `message` to `notifier` and wait up to `seconds`, 2 at the interpreter's end. Never raises."""
    seconds = min(seconds, EXIT_BUDGET) if at_exit() else seconds
    answer = foreign.call(lambda: notifier(message), seconds)
    if answer.returned:
        return Outcome("sent", incident=incident)
    error, name = answer.error, type(notifier).__name__
    if error is None:
        return Outcome("unknown", f"{name} gave no answer within {seconds:g} s", incident=incident)
    if isinstance(error, DeliveryError):
        return Outcome(error.fate, error.reason, error.final, incident, error.retry_after)
    if isinstance(error, NotifierError):
        return Outcome("failed", reason(error), incident=incident)
    # Not the error's text: a notifier that a user wrote puts its webhook's URL there (requests does, in every one).
    return Outcome("failed", f"{name} raised {type(error).__name__} at {_origin(error)}", incident=incident)


def _origin(error: BaseException) -> str:
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return f"{os.path.basename(tb.tb_frame.f_code.co_filename)}:{tb.tb_lineno}" if tb else "an unknown place"


def _spool(notifier: Sender) -> Spool:
    return Spool.of(channel(notifier))


def _described(notifier: Sender) -> dict[str, object] | None:
    return describe(notifier, save_secrets=False)


def _after_success(notifier: Sender, message: Message) -> None:
    _spool(notifier).remove(message)  # another rank, or an earlier try, may have kept it
    _try_again(notifier, _RETRY)


def _retry_later(notifier: Sender, seconds: float) -> None:
    if at_exit() or (name := channel(notifier)) in _retried:
        return
    _retried.add(name)

    def retry() -> None:
        _retried.discard(name)
        _try_again(notifier, seconds)

    background.post(retry, after=seconds)


def _try_again(notifier: Sender, seconds: float) -> None:
    flushed = flush(notifier)
    if flushed.left:
        _retry_later(notifier, min(2 * seconds, _RETRY_MOST))
