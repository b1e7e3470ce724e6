"""The course of a metric in one line of text: ``▇▆▅▃▂▁▁▂▇``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from twinkle_notifier.messages.catalog import phrase

_BARS = "▁▂▃▄▅▆▇"
_LOST = "×"  # a value that is no number
_FEWEST = 3  # values, below which it shows nothing


def curve(values: Sequence[float], language: str = "en") -> str:
    """The `values`, oldest first, as bars, with the first, the least and the last; empty for fewer than three.

    A value that is NaN or infinite is marked, and said.
    """
    finite = [value for value in values if math.isfinite(value)]
    if len(values) < _FEWEST or not finite:
        return ""
    low, high = min(finite), max(finite)
    bars = "".join(_bar(value, low, high) for value in values)
    shown = {"first": _short(values[0]), "least": _short(low), "last": _short(values[-1])}
    said = phrase(language, "{bars} first {first}, least {least}, last {last}", bars=bars, **shown)
    return said + _lost(values, language)


def _lost(values: Sequence[float], language: str) -> str:
    """Where it stopped being a number, or how often it was none."""
    lost = [at for at, value in enumerate(values) if not math.isfinite(value)]
    if not lost:
        return ""
    slots = {"number": len(lost), "of": len(values)}
    is_over = lost[0] == len(values) - len(lost)
    text = "; no number in the last {number} of {of} values" if is_over else "; no number in {number} of {of} values"
    return phrase(language, text, **slots)


def _short(value: float) -> str:
    return f"{value:.4g}"


def _bar(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return _LOST
    if high == low:
        return _BARS[0]
    return _BARS[round((value / 2 - low / 2) / (high / 2 - low / 2) * (len(_BARS) - 1))]  # halves do not overflow
