"""The language that people read: of the argument, else the environment, the user's file, the locale, else English."""

from __future__ import annotations

import logging
import os
from typing import Literal, get_args

from twinkle_notifier import isolation
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.runtime.user_file import user_file

Language = Literal["en", "zh"]
VARIABLE = "TWINKLE_NOTIFIER_LANGUAGE"
_LANGUAGES: tuple[Language, ...] = get_args(Language)
_ONE_OF = " or ".join(_LANGUAGES)
_SHOWN = 10  # letters of a wrong value: no secret is that short
_LOG = 1.0  # seconds for a handler of the user's
_warned: set[str] = set()  # values of the variable
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set counts, as for a program's texts

log: logging.Logger = logging.getLogger("twinkle_notifier")


def checked(language: object) -> Language | None:
    """`language`, as an argument. Raises ArgumentError if it is neither None nor one that is known."""
    found = _known(language)
    if found is None and language is not None:
        shown = repr(language) if isinstance(language, str) else type(language).__name__
        raise ArgumentError(f"language is {shown:.30}: give one of {', '.join(_LANGUAGES)}, or leave it out")
    return found


def language(given: Language | None = None) -> Language:
    """The language of alerts. Never raises, and takes 2 s at most; a value that is not known is a warning, once."""
    return given or _of_variable(os.environ.get(VARIABLE, "")) or _known(user_file().language) or _of_locale()


def _of_variable(text: str) -> Language | None:
    found = _known(text)
    if text.strip() and found is None and text not in _warned:
        _warned.add(text)  # first: a handler of the user's may send an alert
        isolation.call(lambda: log.warning("%s is %r: set it to %s", VARIABLE, text[:_SHOWN], _ONE_OF), _LOG)
    return found


def _of_locale() -> Language:
    found = next(filter(None, map(os.environ.get, _LOCALE)), "")
    return "zh" if found.lower().startswith("zh") else "en"


def _known(name: object) -> Language | None:
    """``zh_CN.UTF-8`` and ``zh-Hans`` are ``zh``, too."""
    short = name.strip().lower()[:2] if isinstance(name, str) else ""
    return next((known for known in _LANGUAGES if known == short), None)
