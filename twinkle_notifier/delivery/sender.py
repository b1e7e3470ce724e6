"""How a message gets out: within a budget; and what becomes of one that does not."""

from __future__ import annotations

import functools
import logging
import os
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.budgets import BACKGROUND_BUDGET, DISK, EXIT_BUDGET
from twinkle_notifier.credentials.masking import mask, redact, secrets_in_url
from twinkle_notifier.credentials.references import REDACTED, is_reference, resolve
from twinkle_notifier.delivery.descriptor import channel, chat, describe
from twinkle_notifier.delivery.spool import Flushed, Spool
from twinkle_notifier.errors import DeliveryError, NotifierError
from twinkle_notifier.isolation import safe
from twinkle_notifier.isolation.background import at_exit, background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.markdown import title
from twinkle_notifier.messages.message import Message, Outcome
from twinkle_notifier.messages.sanitize import line, reply, shown_in_log
from twinkle_notifier.runtime import pruning

# A process that lives on tries again what it could not send: after so many seconds, then twice as many, up to
_RETRY = 60.0
_RETRY_MOST = 960.0
_LOOK_UP = 1.0  # seconds for a reference, or for what an error says
_HEADLINE = 200  # characters of a log line about a message
_PROBLEM = 500  # characters of a log line about the disk
_REASON = 600  # characters
_FATES = ("failed", "throttled", "unknown")
_LONGEST_WAIT = 86400.0  # seconds that a service may ask for
_LATER = "it is kept on the disk and goes out with the next message, the next run, or `twinkle-notifier flush`"

log: logging.Logger = logging.getLogger("twinkle_notifier")
_counts: Counter[str] = Counter()
_named: deque[str] = deque(maxlen=100)  # the problems that the log has named

Sender = Callable[[str], object]


def counters() -> dict[str, int]:
    """How many messages this process has sent or kept, by the status of their `Outcome`.

    Those that a later try sent count as ``sent``, too; ``dropped`` is what a full queue put aside.
    """
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
    kept = isolation.call(lambda: _add(notifier, message, outcome.reason), DISK)
    if not kept.returned:
        log.error("a message could not be kept either (%s): %s", reason(kept.error), message.partition("\n")[0])
        _counts[outcome.status] += 1
        return outcome
    _counts["spooled"] += 1
    _retry_later(notifier, outcome.retry_after or _RETRY)
    return outcome.replaced(status="spooled", reason=f"{outcome.reason}; {_LATER}")


def flush(notifier: Sender) -> Flushed:
    """Send what was kept for the channel of `notifier`. Raises no OSError; the log names what cannot be sent."""
    total = Flushed()
    for spool in Spool.everyone(channel(notifier)):
        total += spool.flush(lambda _, message: send(notifier, message, BACKGROUND_BUDGET))
    _counts["sent"] += total.told
    for problem in total.problems:
        if problem not in _named:  # once, not at each try
            _named.append(problem)
            log.error("%s", line(problem, _PROBLEM))
    return total


def send(notifier: Sender, message: str, seconds: float, incident: str = "") -> Outcome:
    """Hand `message` to `notifier` and wait up to `seconds`, 2 at the interpreter's end. Never raises."""
    seconds = min(seconds, EXIT_BUDGET) if at_exit() else seconds
    # Of its own class: what derives from it may do anything.
    bounded = (
        isolation.call_inline if safe.class_slot(type(notifier), "__dict__").get("_ends_in_time") else isolation.call
    )
    answer = bounded(lambda: notifier(message), seconds)
    if answer.returned:
        isolation.tried(lambda: _log_sent(notifier, message))  # it is sent, even where no stack is left for the log
        return Outcome("sent", incident=incident)
    error, name = answer.error, safe.type_name(type(notifier))
    if error is None:
        return Outcome("unknown", f"{name} gave no answer within {seconds:g} s", incident=incident)
    if (said := isolation.tried(lambda: _said(error, incident)).value) is not None:
        return said
    # Not the error's text: a notifier that a user wrote puts its webhook's URL there (requests does, in every one).
    kind = safe.type_name(type(error))
    return Outcome("failed", f"{name} raised {kind} at {_origin(error)}", incident=incident)


