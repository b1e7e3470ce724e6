"""A message that stands: one in each chat that can change it, and no message lost for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from twinkle_notifier import DeliveryError, FanoutNotifier, Message, Notifier
from twinkle_notifier.channels.telegram import TelegramNotifier
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.delivery.standing import Standing
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Response
from twinkle_notifier.notifier import can_edit
from twinkle_notifier.testing import RecordingNotifier


class Board(Notifier):
    """A chat of somebody's own, which can change a message."""

    def __init__(self) -> None:
        self.shown: dict[str, str] = {}
        self.fails: list[Exception] = []
        self.gives: object = None

    def __call__(self, message: str) -> str | None:
        self.shown[name := str(len(self.shown))] = message
        return name if self.gives is None else self.gives  # type: ignore[return-value]

    def edit(self, message_id: str, message: str) -> None:
        if self.fails:
            raise self.fails.pop()
        self.shown[message_id] = message


def message(number: int) -> Message:
    return Message(f"### step {number}", f"id-{number}", quiet=True)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as made:
        made.robots["Telegram"].per_second = 0  # type: ignore[misc]
        yield made


def test_one_message_is_kept_up_to_date(inbox: Inbox) -> None:
    """By Telegram's own API, which has a pace: each request may wait for a second."""
    standing, telegram = Standing(), TelegramNotifier(inbox.urls["Telegram"])
    assert [standing.send(telegram, message(number), 60).status for number in range(3)] == ["sent"] * 3
    assert [one.title for one in inbox.messages] == ["step 2"]


def test_a_message_that_is_gone_is_sent_anew_and_changed_from_then_on(inbox: Inbox) -> None:
    """Somebody has deleted it, or it is too old."""
    standing, telegram, robot = Standing(), TelegramNotifier(inbox.urls["Telegram"]), inbox.robots["Telegram"]
    standing.send(telegram, message(0), 60)
    robot.messages.clear()
    standing.send(telegram, message(1), 60)
    refused = {"ok": False, "error_code": 400, "description": "Bad Request: message can't be edited"}
    robot.script(Response(refused, 400))
    standing.send(telegram, message(2), 60)
    standing.send(telegram, message(3), 60)
    assert [one.title for one in inbox.messages] == ["step 1", "step 3"]


def test_what_may_pass_is_waited_for() -> None:
    """A robot that is busy, say: no second message, and the next change says what is new."""
    standing, board = Standing(), Board()
    standing.send(board, message(0), 8)
    board.fails = [DeliveryError("throttled", fate="throttled")]
    assert standing.send(board, message(1), 8).status == "throttled"
    assert standing.send(board, message(2), 8).status == "sent"
    assert board.shown == {"0": "### step 2"}
    assert [spool for spool in Spool.of(board) if spool.letters()] == []


@pytest.mark.parametrize("given", ["", 7, object(), b"x"])
def test_what_is_no_id_is_none(given: object) -> None:
    """Then each is a new message."""
    standing, board = Standing(), Board()
    board.gives = given
    for number in range(2):
        standing.send(board, message(number), 8)
    assert [*board.shown.values()] == ["### step 0", "### step 1"]


def test_of_several_each_does_what_it_can(inbox: Inbox) -> None:
    """One changes its message, another gets a new one each time."""
    standing, told, board = Standing(), RecordingNotifier(), Board()
    for number in range(2):
        assert standing.send(FanoutNotifier(told, board), message(number), 8).status == "sent"
    assert (told.messages, board.shown) == (["### step 0", "### step 1"], {"0": "### step 1"})


class Plain(Board):
    """One that tells nothing of itself, as another of its class."""

    to_dict: Any = None


class Nameless(Board):
    def to_dict(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("kind", [Board, Plain, Nameless])
def test_two_that_are_described_alike_have_a_message_each(kind: type[Board]) -> None:
    """Also after it is gone from both."""
    standing, boards = Standing(), (kind(), kind())
    boards[1].shown["of somebody else"] = ""
    both = FanoutNotifier(*boards)
    for number in range(2):
        assert standing.send(both, message(number), 8).status == "sent"
    assert [board.shown for board in boards] == [{"0": "### step 1"}, {"of somebody else": "", "1": "### step 1"}]
    for board in boards:
        board.fails = [DeliveryError("gone", final=True)]
    assert standing.send(both, message(2), 8).status == "sent"
    assert [[*board.shown.values()][-1] for board in boards] == ["### step 2"] * 2


def test_the_same_one_twice_loses_no_message(caplog: pytest.LogCaptureFixture) -> None:
    """Both find that it is gone."""
    meet = threading.Barrier(2)

    class Gone(Board):
        is_gone = False

        def edit(self, message_id: str, message: str) -> None:
            if self.is_gone:
                meet.wait(8)
                raise DeliveryError("gone", final=True)

    standing, board = Standing(), Gone()
    both = FanoutNotifier(board, board)
    standing.send(both, message(0), 8)
    board.is_gone = True
    assert standing.send(both, message(1), 8).status == "sent"
    assert [*board.shown.values()].count("### step 1") == 2
    assert not caplog.records


def test_only_a_class_that_writes_edit_can_edit() -> None:
    """The contract's own raises."""
    assert [can_edit(one) for one in (Board(), RecordingNotifier(), print, TelegramNotifier("env:X"))] == [
        True,
        False,
        False,
        True,
    ]
    with pytest.raises(TypeError, match="cannot change a message"):
        RecordingNotifier().edit("1", "x")
