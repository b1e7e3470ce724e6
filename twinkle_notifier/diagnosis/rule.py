"""A rule: how a known error reads, what its likely cause is, and what to do next."""

from __future__ import annotations

import operator
import re
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from twinkle_notifier.diagnosis.pattern import Pattern, value
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation.safe import is_list, is_tuple

_MOST_STEPS = 3
_LISTS = ("says", "also", "unless", "types", "modules", "signals", "printed", "when")
_ID = 100  # characters
LONGEST = 300  # characters of a likely cause, and of a step
_NAMED = re.compile(r"\{(\w+)\}")
_SHOWN = re.compile(r"(?<!\$)\{([A-Za-z_]\w*(?:![a-z]|:\w*)?)\}")  # "${HOME}" is a shell's
# What is known beside a pattern's slots: of the device's memory, and how it grew, and of a process that ended.
FACTS = frozenset(
    {"allocated", "peak", "reserved", "total", "free", "others", "processes"}
    | {"grew_from", "grew_to", "grown", "logs", "oom_kills", "exit_code", "errors"}
)
_ALL_ERRORS = frozenset({"object", "BaseException", "Exception"})
# As Linux has them; another system may lack some, where the same rules are read.
_SIGNALS = frozenset(
    {"SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGUSR2"}
    | {"SIGSEGV", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGSYS"}
    | {one.name for one in signal.Signals}
)
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
        """Raises ArgumentError: something is missing, cannot be read, or would be shown in a wrong way."""
        _check_lines(self.id, "id", [self.id], _ID)
        if not _is_text(self.source):
            raise ArgumentError(f"rule {self.id!r}: `source` is no text")
        for name in _LISTS:
            _check_texts(self.id, name, getattr(self, name))
        if not (self.says or self.printed or self.signals):
            raise ArgumentError(f"rule {self.id!r}: give `says`, `printed` or `signals`, else it holds for every error")
        if unknown := [name for name in self.signals if name and name not in _SIGNALS]:
            raise ArgumentError(f"rule {self.id!r}: there is no signal {unknown[0]!r:.60}; write it as 'SIGKILL'")
        for advice in (self.en, self.zh):
            _check_advice(self.id, advice)
        names = {name for pattern in self._patterns() for name in pattern.slots} | FACTS
        for text in self.when:
            _check_names(self.id, f"`when` {text!r}", Condition.of(text).names(), names)
        for text in (self.en.likely, *self.en.next, self.zh.likely, *self.zh.next):
            _check_names(self.id, f"{text!r:.100}", _SHOWN.findall(text), names)

    def _patterns(self) -> list[Pattern]:
        """All of them. Raises ArgumentError: one is none, or holds for every line."""
        narrow = any(name not in _ALL_ERRORS for name in self.types) or self.modules or any(self.signals)
        patterns = [(text, Pattern(text)) for text in (*self.says, *self.printed, *self.also, *self.unless)]
        for text, pattern in patterns:
            alone = narrow and text in (*self.says, *self.printed)
            if not pattern.says and not alone:
                raise ArgumentError(f"rule {self.id!r}: {text!r} holds for every line; write a word that the line has")
        return [pattern for _, pattern in patterns]


def _check_advice(rule: str, advice: object) -> None:
    if not isinstance(advice, Advice):
        raise ArgumentError(f"rule {rule!r}: `en` and `zh` are each an Advice: a text, and the next steps")
    _check_texts(rule, "next", advice.next)
    if not _is_text(advice.likely) or not advice.likely.strip() or not 1 <= len(advice.next) <= _MOST_STEPS:
        raise ArgumentError(f"rule {rule!r}: give a likely cause, and one to {_MOST_STEPS} next steps")
    _check_lines(rule, "likely", [advice.likely], LONGEST)
    _check_lines(rule, "next", advice.next, LONGEST)


def _is_text(given: object) -> bool:
    return isinstance(given, str)


def _check_texts(rule: str, name: str, given: object) -> None:
    """Raises ArgumentError: they are no texts in a tuple or a list. A lone text would be read letter by letter."""
    if not (is_tuple(given) or is_list(given)) or not all(map(_is_text, given)):
        raise ArgumentError(f"rule {rule!r}: `{name}` is no tuple of texts: write ('text',), also for one")


def _check_lines(rule: str, name: str, texts: Iterable[object], longest: int) -> None:
    """Raises ArgumentError: one of them is no line of a message."""
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise ArgumentError(f"rule {rule!r:.60}: `{name}` is no text, or an empty one")
        if text.splitlines() != [text]:
            raise ArgumentError(f"rule {rule!r:.60}: `{name}` has a line break; write each step as one line")
        if len(text) > longest:
            raise ArgumentError(f"rule {rule!r:.60}: `{name}` has more than {longest} characters")


def _check_names(rule: str, where: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ArgumentError(f"rule {rule!r}: {where}: no pattern has a slot {name!r:.60}; write its name as there")


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

    def names(self) -> list[str]:
        """Those of the numbers that must be known."""
        return [name for name in (self.left, self.less, self.right) if value(name) is None]

    def holds(self, found: Mapping[str, str]) -> bool:
        """Whether it is true; it is not if one of the numbers is unknown."""
        left, less, right = (value(found.get(name, name)) for name in (self.left, self.less, self.right))
        if left is None or less is None or right is None:
            return False
        return self.compared(left - less, self.factor * right)


def filled(text: str, found: Mapping[str, str]) -> str:
    """`text` with what was `found` in place of ``{name}``."""
    return _NAMED.sub(lambda slot: found.get(slot[1], slot[0]), text)
