"""Alerts that are left to the supervisor, in a mailbox that is real."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from twinkle_notifier import Outcome, notify_exception
from twinkle_notifier.alerts.deferred import Deferred
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.testing import RecordingNotifier


def tell(notifier: Deferred, exc: BaseException) -> Outcome:
    try:
        raise exc
    except type(exc) as caught:
        return notify_exception(notifier, "fit", caught, name="sft")


def test_it_waits_with_the_supervisor(mailbox: Mailbox) -> None:
    """With its text, and nobody is told."""
    told = RecordingNotifier()
    outcome = tell(Deferred(told), ValueError("the loss is lost"))
    [word] = mailbox.notes()
    assert (outcome.status, told.messages, word.state, word.incident) == ("sent", [], "deferred", outcome.incident)
    assert word.message("a note").splitlines()[0] == "### sft failed: ValueError: the loss is lost"
    assert "a note" not in word.message("a note")
    assert abs(time.time() - word.at) < 60


def test_without_one_it_is_sent(mailbox: Mailbox) -> None:
    """The supervisor was killed."""
    mailbox.close()
    told = RecordingNotifier()
    assert tell(Deferred(told), ValueError("the loss is lost")).status == "sent"
    assert [message.splitlines()[0] for message in told.messages] == ["### sft failed: ValueError: the loss is lost"]


def test_what_was_never_told_is_no_past_of_the_next(mailbox: Mailbox) -> None:
    """The same, met and handled many times, is not called a crash loop, and the last waits as the first did."""
    notifier = Deferred(RecordingNotifier())
    for number in range(6):
        tell(notifier, ValueError(f"number {number}"))
    words = mailbox.notes()
    assert {word.state for word in words} == {"deferred"}
    assert not any("Again" in word.text for word in words)


def test_the_user_s_own_alert_is_sent(mailbox: Mailbox) -> None:
    """To the same robot: the deferred one is another channel's."""
    told = RecordingNotifier()
    exc = ValueError("the loss is lost")
    tell(Deferred(told), exc)
    try:
        raise exc
    except ValueError as caught:
        notify_exception(told, "fit", caught, name="mine")
    assert [message.splitlines()[0] for message in told.messages] == ["### mine failed: ValueError: the loss is lost"]
    states = sorted(replace(word, at=0).state for word in mailbox.notes())
    assert states == ["deferred", "told"]


def test_a_walk_that_fails_sends(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than that nobody knows of it."""

    def breaks(*_: object) -> None:
        raise RuntimeError("no claims today")

    monkeypatch.setattr("twinkle_notifier.alerts.pipeline._Walk.begin", breaks)
    told = RecordingNotifier()
    tell(Deferred(told), ValueError("the loss is lost"))
    assert len(told.messages) == 1
