"""Reads a rule: a condition, its options, and what to say. Nothing of it is run as Python.

From what binds least: or, and, not, a comparison or ``is``, + and -, * / %, a sign.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, get_args

from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.rules import functions
from twinkle_notifier.rules.expression import (
    AllOf,
    AnyOf,
    Call,
    Chain,
    Comparison,
    Metric,
    MetricQuestion,
    Minus,
    Not,
    Number,
    Part,
    Question,
    TrainingQuestion,
    Truth,
    Windowed,
    is_truth,
)
from twinkle_notifier.rules.fault import arguments, fault, nearest, quoted
from twinkle_notifier.rules.tokens import Token, tokens

WINDOW = 10_000  # values, at most
_TEXT = 1_000  # characters of a rule
_DEEP = 20  # brackets, signs and nots within each other
_COMPARISON, _SIGN = 4, 7
_BINDS = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "is"), _COMPARISON),
    **dict.fromkeys("+-", 5),
    **dict.fromkeys("*/%", 6),
}
_NOT = 3
_QUESTIONS: dict[str, Question] = {name: name for name in get_args(Question)}
_ASKED: dict[str, frozenset[str]] = {
    "isnan": frozenset(("nan",)),
    "isinf": frozenset(("inf",)),
    "isfinite": frozenset(("nan", "inf")),
}
_STATES: dict[str, Question] = {"nan": "isnan", "inf": "isinf", "finite": "isfinite"}
_SPELLED = {"nan": "nan", "inf": "inf", "infinity": "inf"}
_TRUTHS = {"true": 1.0, "false": 0.0}
_ELSEWHERE = {"no_data": "no_data is not known here: give stall_after to learn of a training that logs nothing"}


class Shown(NamedTuple):
    """A part of a rule whose value people want to see, as the rule spells it."""

    text: str
    part: Part


class Parsed(NamedTuple):
    """What stands before the ``=>``, and where that ends."""

    condition: Part
    windows: Mapping[str, int]  # each metric that it reads, and how many values of it
    shown: tuple[Shown, ...]
    is_timed: bool  # it may change with the time alone
    asked: Mapping[str, frozenset[str]]  # metrics of which it asks whether they are "nan" or "inf"
    options: Mapping[str, Token]
    arrow: int  # where the ``=>`` is, or would be
    end: int


def parsed(source: str) -> Parsed:
    """Read `source` up to its ``=>``. Raises ArgumentError."""
    if len(source) > _TEXT:
        raise ArgumentError(f"a rule has {_TEXT} characters at most, and this has {len(source)}: make two of it")
    return _Parser(source).parsed()


class _Parser:
    def __init__(self, source: str) -> None:
        self._source, self._tokens, self._at, self._depth = source, tokens(source), 0, 0
        self._windows: dict[str, int] = {}
        self._shown: dict[str, Part] = {}
        self._is_timed = False
        self._asked: dict[str, frozenset[str]] = {}

    def parsed(self) -> Parsed:
        condition = self._truth(0)
        options: dict[str, Token] = {}
        while self._takes(","):
            name = self._next()
            if name.kind != "name" or not self._takes("="):
                raise self._wrong(name, "after a comma comes an option: , for_steps=3")
            options[name.text] = self._next()
        if (rest := self._next()).kind != "end":
            raise self._wrong(rest, f"the condition is over before {quoted(rest.text)}: is an operator missing?")
        shown = tuple(Shown(text, part) for text, part in self._shown.items())
        return Parsed(condition, self._windows, shown, self._is_timed, self._asked, options, rest.at, rest.end)

    # What it reads

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._token
        self._at += token.kind != "end"
        return token

    def _takes(self, mark: str) -> bool:
        """Whether the next word is this `mark`, which is taken then."""
        found = self._token.kind == "mark" and self._token.text == mark
        self._at += found
        return found

    def _closed(self, opening: Token, closing: str) -> None:
        if not self._takes(closing):
            says = f"the bracket {opening.text} is not closed: a {closing} is missing"
            raise self._wrong(opening if self._token.kind == "end" else self._token, says)

    def _wrong(self, token: Token, says: str) -> ArgumentError:
        return fault(self._source, token.at, token.end, says)

    @contextmanager
    def _within(self, token: Token) -> Generator[None]:
        self._depth += 1
        if self._depth > _DEEP:
            raise self._wrong(token, f"brackets and signs nest deeper than {_DEEP} here: make two rules of it")
        yield
        self._depth -= 1

    # The grammar

    def _truth(self, least: int) -> Part:
        """What follows, which has to be true or false: a number alone would hold wherever it is not 0."""
        begin = self._token
        return self._checked(self._expression(least), begin)

    def _checked(self, part: Part, begin: Token) -> Part:
        if not is_truth(part):
            text = self._source[begin.at : self._tokens[self._at - 1].end]
            raise fault(
                self._source, begin.at, begin.at + len(text), f"{quoted(text)} is a number: compare it: loss > 10"
            )
        return part

    def _expression(self, least: int) -> Part:
        """What follows, as long as it binds as strong as `least`."""
        begin = self._token
        found = self._operand()
        while (binds := self._binds()) and binds >= least:
            found = self._joined(found, binds, begin)
        return found

    def _binds(self) -> int:
        return _BINDS.get(self._token.text, 0) if self._token.kind == "mark" else 0

    def _joined(self, first: Part, binds: int, begin: Token) -> Part:
        """`first`, which begins with `begin`, with all that follows and binds as strong."""
        if self._token.text == "is":
            return self._state(first, self._next())
        if binds in (_BINDS["or"], _BINDS["and"]):
            return self._logical(self._checked(first, begin), binds)
        rest: list[tuple[str, Part]] = []
        while self._binds() == binds and self._token.text != "is":
            sign, left = self._next(), rest[-1][1] if rest else first
            right = self._expression(binds + 1)
            if sign.text in ("==", "!=") and left == right and isinstance(left, Metric):
                raise self._wrong(sign, "both sides are the same metric; whether it is NaN is asked so: loss is nan")
            rest.append((sign.text, right))
        return Comparison(first, tuple(rest)) if binds == _COMPARISON else Chain(first, tuple(rest))

    def _logical(self, first: Part, binds: int) -> Part:
        """``first and ...``, or ``first or ...``."""
        parts = [first]
        while self._binds() == binds:
            self._next()
            parts.append(self._truth(binds + 1))
        return AnyOf(tuple(parts)) if binds == _BINDS["or"] else AllOf(tuple(parts))

    def _state(self, first: Part, token: Token) -> Part:
        """``loss is [not] nan``."""
        is_not, state = self._takes("not"), self._next()
        if not isinstance(first, Metric):
            raise self._wrong(token, "before `is` comes the name of a metric: loss is nan")
        if state.text not in _STATES:
            says = f"after `is` comes nan, inf or finite{nearest(state.text, _STATES)}"
            raise self._wrong(state if state.kind != "end" else token, says)
        found = self._asks(_STATES[state.text], first.name)
        return Not(found) if is_not else found

    def _operand(self) -> Part:
        token = self._next()
        if token.kind == "number":
            return Number(token.value)
        if token.kind == "name":
            return self._named(token)
        with self._within(token):
            if token.text == "(":
                found = self._expression(0)
                self._closed(token, ")")
                return found
            if token.text == "not":
                return Not(self._truth(_NOT + 1))
            if token.text in ("+", "-"):
                part = self._expression(_SIGN)
                return Minus(part) if token.text == "-" else part
        if token.kind == "end":
            raise self._wrong(token, "here the condition ends too early: write a metric, a number or a function")
        raise self._wrong(token, f"a metric, a number or a function is missing before {quoted(token.text)}")

    def _named(self, token: Token) -> Part:
        """A metric, or a function's call."""
        is_quoted = token.end - token.at > len(token.text)
        if self._token.text == "(" and self._token.kind == "mark" and not is_quoted:
            return self._call(token, self._next())
        if self._token.text == "[" and self._token.kind == "mark":
            raise self._wrong(self._token, f"a window belongs into a function: mean({self._spelled(token)}[50])")
        if not is_quoted and token.text in _TRUTHS:
            return Truth(_TRUTHS[token.text])
        if not is_quoted and token.text in functions.OF_TRAINING:
            says = f'{token.text} is a function: {token.text}(). A metric of that name is in quotes: "{token.text}"'
            raise self._wrong(token, says)
        if not is_quoted:
            self._is_no_state(token)
        return self._metric(token)

    def _is_no_state(self, token: Token) -> None:
        """``loss == nan`` is never true, and ``loss > inf`` neither. Raises ArgumentError."""
        if (state := _SPELLED.get(token.text.lower())) is not None:
            says = f"nothing is compared with {token.text}: write loss is {state}; a metric of that name is in quotes"
            raise self._wrong(token, says)

    def _metric(self, token: Token) -> Metric:
        self._reads(token.text)
        metric = Metric(token.text)
        self._shown.setdefault(self._spelled(token), metric)
        return metric

    def _reads(self, name: str, count: int = 1) -> None:
        self._windows[name] = max(self._windows.get(name, 0), count)

    def _spelled(self, token: Token) -> str:
        return self._source[token.at : token.end]

    # Calls

    def _call(self, function: Token, opening: Token) -> Part:
        name = function.text
        if name not in functions.NAMES:
            says = _ELSEWHERE.get(name, f"there is no function {quoted(name)}{nearest(name, functions.NAMES)}")
            raise self._wrong(function, says)
        with self._within(opening):
            if name in functions.OF_TRAINING:
                self._closed(opening, ")")
                self._is_timed = self._is_timed or name == "elapsed"
                return TrainingQuestion("step" if name == "step" else "elapsed")
            if name in functions.OF_METRIC:
                found = self._of_metric(function)
                self._closed(opening, ")")
                return found
            if name in functions.OVER_WINDOW and self._is_over_window(name):
                return self._windowed(function, opening)
            return self._of_numbers(function, opening)

    def _of_metric(self, function: Token) -> Part:
        metric = self._name_in(function)
        self._reads(metric.text)
        self._shown.setdefault(self._spelled(metric), Metric(metric.text))
        self._is_timed = self._is_timed or function.text == "age"
        return self._asks(_QUESTIONS[function.text], metric.text)

    def _asks(self, question: Question, name: str) -> Part:
        if states := _ASKED.get(question):
            self._asked[name] = self._asked.get(name, frozenset()) | states
        return MetricQuestion(question, name)

    def _name_in(self, function: Token) -> Token:
        token = self._next()
        if token.kind != "name":
            says = f"{function.text}() takes the name of a metric: {function.text}(loss)"
            raise self._wrong(token if token.kind != "end" else function, says)
        return token

    def _is_over_window(self, name: str) -> bool:
        """``min(loss[5])``, and not ``min(loss, 5)``."""
        if name not in functions.OF_NUMBERS:
            return True
        after = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        return self._token.kind == "name" and after.text in ("[", ")") and after.kind == "mark"

    def _windowed(self, function: Token, opening: Token) -> Part:
        name, known = function.text, functions.OVER_WINDOW[function.text]
        metric = self._name_in(function)
        count = self._window(metric) or known.window
        if not count:
            raise self._wrong(metric, f"{name}() needs a window: {name}({self._spelled(metric)}[50])")
        if count < known.least:
            raise self._wrong(metric, f"{name}() needs {known.least} values or more: {self._spelled(metric)}[50]")
        self._reads(metric.text, count)
        before = dict(self._shown)
        more: list[Part] = []
        while self._takes(","):
            at = self._token
            more.append(self._expression(0))
            if len(more) > known.more:
                raise self._wrong(at, f"{name}() takes {arguments(1, 1 + known.more)}")
        self._closed(opening, ")")
        found = Windowed(name, metric.text, count, tuple(more))
        self._shown = before
        if known.is_truth:  # its truth says nothing; the value may
            self._shown.setdefault(self._spelled(metric), Metric(metric.text))
        else:
            self._shown.setdefault(self._source[function.at : self._tokens[self._at - 1].end], found)
        return found

    def _window(self, metric: Token) -> int:
        """The number in ``[50]``; 0 if there is none."""
        opening = self._token
        if not self._takes("["):
            return 0
        count = self._next()
        if count.kind != "number" or not count.text.isdecimal():
            says = f"a window is a number of values: {self._spelled(metric)}[50]"
            raise self._wrong(count if count.kind != "end" else opening, says)
        if not 0 < count.value <= WINDOW:
            raise self._wrong(count, f"a window has 1 to {WINDOW} values")
        self._closed(opening, "]")
        return int(count.value)

    def _of_numbers(self, function: Token, opening: Token) -> Part:
        name, known = function.text, functions.OF_NUMBERS[function.text]
        given: list[Part] = []
        if not (self._token.kind == "mark" and self._token.text == ")"):
            given.append(self._expression(0))
            while self._takes(","):
                given.append(self._expression(0))
        self._closed(opening, ")")
        if not known.least <= len(given) <= known.most:
            over = f", or a window: {name}(loss[50])" if name in functions.OVER_WINDOW else ""
            raise self._wrong(function, f"{name}() takes {arguments(known.least, known.most)}{over}")
        return Call(name, tuple(given))
