"""What a user has set up once, for what is given less: by the environment, else by the user's file."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from enum import Enum
from time import monotonic
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.channels import OF_TWINKLE, VARIABLE, connection, from_text
from twinkle_notifier.delivery.targets import leaves
from twinkle_notifier.errors import ArgumentError, NotifierError
from twinkle_notifier.isolation import safe
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.message import known_level
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.runtime.user_file import NOTIFICATIONS as NAMES
from twinkle_notifier.runtime.user_file import Notifications, user_file

NOTIFICATIONS = "TWINKLE_NOTIFIER_NOTIFICATIONS"
DIAGNOSE = "TWINKLE_NOTIFIER_DIAGNOSE"
_SWITCH = {"0": False, "false": False, "no": False, "off": False, "1": True, "true": True, "yes": True, "on": True}
ATTACH = "TWINKLE_NOTIFIER_ATTACH"


class Default(Enum):
    """In place of a notifier: the one that is set up, also in a pickle. None means that no alert is sent."""

    SET_UP = "set up"


SET_UP: Any = Default.SET_UP
HOW = f"set {VARIABLE}, or run `twinkle-notifier init`"  # to set up a notifier
OFF = "off"  # in VARIABLE: no notifier is set up
IS_OFF = f"alerts are switched off: {VARIABLE} is {OFF}"
_SHOWN = 50  # characters of a wrong value, in the log
_BUDGET = 2.0  # seconds to make it
_FOR_AN_ALERT = 5.0  # the same, where an alert would be lost without it: a busy machine is slow
_PAUSE = 60.0  # seconds until the next try, after it could not be made

log: logging.Logger = logging.getLogger("twinkle_notifier")


def set_up(*, strict: bool = False) -> tuple[Notifier | None, str]:
    """The notifier that the environment describes, else the user's file, and the name of what describes it.

    Of several URLs those that cannot work are left out, with a warning; if `strict`, the first is an error. None if
    the user has switched alerts off, see `is_off`.

    Raises:
        ValueError: it does not hold what `Notifier.from_url` takes. The text shows nothing of it.
    """
    if is_off():
        return None, ""
    wrong = None if strict else _warn_of
    for variable in (VARIABLE, OF_TWINKLE):
        if text := os.environ.get(variable, "").strip():
            return from_text(text, variable, wrong=wrong), variable
    file = user_file()
    if not file.url:
        if strict and file.problem:
            raise ArgumentError(f"{file.path}: {file.problem}")
        return None, ""
    found = from_text(file.url, f"url in {file.path}", file.mentions, wrong)
    if unknown := uncalled(found, file.mentions):
        log.warning("%s: mentions: none of your chats can call %s", file.path, ", ".join(unknown))
    if lowest := known_level(file.min_level):
        found.min_level = lowest
    return found, str(file.path)


def uncalled(notifier: Notifier, mentions: Sequence[str]) -> list[str]:
    """Those of `mentions` whom no service of `notifier` calls."""
    called = {mention for one in leaves(notifier) for mention in getattr(one, "mentions", ())}
    return [mention for mention in mentions if mention.strip() not in called]


def _warn_of(error: NotifierError) -> None:
    log.warning("one of several chats is left out: %s", reason(error))


def is_off() -> bool:
    """Whether the user has switched off the notifier that is set up. One that code or an option gives still sends."""
    return os.environ.get(VARIABLE, "").strip().lower() == OFF


def log_none(to: str) -> None:
    """Log that a run has no notifier, and how to give one `to` it; no warning if alerts are switched off."""
    if is_off():
        log.info("no alert will be sent for this run: %s", IS_OFF)
    else:
        log.warning("no alert will be sent for this run: give %s a notifier, or %s", to, HOW)


def by_environment() -> bool:
    """Whether the environment says something about a notifier."""
    return any(os.environ.get(variable, "").strip() for variable in (VARIABLE, OF_TWINKLE))


def is_set_up() -> bool:
    """Whether a notifier may be set up, by the environment or the user's file: it need not work."""
    return not is_off() and (by_environment() or bool(user_file().url))


def notifications(given: object = None) -> Notifications:
    """Which alerts are wanted: what is `given`, else what the environment says, else the user's file, else all.

    Raises:
        ArgumentError: `given` is none of the three. A bad value in the environment is logged and ignored.
    """
    if given is not None:
        if (wanted := _known(given)) is None:
            raise ArgumentError(f"notifications is {given!r:.50}: give one of {', '.join(NAMES)}")
        return wanted
    text = os.environ.get(NOTIFICATIONS, "").strip()
    wanted = _known(text)
    if text and wanted is None:
        log.warning("%s is %r: set it to one of %s", NOTIFICATIONS, shown_in_log(text, _SHOWN), ", ".join(NAMES))
    return wanted or _known(user_file().notifications) or "all"


