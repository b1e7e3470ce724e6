"""Whether what was told inside accounts for the end that is seen from outside."""

from __future__ import annotations

import pytest

from twinkle_notifier.runtime import Holder
from twinkle_notifier.supervise.story import Story
from twinkle_notifier.supervision import By, Leave, State, Word

GONE = Holder.me().__class__(Holder.me().host, 2**22 + 1, 1.0)  # a process id that this machine cannot have


def word(state: State = "told", at: float = 100.0, *, kind: str = "failed", incident: str = "a", rank: int = 0) -> Word:
    return Word(state, incident, kind, GONE, rank, at, None, "### x", "id")


@pytest.mark.parametrize(
    ("by", "left", "end", "killed", "explained"),
    [
        ("it", 101, 102, False, True),
        ("it", 400, 500, False, True),  # a checkpoint was written in between; then the agent waited
        ("it", 101, 230, False, False),  # another end, long after
        ("it", 101, 112, True, True),  # Lightning's launcher kills its own process
        ("it", 101, 120, True, False),
        ("exit", 130, 131, False, True),
        ("exit", 400, 401, False, False),  # it went on
        ("other", 101, 102, False, False),
        (None, 0, 103, False, True),  # os._exit
        (None, 0, 103, True, True),
        (None, 0, 110, True, False),  # it went on, and was killed
    ],
)
def test_an_end_is_accounted_for(by: By | None, left: float, end: float, killed: bool, explained: bool) -> None:
    """By how, and when, the process left that told."""
    story = Story([word()], {GONE.pid: Leave(by, left)} if by else {})
    assert story.accounts_for(end, killed=killed) is explained


def test_only_what_is_told_accounts_for_anything() -> None:
    """Not what was left to the supervisor, nor what could not be sent."""
    leaves = {GONE.pid: Leave("it", 101)}
    assert not Story([word("left"), word("kept"), word("sending")], leaves).accounts_for(102, killed=False)


def test_what_is_not_out() -> None:
    """What a killed process was sending, and what could not be sent, unless another process told of the same."""
    words = [
        word("sending", incident="a"),
        word("kept", incident="b"),
        word("told", incident="b"),
        word("left", incident="c"),
    ]
    assert [unsent.incident for unsent in Story(words).unsent(following=False)] == ["a"]
    assert [unsent.incident for unsent in Story(words).unsent(following=True)] == ["a", "c"]
    alive = Word("sending", "d", "failed", Holder.me(), 0, 100.0, None)
    assert Story([alive]).unsent(following=True) == []
    assert Story([alive]).sending()


def test_a_preemption_was_told() -> None:
    """After the run began, and as one."""
    assert Story([word(kind="preempted", at=100)]).preempted(50)
    assert not Story([word(kind="preempted", at=100)]).preempted(200)
    assert not Story([word(kind="failed", at=100)]).preempted(50)


def test_who_met_what_follows() -> None:
    """Ranks, once each."""
    story = Story([word("left", rank=2), word("left", rank=0), word("left", rank=2), word("told", rank=1)])
    assert story.followers() == [0, 2]
    assert story.left(GONE.pid)
