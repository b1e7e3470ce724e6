"""Looks at what a training logs, by its rules."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.isolation.background import background
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.rules import report
from twinkle_notifier.rules.fault import nearest
from twinkle_notifier.rules.finite import NotFinite
from twinkle_notifier.rules.rule import Rule
from twinkle_notifier.rules.state import Change, Firing, State
from twinkle_notifier.rules.training import Training, note_logged
from twinkle_notifier.rules.values import Series, now, read
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.user_file import Notifications

_READING = 10.0  # seconds for the values of one log that are on a device, whose queue may be long
_WAITING = 100  # logs that wait for theirs
_NAMES = 1_000  # metrics whose names are kept
_NAME, _SHOWN = 60, 5  # characters of one, and how many a warning names
_FAILURES = ("warning", "error")


class RuleSet:
    """The rules of one training, and what they have said. It has no thread and no lock of its own."""

    def __init__(self, rules: tuple[Rule, ...], began: float | None) -> None:
        """`began`: when, on the clock of `changes`; None: there is no clock, and no cooldown holds an alert back."""
        windows: dict[str, int] = {}
        for rule in rules:
            for name, count in rule.windows.items():
                windows[name] = max(windows.get(name, 0), count)
        self.series: Series = Series(windows, began)
        if began is None:
            rules = tuple(rule._replace(cooldown=0.0) for rule in rules)
        self._rules = [(rule, State(rule.for_steps, rule.cooldown), rule.windows.keys()) for rule in rules]
        self._finite = NotFinite(_asked(rules)) if began is not None else NotFinite(_asked(rules), cooldown=0.0)

    def changes(self, numbers: Mapping[str, float], step: object, moment: float) -> Iterator[Change]:
        """What people should know of the `numbers` that were logged at `step`."""
        touched = self.series.add(numbers, step, moment)
        yield from self._finite.changes(numbers, self.series.step, moment)
        for rule, state, names in self._rules:
            if rule.is_timed or not names or not touched.isdisjoint(names):
                found = state.update(rule.condition.worth(self.series), self.series.step, moment)
                if found is not None:
                    yield self._change(rule, *found, moment)

    def _change(self, rule: Rule, kind: Literal["fired", "resolved"], firing: Firing, moment: float) -> Change:
        worth = [(shown.text, shown.part.worth(self.series)) for shown in rule.shown]
        course = next(iter(rule.windows), "")
        return Change(
            kind,
            rule.text,
            rule.level,
            self.series.step,
            moment,
            firing,
            tuple(rule.windows),
            rule=rule.text,
            title=rule.title,
            values=tuple((text, value) for text, value in worth if value is not None),
            history=self.series.course(course) if course else (),
            history_of=course,
        )


def _asked(rules: Iterable[Rule]) -> dict[str, frozenset[str]]:
    """For which metrics a rule asks whether they are "nan" or "inf"."""
    found: dict[str, frozenset[str]] = {}
    for rule in rules:
        for name, states in rule.asked.items():
            found[name] = found.get(name, frozenset()) | states
    return found


class _Log(NamedTuple):
    """What was logged once: the numbers, and the values that a device may hold."""

    numbers: dict[str, float]
    later: dict[str, object]
    step: object
    moment: float


class _Session:
    """One training: its rules, and the logs that wait for a device, oldest first."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules: RuleSet = RuleSet(rules, time.monotonic())
        self.waiting: deque[_Log] = deque()
        self.is_read = False  # the background reads them, or soon will
        self.is_blind = False  # a device has not answered: no other is asked
        self.has_left_out = False  # a log, for which there was no room


