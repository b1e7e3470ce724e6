"""`alert`: what code says by hand, once, whatever it says."""

from __future__ import annotations

import enum
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from twinkle_notifier import ArgumentError, DeliveryError, Progress, TrainingRun, alert
from twinkle_notifier.alerts import by_hand
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.messages.message import level_of
from twinkle_notifier.testing import RecordingNotifier


@pytest.fixture(autouse=True)
def _nothing_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINKLE_NOTIFIER_NAME", "sft")
    monkeypatch.setattr(by_hand, "_last", {})
    monkeypatch.setattr(by_hand, "_warned", False)


def titles(told: RecordingNotifier) -> list[str]:
    assert background.flush(30)
    return [message.splitlines()[0].removeprefix("### ") for message in told.messages]


class WandbLevel(enum.Enum):
    WARN = "WARN"


class TrackioLevel(str, enum.Enum):
    ERROR = "error"


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ("info", "info"),
        ("success", "success"),
        ("warning", "warning"),
        ("WARN", "warning"),
        ("Error", "error"),
        ("critical", "error"),
        (WandbLevel.WARN, "warning"),
        (TrackioLevel.ERROR, "error"),
    ],
)
def test_levels_are_called_as_elsewhere(given: Any, level: str) -> None:
    """As by W&B and trackio, also by their own objects."""
    outcome = alert("halfway", "200 of 400", given, notifier=(told := RecordingNotifier()))
    assert outcome.status == ("sent" if level == "error" else "queued")
    assert titles(told) == ["sft: halfway"]
    assert level_of(told.messages[0]) == level


def test_what_it_says() -> None:
    """The title, the text line by line, and where."""
    alert("halfway", "accuracy 0.7\nnext: 400", notifier=(told := RecordingNotifier()))
    assert titles(told) == ["sft: halfway"]
    assert told.messages[0].splitlines()[1:5] == ["", "accuracy 0.7  ", "next: 400", ""]
    assert told.messages[0].splitlines()[5] == "- Run: sft"


def test_of_a_run() -> None:
    """By its notifier and name, with how far it got."""
    run = TrainingRun(told := RecordingNotifier(), name="mine")
    run.started(progress=lambda: Progress(step=7, of_steps=9))
    assert run.alert("halfway", None, "info").status == "queued"
    assert titles(told) == ["mine: halfway"]
    assert "\n- Progress: step 7 of 9, after 0 s\n" in told.messages[0]


@pytest.mark.parametrize(("wait", "sent"), [(60, 1), (timedelta(hours=1), 1), (0, 3), (timedelta(0), 3)])
@pytest.mark.parametrize("level", ["info", "error"])
def test_a_title_is_sent_once_in_a_time(wait: Any, sent: int, level: str) -> None:
    """Another is another; zero sends each."""
    told = RecordingNotifier()
    statuses = [alert("halfway", str(number), level, wait, told).status for number in range(3)]
    assert titles(told) == ["sft: halfway"] * sent
    assert statuses[1:] == [statuses[0] if sent == 3 else "duplicate"] * 2
    alert("done", "", level, wait, told)
    assert titles(told)[-1] == "sft: done"


def test_after_that_time_it_is_sent_again() -> None:
    told = RecordingNotifier()
    alert("halfway", wait_duration=0.2, notifier=told)
    deadline = time.monotonic() + 60
    while len(titles(told)) < 2 and time.monotonic() < deadline:
        alert("halfway", wait_duration=0.2, notifier=told)
        time.sleep(0.05)
    assert titles(told)[:2] == ["sft: halfway"] * 2


