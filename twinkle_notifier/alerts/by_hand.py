"""`alert`: a message that code sends by hand, once over all ranks."""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.budgets import CRASH_BUDGET, PATIENCE, PROGRESS, RETURN
from twinkle_notifier.claims import Watermark
from twinkle_notifier.claims.store import Store
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import channel
from twinkle_notifier.delivery.once import send_once
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation import forks, safe
from twinkle_notifier.isolation.background import background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.message import LEVELS, Level, Message, Outcome, derived_id, level_named, random_id
from twinkle_notifier.messages.report import by_hand
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.runtime.language import Language, language
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.process import Instant, process_start
from twinkle_notifier.runtime.run_name import default_name
from twinkle_notifier.runtime.stored import hashed
from twinkle_notifier.settings import configured, log_none

_WAIT = 60.0  # seconds
_TOGETHER = 5.0  # seconds within which ranks that say the same are one, at least
_LONGEST = 1e9  # seconds
_TITLES, _NOTIFIERS = 1_000, 64  # that are remembered
_TITLE = 100  # characters of one, in the log
_DONE = ("sent", "duplicate", "skipped", "spooled")
_NO_TIME = Outcome("unknown", "there was no time to send it")
_Notifier = Callable[[str], object]


class By(NamedTuple):
    """Who alerts: a run, or by default this process. `notifier` may be asked in the background."""

    notifier: Callable[[], _Notifier | None]
    name: str
    store: Store | None = None
    mark: Watermark | None = None  # alerts before it are of an earlier run
    language: Language | None = None
    facts: Callable[[], list[str]] = list  # list items


def alert(
    title: str,
    text: str | None = "",
    level: object = "warning",
    wait_duration: float | timedelta = _WAIT,
    notifier: _Notifier | None = None,
) -> Outcome:
    """Send people a message from your code: once over all ranks, and once for a title in `wait_duration`.

    It goes out in the background. An ``error`` does not: it is sent, by this rank or another, when this returns, within
    25 s; so the process may end then.

    Args:
        title: the heading, after the run's name. A long one is cut.
        text: what else there is to say, a few lines. Marks of Markdown are shown as they are, secrets are masked.
        level: ``info``, ``success``, ``warning`` or ``error``; also as W&B and trackio call them: ``"WARN"``,
            ``AlertLevel.WARN``.
        wait_duration: seconds, or a timedelta, in which the same title is not sent again.
        notifier: what sends it; by default the one that is set up, see docs/settings.md.

    Raises:
        ArgumentError: an argument is none of its values; it is a ValueError. Nothing else is raised, but what a signal
            raises: Ctrl-C ends the wait, and the send goes on.

    Returns what became of it: ``queued`` in the background, ``duplicate`` if this process has sent that title, or
    another rank, ``skipped`` where there is no notifier: one warning says so.
    """
    return send(
        By(lambda: notifier if notifier is not None else configured.get(), ""), title, text, level, wait_duration
    )


def send(by: By, title: object, text: object, level: object, wait_duration: object) -> Outcome:
    """See `alert`."""
    if not isinstance(title, str) or not title.strip():
        raise ArgumentError(f"title is {_given(title)}: give a text of a few words")
    if text is not None and not isinstance(text, str):
        raise ArgumentError(f"text is {_given(text)}: give a text, or leave it out")
    if (known := level_named(level)) is None:
        raise ArgumentError(f"level is {_given(level)}: give one of {', '.join(LEVELS)}")
    seconds = _seconds(wait_duration)
    shared = max(seconds, _TOGETHER) if seconds else 0.0
    said = _Said(by, title, text or "", known, shared, Instant.ago(shared))
    answer = isolation.tried(lambda: _send(said, seconds))
    if answer.error is not None and not isinstance(answer.error, Exception):
        raise answer.error  # Ctrl-C, or what the user's handler of a signal raises
    if answer.error is not None:
        log.warning("alert not sent for %r: preparing it raised %s", shown_in_log(title, _TITLE), reason(answer.error))
    return answer.value or Outcome("failed", f"preparing the alert raised {reason(answer.error)}")


def _given(value: object) -> str:
    return f"{value!r:.40}" if safe.is_plain(value) else f"a {safe.type_name(type(value))}"


def _seconds(given: object) -> float:
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < _LONGEST:
        raise ArgumentError(f"wait_duration is {_given(given)}: give seconds, 0 or more, or a timedelta")
    return float(seconds)


class _Said(NamedTuple):
    by: By
    title: str
    text: str
    level: Level
    seconds: float  # in which other ranks say the same; 0: each rank sends
    since: Instant  # so many seconds before the call