class RuleWatch:
    """Looks at each log of a training. A copy, or a pickle, has the same rules and begins anew.

    Numbers, and tensors and arrays in this machine's memory, are read at once. Where a value may be on a device, the
    background reads it, in the order of the logs: what is logged after it waits for it, too.
    """

    def __init__(self, rules: tuple[Rule, ...] | None, wanted: Notifications = "all") -> None:
        """None: nothing is looked at. `wanted`: which alerts are."""
        self._rules = rules if wanted != "end_only" else None
        self._wanted = wanted
        self._lock = threading.Lock()
        self.start()

    def __reduce__(self) -> Any:
        return type(self), (self._rules, self._wanted)

    def start(self) -> None:
        """A training begins: what was logged before does not count."""
        self._session = _Session(self._rules) if self._rules is not None else None
        self._names = {name: 1 for rule in self._rules or () for name in rule.windows}
        self._seen: set[str] = set()  # names of metrics
        self._notes = False  # whether this rank lets the others know them

    def log(self, metrics: Mapping[Any, object], step: object, training: Callable[[], Training]) -> None:
        """Look at what is logged, and send what people should know, in the background. `training` says as what."""
        session = self._session
        if session is None:
            return
        numbers, later = read(metrics, self._names)
        moment = time.monotonic()
        with self._lock:
            waits = (later and not session.is_blind) or session.is_read or session.waiting
            changes = [] if waits else list(session.rules.changes(numbers, step, moment))
            asks = bool(waits) and self._wait(session, _Log(numbers, later, step, moment))
        if asks:
            # One piece of work at a time: a slow device fills no queue in which alerts wait, too.
            background.post(lambda: self._look_at_all(session, training), otherwise=lambda: self._put_off(session))
        self._post(changes, training)
        if len(self._seen) < _NAMES and not numbers.keys() <= self._seen:
            self._note(numbers.keys() - self._seen, training)

    def _post(self, changes: list[Change], training: Callable[[], Training]) -> None:
        for change in changes:
            if self._wanted == "all" or (change.kind == "fired" and change.level in _FAILURES):
                report.post(change, training())

    def _note(self, new: set[str], training: Callable[[], Training]) -> None:
        """Rank 0 of several lets the others know what it logs, once."""
        if not self._seen:
            where = Where.here()
            self._notes = where.rank == 0 and where.world_size > 1
        self._seen |= new
        if self._notes:
            this = training()
            background.post(lambda: note_logged(new, this))

    # What a device holds

    def _wait(self, session: _Session, log_: _Log) -> bool:
        """Let a log wait for its turn; whether the background has to be asked to look at it."""
        if len(session.waiting) >= _WAITING:
            session.waiting.popleft()
            if not session.has_left_out:
                session.has_left_out = True
                log.warning("rules leave out logs: %d of them wait for values on a device already", _WAITING)
        session.waiting.append(log_)
        was_read, session.is_read = session.is_read, True
        return not was_read

    def _put_off(self, session: _Session) -> None:
        """The background has no room: the next log asks it again."""
        session.is_read = False

    def _look_at_all(self, session: _Session, training: Callable[[], Training]) -> None:
        """Look at the logs that wait, in their order."""
        try:
            while (first := self._next(session)) is not None:
                numbers = first.numbers | self._read(first.later, session)
                with self._lock:
                    changes = list(session.rules.changes(numbers, first.step, first.moment))
                if session is self._session:
                    self._post(changes, training)
        except BaseException:
            self._put_off(session)
            raise

    def _next(self, session: _Session) -> _Log | None:
        """The log to look at now. None: there is no other, so the next that is logged asks the background again."""
        with self._lock:
            if session.waiting and session is self._session:
                return session.waiting.popleft()
            session.is_read = False
            return None

    def _read(self, later: Mapping[str, object], session: _Session) -> dict[str, float]:
        found: dict[str, float] = {}

        def ask() -> None:
            for name, value in later.items():
                if (number := isolation.tried(lambda value=value: now(value)).value) is not None:  # type: ignore[misc]
                    found[name] = number

        if later and not session.is_blind and not isolation.call(ask, _READING).returned:
            session.is_blind = True
            log.warning("rules do not look at values on a device any more: it did not answer within %g s", _READING)
        return dict(found)

    def end(self) -> None:
        """The training is over: rank 0 warns of metrics that rules name and that were never logged."""
        missing = self._session.rules.series.missing() if self._session is not None and self._seen else []
        if missing and Where.here().rank == 0:
            shown = ", ".join(f"{shown_in_log(name, _NAME)}{nearest(name, self._seen)}" for name in missing[:_SHOWN])
            log.warning("rules name metrics that were never logged: %s", shown)
