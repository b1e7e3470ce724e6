"""What an attached training leaves to the supervisor, and what it keeps to itself."""

from __future__ import annotations

import pytest

from twinkle_notifier import Progress, TrainingRun
from twinkle_notifier.attach.trainers import AttachedRun
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.mailbox.mailbox import RUN_NAME, Mailbox
from twinkle_notifier.testing import RecordingNotifier


@pytest.fixture
def robot(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """The environment's; the run is called by the supervisor's name."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", inbox.url + "&secret=SEC0123456789abcdef")
    monkeypatch.setenv(RUN_NAME, "sft")
    return inbox


def test_an_exception_waits_with_the_supervisor(mailbox: Mailbox, robot: Inbox) -> None:
    """By the name that the supervisor gave the run, whatever else its callback is given."""
    outcome = AttachedRun(name="mine", on_start=True).failed(ValueError("the loss is lost"))
    told = [(word.state, word.text.splitlines()[0]) for word in mailbox.notes()]
    assert (outcome.status, robot.messages) == ("sent", [])
    assert told == [("deferred", "### sft failed: ValueError: the loss is lost")]


@pytest.mark.parametrize(("rank", "reached"), [("0", ["- Progress: step 5"]), ("1", [])])
def test_how_far_it_got_is_left_for_the_end(
    mailbox: Mailbox, robot: Inbox, monkeypatch: pytest.MonkeyPatch, rank: str, reached: list[str]
) -> None:
    """By rank 0, and no alert is sent here."""
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    run = AttachedRun(on_end=True)
    run.started()
    run.ended(progress=lambda: Progress(step=5))
    assert background.flush(10)
    assert (robot.messages, mailbox.reached()) == ([], reached)


def test_how_far_it_got_is_left_where_no_time_is_left(
    mailbox: Mailbox, robot: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the interpreter ends, and the background is not done."""
    monkeypatch.setattr(background, "post", lambda work, otherwise=lambda: None: otherwise())
    AttachedRun().ended(progress=lambda: Progress(step=5))
    assert mailbox.reached() == ["- Progress: step 5"]


def test_a_checkpoint_is_left_as_it_is(robot: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is put in, taken out or read: its notifier is not asked, where the environment has none."""
    told = RecordingNotifier()
    described = TrainingRun(told).state_dict()
    states = {"twinkle_notifier": described, "twinkle_notifier.2": {}}
    run = AttachedRun(save_secrets=True)
    run.placed(0, 1)
    run.live_in(states)
    assert (states, run.state_dict()) == ({"twinkle_notifier": described, "twinkle_notifier.2": {}}, {})
    monkeypatch.delenv("TWINKLE_NOTIFIER_URL")
    outcomes = []
    for kind in (TrainingRun, AttachedRun):
        other = kind()
        other.placed(0, 1)
        other.resume(states)
        outcomes.append(other.failed(ValueError(kind.__name__)).status)
    assert outcomes == ["sent", "skipped"]


def test_the_same_exception_is_left_once(mailbox: Mailbox, robot: Inbox) -> None:
    """As a trainer may meet it twice on its way out."""
    run, exc = AttachedRun(), ValueError("the loss is lost")
    statuses = [run.failed(exc).status for _ in range(2)]
    assert (statuses, len(mailbox.notes())) == (["sent", "duplicate"], 1)


def test_without_a_notifier_it_says_nothing(mailbox: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    """The supervisor has said so."""
    AttachedRun().started()
    assert (background.flush(10), caplog.messages) == (True, [])


def met(run: AttachedRun, exc: Exception) -> None:
    try:
        raise exc
    except type(exc) as caught:
        run.failed(caught, "fit")


def headings(mailbox: Mailbox) -> list[tuple[str, str]]:
    return [(word.state, word.text.partition("\n")[0].rpartition("failed: ")[2]) for word in mailbox.notes()]


def test_a_process_that_trains_again_has_handled_what_it_met(mailbox: Mailbox) -> None:
    """What it meets then waits as the first did."""
    told = RecordingNotifier()
    run = AttachedRun(told)
    met(run, ValueError("a batch of 8"))
    assert headings(mailbox) == [("deferred", "ValueError: a batch of 8")]
    AttachedRun(told).started()
    met(run, KeyError("loss"))
    assert background.flush(30)
    assert headings(mailbox) == [("deferred", "KeyError: 'loss'")]
    run.pause()
