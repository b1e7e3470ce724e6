"""Sets of ranks as short texts."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinkle_notifier.runtime.rank_sets import all_ranks, compressed, parsed

SETS = st.sets(st.integers(0, 50))


@given(SETS, st.integers(0, 60))
def test_a_set_survives_its_way(ranks: set[int], world_size: int) -> None:
    """As far as the run has such ranks."""
    assert parsed(compressed(ranks), world_size) == {rank for rank in ranks if rank < world_size}


@given(st.lists(SETS.filter(bool), max_size=5))
def test_series_may_overlap(sets: list[set[int]]) -> None:
    """And stand in any order."""
    assert parsed(", ".join(map(compressed, sets)), 100) == set[int]().union(*sets)


@pytest.mark.parametrize("text", ["x", "9-", "-5", "1,2", "0-3-4", " ", "9" * 5000])
def test_another_text_is_refused(text: str) -> None:
    """It may come from another version."""
    with pytest.raises(ValueError, match=r"invalid|Exceeds"):
        parsed(text, 100)


@pytest.mark.parametrize(
    ("work", "bytes_"),
    [
        (lambda: parsed("0-9000000000000", 4), 10_000),
        (lambda: parsed(", ".join(["0-9000000000000"] * 1000), 4), 1_000_000),
        (lambda: all_ranks(["0-9000000000000@host", "~5-9000000000000@host"]), 200_000_000),
    ],
)
def test_a_series_without_end_takes_no_memory(work: Callable[[], set[int]], bytes_: int) -> None:
    """Any process of the job may have written it."""
    tracemalloc.start()
    try:
        found = work()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert {0, 1, 2, 3} <= found
    assert peak < bytes_
