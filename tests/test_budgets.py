"""The time budgets fit into each other: `budgets` has the time line."""

from __future__ import annotations

from twinkle_notifier import budgets as b


def test_a_crash_fits_into_its_patience() -> None:
    """A walk that is late leaves time for a send in its place, and for the disk if that fails."""
    assert b.WALK + b.CRASH_BUDGET + b.DISK <= b.PATIENCE - b.RETURN
    assert b.LAST_SEND + b.DISK <= b.PATIENCE - b.RETURN


def test_a_walk_that_nothing_holds_up_is_not_late() -> None:
    """What a walk does before its send takes less than the time after which another sends in its place."""
    assert b.EVENT + b.STORE_OPEN + b.GATHER < b.WALK < b.LAST_SEND


def test_stores_that_hang_leave_time_for_a_send() -> None:
    """However many of them hang, a send in the crash has most of its budget, and the disk all of its own."""
    assert b.CRASH_BUDGET / 2 < b.STORE_RESERVE - b.DISK
    assert b.STORE_OPEN < b.PATIENCE - b.STORE_RESERVE


def test_a_lease_outlasts_a_send() -> None:
    """Nobody takes a sender for dead while it sends, or keeps what it could not; and who takes over still can send."""
    assert b.CRASH_BUDGET + b.DISK < b.LEASE
    assert b.LEASE + b.CRASH_BUDGET + b.DISK < b.PATIENCE


def test_a_word_of_a_node_outlasts_the_patience_of_its_ranks() -> None:
    """A secondary error's word is forgotten long before its cause."""
    assert b.PATIENCE < b.NODE_WORD
    assert b.SECONDARY_NODE_WORD + b.PATIENCE < b.AFTERMATH


def test_a_stall_fits_into_its_budget() -> None:
    """The word of another rank, gathering, reading, the send and the disk, one after the other."""
    looking = b.PROGRESS + 2 * b.STACKS + b.COLLECTIVES
    assert looking + b.PATIENCE + b.STALL_GATHER + b.STALL_READ + b.CRASH_BUDGET + b.DISK <= b.STALL


def test_a_stall_renews_its_claim_in_time() -> None:
    """Between two renewals a rank gathers, reads or sends, each for less than a lease."""
    assert max(b.STALL_GATHER, b.STALL_READ, b.CRASH_BUDGET) < b.LEASE


def test_a_supervisor_waits_for_ranks_and_nodes_and_sends() -> None:
    """A claim of a process that goes on, the first node, another node's send, and its own."""
    assert b.LEASE + b.FIRST_NODE + b.PATIENCE + b.CRASH_BUDGET + b.DISK <= b.SUPERVISOR


def test_an_alert_of_a_preemption_is_out_before_the_kill() -> None:
    """A scheduler kills the supervisor with the command that it asked to end."""
    assert b.ASKED + b.CRASH_BUDGET + b.DISK < b.SCHEDULER_KILLS


def test_ends_that_belong_together_are_found() -> None:
    """torchrun waits for its ranks, of which one waits for its alert."""
    assert b.PATIENCE + b.TORCHRUN_WAITS <= b.TOGETHER


def test_the_exit_is_short() -> None:
    """At exit less time is left than for a send in a crash, and much less than in the background."""
    assert b.EXIT_BUDGET < b.CRASH_BUDGET < b.BACKGROUND_BUDGET
