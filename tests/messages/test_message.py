"""A message with its id."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from twinkle_notifier import ConsoleNotifier, DingNotifier, Message
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.testing import RecordingNotifier


def test_a_message_is_a_text() -> None:
    """With an id of its own."""
    message = Message("### hello", "id-1")
    assert (message, message.id, message.upper()) == ("### hello", "id-1", "### HELLO")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda message: pickle.loads(pickle.dumps(message))])
def test_a_message_is_copied_as_a_text_is(copied: Callable[[Message], Message]) -> None:
    """A notifier may hand it to another process."""
    message = copied(Message("### hello", "id-1"))
    assert (message, message.id) == ("### hello", "id-1")


class Silent:
    def __str__(self) -> str:
        raise OSError("a secret")


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (123, "123"),
        (None, "None"),
        (b"lost", "b'lost'"),
        ({"loss": 0.25}, "{'loss': 0.25}"),
        (Silent(), "<a Silent whose __str__ raised OSError>"),
    ],
)
def test_what_is_no_text_is_sent_as_one(
    message: Any, sent: str, ding: DingNotifier, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """By every channel: a wrong call by hand is no reason for a training to end."""
    recording = RecordingNotifier()
    for notifier in (ding, ConsoleNotifier(), recording):
        notifier(message)
    assert ([unescape(one.text) for one in inbox.messages], capsys.readouterr().err, recording.messages) == (
        [sent],
        f"{sent}\n",
        [sent],
    )


def test_what_stands_for_a_message_is_in_the_users_language(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the message is an object that cannot say itself."""

    class Broken:
        def __str__(self) -> str:
            raise OSError

    monkeypatch.setenv("TWINKLE_NOTIFIER_LANGUAGE", "zh")
    ConsoleNotifier()(Broken())  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert said.startswith(
        "<一个 test_what_stands_for_a_message_is_in_the_users_language.<locals>.Broken，其 __str__ 抛出了 OSError>"
    )
