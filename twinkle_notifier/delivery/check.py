"""Checks when a run begins whether its notifier can send: better known now than at the crash."""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.delivery.descriptor import chat
from twinkle_notifier.delivery.targets import leaves
from twinkle_notifier.errors import NotifierError
from twinkle_notifier.isolation import safe
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.notifier import Notifier, is_notifier
from twinkle_notifier.runtime.launcher import Where

_BUDGET = 5.0  # seconds for a check; a file's disk may hang
_WAIT = 0.1  # seconds; most checks are done by then, and their warning comes before the run's own output
_REASON = 500  # characters
_REMEMBERED = 100  # notifiers, and warnings

log: logging.Logger = logging.getLogger("twinkle_notifier")
_checked: deque[weakref.ref[Any]] = deque(maxlen=_REMEMBERED)
_warned: deque[str] = deque(maxlen=_REMEMBERED)


def begin(notifier: Callable[[str], object] | None) -> None:
    """Warn once, in the log, if `notifier` cannot send as it is set up. Call it where a run begins.

    A process checks each notifier once, by `Notifier.check_setup`, in a thread, and each of several by itself; on each
    machine only the first rank does. Takes at most 0.1 s, asks nothing of the network, and never raises.
    """
    new = [leaf for leaf in leaves(notifier) if is_notifier(leaf) and _is_new(leaf)]
    if new:
        isolation.start(lambda: _check_all(new))(_WAIT)


def _check_all(notifiers: list[Notifier]) -> None:
    for notifier in notifiers:
        _check(notifier)


def _is_new(notifier: object) -> bool:
    # By identity: a user's class may define comparison and hash in any way.
    if any(known() is notifier for known in list(_checked)):
        return False
    made = isolation.tried(lambda: weakref.ref(notifier)).value  # a class may have slots
    _checked.extend([made] if made is not None else [])
    return True


def _check(notifier: Notifier) -> None:
    if Where.here().local_rank != 0:
        return
    answer: isolation.Answer[object] = isolation.call(lambda: notifier.check_setup(), _BUDGET)
    if answer.returned:
        return
    why = shown_in_log(reason(answer.error), _REASON)  # only the class of an error that is not ours
    if not issubclass(type(answer.error), NotifierError):  # of a broken to_dict, say: the notifier may well send
        why = f"raised {why}" if answer.error is not None else "gives no answer"
        log.debug("%s could not be checked: its check_setup() %s", safe.type_name(type(notifier)), why)
        return
    if why in list(_warned):
        return
    _warned.append(why)
    log.warning("the alerts of this run may not reach %s: %s", chat(notifier), why)
