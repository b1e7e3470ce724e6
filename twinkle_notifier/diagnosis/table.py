"""Looks an error up in a table of rules."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from twinkle_notifier.credentials.masking import printable
from twinkle_notifier.diagnosis.pattern import Pattern, words
from twinkle_notifier.diagnosis.rule import Advice, Condition, Rule, filled
from twinkle_notifier.isolation.safe import names

_TEXT = 8_000  # characters of an error's text that are read at its begin, and as many at its end
_LINE = 2_000  # characters of a line
# What launchers put before a line: torch's "[rank3]: ", "[default0]:", Ray's "(pid=12, ip=...) ", srun's "12: ".
_PREFIX = re.compile(r"^(?:\[(?:rank|default)\d{1,6}\]: ?|\([\w .,=:-]{1,80}\) |\d{1,6}: )")
_LINES = 60  # at the begin of these, and as many at the end


class Error(NamedTuple):
    """An exception: the names of its class and of the bases, as far as they are known, and its text."""

    types: frozenset[str]
    text: str


class Evidence(NamedTuple):
    """What is known of a failure. `errors`: the exception, then its causes. `modules`: of the traceback's frames.

    `signal`: the name of the one that killed the process. `output`: its last lines, if it left no exception. `facts`:
    numbers beside the error, by name, as ``oom_kills``.
    """

    errors: tuple[Error, ...] = ()
    modules: frozenset[str] = frozenset()
    signal: str = ""
    output: str = ""
    facts: Mapping[str, str] = MappingProxyType({})


class Diagnosis(NamedTuple):
    """The first rule that holds, and what its slots hold."""

    rule: Rule
    found: Mapping[str, str]

    def advice(self, language: str) -> Advice:
        """The likely cause and the next steps, in ``en`` or ``zh``."""
        given = self.rule.zh if language == "zh" else self.rule.en
        return Advice(filled(given.likely, self.found), tuple(filled(step, self.found) for step in given.next))


def error_of(name: str, text: str) -> Error:
    """An error of which only the class is known, by name: ``torch.OutOfMemoryError``, ``RayTaskError(ValueError)``."""
    found = set[str]()
    for part in name.rstrip(")").split("("):
        last = part.rpartition(".")[2]
        kind = getattr(builtins, last, None)
        found |= {last, *(names(kind) if isinstance(kind, type) else ())}
    return Error(frozenset(found), text)


class _Known(NamedTuple):
    """A rule, with its patterns ready."""

    at: int  # its place in the table
    rule: Rule
    says: Sequence[Pattern]
    also: Sequence[Pattern]
    unless: Sequence[Pattern]


class Table:
    """Rules in an order: the first that holds is told, so the special ones stand before the general ones."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Two rules with one id: the first counts."""
        unique: dict[str, Rule] = {}
        for rule in rules:
            unique.setdefault(rule.id, rule)
        self.rules: tuple[Rule, ...] = tuple(unique.values())
        self._of_errors: dict[str, list[_Known]] = {}  # by a word that the text must have
        self._of_output: dict[str, list[_Known]] = {}
        self._of_signals: list[_Known] = []
        for at, rule in enumerate(self.rules):
            also, unless = [Pattern(text) for text in rule.also], [Pattern(text) for text in rule.unless]
            for texts, index in ((rule.says, self._of_errors), (rule.printed, self._of_output)):
                for pattern in map(Pattern, texts):
                    index.setdefault(pattern.key, []).append(_Known(at, rule, [pattern], also, unless))
            if rule.signals and not rule.says and not rule.printed:
                self._of_signals.append(_Known(at, rule, [], also, unless))

    def diagnose(self, evidence: Evidence) -> Diagnosis | None:
        """The first rule that holds for `evidence`, or None. Takes less than 5 ms, whatever the texts."""
        found = [*self._by_errors(evidence), *self._by_output(evidence), *self._by_signal(evidence)]
        first = min(found, key=lambda one: one[0], default=None)
        return first[1] if first is not None else None

    def _by_errors(self, evidence: Evidence) -> Iterator[tuple[int, Diagnosis]]:
        for error in evidence.errors:
            lines = _lines(error.text) or [""]  # a MemoryError has no words
            for known, found in _matching(self._of_errors, lines):
                rule = known.rule
                if rule.types and not error.types.intersection(rule.types):
                    continue
                if _fits(known, lines, found := {**evidence.facts, **found}, evidence):
                    yield known.at, Diagnosis(rule, found)

    def _by_output(self, evidence: Evidence) -> Iterator[tuple[int, Diagnosis]]:
        whole = _lines(printable(_ends(evidence.output)))
        lines = [*whole, *(bare for line in whole if (bare := _PREFIX.sub("", line)) != line)]
        for known, found in _matching(self._of_output, lines):
            if _fits(known, lines, found := {**evidence.facts, **found}, evidence):
                yield known.at, Diagnosis(known.rule, found)

    def _by_signal(self, evidence: Evidence) -> Iterator[tuple[int, Diagnosis]]:
        for known in self._of_signals:
            if evidence.signal and _fits(known, [], found := dict(evidence.facts), evidence):
                yield known.at, Diagnosis(known.rule, found)


def _matching(index: Mapping[str, list[_Known]], lines: Sequence[str]) -> Iterator[tuple[_Known, dict[str, str]]]:
    """The rules of which a pattern matches a line."""
    for line in lines:
        for key in {"", *words(line)} & index.keys():
            for known in index[key]:
                if (found := known.says[0].match(line)) is not None:
                    yield known, found


def _fits(known: _Known, lines: Sequence[str], found: dict[str, str], evidence: Evidence) -> bool:
    """Whether the rest of the rule holds, too. What its other patterns find is added to `found`."""
    rule = known.rule
    if rule.signals and evidence.signal not in rule.signals:
        return False
    if rule.modules and not any(_within(module, rule.modules) for module in evidence.modules):
        return False
    if any(pattern.match(line) is not None for pattern in known.unless for line in lines):
        return False
    for pattern in known.also:
        more = next((read for line in lines if (read := pattern.match(line)) is not None), None)
        if more is None:
            return False
        found.update({name: text for name, text in more.items() if name not in found})
    return all(Condition.of(text).holds(found) for text in rule.when)


def _within(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _ends(text: str) -> str:
    return text if len(text) <= 2 * _TEXT else f"{text[:_TEXT]}\n{text[-_TEXT:]}"


def _lines(text: str) -> list[str]:
    """The lines of `text` without what stands before and behind them; of a long one those at its begin and end."""
    lines = [line.strip()[:_LINE] for line in _ends(text).splitlines() if line.strip()]
    return lines if len(lines) <= 2 * _LINES else [*lines[:_LINES], *lines[-_LINES:]]
