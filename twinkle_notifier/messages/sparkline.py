"""The course of a metric in one line of text: ``▇▆▅▃▂▁▁▂▇``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from twinkle_notifier.messages.catalog import phrase

_BARS = "▁▂▃▄▅▆▇"
_LOST = "×"  # a value that is NaN or infinite
_FEWEST = 3  # values, below which it shows nothing


def curve(values: Sequence[float], language: str = "en") -> str:
    """The `values`, oldest first, as bars, with the first, the lowest and the last; empty for fewer than three.

    A value that is NaN or infinite is marked, and said.
    """
    finite = [value for value in values if math.isfinite(value)]
    if len(values) < _FEWEST or not finite:
        return ""
    low, high = min(finite), max(finite)
    bars = "".join(_bar(value, low, high) for value in values)
    shown = {"first": _short(values[0]), "lowest": _short(low), "last": _short(values[-1])}
    said = phrase(language, "{bars} first {first}, lowest {lowest}, last {last}", bars=bars, **shown)
    return said + _lost(values, language)


def _lost(values: Sequence[float], language: str) -> str:
    """How many values are NaN or infinite; of those at the end alone, that these were the last."""
    lost = [at for at, value in enumerate(values) if not math.isfinite(value)]
    if not lost:
        return ""
    text = "; NaN or infinite in {number} of {of} values"
    if lost[0] == len(values) - len(lost):  # since then all are
        last = "; NaN or infinite in the last of {of} values"
        text = last if len(lost) == 1 else "; NaN or infinite in the last {number} of {of} values"
    return phrase(language, text, number=len(lost), of=len(values))


def _short(value: float) -> str:
    return f"{value:.4g}"


def _bar(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return _LOST
    if high == low:
        return _BARS[0]
    return _BARS[round((value / 2 - low / 2) / (high / 2 - low / 2) * (len(_BARS) - 1))]  # halves do not overflow
