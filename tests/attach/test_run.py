"""What an attached training leaves to the supervisor, in a mailbox that is real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from twinkle_notifier.attach.run import AttachedRun
from twinkle_notifier.background import background
from twinkle_notifier.supervision import VARIABLE, Supervision
from twinkle_notifier.testing import RecordingNotifier


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervision]:
    """Of a supervisor that lives: this process."""
    supervision = Supervision.begun()
    monkeypatch.setenv(VARIABLE, str(supervision.folder))
    yield supervision
    supervision.close()


def met(run: AttachedRun, exc: Exception) -> None:
    try:
        raise exc
    except type(exc) as caught:
        run.failed(caught, "fit")


def headings(mailbox: Supervision) -> list[tuple[str, str]]:
    return [(word.state, word.text.partition("\n")[0].rpartition("failed: ")[2]) for word in mailbox.words()]


def test_a_process_that_trains_again_has_handled_what_it_met(mailbox: Supervision) -> None:
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