class _Last(NamedTuple):
    """When this process last sent a title."""

    at: float  # on the monotonic clock
    over: Instant | None = None  # when it had been sent, or not: what was recorded before is no other rank's next one


_Key = tuple[str, str, str]  # the run, the title, the channel
_lock = threading.Lock()
_last: dict[_Key, _Last] = {}
_channels: deque[tuple[weakref.ref[Any], str]] = deque(maxlen=_NOTIFIERS)
_warned = False


def _forget() -> None:
    global _lock
    _lock = threading.Lock()
    _last.clear()


forks.in_child(_forget)


def _is_due(key: _Key, seconds: float) -> bool:
    now = time.monotonic()
    with _lock:
        last = _last.get(key, _Last(-math.inf))
        if now - last.at < seconds:
            return False
        _last.pop(key, None)  # so that it comes last
        _last[key] = last._replace(at=now)
        if len(_last) > _TITLES:
            del _last[next(iter(_last))]
        return True


def _note(key: _Key, *, sent: bool) -> None:
    """The last try is over. If it has not sent, the next may work."""
    with _lock:
        if (last := _last.get(key)) is not None:
            _last[key] = _Last(last.at if sent else -math.inf, Instant.now())


def _send(said: _Said, seconds: float) -> Outcome:
    notifier = said.by.notifier()
    if notifier is None:
        _warn_once()
        return Outcome("skipped", "there is no notifier")
    key = (said.by.name, hashed(said.title, errors="replace"), _channel(notifier))
    if not _is_due(key, seconds):
        return Outcome("duplicate", f"this process has sent the same title within {seconds:g} s")
    if said.level != "error":
        background.post(lambda: _deliver(said, notifier, key), otherwise=lambda: _keep(said, notifier, key))
        return Outcome("queued", "it is sent in the background")
    return _deliver(said, notifier, key)


def _channel(notifier: _Notifier) -> str:
    """As `channel`. Each notifier is asked once: its own description may hang, and a duplicate should cost nothing."""
    known = next((name for made, name in list(_channels) if made() is notifier), None)
    if known is not None:
        return known
    found = channel(notifier)
    made = isolation.tried(lambda: weakref.ref(notifier)).value  # a class may have slots
    _channels.extend([(made, found)] if made is not None else [])
    return found


def _warn_once() -> None:
    global _warned
    if not _warned and not configured.complaint:
        _warned = True
        log_none("`alert`")


def _deliver(said: _Said, notifier: _Notifier, key: _Key) -> Outcome:
    """Send it within `PATIENCE`; keep it on the disk if that raises or takes too long."""
    answer = isolation.call(lambda: _sent(said, notifier, key), PATIENCE - RETURN)
    outcome = answer.value
    if outcome is None:
        why = Outcome("unknown", f"sending it raised {reason(answer.error)}" if answer.error else reason(None))
        outcome = isolation.call(lambda: _keep(said, notifier, key, why), RETURN).value or why
    _note(key, sent=outcome.status in _DONE)
    if outcome.status not in _DONE:
        log.warning("alert not sent for %r: %s", shown_in_log(said.title, _TITLE), outcome.reason)
    return outcome


def _sent(said: _Said, notifier: _Notifier, key: _Key) -> Outcome:
    if not said.seconds:
        return sender.deliver(notifier, Message(_text(said), random_id(), said.level), CRASH_BUDGET)
    began = said.by.mark.at if said.by.mark is not None else process_start()
    # What this process recorded the last time came after its call then, but not after its end.
    over = _last.get(key, _Last(0.0)).over or began
    since = began
    for moment in (said.since, over):
        since = moment if moment.after(since) else since
    return send_once(notifier, _topic(said, key), Watermark(since), lambda: _text(said), said.level, said.by.store)


def _topic(said: _Said, key: _Key) -> str:
    return f"alert-{hashed(f'{said.by.name} {said.title}', errors='replace')}-{key[-1]}"


def _keep(said: _Said, notifier: _Notifier, key: _Key, why: Outcome = _NO_TIME) -> Outcome:
    """The other ranks cannot be asked: each keeps the same, on one disk it is one."""
    shared = f"{_topic(said, key)}/{int(said.since.wall // said.seconds)}" if said.seconds else ""
    message_id = derived_id(shared) if shared else random_id()
    return sender.keep(notifier, Message(_text(said), message_id, said.level), why)


def _text(said: _Said) -> str:
    chosen = language(said.by.language)
    name = said.by.name or default_name()
    # Half of what is left: without them it can still be sent, or be kept.
    facts = isolation.call(said.by.facts, min(PROGRESS, isolation.remaining() / 2)).value or []
    return by_hand(said.title, said.text, name, Where.here(), facts, Attempt.here(), chosen)
