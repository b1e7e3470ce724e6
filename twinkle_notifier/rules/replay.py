"""What a rule would have said of a run that is over, by the log that its trainer has left."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation.safe import is_dict, is_list
from twinkle_notifier.rules.rule import Rule
from twinkle_notifier.rules.state import Change
from twinkle_notifier.rules.values import read
from twinkle_notifier.rules.watch import RuleSet

_MOST = 1 << 30  # bytes of a file
_COUNTS = ("step", "epoch", "total_flos")  # which callbacks leave out of what they look at, too
_WHAT = "give trainer_state.json of an HF checkpoint, or metrics.csv of Lightning's CSVLogger"


class Log(NamedTuple):
    """One time that the trainer has logged something."""

    step: int | None
    numbers: dict[str, float]


def replayed(rules: tuple[Rule, ...], logs: Iterable[Log]) -> Iterator[Change]:
    """When the rules would have fired, and when that was over. No time passes: no cooldown holds anything back."""
    looked_at = RuleSet(rules, None)
    for log in logs:
        yield from looked_at.changes(log.numbers, log.step, 0.0)


def logs_of(place: str) -> list[Log]:
    """What the file at `place` holds, or that in a folder: ``trainer_state.json`` or ``metrics.csv``.

    Raises:
        ArgumentError: there is none, or it holds something else.
    """
    path = Path(place)
    if path.is_dir():
        path = next((path / name for name in ("trainer_state.json", "metrics.csv") if (path / name).exists()), path)
    try:
        if os.stat(path).st_size > _MOST:
            raise ArgumentError(f"{path} is larger than {_MOST >> 20} MB")
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read ({error.strerror}): {_WHAT}") from None
    found = list(_of_state(text) if text.lstrip().startswith("{") else _of_csv(text))
    if not found:
        raise ArgumentError(f"{path} holds nothing that was logged: {_WHAT}")
    return found


def _of_state(text: str) -> Iterator[Log]:
    """Of transformers' TrainerState."""
    try:
        state: object = json.loads(text)
    except (ValueError, RecursionError):
        raise ArgumentError(f"the file is no JSON: {_WHAT}") from None
    history: object = state.get("log_history") if is_dict(state) else None
    for entry in history if is_list(history) else []:
        if is_dict(entry):
            yield _log(entry, entry.get("step"))


def _of_csv(text: str) -> Iterator[Log]:
    """Of Lightning's CSVLogger: a line holds what was logged at once, and leaves the other columns empty."""
    try:
        for row in csv.DictReader(text.splitlines()):
            cells = {name: _number(cell) for name, cell in row.items() if isinstance(cell, str)}
            yield _log(cells, cells.get("step"))
    except csv.Error as error:
        raise ArgumentError(f"the file is no table ({error}): {_WHAT}") from None


def _log(entry: dict[Any, Any], step: object) -> Log:
    numbers, _ = read({name: value for name, value in entry.items() if name not in _COUNTS}, {})
    return Log(int(step) if isinstance(step, int | float) and step == step and abs(step) < 1e15 else None, numbers)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
