"""Whether what was reported inside accounts for the end that is seen from outside."""

from __future__ import annotations

import signal

import pytest

from twinkle_notifier.mailbox.notes import By, Leave, Note, State
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.supervisor.attribution import Attribution
from twinkle_notifier.supervisor.exit_report import ExitReport
from twinkle_notifier.supervisor.torchrun import Lost

GONE = Holder.me().__class__(Holder.me().host, 2**22 + 1, 1.0)  # a process id that this machine cannot have


def word(state: State = "told", at: float = 100.0, *, kind: str = "failed", incident: str = "a", rank: int = 0) -> Note:
    return Note(state, incident, kind, GONE, rank, at, None, "### x", "id")


def ending(at: float, code: int = 1, pid: int = GONE.pid, lost: Lost | None = None) -> ExitReport:
    return ExitReport("sft", ["x"], code, 1000.0, at, pid, lost=lost)


@pytest.mark.parametrize(
    ("by", "left", "at", "code", "explained"),
    [
        ("it", 101, 102, 1, True),
        ("it", 400, 500, 1, True),  # a checkpoint was written in between
        ("it", 400, 401, -6, True),  # native code gave up at its end
        ("exit", 130, 131, 7, True),
        ("exit", 400, 401, 7, False),  # it went on
        ("other", 101, 102, 1, False),
        (None, 0, 106, 7, True),  # os._exit
        (None, 0, 200, 7, False),
        (None, 0, 100.5, -9, True),
        (None, 0, 102, -9, False),  # it went on, and was killed
    ],
)
def test_the_end_of_the_process_that_reported(
    by: By | None, left: float, at: float, code: int, explained: bool
) -> None:
    """By how, and when, it left."""
    attribution = Attribution([word()], {GONE.pid: Leave(by, left)} if by else {})
    assert attribution.accounts_for(ending(at, code)) is explained


@pytest.mark.parametrize(
    ("by", "left", "at", "code", "explained"),
    [
        ("it", 101, 140, 1, True),  # torchrun's agent waited for the other ranks
        ("it", 101, 104, 9, False),  # a script went on after it, and ended of something else
        ("it", 101, 300, 1, False),
        ("it", 101, 112, -9, True),  # Lightning's launcher kills its own process
        ("it", 101, 120, -9, False),
        ("it", 101, 102, 137, True),  # a shell
        ("it", 101, 109, 137, False),  # the shell's next command
        ("exit", 130, 130.5, 7, True),
        ("exit", 101, 104, 9, False),  # it ended well, and the script went on
        (None, 0, 103, 1, True),  # a child of multiprocessing
        (None, 0, 103, -9, False),
    ],
)
def test_the_end_of_another_process(by: By | None, left: float, at: float, code: int, explained: bool) -> None:
    """What one below the command has reported may be why the command ended, if it was just before."""
    attribution = Attribution([word()], {GONE.pid: Leave(by, left)} if by else {})
    assert attribution.accounts_for(ending(at, code, pid=1)) is explained


def test_a_rank_that_was_killed_is_not_another_s_matter() -> None:
    """What a peer met, and reported, is not why a rank was killed; nor what it reported itself, but at the end."""
    attribution = Attribution([word()], {GONE.pid: Leave("it", 101)})
    assert not attribution.accounts_for(ending(102, 1, 1, Lost(-9, 7, 0, at=101)))
    assert attribution.accounts_for(ending(140, 1, 1, Lost(1, GONE.pid, 0, at=101)))
    assert attribution.accounts_for(ending(140, 1, 1, Lost(1, 7, 0, at=101)))


def test_a_rank_that_only_followed() -> None:
    """What it followed from was reported by another."""
    other = Note("told", "b", "failed", Holder(GONE.host, 7, 1.0), 1, 100.0, None)
    assert Attribution([word("left"), other]).accounts_for(ending(103, 1, 1, Lost(1, GONE.pid, 0, at=103)))
    assert not Attribution([word("left")]).accounts_for(ending(103, 1, 1, Lost(1, GONE.pid, 0, at=103)))


def test_only_what_is_reported_accounts_for_anything() -> None:
    """Not what was left to the supervisor, nor what could not be sent."""
    leaves = {GONE.pid: Leave("it", 101)}
    assert not Attribution([word("kept"), word("sending")], leaves).accounts_for(ending(102))


def test_what_is_not_out() -> None:
    """What a killed process was sending, and what could not be sent, unless another process reported the same."""
    words = [
        word("sending", incident="a"),
        word("kept", incident="b"),
        word("told", incident="b"),
        word("left", incident="c"),
    ]
    assert [unsent.incident for unsent in Attribution(words).unsent(following=False)] == ["a"]
    assert [unsent.incident for unsent in Attribution(words).unsent(following=True)] == ["a", "c"]
    alive = Note("sending", "d", "failed", Holder.me(), 0, 100.0, None)
    assert Attribution([alive]).unsent(following=True) == []
    assert Attribution([alive]).sending()


