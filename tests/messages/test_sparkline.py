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
        ([3.0, 2.0, 1.0], "▇▄▁ first 3, lowest 1, last 1"),
        ([1.0, 1.0, 1.0], "▁▁▁ first 1, lowest 1, last 1"),
        ([4, 1, math.nan, math.inf], "▇▁×× first 4, lowest 1, last inf; NaN or infinite in the last 2 of 4 values"),
        ([1, math.nan, 3, 2.00001], "▁×▇▄ first 1, lowest 1, last 2; NaN or infinite in 1 of 4 values"),
        ([4, 1, math.nan], "▇▁× first 4, lowest 1, last nan; NaN or infinite in the last of 3 values"),
        ([math.nan] * 3, ""),
    ],
)
def test_values_become_bars(values: list[float], shown: str) -> None:
    """With the first, the lowest and the last; marked where it is NaN or infinite."""
    assert curve(values) == shown


def test_in_chinese() -> None:
    assert curve([3.0, 2.0, 1.0], "zh") == "▇▄▁ 首值 3，最小 1，最后 1"
    assert curve([3.0, 1.0, math.nan], "zh") == "▇▁× 首值 3，最小 1，最后 nan；3 个值中最后 1 个为 NaN 或无穷大"