def _log_sent(notifier: Sender, message: str) -> None:
    if log.isEnabledFor(logging.INFO):  # a handler may be the user's own
        shown = isolation.call(lambda: shown_in_log(title(message, _HEADLINE), _HEADLINE), _LOOK_UP).value
        isolation.call(lambda: log.info("sent to %s: %s", shown_in_log(chat(notifier), _HEADLINE), shown), _LOOK_UP)


def _said(error: BaseException, incident: str) -> Outcome | None:
    """What a notifier says by an error of this package; a class that derives from those may raise here."""
    if issubclass(type(error), DeliveryError) and isinstance(error, DeliveryError):
        return _refused(error, incident)
    if issubclass(type(error), NotifierError):
        return Outcome("failed", reply(reason(error), _REASON), incident=incident)
    return None


def _refused(error: DeliveryError, incident: str) -> Outcome:
    """What `error` says, as far as it can be used: a user's notifier may say anything, and quote anybody."""
    kind = safe.type_name(type(error))
    asked = isolation.call(lambda: (error.fate, error.reason, error.final, error.retry_after), _LOOK_UP)
    fate, why, final, after = asked.value or ("failed", kind, False, None)
    known = type(fate) is str and fate in _FATES
    said = reply(safe.text(why) or kind, _REASON)
    return Outcome(fate if known else "failed", said, final is True, incident, _wait(after))


def _wait(asked: Any) -> float | None:
    if type(asked) not in (int, float) or not asked > 0:
        return None
    return float(min(asked, _LONGEST_WAIT))


def _origin(error: BaseException) -> str:
    tb = safe.slot(error, "__traceback__")
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return f"{os.path.basename(tb.tb_frame.f_code.co_filename)}:{tb.tb_lineno}" if tb else "an unknown place"


def for_the_disk(notifier: Sender, message: Message) -> tuple[Message, dict[str, Any] | None]:
    """`message` and the description of `notifier`, both without its secrets. May take seconds."""
    description = describe(notifier, save_secrets=True)
    hidden = Message(mask(message, _secrets(description)), message.id)  # it may go out to another robot, by --to
    return hidden, redact(description) if description else None


def _add(notifier: Sender, message: Message, why: str) -> None:
    hidden, description = for_the_disk(notifier, message)
    Spool.keep(channel(notifier), hidden, why, description)


def _secrets(described: object, name: str = "") -> list[str]:
    """The secret texts in a description, looked up where they are references."""
    if isinstance(described, dict):
        return [secret for key, value in described.items() if key != "class" for secret in _secrets(value, str(key))]
    if isinstance(described, list):
        return [secret for value in described for secret in _secrets(value, name)]
    if not isinstance(described, str) or not (is_reference(described) or redact(described, name) == REDACTED):
        return []
    text = isolation.call(lambda: resolve(described), _LOOK_UP).value or ""
    return secrets_in_url(text) if "://" in text else [text]


def _after_success(notifier: Sender, message: Message) -> None:
    for spool in Spool.everyone(channel(notifier)):
        spool.remove(message)  # another rank, or an earlier try, may have kept it
    _try_again(notifier, _RETRY)
    pruning.prune()


def _retry_later(notifier: Sender, seconds: float) -> None:
    if at_exit() or (name := channel(notifier)) in background.names:
        return
    background.post(lambda: _try_again(notifier, seconds), after=seconds, name=name)


def _try_again(notifier: Sender, seconds: float) -> None:
    flushed = flush(notifier)
    if flushed.left:
        _retry_later(notifier, max(min(2 * seconds, _RETRY_MOST), flushed.retry_after or 0.0))