def test_a_preemption_was_reported() -> None:
    """After the run began, and as one."""
    assert Attribution([word(kind="preempted", at=100)]).asked_to_end("told", 50)
    assert not Attribution([word(kind="preempted", at=100)]).asked_to_end("told", 200)
    assert not Attribution([word(kind="failed", at=100)]).asked_to_end("told", 50)


def test_who_met_what_follows() -> None:
    """Ranks, once each."""
    attribution = Attribution([word("left", rank=2), word("left", rank=0), word("left", rank=2), word("told", rank=1)])
    assert attribution.followers() == [0, 2]
    assert attribution.left(GONE.pid)


@pytest.mark.parametrize(
    ("by", "code", "at", "told"),
    [
        ("it", 1, 102, ["a"]),
        ("exit", 7, 130, ["a"]),  # `sys.exit` in the handler
        ("exit", 7, 400, []),  # it went on
        ("other", 1, 102, []),  # the program has handled it, and ended by something else
        (None, -9, 110, []),  # the same, and was killed
    ],
)
def test_what_is_deferred_is_reported_if_the_end_is_its(by: By | None, code: int, at: float, told: list[str]) -> None:
    """By the rules for what is told."""
    attribution = Attribution([word("deferred")], {GONE.pid: Leave(by, at - 1)} if by else {})
    assert not attribution.accounts_for(ending(at, code))
    assert [found.incident for found in attribution.deferred(ending(at, code))] == told


def test_of_a_deferred_incident_the_word_with_a_text_counts() -> None:
    """Those of the other ranks have none; an incident of another process that lives on is none of it."""
    leaves = {GONE.pid: Leave("it", 101)}
    without = word("deferred", at=100.5, rank=1)._replace(text="")
    attribution = Attribution(
        [word("deferred"), without, word("deferred", incident="b")._replace(holder=Holder.me())], leaves
    )
    assert attribution.deferred(ending(200)) == [word("deferred")]


@pytest.mark.parametrize(
    ("code", "left", "told"),
    [
        (1, 101, ["a"]),  # `sys.exit(1)` in the handler
        (0, 101, []),  # the program has handled it
        (1, 400, []),  # it went on
    ],
)
def test_an_exit_that_follows_from_a_deferred_exception_is_reported_though_the_command_goes_on(
    code: int, left: float, told: list[str]
) -> None:
    """As a sweep does after one of its trainings."""
    attribution = Attribution([word("deferred")], {GONE.pid: Leave("exit", left)})
    assert [found.incident for found in attribution.lingering(left + 1, failed={GONE.pid} if code else ())] == told
    assert attribution.lingering(left - 1, failed={GONE.pid}) == []


@pytest.mark.parametrize("last", ["deferred", "told", "kept"])
def test_of_a_process_s_exceptions_only_the_last_has_ended_it(last: State) -> None:
    """It went on after the one before, or has reported it by itself."""
    attribution = Attribution([word("deferred"), word(last, at=101, incident="b")], {GONE.pid: Leave("it", 102)})
    own = ["b"] if last == "deferred" else []
    assert [found.incident for found in attribution.deferred(ending(103))] == own
    assert [found.incident for found in attribution.lingering(200)] == own
    assert [found.incident for found in attribution.lingering(200, alone=True)] == own


def test_what_follows_from_an_exception_hides_it_not() -> None:
    """A peer's error while the trainer cleans up, for instance."""
    attribution = Attribution([word("deferred"), word("left", at=101, incident="b")], {GONE.pid: Leave("it", 102)})
    assert [found.incident for found in attribution.deferred(ending(103))] == ["a"]
    assert [found.incident for found in attribution.lingering(200)] == ["a"]


def test_a_deferred_preemption_is_that_of_the_run() -> None:
    """What was met before, and handled, is not."""
    attribution = Attribution([word("deferred"), word("deferred", kind="preempted", incident="b")])
    asked = ending(101, 0)._replace(seconds=50.0, asked=signal.SIGTERM, asked_at=99.0)
    assert [found.incident for found in attribution.deferred(asked)] == ["b"]


def test_a_deferred_alert_whose_process_is_gone_does_not_wait_for_ever() -> None:
    """If it has left by it, and the command goes on; without a supervisor, if nobody knows how it left, too.

    A process that lives on and says nothing more hangs while it cleans up.
    """
    other = word("deferred", incident="b")._replace(holder=GONE._replace(started=2.0))
    words = [word("deferred", incident="a"), other, other._replace(state="told")]
    by_it, unknown = Attribution(words, {GONE.pid: Leave("it", 101)}), Attribution(words)
    assert [found.incident for found in by_it.lingering(161)] == ["a"]
    assert (by_it.lingering(100), unknown.lingering(161)) == ([], [])
    assert [found.incident for found in unknown.lingering(341)] == ["a"]
    assert [found.incident for found in unknown.lingering(161, alone=True)] == ["a"]
    assert Attribution(words, {GONE.pid: Leave("exit", 101)}).lingering(161, alone=True) == []
