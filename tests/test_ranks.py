"""Exactly once, over every rank, node and restart: each case of tests/stress, once. `make stress` repeats them."""

from __future__ import annotations

import os
import re

import claimants
import pytest
from cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_exactly_once(case: Case) -> None:
    """As many messages at the local robot as the case asks for, saying what they must say."""
    if case.slow:
        pytest.skip("left to make stress")
    if case.needs_root and os.getuid() != 0:
        pytest.skip("mounts and namespaces need root")
    seen = case.run()
    assert len(seen.messages) == case.expected, seen.stderr
    assert all(re.search(case.says, message.text) for message in seen.messages)


def test_many_claimants_have_one_winner() -> None:
    """All at once, on files. `make stress` has a thousand, and measures how long they take."""
    decisions = claimants.on_files(256)
    assert (len(decisions), sum(won for won, _ in decisions)) == (256, 1)


def test_claimants_at_a_tcp_store_have_one_winner() -> None:
    """The same store that torchrun's agent serves."""
    decisions = claimants.on_tcp(8)
    assert (len(decisions), sum(won for won, _ in decisions)) == (8, 1)
