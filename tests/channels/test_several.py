"""`FanoutNotifier` and `FallbackNotifier` by hand, as dicts, in checkpoints, and in repr."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from twinkle_notifier import (
    ArgumentError,
    ConsoleNotifier,
    DeliveryError,
    DingNotifier,
    FallbackNotifier,
    FanoutNotifier,
    FeishuNotifier,
    Message,
    Notifier,
    SlackNotifier,
    UnknownNotifierError,
    WeComNotifier,
)
from twinkle_notifier.channels import from_text
from twinkle_notifier.checkpoint import from_checkpoint
from twinkle_notifier.credentials.masking import redact
from twinkle_notifier.delivery import check
from twinkle_notifier.delivery.descriptor import channel, names_place, restored
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.testing import RecordingNotifier

TOKEN = "tok0123456789abcdef"
DEAD = f"http://127.0.0.1:1/cgi-bin/webhook/send?key={TOKEN}"
BOTH = pytest.mark.parametrize("kind", [FanoutNotifier, FallbackNotifier])


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_waiting", [])


def kept(notifier: Notifier) -> list[str]:
    return [letter.text for spool in Spool.everyone(channel(notifier)) for letter in spool.letters()]


def test_by_hand_a_fan_out_sends_to_all(inbox: Inbox) -> None:
    """And keeps what one could not send, as long as another has."""
    bad = WeComNotifier(DEAD)
    FanoutNotifier(SlackNotifier(inbox.urls["Slack"]), DingNotifier(inbox.url, inbox.robots["DingTalk"].secret), bad)(
        "### hi"
    )
    assert sorted(one.service for one in inbox.messages) == ["DingTalk", "Slack"]
    assert kept(bad) == ["### hi"]


def test_by_hand_a_fan_out_without_success_raises_and_keeps_nothing() -> None:
    """The caller still has the message."""
    bad = WeComNotifier(DEAD)
    with pytest.raises(DeliveryError, match="WeCom: cannot connect"):
        FanoutNotifier(bad)("### hi")
    assert kept(bad) == []


def test_by_hand_a_fallback_sends_to_the_first_that_takes_it(inbox: Inbox) -> None:
    """Even what is below every `min_level`: nobody else is asked to leave it out."""
    slack = SlackNotifier(inbox.urls["Slack"], min_level="error")
    either = FallbackNotifier(WeComNotifier(DEAD, min_level="error"), slack)
    either("### hi")
    either(Message("### there", "a1", "info"))
    assert [one.title for one in inbox.messages] == ["hi", "there"]
    with pytest.raises(DeliveryError, match="WeCom: cannot connect"):
        FallbackNotifier(WeComNotifier(DEAD))("### hi")


def nested() -> FanoutNotifier:
    first = FallbackNotifier(WeComNotifier("env:WECOM_URL"), ConsoleNotifier(), min_level="success")
    return FanoutNotifier(first, FeishuNotifier("env:FEISHU_URL", "env:FEISHU_SECRET", min_level="warning"))


def test_a_dict_restores_an_equal_one_with_its_references() -> None:
    """Nested, by the registry."""
    described = nested().to_dict()
    assert described == {
        "class": "FanoutNotifier",
        "notifiers": [
            {
                "class": "FallbackNotifier",
                "notifiers": [
                    {"class": "WeComNotifier", "webhook_url": "env:WECOM_URL", "timeout": 5.0},
                    {"class": "ConsoleNotifier"},
                ],
                "min_level": "success",
            },
            {
                "class": "FeishuNotifier",
                "webhook_url": "env:FEISHU_URL",
                "secret": "env:FEISHU_SECRET",
                "timeout": 5.0,
                "min_level": "warning",
            },
        ],
    }
    assert redact(described) == described
    assert Notifier.from_dict(described) == nested()
    assert Notifier.from_dict(described) != FanoutNotifier(*nested().notifiers, min_level="error")
    assert hash(Notifier.from_dict(described)) == hash(nested())
    assert pickle.loads(pickle.dumps(nested())) == nested()


def test_it_may_stand_in_the_environment_as_json() -> None:
    """As any other."""
    text = '{"class": "FanoutNotifier", "notifiers": [{"class": "ConsoleNotifier", "min_level": "error"}]}'
    assert from_text(text, "x") == FanoutNotifier(ConsoleNotifier(min_level="error"))


@pytest.mark.parametrize(
    "notifiers", [None, "x", {"class": "ConsoleNotifier"}, [], ["x"], [{}], [{"class": "ConsoleNotifier", "x": 1}]]
)
@BOTH
def test_what_is_no_description_is_refused(kind: type[Notifier], notifiers: Any) -> None:
    """With a ValueError."""
    with pytest.raises(ArgumentError):
        Notifier.from_dict({"class": kind.__name__, "notifiers": notifiers})


def test_an_unknown_class_within_is_named() -> None:
    """As one outside is."""
    with pytest.raises(UnknownNotifierError, match="Pager"):
        Notifier.from_dict({"class": "FanoutNotifier", "notifiers": [{"class": "Pager"}]})


@pytest.mark.parametrize("given", [(), (print,), ("https://x",), (ConsoleNotifier(), None), ([ConsoleNotifier()],)])
@BOTH
def test_only_notifiers_are_taken(kind: Any, given: Any) -> None:
    """The error says how."""
    with pytest.raises(ArgumentError, match=r"takes one notifier or more, each a Notifier"):
        kind(*given)


@BOTH
def test_no_secret_is_shown(kind: Any) -> None:
    """Neither in repr nor in a pickle nor on a disk."""
    both = kind(WeComNotifier(DEAD), DingNotifier(f"https://oapi.dingtalk.com/robot/send?access_token={TOKEN}"))
    assert TOKEN not in f"{both!r} {pickle.dumps(both)!r} {redact(both.to_dict())}"
    assert TOKEN in str(both.to_dict())
    assert restored(redact(both.to_dict())) is None


def test_a_checkpoint_gives_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the rules of each of its notifiers: a literal address is not taken."""
    monkeypatch.setenv("WECOM_URL", DEAD)
    monkeypatch.setenv("FEISHU_URL", f"https://open.feishu.cn/open-apis/bot/v2/hook/{TOKEN}")
    monkeypatch.setenv("FEISHU_SECRET", "s")
    assert from_checkpoint(nested().to_dict(), save_secrets=False) == nested()
    literal = FanoutNotifier(WeComNotifier(DEAD)).to_dict()
    assert from_checkpoint(literal, save_secrets=False) is None
    open_one = FanoutNotifier(WeComNotifier("env:WECOM_URL", insecure=True)).to_dict()
    assert from_checkpoint(open_one, save_secrets=True) is None