def test_one_that_was_not_sent_does_not_count(caplog: pytest.LogCaptureFixture) -> None:
    """The next of that title goes out; the log has the reason. Where it was kept on the disk, it will arrive."""
    refused = [DeliveryError("no network")]
    told = list[str]()

    def send(message: str) -> None:
        if refused:
            raise refused.pop()
        told.append(message)

    assert alert("halfway", level="error", notifier=send).status in ("failed", "spooled")
    assert alert("halfway", level="error", notifier=send).status in ("sent", "duplicate")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"title": ""}, "title is ''"),
        ({"title": " \n"}, "title is"),
        ({"title": 5}, "title is 5"),
        ({"title": None}, "title is None"),
        ({"text": 5}, "text is 5"),
        ({"level": "loud"}, "level is 'loud': give one of info, success, warning, error"),
        ({"level": object()}, "level is a object"),
        ({"wait_duration": -1}, "wait_duration is -1"),
        ({"wait_duration": math.nan}, "wait_duration is nan"),
        ({"wait_duration": "60"}, "wait_duration is '60'"),
        ({"wait_duration": True}, "wait_duration is True"),
        ({"wait_duration": timedelta(seconds=-1)}, "wait_duration is a timedelta"),
    ],
)
def test_wrong_arguments_are_errors(arguments: dict[str, Any], part: str) -> None:
    """Each says what to give."""
    told = RecordingNotifier()
    with pytest.raises(ArgumentError, match=part.replace("'", ".")):
        alert(**{"title": "halfway", "notifier": told, **arguments})
    with pytest.raises(ArgumentError):
        TrainingRun(told).alert(**{"title": "halfway", **arguments})
    assert titles(told) == []


def fail(message: str) -> None:
    raise RuntimeError("https://host/SEC0123456789abcdef")


@pytest.mark.parametrize(
    "notifier", [fail, 5, "https://host", lambda message: 1 / 0], ids=["raises", "5", "text", "bad"]
)
@pytest.mark.parametrize("level", ["info", "error"])
def test_it_raises_nothing(notifier: Any, level: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the notifier is, or does. The log shows nothing of its secrets."""
    alert("halfway", level=level, notifier=notifier)
    assert background.flush(30)
    assert "SEC0123" not in caplog.text


def test_without_a_notifier_it_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    """And sends nothing."""
    statuses = [alert(f"halfway {number}").status for number in range(3)]
    assert statuses == ["skipped"] * 3
    assert [
        record.getMessage().partition(":")[0] for record in caplog.records if record.levelno >= logging.WARNING
    ] == ["no alert will be sent"]


def test_the_notifier_that_is_set_up(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", f"{inbox.url}&secret=SEC0123456789abcdef")
    assert alert("halfway", level="error").status == "sent"
    assert [message.title for message in inbox.messages] == ["sft: halfway"]


def test_what_it_is_given_is_harmless(hostile: str, harm: Callable[[str], list[str]]) -> None:
    """Short, without live marks and escapes; its lines stay lines, of which none is a heading."""
    alert(hostile, hostile, notifier=(told := RecordingNotifier()))
    [title] = titles(told)
    assert [found for found in harm(title) if found != "://" and not found.startswith("www")] == []
    assert len(title) < 150
    assert len(told.messages[0]) < 3_000
    assert [line for line in told.messages[0].splitlines()[1:] if line.startswith(("#", "```", ">"))] == []


def test_secrets_are_masked() -> None:
    """Where somebody puts the environment into it."""
    secret = "password=hunter2-hunter2"
    alert(f"env {secret}", f"it was\n{secret}", notifier=(told := RecordingNotifier()))
    assert titles(told)
    assert "hunter2" not in told.messages[0]


def test_many_titles_are_remembered_up_to_a_bound() -> None:
    """And none waits for another."""
    for number in range(2_000):
        alert(f"step {number}", notifier=None)
        by_hand._is_due(("", str(number), 0), 60)
    assert len(by_hand._last) == 1_000


def test_at_the_end_of_a_process_it_is_still_sent(inbox: Inbox, tmp_path: Any) -> None:
    """Though it was in the background."""
    code = (
        "import twinkle_notifier as t; t.alert('halfway', notifier=t.DingNotifier('env:DING_URL', 'env:DING_SECRET'))"
    )
    env = {**os.environ, "DING_URL": inbox.url, "DING_SECRET": "SEC0123456789abcdef"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env, cwd=tmp_path, timeout=120)
    assert [message.title for message in inbox.messages] == ["sft: halfway"]
