"""The course of a metric in a line."""

from __future__ import annotations

import math

import pytest

from twinkle_notifier.messages.sparkline import curve


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([], ""),
        ([1.0, 2.0], ""),
        ([3.0, 2.0, 1.0], "▇▄▁ first 3, least 1, last 1"),
        ([1.0, 1.0, 1.0], "▁▁▁ first 1, least 1, last 1"),
        ([4, 1, math.nan, math.inf], "▇▁×× first 4, least 1, last inf; no number in the last 2 of 4 values"),
        ([1, math.nan, 3, 2.00001], "▁×▇▄ first 1, least 1, last 2; no number in 1 of 4 values"),
        ([math.nan] * 3, ""),
    ],
)
def test_values_become_bars(values: list[float], shown: str) -> None:
    """With the first, the least and the last; marked where it stopped being a number."""
    assert curve(values) == shown


def test_in_chinese() -> None:
    assert curve([3.0, 2.0, 1.0], "zh") == "▇▄▁ 首值 3，最小 1，最后 1"
