"""Every alert says how urgent it is, whoever makes it and however late it goes out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import Message, Outcome, TrainingRun, notify_exception
from twinkle_notifier.alerts.crash_loop import Past
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.mailbox import mailbox as mailboxes
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.messages.message import level_of
from twinkle_notifier.testing import RecordingNotifier


def levels(told: RecordingNotifier) -> list[str]:
    assert background.flush(30)
    return [level_of(message) for message in told.messages]


def colors(inbox: Inbox) -> list[str]:
    """Of the cards that Feishu's robot has accepted."""
    return [message.payload["card"]["header"]["template"] for message in inbox.messages]


@pytest.mark.parametrize(
    ("exc", "level"),
    [
        (ValueError("x"), "error"),
        (SystemExit(3), "error"),
        (SystemExit(0), "warning"),
        (SystemExit(143), "warning"),
        (KeyboardInterrupt(), "warning"),
    ],
)
def test_an_exception(exc: BaseException, level: str) -> None:
    """A failure is an error; an end that somebody wanted is a warning."""
    notify_exception(told := RecordingNotifier(), "fit", exc, "sft")
    assert levels(told) == [level]


@pytest.mark.parametrize(("restarts", "level"), [("0", "warning"), ("2", "error")])
def test_a_failure_that_is_followed_by_an_attempt_is_a_warning(
    restarts: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under torchrun; the last attempt fails for good."""
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", restarts)
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "2")
    notify_exception(told := RecordingNotifier(), "fit", ValueError("x"), "sft")
    assert levels(told) == [level]


def test_a_crash_loop_is_an_error(run: Callable[..., Any], inbox: Inbox) -> None:
    """Though each attempt is followed by another."""
    source = """
        import twinkle_notifier as t
        notifier = t.FeishuNotifier("env:FEISHU_URL", "env:DING_SECRET")
        print(t.notify_exception(notifier, "fit", ValueError("x"), "sft"))
    """
    for number in range(3):
        done = run(
            source,
            FEISHU_URL=inbox.urls["Feishu"],
            TORCHELASTIC_RESTART_COUNT=str(number),
            TORCHELASTIC_MAX_RESTARTS="9",
        )
        assert "status='sent'" in done.stdout, done.stderr
    assert colors(inbox) == ["orange", "orange", "red"]
    assert [Past(count=3, loop=number).is_loop() for number in (1, 2, 3, 5)] == [False, False, True, True]


def test_a_training_that_starts_and_ends_well() -> None:
    """Information, then success."""
    training = TrainingRun(told := RecordingNotifier(), name="sft", on_start=True)
    training.started()
    training.ended()
    assert levels(told) == ["info", "success"]


def test_a_stall_and_its_end() -> None:
    """A warning, then success."""
    training = TrainingRun(told := RecordingNotifier(), name="sft", on_end=False, stall_after=0.5)
    training.started()
    training.beat()
    deadline = time.monotonic() + 60
    while not told.messages and time.monotonic() < deadline:
        time.sleep(0.05)
    training.beat()
    training.ended()
    while len(told.messages) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert levels(told) == ["warning", "success"]


LETTERS: list[tuple[list[Any], str]] = [
    (["info", "error", "success", "warning"], "error"),
    (["info", "warning", "success"], "warning"),
    (["success", "success"], "info"),
    (["info"], "info"),
]


@pytest.mark.parametrize(("of_letters", "level"), LETTERS)
def test_a_digest_is_as_urgent_as_its_most_urgent_letter(of_letters: list[Any], level: str, tmp_path: Path) -> None:
    """Also once it waits itself; many good ends are information."""
    spool, sent = Spool(tmp_path), list[Message]()

    def deliver(_letter: object, message: Message) -> Outcome:
        sent.append(message)
        return Outcome("failed", "no network") if len(sent) == 1 else Outcome("sent")

    for number in range(20):
        spool.add(Message(f"### {number}", f"d{number}", of_letters[number % len(of_letters)]), "no network", None)
    for _ in range(2):
        spool.flush(deliver)
    assert [message.level for message in sent] == [level, level]


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({}, "warning"),
        ({"level": "fatal"}, "info"),
        ({"level": 5}, "info"),
        ({"level": ["error"]}, "info"),
        (None, "info"),
    ],
)
def test_a_letter_keeps_its_level(changed: dict[str, Any] | None, level: str, tmp_path: Path) -> None:
    """What an older or newer version has written is information."""
    spool, sent = Spool(tmp_path), list[Message]()
    spool.add(Message("### stall", "d1", "warning"), "no network", None)
    path = tmp_path / "d1.json"
    fields = {**json.loads(path.read_text()), **(changed or {})}
    if changed is None:
        del fields["level"]
    path.write_text(json.dumps(fields))
    spool.flush(lambda _, message: sent.append(message) or Outcome("sent"))  # type: ignore[func-returns-value]
    assert [message.level for message in sent] == [level]


@pytest.mark.parametrize(("level", "read"), [("warning", "warning"), ("fatal", "info"), (5, "info"), (None, "info")])
@pytest.mark.parametrize("state", ["sending", "deferred"])
def test_a_note_keeps_its_level(mailbox: Mailbox, level: Any, read: str, state: Any) -> None:
    """For the supervisor that sends it, where its process could not."""
    mailbox.record(mailboxes.note(state, "incident", "failed", Message("### a\n\n- b", "id", "warning")))
    [path] = mailbox.folder.glob("*.word")
    fields = {**json.loads(path.read_text()), "level": level}
    if level is None:
        del fields["level"]
    path.write_text(json.dumps(fields))
    [note] = mailbox.notes()
    assert note.message("sent from here").level == read
