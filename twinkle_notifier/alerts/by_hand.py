"""`alert`: a message that code sends by hand, once over all ranks."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.budgets import PATIENCE
from twinkle_notifier.claims import Watermark
from twinkle_notifier.claims.store import Store
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import channel
from twinkle_notifier.delivery.once import send_once
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation import forks, safe
from twinkle_notifier.isolation.background import background
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.message import LEVELS, Level, Message, Outcome, derived_id, level_named
from twinkle_notifier.messages.report import by_hand
from twinkle_notifier.runtime.language import Language, language
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.process import Instant, process_start
from twinkle_notifier.runtime.run_name import default_name
from twinkle_notifier.runtime.stored import hashed
from twinkle_notifier.settings import HOW, configured

_WAIT = 60.0  # seconds
_TOGETHER = 5.0  # seconds within which ranks that say the same are one, at least
_LONGEST = 1e9  # seconds
_TITLES = 1_000  # that are remembered
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
        ArgumentError: an argument is none of its values; it is a ValueError. Nothing else is raised.

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
    said = _Said(by, title, text or "", known, max(seconds, _TOGETHER if seconds else 0.0))
    answer = isolation.tried(lambda: _send(said, seconds))
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
    seconds: float  # in which other ranks say the same


_lock = threading.Lock()
_last: dict[tuple[str, str, int], float] = {}  # when a title was last sent, by the run and the notifier's identity
_warned = False


def _forget() -> None:
    global _lock
    _lock = threading.Lock()
    _last.clear()


forks.in_child(_forget)


def _is_due(key: tuple[str, str, int], seconds: float) -> bool:
    now = time.monotonic()
    with _lock:
        if now - _last.get(key, -math.inf) < seconds:
            return False
        _last.pop(key, None)  # so that it comes last
        _last[key] = now
        if len(_last) > _TITLES:
            del _last[next(iter(_last))]
        return True


def _send(said: _Said, seconds: float) -> Outcome:
    notifier = said.by.notifier()
    if notifier is None:
        _warn_once()
        return Outcome("skipped", "there is no notifier")
    key = (said.by.name, hashed(said.title, errors="replace"), id(notifier))
    if not _is_due(key, seconds):
        return Outcome("duplicate", f"this process has sent the same title within {seconds:g} s")
    if said.level != "error":
        background.post(lambda: _deliver(said, notifier, key), otherwise=lambda: _keep(said, notifier))
        return Outcome("queued", "it is sent in the background")
    answer = isolation.call(lambda: _deliver(said, notifier, key), PATIENCE)
    return answer.value or Outcome("unknown", reason(answer.error))


def _warn_once() -> None:
    global _warned
    if not _warned and not configured.complaint:
        _warned = True
        log.warning("no alert will be sent: give `alert` a notifier, or %s", HOW)


def _deliver(said: _Said, notifier: _Notifier, key: tuple[str, str, int]) -> Outcome:
    began = said.by.mark.at if said.by.mark is not None else process_start()
    since = Instant.ago(said.seconds)
    mark = Watermark(since if since.after(began) else began)
    outcome = send_once(notifier, _topic(said, notifier), mark, lambda: _text(said), said.level, said.by.store)
    if outcome.status not in ("sent", "duplicate", "skipped", "spooled"):
        _last.pop(key, None)  # the next may work
        log.warning("alert not sent for %.100r: %s", said.title, outcome.reason)
    return outcome


def _topic(said: _Said, notifier: _Notifier) -> str:
    return f"alert-{hashed(f'{said.by.name} {said.title}', errors='replace')}-{channel(notifier)}"


def _keep(said: _Said, notifier: _Notifier) -> None:
    """There is no time to ask the other ranks: each keeps the same, on one disk it is one."""
    message_id = derived_id(f"{_topic(said, notifier)}/{int(time.time() // max(said.seconds, 1))}")
    sender.keep(
        notifier, Message(_text(said), message_id, said.level), Outcome("unknown", "there was no time to send it")
    )


def _text(said: _Said) -> str:
    chosen = language(said.by.language)
    name = said.by.name or default_name()
    facts = isolation.tried(said.by.facts).value or []
    return by_hand(said.title, said.text, name, Where.here(), facts, Attempt.here(), chosen)
