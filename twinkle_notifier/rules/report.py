"""The alerts of rules: what they say, and which rank sends them."""

from __future__ import annotations

import math
from collections.abc import Callable

from twinkle_notifier.budgets import CRASH_BUDGET
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import channel
from twinkle_notifier.delivery.once import send_once
from twinkle_notifier.isolation import tried
from twinkle_notifier.isolation.background import background
from twinkle_notifier.messages.catalog import fact, facts, listed, phrase
from twinkle_notifier.messages.message import Message, Outcome, derived_id
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.messages.report import milestone
from twinkle_notifier.messages.sanitize import code, line, shown_in_log
from twinkle_notifier.messages.wording import duration
from twinkle_notifier.rules.state import Change
from twinkle_notifier.rules.training import Training as Training
from twinkle_notifier.rules.training import rank_zero_logs
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.stored import hashed

_RUN, _NAME, _TITLE, _RULE = 100, 60, 120, 300  # characters of a name, a metric's, what a heading says, a rule
_ALSO = 5  # metrics that are named
_VALUES = 4
_LONGEST = 1e15  # a step that is larger is shown with fewer digits


def post(change: Change, training: Training) -> None:
    """Send what people should know, in the background. Returns at once."""
    send = _fired if change.kind == "fired" else _resolved
    background.post(lambda: send(change, training), otherwise=lambda: _keep(change, training))


def _fired(change: Change, training: Training) -> None:
    notifier, where = training.notifier(), Where.here()
    if notifier is None or (where.rank and rank_zero_logs(change.names, training)):
        return
    outcome = send_once(
        notifier,
        _key(change, training, notifier),
        training.mark,
        lambda: markdown(change, training, where),
        change.level,
        training.store,
    )
    change.firing.outcome = outcome
    if outcome.status not in ("sent", "duplicate", "skipped"):
        log.warning("alert not sent for a rule of %r: %s", shown_in_log(training.name, _RUN), outcome.reason)


def _resolved(change: Change, training: Training) -> None:
    """The rank that has sent the alert says that it is over."""
    fired, notifier = change.firing.outcome, training.notifier()
    if fired is None or fired.status not in ("sent", "spooled") or notifier is None:
        return
    if fired.status == "spooled":  # it goes first
        sender.flush(notifier)
    outcome = sender.deliver(notifier, _resolution(change, training, notifier), CRASH_BUDGET)
    if outcome.status not in ("sent", "skipped"):
        log.warning("alert not sent for the end of a rule of %r: %s", shown_in_log(training.name, _RUN), outcome.reason)


_NO_TIME = Outcome("unknown", "there was no time to send it")


def _keep(change: Change, training: Training) -> None:
    """There is no time to ask the other ranks, nor to send it: rank 0 keeps it on the disk."""
    notifier, where = training.notifier(), Where.here()
    if notifier is None or where.rank:
        return
    if change.kind == "fired":
        text = markdown(change, training, where)
        message = Message(text, derived_id(_key(change, training, notifier)), change.level)
        change.firing.outcome = sender.keep(notifier, message, _NO_TIME)
    elif change.firing.outcome is not None and change.firing.outcome.status in ("sent", "spooled"):
        sender.keep(notifier, _resolution(change, training, notifier), _NO_TIME)


def _resolution(change: Change, training: Training, notifier: Callable[[str], object]) -> Message:
    message_id = derived_id(f"{_key(change, training, notifier)}/resolved/{Where.here().rank}")
    return Message(markdown(change, training, Where.here()), message_id, "success")


def _key(change: Change, training: Training, notifier: Callable[[str], object]) -> str:
    """By it the ranks agree: each meets a rule at the same step of the same training, and equally often at that."""
    where = Where.here()
    alone = f"-{where.pid}-{training.number}" if where.world_size == 1 else ""
    firing = f"{change.firing.step} {change.firing.number}"
    what = hashed(f"{training.name} {change.key} {firing}", errors="replace")
    return f"rule-{what}-{channel(notifier)}{alone}"


# What it says


def markdown(change: Change, training: Training, where: Where) -> str:
    """The message."""
    language, name, what = training.language, line(training.name, _RUN), _what(change, training.language)
    if change.kind == "resolved":
        said = "{name}: resolved at step {step}: {what}" if change.step is not None else "{name}: resolved: {what}"
    else:
        said = "{name}: {what} at step {step}" if change.step is not None else "{name}: {what}"
    headline = phrase(language, said, name=name, what=what, step=_step(change.step))
    items = tried(lambda: _items(change, language, where, training.progress())).value or []  # bare, if they fail
    return milestone(headline, training.name, where, items, Attempt.here(), language)


def _what(change: Change, language: str) -> str:
    if change.not_finite is None:
        return line(change.title or change.rule, _TITLE)
    metric, value = change.not_finite
    return phrase(language, "{metric} is nan" if math.isnan(value) else "{metric} is inf", metric=line(metric, _NAME))


def _items(change: Change, language: str, where: Where, progress: Progress) -> list[str]:
    if change.step is not None and progress.step is not None:  # it may have gone on since
        progress = progress._replace(step=int(change.step))
    if len(change.history) > 1:
        progress = progress._replace(history=change.history, history_of=change.history_of)
    shown = [f"{line(text, _NAME)} {value:.4g}" for text, value in change.values[:_VALUES]]
    rank = phrase(language, "{rank} of {world_size}", rank=where.rank, world_size=where.world_size)
    also = "Other metrics that are not numbers" if change.kind == "fired" else "Still not numbers"
    return facts(
        fact(language, "Rule", code(change.rule, _RULE) if change.title else ""),
        fact(language, "Lasted", _lasted(change, language) if change.kind == "resolved" else ""),
        fact(language, "Values", listed(language, *shown)),
        fact(language, also, _also(change, language)),
        fact(language, "Rank", rank if where.rank else ""),
        progress.curve(language),
        *progress.lines(language),
    )


def _also(change: Change, language: str) -> str:
    shown = listed(language, *(line(name, _NAME) for name in change.also[:_ALSO]))
    if len(change.also) <= _ALSO:
        return shown
    return phrase(language, "{shown} and {number} more", shown=shown, number=len(change.also) - _ALSO)


def _lasted(change: Change, language: str) -> str:
    began = change.firing.step
    steps = "" if began is None or change.step is None else _step(change.step - began)
    return listed(
        language,
        phrase(language, "{steps} steps", steps=steps) if steps else "",
        duration(change.moment - change.firing.moment, language),
    )


def _step(step: float | None) -> str:
    """``1,180``."""
    if step is None:
        return ""
    return f"{step:,.0f}" if abs(step) < _LONGEST else f"{step:g}"
