"""A rule: how a known error reads, what its likely cause is, and what to do next."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from twinkle_notifier.diagnosis.pattern import Pattern, value
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation.safe import is_list, is_tuple

_MOST_STEPS = 3
_LISTS = ("says", "also", "unless", "types", "modules", "signals", "printed", "when")
_NAMED = re.compile(r"\{(\w+)\}")
_CONDITION = re.compile(r"(\w+)(?: - (\w+))? (<=|>=|==|!=|<|>) (?:(\d+(?:\.\d+)?) \* )?(\w+(?:\.\d+)?)$")
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Advice(NamedTuple):
    """The likely cause, in a line, and up to three next steps. ``{name}`` shows what a slot of the rule holds."""

    likely: str
    next: tuple[str, ...]


class Rule(NamedTuple):
    """A known error. All that is given must hold, so each more makes it surer.

    `says`: how the error begins, or a later line that a library wrote, see `Pattern`; one of these. `also`: how lines
    of it begin; each of these. `unless`: no line begins like one of these. `types`: names of the exception's class or
    of a base of it; one of these. `modules`: a frame of the traceback is in one of these packages. `signals`: one of
    these killed the process; "" stands for none. `printed`: for a process that left no exception: how one of its last
    lines begins. `when`: comparisons of numbers, ``reserved - used > 0.5 * asked``; a number that is not known makes
    it false.
    """

    id: str
    en: Advice
    zh: Advice
    source: str
    says: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    printed: tuple[str, ...] = ()
    when: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises ArgumentError: something is missing, or cannot be read."""
        for name in _LISTS:
            _check_texts(self.id, name, getattr(self, name))
        if not (self.says or self.printed or self.signals):
            raise ArgumentError(f"rule {self.id!r}: give `says`, `printed` or `signals`, else it holds for every error")
        for advice in (self.en, self.zh):
            if not _is_advice(advice):
                raise ArgumentError(f"rule {self.id!r}: `en` and `zh` are each an Advice: a text, and the next steps")
            _check_texts(self.id, "next", advice.next)
            if not advice.likely or not 1 <= len(advice.next) <= _MOST_STEPS:
                raise ArgumentError(f"rule {self.id!r}: give a likely cause, and one to {_MOST_STEPS} next steps")
        for text in (*self.says, *self.also, *self.unless, *self.printed):
            Pattern(text)
        for text in self.when:
            Condition.of(text)


def _is_advice(given: object) -> bool:
    return isinstance(given, Advice) and _is_text(given.likely)


def _is_text(given: object) -> bool:
    return isinstance(given, str)


def _check_texts(rule: str, name: str, given: object) -> None:
    """Raises ArgumentError: they are no texts in a tuple or a list. A lone text would be read letter by letter."""
    if not (is_tuple(given) or is_list(given)) or not all(map(_is_text, given)):
        raise ArgumentError(f"rule {rule!r}: `{name}` is no tuple of texts: write ('text',), also for one")


class Condition(NamedTuple):
    """A comparison of two numbers: another may be taken from the first, and the second may have a factor."""

    left: str
    less: str
    compared: Callable[[float, float], bool]
    factor: float
    right: str

    @classmethod
    def of(cls, text: str) -> Condition:
        """Read ``asked > 0.5 * total``. Raises ArgumentError if it is none."""
        read = _CONDITION.match(text)
        if read is None:
            raise ArgumentError(f"{text!r} is no comparison: write it as 'asked > 0.5 * total'")
        return cls(read[1], read[2] or "0", _COMPARED[read[3]], float(read[4] or 1), read[5])

    def holds(self, found: Mapping[str, str]) -> bool:
        """Whether it is true; it is not if one of the numbers is unknown."""
        left, less, right = (value(found.get(name, name)) for name in (self.left, self.less, self.right))
        if left is None or less is None or right is None:
            return False
        return self.compared(left - less, self.factor * right)


def filled(text: str, found: Mapping[str, str]) -> str:
    """`text` with what was `found` in place of ``{name}``."""
    return _NAMED.sub(lambda slot: found.get(slot[1], slot[0]), text)
