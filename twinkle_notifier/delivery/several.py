"""One message for several channels, side by side: who wants it, within one budget, and what became of it in all."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Sequence

from twinkle_notifier import isolation
from twinkle_notifier.delivery.descriptor import chat
from twinkle_notifier.delivery.targets import Target
from twinkle_notifier.errors import DeliveryError, Fate
from twinkle_notifier.messages.message import Outcome, Status
from twinkle_notifier.messages.sanitize import shown_in_log

_SLACK = 0.5  # seconds for the threads to begin and to end
_NAME, _LOG = 60, 1.0  # characters; seconds to write a line

# The end of the reason of what is kept.
LATER = "; it is kept on the disk and goes out with this notifier's next message or run, or by `twinkle-notifier flush`"

log: logging.Logger = logging.getLogger("twinkle_notifier")


def side_by_side(
    targets: Sequence[Target], work: Callable[[Target, float], Outcome], seconds: float, more: float
) -> list[Outcome]:
    """The outcome of `work` for each target, in a thread for each: it gets the seconds that it may send.

    It may take `more` seconds after that. Where no thread can start they are worked on one by one, and share the time.
    `work` may not raise.
    """
    if len(targets) == 1:
        return [work(targets[0], seconds)]
    caller, deadline = threading.get_ident(), time.monotonic() + seconds

    def one(at: int) -> Outcome:
        left = max(deadline - time.monotonic(), 0.0)
        return work(targets[at], left if threading.get_ident() != caller else left / (len(targets) - at))

    waits = [isolation.start(functools.partial(one, at)) for at in range(len(targets))]
    answers = [wait(max(deadline + more + _SLACK - time.monotonic(), 0.0)).value for wait in waits]
    return [answer or Outcome("unknown", "it gave no answer in time") for answer in answers]


def whole(targets: Sequence[Target], outcomes: Sequence[Outcome], incident: str = "") -> Outcome:
    """What became of the message in all: sent if one is. The log names the others then."""
    if not targets:
        return Outcome("skipped", "its level is below the notifier's min_level", final=True, incident=incident)
    if len(targets) == 1:
        return outcomes[0]
    if all(outcome.status != "sent" for outcome in outcomes):
        return _in_all(targets, outcomes).replaced(incident=incident)
    for target, outcome in zip(targets, outcomes, strict=True):
        if outcome.status != "sent":
            log_failed(target, outcome.reason)
    return Outcome("sent", incident=incident)


def failed(targets: Sequence[Target], outcomes: Sequence[Outcome]) -> DeliveryError:
    """The error of a notifier of which each target has failed."""
    found = _in_all(targets, outcomes)
    fate = "unknown" if any(each.status == "unknown" for each in outcomes) else found.status
    known: Fate = "unknown" if fate == "unknown" else "throttled" if fate == "throttled" else "failed"
    return DeliveryError(found.reason, fate=known, final=found.final, retry_after=found.retry_after)


def _in_all(targets: Sequence[Target], outcomes: Sequence[Outcome]) -> Outcome:
    final, waits = all(each.final for each in outcomes), [each.retry_after for each in outcomes]
    lasts = all(each.final or each.retry_after is not None for each in outcomes)  # for other ranks, too
    after = min((wait for wait in waits if wait is not None), default=None) if lasts else None
    others: list[Status] = [each.status for each in outcomes if each.status != "spooled"]
    status: Status = others[0] if others else "spooled"
    reasons = [outcome.reason.removesuffix(LATER) for outcome in outcomes]
    said = "; ".join(f"{_named(target)}: {why}" for target, why in zip(targets, reasons, strict=True))
    return Outcome(status, said + (LATER if status == "spooled" else ""), final, retry_after=after)


def _named(target: Target) -> str:
    return shown_in_log(chat(target), _NAME)


def log_failed(target: Target, reason: str, level: int = logging.ERROR) -> None:
    """Log that `target` has not delivered a message, which is no failure of the whole."""
    write = functools.partial(log.log, level, "alert not sent to %s: %s", _named(target), reason)
    isolation.call(write, _LOG)  # a handler may be the user's own
