"""Durations as people write them, row by row."""

from __future__ import annotations

import pytest

from twinkle_notifier.runtime.durations import LONGEST, seconds_in


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("10m", 600.0),
        ("10min", 600.0),
        ("1h30m", 5400.0),
        ("1.5 H", 5400.0),
        (" 1 d  2 h ", 93600.0),
        ("0m", 0.0),
        *[(text, None) for text in ("", "90", "h", "m10", "30m1h", "-1m", "1e3s", "nan", "ten minutes", "１m")],
        ("1h" + " " * LONGEST + "30m", None),  # not the part that is read
    ],
)
def test_the_seconds_of_a_duration(text: str, seconds: float | None) -> None:
    """Units in their order, each at most once; no unit is no duration."""
    assert seconds_in(text) == seconds
