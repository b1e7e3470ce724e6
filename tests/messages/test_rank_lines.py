"""Which ranks met an incident, as a short text."""

from __future__ import annotations

import pytest

from twinkle_notifier.messages import rank_lines
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.rank_sets import compressed

WHERE = Where.here()._replace(rank=0, world_size=16, hostname="a")


@pytest.mark.parametrize(
    ("ranks", "text"),
    [([], ""), ([3], "3"), ([0, 1, 2, 3], "0-3"), ([5, 0, 1, 9, 10], "0-1, 5, 9-10"), (range(100_000), "0-99999")],
)
def test_ranks_are_compressed(ranks: list[int], text: str) -> None:
    """Thousands in a few characters."""
    assert compressed(ranks) == text


def test_all_ranks_need_no_host() -> None:
    """They are on all of them."""
    everyone = [f"{rank}@{'ab'[rank // 8]}" for rank in range(16)]
    assert rank_lines.rank_lines(everyone, WHERE) == ["- Ranks: 0-15 of 16"]


def test_some_ranks_are_told_with_their_hosts() -> None:
    """At most three of them."""
    assert rank_lines.rank_lines(["3@nodeB", "5@nodeB"], WHERE) == ["- Ranks: 3, 5 of 16 on nodeB"]
    apart = [f"{rank}@node{rank}" for rank in range(5)]
    assert rank_lines.rank_lines(apart, WHERE) == ["- Ranks: 0-4 of 16 on node0, node1, node2 and 2 more"]


def test_followers_are_told_apart() -> None:
    """Those that met only a secondary error."""
    lines = rank_lines.rank_lines(["1@a", "~0@a", "~2@a"], WHERE)
    assert lines == ["- Ranks: rank 1 of 16 on a", "- Errors that follow from it: 0, 2 of 16 on a"]


def test_a_member_may_stand_for_several() -> None:
    """Beside those that stand for one, and those that it repeats."""
    lines = rank_lines.rank_lines(["0-5@a", "3@a", "6@a", "~8-9@b"], WHERE)
    assert lines == ["- Ranks: 0-6 of 16 on a", "- Errors that follow from it: 8-9 of 16 on b"]
    assert rank_lines.rank_lines(["0-7@a", "8-15@b"], WHERE) == ["- Ranks: 0-15 of 16"]


def test_missing_ranks() -> None:
    """Those of whom nothing was heard."""
    assert rank_lines.missing_ranks(["0-3@a", "~4-6@a"], WHERE._replace(world_size=9)) == "7-8"
    assert rank_lines.missing_ranks(["0@a", "~1@a"], WHERE._replace(world_size=4)) == "2-3"


def test_a_process_on_its_own_has_no_ranks() -> None:
    """Nothing to say."""
    assert rank_lines.rank_lines(["0@a"], WHERE._replace(world_size=1)) == []
