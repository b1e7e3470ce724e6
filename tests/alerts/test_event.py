"""What is seen of an exception before an alert is sent."""

from __future__ import annotations

import re

import pytest

from twinkle_notifier import notify_exception
from twinkle_notifier.alerts.event import Event, Snapshot
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.testing import RecordingNotifier


def look(exc: BaseException, name: str = "sft", context: str = "step") -> Snapshot:
    return Snapshot.at(Event.of(exc, name, context, None, None, None, ()), Where.here(), "channel")


def test_what_cannot_be_seen_has_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its type, the run and the place; it names files, so that nothing of theirs stands in it as it is."""

    def broken(_: Snapshot) -> None:
        raise OSError

    monkeypatch.setattr(Snapshot, "_closely", broken)
    evil = type("../../evil/x", (Exception,), {})
    keys = [look(*what).key for what in ((evil(),), (ValueError(),), (evil(), "other"), (evil(), "sft", "save"))]
    assert len(set(keys)) == 4
    assert all(re.fullmatch("[0-9a-f]{16}-channel", key) for key in keys)


def test_what_is_seen_is_all_there() -> None:
    """In time."""
    try:
        raise KeyError("x")
    except KeyError as error:
        seen = look(error)
    assert (seen.report.type, seen.how, seen.past.count) == ("KeyError", "cause", 1)
    assert "raise KeyError" in seen.report.traceback


def test_an_exit_with_words_gets_advice_as_an_error_does() -> None:
    """Scripts end so when the loss is no number; a code alone says nothing."""
    likely = {}
    for said in ("Loss is nan, stopping training", 1):
        notify_exception(told := RecordingNotifier(), exc=SystemExit(said), name=f"sft {said}")
        likely[said] = [line for line in told.messages[0].splitlines() if line.startswith("- Likely: ")]
    assert likely[1] == []
    assert "training diverged" in likely["Loss is nan, stopping training"][0]
