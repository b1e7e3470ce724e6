"""Exactly once, over every rank, node and restart: each case of tests/stress, once. `make stress` repeats them."""

from __future__ import annotations

import os
import re

import claimants
import pytest
from cases import CASES, CONNECTED, Case
from lab import Lab

COUNTING = """
def connections():
    port = f":{int(os.environ['MASTER_PORT']):04X}"
    with open("/proc/self/net/tcp") as table, open("/proc/self/net/tcp6") as table6:
        lines = [line.split() for line in (*table, *table6)]
    to_server = {f"socket:[{line[9]}]" for line in lines if line[2].endswith(port) and line[3] == "01"}
    own = {os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}
    return len(own & to_server)
"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_exactly_once(case: Case) -> None:
    """As many messages at the local robot as the case asks for, saying what they must say."""
    if case.slow or case.akin:
        pytest.skip("left to make stress")
    if case.needs_root and os.getuid() != 0:
        pytest.skip("mounts and namespaces need root")
    seen = case.run()
    assert [message.service for message in seen.messages] == [case.service] * case.expected, seen.stderr
    assert all(re.search(case.says, message.text) for message in seen.messages)


@pytest.mark.stress
def test_two_nodes_need_two_connections() -> None:
    """One of each node asks torchrun's server, for all of its four; all are named in the one message."""
    before, _, after = CONNECTED.format(action='raise ValueError("met by all")').rpartition("    tell(e)\n")
    counted = '    before = connections()\n    tell(e)\n    os.write(2, f"NEW {connections() - before}\\n".encode())\n'
    with Lab() as lab:
        lab.agents(COUNTING + before + counted + after, 4)
        seen = lab.seen()
    assert [re.findall("^- Ranks: .*", message.text, re.MULTILINE) for message in seen.messages] == [
        ["- Ranks: 0-7 of 8"]
    ], seen.stderr
    assert sorted(re.findall(r"^NEW (\d+)$", seen.stderr, re.MULTILINE)) == ["0"] * 6 + ["1"] * 2, seen.stderr


def test_many_claimants_have_one_winner() -> None:
    """All at once, on files. `make stress` has a thousand, and measures how long they take."""
    decisions = claimants.on_files(64)
    assert (len(decisions), sum(won for won, _ in decisions)) == (64, 1)


def test_claimants_at_a_tcp_store_have_one_winner() -> None:
    """The same store that torchrun's agent serves."""
    decisions = claimants.on_tcp(8)
    assert (len(decisions), sum(won for won, _ in decisions)) == (8, 1)


def test_claimants_of_two_nodes_have_one_winner_and_two_connections() -> None:
    """One of each eight ranks asks the server."""
    connected: list[int] = []
    decisions = claimants.on_tcp_by_node(16, connected.append)
    assert (len(decisions), sum(won for won, _ in decisions), connected) == (16, 1, [2])
