"""A rule: when an alert is due, how urgent it is, and what it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation import safe
from twinkle_notifier.messages.message import LEVELS, Level, level_named
from twinkle_notifier.rules.expression import Part
from twinkle_notifier.rules.fault import fault, nearest, quoted
from twinkle_notifier.rules.grammar import Shown, parsed
from twinkle_notifier.rules.tokens import Token

_LEVEL: Level = "warning"
_COOLDOWN = 300.0  # seconds
MOST = 100  # rules
_TITLE = 120  # characters
_LONGEST = 1e9  # seconds
_KEYS = ("condition", "level", "title", "for_steps", "cooldown")


class Rule(NamedTuple):
    """One rule.

    `for_steps`: how often in a row its condition has to hold when its metrics are logged. `cooldown`: seconds after an
    alert in which it sends no other; twice as long each time, up to an hour.
    """

    text: str  # of the condition
    condition: Part
    level: Level
    title: str
    for_steps: int
    cooldown: float
    windows: Mapping[str, int]  # each metric that it reads, and how many values of it
    shown: tuple[Shown, ...]
    is_timed: bool
    asked: Mapping[str, frozenset[str]]  # metrics of which it asks whether they are "nan" or "inf"


def rules_of(given: object, source: str = "rules") -> tuple[Rule, ...]:
    """The rules that a user gave, each a text or a dict. Raises ArgumentError, which names the rule of `source`."""
    kind = type(given)
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise ArgumentError(f'{source} is a {kind.__name__}: give a list of rules, ["loss > 10"]')
    texts = list(cast(Iterable[object], given))
    if len(texts) > MOST:
        raise ArgumentError(f"{source} has {len(texts)} rules: give {MOST} at most")
    found: list[Rule] = []
    for number, one in enumerate(texts, 1):
        try:
            found.append(rule_of(one))
        except ArgumentError as error:
            raise ArgumentError(f"{source}, number {number}: {error}") from None
    return tuple(found)


def rule_of(given: object) -> Rule:
    """One rule. Raises ArgumentError."""
    if isinstance(given, str):
        return _of_text(given)
    if isinstance(given, Mapping):
        return _of_mapping(cast(Mapping[object, object], given))
    raise ArgumentError(f'a rule is a text, "loss > 10", or a dict, not a {type(given).__name__}')


def _of_text(text: str) -> Rule:
    read = parsed(text)
    level, title = _said(text, read.end)
    options = {name: _option(text, name, token) for name, token in read.options.items()}
    condition = text[: _comma(text, read.options) if read.options else read.arrow]
    return Rule(
        " ".join(condition.split()),
        read.condition,
        level,
        title,
        int(options.get("for_steps", 1)),
        options.get("cooldown", _COOLDOWN),
        read.windows,
        read.shown,
        read.is_timed,
        read.asked,
    )


def _comma(text: str, options: Mapping[str, Token]) -> int:
    """Where the options begin."""
    first = min(token.at for token in options.values())
    return text.rfind(",", 0, first)


def _option(text: str, name: str, token: Token) -> float:
    if name not in ("for_steps", "cooldown"):
        says = f"there is no option {quoted(name)}{nearest(name, _KEYS[3:])}; there are for_steps and cooldown"
        raise fault(text, text.rfind(name, 0, token.at), token.end, says)
    if token.kind != "number":
        raise fault(text, token.at, token.end, f"{name} is a number: , {name}={'3' if name == 'for_steps' else '10m'}")
    try:
        return _checked(name, token.value, token.text)
    except ArgumentError as error:
        raise fault(text, token.at, token.end, str(error)) from None


def _checked(name: str, value: object, text: str = "") -> float:
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
    if name == "for_steps":
        if not (1 <= number <= 1_000_000 and number == int(number)):
            raise ArgumentError(f"for_steps is {quoted(text or safe.text(value))}: write a whole number, 1 or more")
    elif not 0 <= number < _LONGEST:
        raise ArgumentError(f"cooldown is {quoted(text or safe.text(value))}: write seconds, or 90s, 10m, 2h")
    return number


def _said(text: str, begin: int) -> tuple[Level, str]:
    """The level and the title behind the ``=>``."""
    rest = text[begin:]
    if not text[:begin].endswith("=>"):
        return _LEVEL, ""
    head, colon, tail = rest.partition(":")
    word = head.strip()
    at = begin + len(rest) - len(rest.lstrip())
    if not rest.strip():
        raise fault(text, begin - 2, begin, "after => comes a level, a title, or both: => error: spike")
    if level := level_named(word):
        return level, _title(tail)
    if not colon and not _is_near(word):
        return _LEVEL, _title(rest)  # a title alone
    if word and re.fullmatch(r"\w+", word):
        near = nearest(word.lower(), LEVELS)
        says = f"there is no level {quoted(word)}{near}; there are {', '.join(LEVELS)}; a title alone is => : {word}"
        raise fault(text, at, at + len(word), says)
    return _LEVEL, _title(rest if word else tail)


def _is_near(word: str) -> bool:
    """Whether somebody who wrote it may have meant a level."""
    return bool(nearest(word.lower(), LEVELS))


def _title(text: str) -> str:
    title = " ".join(text.split())
    return title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…"


def _of_mapping(given: Mapping[object, object]) -> Rule:
    for key in given:
        if key not in _KEYS:
            near = nearest(key, _KEYS) if isinstance(key, str) else ""
            raise ArgumentError(f"a rule has no {quoted(safe.text(key))}{near}; it has {', '.join(_KEYS)}")
    condition, title = given.get("condition"), given.get("title", "")
    if not isinstance(condition, str):
        raise ArgumentError('a rule that is a dict has a condition: {"condition": "loss > 10", "level": "error"}')
    rule = _of_text(condition)
    level = level_named(given["level"]) if "level" in given else rule.level
    if level is None:
        raise ArgumentError(f"there is no level {quoted(safe.text(given['level']))}; there are {', '.join(LEVELS)}")
    if not isinstance(title, str):
        raise ArgumentError(f"the title of a rule is a text, not a {type(title).__name__}")
    return rule._replace(
        level=level,
        title=_title(title) or rule.title,
        for_steps=int(_checked("for_steps", given.get("for_steps", rule.for_steps))),
        cooldown=_checked("cooldown", given.get("cooldown", rule.cooldown)),
    )
