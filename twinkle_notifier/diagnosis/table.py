"""Looks an error up in a table of rules."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from twinkle_notifier.credentials.masking import printable
from twinkle_notifier.diagnosis.lines import FIRST_UNWRAPPED, QUOTED, SHORT, TEXT, ends, lines_of, own_lines, unwrapped
from twinkle_notifier.diagnosis.pattern import Pattern, words
from twinkle_notifier.diagnosis.rule import Advice, Condition, Rule, filled
from twinkle_notifier.isolation.safe import names

# What launchers put before a line: torch's "[rank3]: ", and "[trainer0]:" or "[trainer0|8]:" (role, local rank, rank);
# Ray's "(pid=12, ip=...) ", srun's "12: ", mpirun's "[1,0]<stderr>:", pdsh's "worker-0: " (DeepSpeed's nodes).
_PREFIX = re.compile(
    r"^(?:\[[A-Za-z][\w.-]{0,60}\d(?:\|\d{1,6})?\]: ?|\([\w .,=:-]{1,80}\) |\d{1,6}: "
    r"|\[\d{1,6},\d{1,6}\](?:<std(?:out|err)>)?: ?|[a-z\d][a-z\d.-]{0,60}\d: )"
)
# These quote the error that they report, as "RuntimeError: no such kernel". What others quote may be of no importance.
_CARRIERS = frozenset(
    {"RayTaskError", "RayActorError", "ActorDiedError", "BackendCompilerFailed", "InductorError", "TorchRuntimeError"}
    | {"CheckpointException", "ProcessRaisedException", "RuntimeEnvSetupError"}
)
# transformers quotes only the words of the error, so its class may be any of these.
_IMPORTING = re.compile(r"Failed to import \S+ because of the following error \(look up to see its traceback\):$")
_ANY_IMPORT = frozenset(
    {"ImportError", "ModuleNotFoundError", "AttributeError", "OSError", "RuntimeError", "ValueError"}
)
# torch.load with weights_only quotes what stopped it, as an error of the device; its words may stand on the next line.
_UNPICKLING = "WeightsUnpickler error:"
_ANY_LOADING = frozenset({"RuntimeError", "AcceleratorError", "OutOfMemoryError", "UnpicklingError"})
_NAME = 300  # characters of the name of a class
# Of an output, in which a rule without a signal must find its line: what was printed before may have been survived.
_LAST = 5
_HEAD = 4  # first characters of a pattern by which it is found
_BUILTIN = frozenset(dir(builtins))
# Patterns that are tried for the errors of a failure, each of which has an equal share, and for its output. No known
# error takes 200.
_TRIES, _LEAST = 600, 100


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

    def advice(self, language: str, clean: Callable[[str], str] = str) -> Advice:
        """The likely cause and the next steps, in ``en`` or ``zh``. What the error says there goes through `clean`."""
        given = self.rule.zh if language == "zh" else self.rule.en
        found = {name: clean(text) for name, text in self.found.items()}
        return Advice(filled(given.likely, found), tuple(filled(step, found) for step in given.next))


def error_of(name: str, text: str) -> Error:
    """An error of which only the class is known, by name: ``torch.OutOfMemoryError``, ``RayTaskError(ValueError)``."""
    found = set[str]()
    for part in name[:_NAME].rstrip(")").split("("):
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
    when: Sequence[Condition]
    classes: frozenset[str]  # of libraries, of its types


_Index = dict[tuple[str, str], list[_Known]]  # by how the text must begin, or "", and by a word that it must have


class Table:
    """Rules in an order: the first that holds is told, so the special ones stand before the general ones."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Two rules with one id: the first counts."""
        unique: dict[str, Rule] = {}
        for rule in rules:
            unique.setdefault(rule.id, rule)
        self.rules: tuple[Rule, ...] = tuple(unique.values())
        self._of_errors: _Index = {}
        self._of_output: _Index = {}
        self._of_signals: list[_Known] = []
        pattern_of = lru_cache(maxsize=None)(Pattern)  # many rules begin alike, and a line is matched once with each
        for at, rule in enumerate(self.rules):
            also, unless = [*map(pattern_of, rule.also)], [*map(pattern_of, rule.unless)]
            when, classes = [*map(Condition.of, rule.when)], frozenset(rule.types) - _BUILTIN
            for texts, index in ((rule.says, self._of_errors), (rule.printed, self._of_output)):
                for pattern in map(pattern_of, texts):
                    known = _Known(at, rule, [pattern], also, unless, when, classes)
                    index.setdefault((_head(pattern.begins), pattern.key), []).append(known)
            if rule.signals and not rule.says and not rule.printed:
                self._of_signals.append(_Known(at, rule, [], also, unless, when, classes))

    def diagnose(self, evidence: Evidence) -> Diagnosis | None:
        """The first rule that holds for `evidence`, or None. Takes less than 5 ms, whatever the texts."""
        best = self._by_signal(evidence)
        tries = [iter(range(max(_TRIES // len(evidence.errors), _LEAST))) for _ in evidence.errors]
        texts = lines_of([error.text for error in evidence.errors])
        for error, found, left in zip(evidence.errors, texts, tries, strict=True):
            lines = found or [""]  # a MemoryError has no words
            best = _Look(evidence, lines, error.types).first(self._of_errors, best, left)
            for types, rest in _quoted(lines, error.types):
                best = _Look(evidence, rest, types).first(self._of_errors, best, left)
        if best is None:
            for error, left in _short(zip(evidence.errors, tries, strict=True)):
                lines = unwrapped(error.text)
                best = _Look(evidence, lines, error.types, FIRST_UNWRAPPED).first(self._of_errors, best, left)
        if evidence.output:
            (whole,) = lines_of([printable(ends(evidence.output, TEXT))])
            best = _Look(evidence, whole, None).first(self._of_output, best, iter(range(_TRIES)))
        return best[1] if best is not None else None

    def _by_signal(self, evidence: Evidence) -> _Found | None:
        for known in self._of_signals:
            if evidence.signal and (found := _Look(evidence, [], None).others(known)) is not None:
                return known.at, Diagnosis(known.rule, found)
        return None


_Found = tuple[int, Diagnosis]


class _Look:
    """One look at the `lines` of an error of these `types`, or of an output (None), for the first rule that holds.

    Of an error the `first` lines count, see `own_lines`; the others where a rule names a class of a library, as that
    wrote them.
    """

    def __init__(self, evidence: Evidence, lines: Sequence[str], types: frozenset[str] | None, first: int = 1) -> None:
        self._evidence, self._types = evidence, types
        self._lines = list(dict.fromkeys(lines))
        self._own = frozenset(lines if types is None else own_lines(lines, first))
        self._classes = (types or frozenset()) - _BUILTIN
        self._known: dict[int, dict[str, str] | None] = {}  # by a rule's place: see `others`

    def first(self, index: _Index, best: _Found | None, tries: Iterator[int]) -> _Found | None:
        """The rule of `index` that holds and stands first, if it stands before `best`; else that.

        No more patterns are tried than `tries` has left.
        """
        last = self._lines[-_LAST:]
        for line in self._lines:
            if line not in self._own and not self._classes:
                continue
            for text in (line,) if self._types is not None else dict.fromkeys((line, _PREFIX.sub("", line))):
                matches: dict[str, dict[str, str] | None] = {}
                for known in _candidates(index, text):
                    if next(tries, None) is None:
                        return best
                    if best is not None and known.at >= best[0]:
                        continue
                    if line not in self._own and not known.classes & self._classes:
                        continue
                    if self._types is None and not any(known.rule.signals) and line not in last:
                        continue
                    found = self._fits(known, text, matches)
                    best = best if found is None else (known.at, Diagnosis(known.rule, found))
        return best

    def _fits(self, known: _Known, text: str, matches: dict[str, dict[str, str] | None]) -> dict[str, str] | None:
        """What the rule finds, if it holds by this line. `matches`: what patterns found in it, by their text."""
        rule = known.rule
        if self._types is not None and rule.types and not self._types.intersection(rule.types):
            return None
        pattern = known.says[0]
        if pattern.text not in matches:
            matches[pattern.text] = pattern.match(text)
        found = matches[pattern.text]
        others = self.others(known) if found is not None else None
        if found is None or others is None:
            return None
        everything = {**others, **found}
        return everything if all(condition.holds(everything) for condition in known.when) else None

    def others(self, known: _Known) -> dict[str, str] | None:
        """What is found beside the line that a rule is about; None if something speaks against it. Found out once."""
        if known.at not in self._known:
            self._known[known.at] = self._others(known)
        return self._known[known.at]

    def _others(self, known: _Known) -> dict[str, str] | None:
        rule, evidence, read = known.rule, self._evidence, dict[str, str]()
        if rule.signals and evidence.signal not in rule.signals:
            return None
        if rule.modules and not any(_within(module, rule.modules) for module in evidence.modules):
            return None
        if any(pattern.match(line) is not None for pattern in known.unless for line in self._lines):
            return None
        for pattern in known.also:
            more = next((slots for line in self._lines if (slots := pattern.match(line)) is not None), None)
            if more is None:
                return None
            read = {**more, **read}
        found = {**evidence.facts, **read}  # a rule's own slot goes before a fact of its name
        if not rule.says and not rule.printed and not all(condition.holds(found) for condition in known.when):
            return None
        return found


def _head(text: str) -> str:
    return text[:_HEAD] if len(text) >= _HEAD else ""


def _candidates(index: _Index, text: str) -> Iterator[_Known]:
    """Those whose pattern may match `text`."""
    found = dict.fromkeys(("", *words(text)))  # in one order, as not all may be tried
    for head in dict.fromkeys((_head(text), "")):
        for word in found:
            for known in index.get((head, word), ()):
                if text.startswith(known.says[0].begins):
                    yield known


def _short(errors: Iterable[tuple[Error, Iterator[int]]]) -> Iterator[tuple[Error, Iterator[int]]]:
    """Those of `errors` in which lines may be wrapped, as long as their texts are short together."""
    room = SHORT
    for error, left in errors:
        if len(error.text) <= room:
            room -= len(error.text)
            yield error, left


def _within(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _quoted(lines: Sequence[str], types: frozenset[str]) -> Iterator[tuple[frozenset[str], list[str]]]:
    """The error that one of these `types` quotes, with its own types and lines."""
    if types & _CARRIERS:
        below = 1 + max((at for at, line in enumerate(lines) if line.startswith('File "')), default=0)
        for at in range(below, len(lines)):  # the first, as that may quote others
            if (found := QUOTED.match(lines[at])) is not None:
                yield error_of(found[1], "").types, [found[2], *lines[at + 1 :]]
                return
    for at in range(len(lines) - 1, -1, -1):
        _, unpickling, reason = lines[at].partition(_UNPICKLING)
        if unpickling and "UnpicklingError" in types:
            yield _ANY_LOADING, [*filter(None, (reason.strip(),)), *lines[at + 1 :]]
            return
        if at + 1 < len(lines) and _IMPORTING.match(lines[at]) is not None:
            yield _ANY_IMPORT, list(lines[at + 1 :])
            return
