"""What a progress message says."""

from __future__ import annotations

import time
from typing import NamedTuple

from twinkle_notifier.isolation import safe
from twinkle_notifier.messages.catalog import fact, facts, phrase
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.messages.report import milestone
from twinkle_notifier.messages.sanitize import line
from twinkle_notifier.messages.wording import at_time, duration, number
from twinkle_notifier.runtime.launcher import Attempt, Where

_NAME = 100  # characters
_LONGEST = 1e9  # seconds; what takes longer is not foretold
_LARGEST = 1e15  # a step that is larger is shown with fewer digits


class Speed(NamedTuple):
    """Steps a `second`, None if there was no step since the last message; and for how many seconds there was none."""

    second: float | None = None
    idle: float | None = None


def markdown(name: str, progress: Progress, speed: Speed, where: Where, language: str) -> str:
    """The message."""
    left = _left(progress, speed)
    items = facts(
        fact(language, "Time left", _time_left(left, language) if left is not None else ""),
        fact(language, "Speed", _speed(speed, language)),
        *progress.lines(language),
        progress.curve(language),
    )
    return milestone(_headline(name, progress, language), name, where, items, Attempt.here(), language)


def _headline(name: str, progress: Progress, language: str) -> str:
    step, of_steps, run = _known(progress.step), _known(progress.of_steps), line(name, _NAME)
    if step is None:
        took = duration(progress.seconds or 0.0, language)
        return phrase(language, "{name} has been training for {duration}", name=run, duration=took)
    if not of_steps:
        return phrase(language, "{name}: step {step}", name=run, step=_count(step))
    slots = {"step": _count(step), "of_steps": _count(of_steps), "percent": f"{100 * step / of_steps:.0f}"}
    return phrase(language, "{name}: step {step} of {of_steps} ({percent} %)", name=run, **slots)


def _known(steps: object) -> float | None:
    """The number of steps, if it is one: a trainer may say anything."""
    return found if (found := safe.finite(steps)) is not None and found >= 0 else None


def _count(steps: float) -> str:
    """``1,200``."""
    return f"{steps:,.0f}" if steps < _LARGEST else f"{steps:g}"


def _left(progress: Progress, speed: Speed) -> float | None:
    """Seconds until all steps are done, at this speed."""
    step, of_steps = _known(progress.step), _known(progress.of_steps)
    if not speed.second or step is None or of_steps is None or step >= of_steps:
        return None
    left = (of_steps - step) / speed.second
    return left if left < _LONGEST else None


def _time_left(left: float, language: str) -> str:
    return phrase(
        language, "{duration}, until {time}", duration=duration(left, language), time=at_time(time.time() + left)
    )


def _speed(speed: Speed, language: str) -> str:
    if speed.second is None:
        idle = duration(speed.idle, language) if speed.idle is not None else ""
        return phrase(language, "no step in the last {duration}", duration=idle) if idle else ""
    if speed.second >= 1:
        return phrase(language, "{number} steps a second", number=number(float(f"{speed.second:.3g}")))
    return phrase(language, "{number} s a step", number=number(float(f"{1 / speed.second:.3g}")))