def diagnoses(given: object = None) -> bool:
    """Whether alerts give likely causes: what is `given`, else the environment's, else the user file's, else True.

    Raises:
        ArgumentError: `given` is neither True nor False. A bad value in the environment is logged and ignored.
    """
    if (wanted := checked_diagnose(given)) is not None:
        return wanted
    text = os.environ.get(DIAGNOSE, "").strip().lower()
    if text in _SWITCH:
        return _SWITCH[text]
    if text:
        log.warning("%s is %r: set it to 0 or 1", DIAGNOSE, shown_in_log(text, _SHOWN))
    found = user_file().diagnose
    return True if found is None else found


def attaches(env: Mapping[str, str]) -> bool:
    """Whether processes and trainers with the environment `env` get what no code of the user's has made."""
    return _SWITCH.get(env.get(ATTACH, "").strip().lower(), True)


def checked_notifier(given: object, of: str) -> None:
    """Raise ArgumentError if what is `given` as the notifier `of` something cannot be called.

    None and False, as of ``is_first and notifier``, are none.
    """
    if not (given is None or given is False or given is SET_UP or callable(given)):
        what = "a text" if issubclass(type(given), str) else f"of the type {safe.type_name(type(given))}"
        raise ArgumentError(
            f"the notifier of {of} is {what}: give one such as DingNotifier('env:DING_URL'), or leave it out and write "
            f"{of}(name=..., context=...)"
        )


def checked_diagnose(given: object) -> bool | None:
    """`given`, as an argument. Raises ArgumentError if it is none of True, False and None."""
    if given is not None and not isinstance(given, bool):
        raise ArgumentError(f"diagnose is a {safe.type_name(type(given))}: give True or False, or leave it out")
    return given


def _known(name: object) -> Notifications | None:
    for known in NAMES:
        if known == name:
            return known
    return None


class Configured:
    """The notifier that is set up: one object while its variables stay the same. A copy, or a pickle, begins anew."""

    def __init__(self) -> None:
        self.texts: int = 0  # a hash of the variables when they were last read; their texts may be secret
        self.complaint: str = ""  # about them, as it was logged
        self._warned: int | None = None  # the variables of which a warning said that they describe no notifier
        self._notifier: Notifier | None = None
        self._again = 0.0  # when the next try may be

    def __reduce__(self) -> tuple[type[Configured], tuple[()]]:
        return type(self), ()  # another process, another environment

    def get(self, *, now: bool = False) -> Notifier | None:
        """The notifier; None when there is none, or it cannot be made: a warning says why.

        Never raises, and takes at most 2 s, for an alert 5 s; once in a process also as long as the user's file and
        what `connection.ready` reads. After a failure it tries again once a minute, and for an alert: `now`.
        """
        variables = (os.environ.get(VARIABLE), os.environ.get(OF_TWINKLE))
        texts = hash(variables)
        if texts == self.texts and (self._notifier is not None or (not now and monotonic() < self._again)):
            return self._notifier
        if is_off() or (not any(variables) and not user_file().url):
            problem = "" if is_off() else user_file().problem
            self.texts, self.complaint, self._notifier, self._again = texts, problem, None, 0.0
            return None
        connection.ready()  # not within those seconds: a busy machine takes longer to load the rules
        # A try that failed may work later: the class may be registered by then, or a disk be back.
        answer = isolation.call(set_up, _FOR_AN_ALERT if now else _BUDGET)
        complaint = "" if answer.returned else reason(answer.error)
        if complaint and complaint != self.complaint:
            log.warning("no notifier from the %s: %s", "environment" if by_environment() else "user file", complaint)
        self.texts, self.complaint = texts, complaint
        self._notifier = answer.value[0] if answer.value is not None else None
        self._again = monotonic() + _PAUSE
        return self._notifier

    def warn_of_none(self, to: str) -> None:
        """Log once, after `get` has found none, how to give one `to` what asked for it."""
        if not self.complaint and self.texts != self._warned:
            self._warned = self.texts
            log_none(to)


configured: Configured = Configured()  # for `watch`, which has no object that lives as long as a run
