"""Looks at what a training logs, by its rules."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.isolation.background import background
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.rules import report
from twinkle_notifier.rules.fault import nearest
from twinkle_notifier.rules.finite import NotFinite
from twinkle_notifier.rules.report import Training
from twinkle_notifier.rules.rule import Rule
from twinkle_notifier.rules.state import Change, State
from twinkle_notifier.rules.values import Series, now, read
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.user_file import Notifications

_READING = 10.0  # seconds for the values of one log that are on a device, whose queue may be long
_WAITING = 100  # logs that wait for theirs
_NAMES = 1_000  # metrics whose names are kept
_NAME, _SHOWN = 60, 5  # characters of one, and how many a warning names
_FAILURES = ("warning", "error")


class Looker:
    """The rules of one training, and what they have said. It has no thread and no lock of its own."""

    def __init__(self, rules: tuple[Rule, ...], began: float | None) -> None:
        """`began`: when, on the clock by which `look` is called; None: there is no clock."""
        windows: dict[str, int] = {}
        for rule in rules:
            for name, count in rule.windows.items():
                windows[name] = max(windows.get(name, 0), count)
        self.series: Series = Series(windows, began)
        self._rules = [(rule, State(rule.for_steps, rule.cooldown), rule.windows.keys()) for rule in rules]
        self._finite = NotFinite()

    def look(self, numbers: Mapping[str, float], step: object, moment: float) -> Iterator[Change]:
        """What people should know of the `numbers` that were logged at `step`."""
        touched = self.series.add(numbers, step, moment)
        yield from self._finite.look(numbers, self.series.step, moment)
        for rule, state, names in self._rules:
            if rule.is_timed or not names or not touched.isdisjoint(names):
                kind, firing = state.look(rule.condition.worth(self.series), self.series.step, moment)
                if kind:
                    yield self._change(rule, kind, firing, moment)

    def _change(self, rule: Rule, kind: Any, firing: Any, moment: float) -> Change:
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
        self._looker = Looker(self._rules, time.monotonic()) if self._rules is not None else None
        self._names = {name: 1 for rule in self._rules or () for name in rule.windows}
        self._waiting: deque[tuple[dict[str, float], dict[str, object], object, float]] = deque(maxlen=_WAITING)
        self._is_blind = False  # a device has not answered: no other is asked
        self._seen: set[str] = set()  # names of metrics
        self._notes = False  # whether this rank lets the others know them

    def log(self, metrics: Mapping[Any, object], step: object, training: Callable[[], Training]) -> None:
        """Look at what is logged, and send what people should know, in the background. `training` says as what."""
        looker = self._looker
        if looker is None:
            return
        numbers, later = read(metrics, self._names)
        moment = time.monotonic()
        with self._lock:
            waits = bool((later and not self._is_blind) or self._waiting)
            if waits:
                self._waiting.append((numbers, later, step, moment))
            changes = [] if waits else list(looker.look(numbers, step, moment))
        if waits:
            background.post(lambda: self._drain(looker, training))
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
            background.post(lambda: report.note_logged(new, this))

    def _drain(self, looker: Looker, training: Callable[[], Training]) -> None:
        """Look at the logs that wait, in their order."""
        while self._waiting and looker is self._looker:
            numbers, later, step, moment = self._waiting[0]
            found = self._read(later)
            with self._lock:
                if not self._waiting or looker is not self._looker:
                    return
                self._waiting.popleft()
                changes = list(looker.look(numbers | found, step, moment))
            self._post(changes, training)

    def _read(self, later: Mapping[str, object]) -> dict[str, float]:
        found: dict[str, float] = {}

        def ask() -> None:
            for name, value in later.items():
                if (number := isolation.tried(lambda value=value: now(value)).value) is not None:  # type: ignore[misc]
                    found[name] = number

        if not self._is_blind and not isolation.call(ask, _READING).returned:
            self._is_blind = True
            log.warning("rules do not look at values on a device any more: it did not answer within %g s", _READING)
        return dict(found)

    def end(self) -> None:
        """The training is over: rank 0 warns of metrics that rules name and that were never logged."""
        looker = self._looker
        missing = looker.series.missing() if looker is not None and self._seen else []
        if missing and Where.here().rank == 0:
            shown = ", ".join(f"{shown_in_log(name, _NAME)}{nearest(name, self._seen)}" for name in missing[:_SHOWN])
            log.warning("rules name metrics that were never logged: %s", shown)