def test_each_is_checked_when_a_run_begins(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning for each that cannot send."""
    monkeypatch.setattr(check, "_WAIT", 30.0)
    check.begin(FanoutNotifier(WeComNotifier("env:NO_WECOM"), FallbackNotifier(FeishuNotifier("env:NO_FEISHU"))))
    assert "may not reach WeCom: env:NO_WECOM" in caplog.text
    assert "may not reach Feishu: env:NO_FEISHU" in caplog.text
    with pytest.raises(ValueError, match="NO_WECOM"):
        FanoutNotifier(WeComNotifier("env:NO_WECOM")).check_setup()


def test_recorders_of_two_readers_are_two_places() -> None:
    """Equal descriptions say nothing where one part names no place."""
    assert not names_place(FanoutNotifier(RecordingNotifier()))
    assert not names_place(RecordingNotifier(min_level="error"))
    assert names_place(FanoutNotifier(WeComNotifier("env:WECOM_URL")))


MADE: tuple[Any, ...] = (
    lambda **more: DingNotifier("env:X", **more),
    lambda **more: FeishuNotifier("env:X", **more),
    lambda **more: WeComNotifier("env:X", **more),
    lambda **more: SlackNotifier("env:X", **more),
    lambda **more: FanoutNotifier(ConsoleNotifier(), **more),
    lambda **more: FallbackNotifier(ConsoleNotifier(), **more),
    ConsoleNotifier,
    RecordingNotifier,
)


@pytest.mark.parametrize("make", MADE)
def test_min_level_is_an_argument_of_each(make: Any) -> None:
    """In its dict only if it is set; a wrong one names the four."""
    assert make().min_level is None
    assert "min_level" not in make().to_dict()
    chosen = make(min_level="warning")
    assert chosen.to_dict()["min_level"] == "warning"
    again = Notifier.from_dict(chosen.to_dict())
    assert (again.min_level, type(again)) == ("warning", type(chosen))
    for wrong in ("eror", "", 3, ["error"]):
        with pytest.raises(ArgumentError, match="give one of 'info', 'success', 'warning', 'error', or None"):
            make(min_level=wrong)
