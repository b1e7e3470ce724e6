"""One message for several channels: to each by itself, within one budget, and none lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from twinkle_notifier import (
    DeliveryError,
    FallbackNotifier,
    FanoutNotifier,
    Message,
    Notifier,
    Outcome,
    SlackNotifier,
    WeComNotifier,
    notify_exception,
)
from twinkle_notifier.delivery.descriptor import channel, chat
from twinkle_notifier.delivery.sender import deliver, flush, keep
from twinkle_notifier.delivery.several import side_by_side, whole
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.delivery.targets import leaves, targets, wants
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation import threads
from twinkle_notifier.isolation.background import background
from twinkle_notifier.testing import RecordingNotifier

DEAD = "http://127.0.0.1:1"  # where nobody listens


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_waiting", [])


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def slack(inbox: Inbox) -> SlackNotifier:
    return SlackNotifier(inbox.urls["Slack"])


def dead() -> WeComNotifier:
    return WeComNotifier(f"{DEAD}/cgi-bin/webhook/send?key=0123456789abcdef")


def message(number: int = 0, level: str = "error") -> Message:
    return Message(f"### message {number}\n\n- Run: sft", f"d{number}", level)  # type: ignore[arg-type]


def waiting(notifier: Notifier) -> list[str]:
    return [letter.id for spool in Spool.everyone(channel(notifier)) for letter in spool.letters()]


class Hanging(Notifier):
    def __init__(self, event: threading.Event) -> None:
        self.event = event

    def __call__(self, message: str) -> None:
        self.event.wait(60)

    def to_dict(self) -> dict[str, str]:
        return {"class": "Hanging"}


class Refusing(Notifier):
    def __call__(self, message: str) -> None:
        raise DeliveryError("gone", final=True)


def test_each_gets_it_and_the_failure_of_one_is_kept_for_that_one(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Sent, as one has accepted it; a flush asks only the other."""
    good, bad = slack(inbox), dead()
    both = FanoutNotifier(good, bad)
    assert deliver(both, message(), 8).status == "sent"
    assert [one.title for one in inbox.messages] == ["message 0"]
    assert (waiting(good), waiting(bad), waiting(both)) == ([], ["d0"], [])
    assert "alert not sent to WeCom: cannot connect" in caplog.text
    assert "kept on the disk" in caplog.text
    assert flush(both).left == 1
    assert inbox.requests == 1


def test_what_one_could_not_send_goes_out_with_the_next_message(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """To that one alone, which reads its address anew."""
    monkeypatch.setenv("WECOM", dead().webhook_url)
    both = FanoutNotifier(slack(inbox), WeComNotifier("env:WECOM"))
    assert deliver(both, message(0), 8).status == "sent"
    monkeypatch.setenv("WECOM", inbox.urls["WeCom"])
    assert deliver(both, message(1), 8).status == "sent"
    assert background.flush(30)
    sent = sorted((one.service, one.title) for one in inbox.messages)
    assert sent == [("Slack", "message 0"), ("Slack", "message 1"), ("WeCom", "message 0"), ("WeCom", "message 1")]


def test_where_none_accepts_each_has_its_own(inbox: Inbox) -> None:
    """And the whole says why, so that another rank tries."""
    both = FanoutNotifier(dead(), Refusing())
    outcome = deliver(both, message(), 8, "incident")
    assert (outcome.status, outcome.final, outcome.incident) == ("spooled", False, "incident")
    assert "WeCom: cannot connect" in outcome.reason
    assert "Refusing: gone" in outcome.reason
    assert [waiting(one) for one in both.notifiers] == [["d0"], ["d0"]]


def test_one_that_hangs_delays_no_other_and_takes_no_longer_than_the_budget(
    inbox: Inbox, hang: threading.Event
) -> None:
    """Four that hang take no longer than one."""
    stuck = Hanging(hang)
    began = time.monotonic()
    outcome = deliver(FanoutNotifier(stuck, stuck, stuck, stuck, slack(inbox)), message(), 2)
    assert time.monotonic() - began < 7  # four, one after the other, take 8
    assert outcome.status == "sent"
    assert len(inbox.messages) == 1
    assert waiting(stuck) == ["d0"]


class Slow(Notifier):
    def __call__(self, message: str) -> None:
        time.sleep(1)


def test_each_has_the_whole_time() -> None:
    """Ten of a second each would not fit one after the other."""
    slow = Slow()
    assert deliver(FanoutNotifier(*[slow] * 10), message(), 8).status == "sent"
    assert waiting(slow) == []


def test_where_no_thread_can_start_they_share_the_time() -> None:
    """At the interpreter's end, say: nobody goes without."""
    shares: list[float] = []

    def work(_: object, seconds: float) -> Outcome:
        shares.append(seconds)
        return Outcome("sent")

    with threads.no_new():
        outcomes = side_by_side([print, print, print], work, 9.0, 0.0)
    assert [outcome.status for outcome in outcomes] == ["sent"] * 3
    assert [round(share) for share in shares] == [3, 4, 9]  # those that are quick leave their time


def test_the_reason_of_all_lasts_only_where_each_lasts() -> None:
    """Else the next rank may fare better."""
    both = [print, print]
    gone, busy = Outcome("failed", "gone", final=True), Outcome("throttled", "busy", retry_after=5.0)
    assert whole(both, [gone, gone]).final
    assert whole(both, [gone, busy]).retry_after == 5.0
    other = whole(both, [busy, Outcome("unknown", "lost")])
    assert (other.final, other.retry_after, other.status) == (False, None, "throttled")


def test_several_ranks_send_one_message_to_each(inbox: Inbox) -> None:
    """An exception that is reported twice is one message for every one of them."""
    both = FanoutNotifier(slack(inbox), WeComNotifier(inbox.urls["WeCom"]))
    error = ValueError("x")
    assert notify_exception(both, "step", error, "sft").status == "sent"
    assert notify_exception(both, "step", error, "sft").status == "duplicate"
    assert sorted(one.service for one in inbox.messages) == ["Slack", "WeCom"]


def test_keep_keeps_it_for_each() -> None:
    """Where there was no time to send it."""
    both = FanoutNotifier(dead(), Refusing())
    assert keep(both, message(), Outcome("unknown", "no time")).status == "spooled"
    assert [waiting(one) for one in both.notifiers] == [["d0"], ["d0"]]


# Fallback


def test_the_next_is_asked_only_where_the_one_before_cannot(inbox: Inbox) -> None:
    """And nothing is kept then."""
    wecom = WeComNotifier(inbox.urls["WeCom"])
    assert deliver(FallbackNotifier(wecom, slack(inbox)), message(0), 8).status == "sent"
    first, last = dead(), slack(inbox)
    either = FallbackNotifier(first, last)
    assert deliver(either, message(1), 8).status == "sent"
    assert [(one.service, one.title) for one in inbox.messages] == [("WeCom", "message 0"), ("Slack", "message 1")]
    assert (waiting(first), waiting(last), waiting(either)) == ([], [], [])


def test_one_that_hangs_leaves_time_for_the_next(inbox: Inbox, hang: threading.Event) -> None:
    """Half of it, for two."""
    either = FallbackNotifier(Hanging(hang), slack(inbox))
    assert deliver(either, message(), 4).status == "sent"
    assert len(inbox.messages) == 1


def test_all_failing_is_one_kept_message_that_goes_out_by_any(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the whole, which a flush of the command restores with its references."""
    monkeypatch.setenv("WECOM", dead().webhook_url)
    first, last = WeComNotifier("env:WECOM"), Refusing()
    either = FallbackNotifier(first, last)
    outcome = deliver(either, message(), 8)
    assert outcome.status == "spooled"
    assert "WeCom: cannot connect" in outcome.reason
    assert "Refusing: gone" in outcome.reason
    assert (waiting(first), waiting(last), waiting(either)) == ([], [], ["d0"])
    monkeypatch.setenv("WECOM", inbox.urls["WeCom"])
    assert flush(either).sent == 1
    assert [one.service for one in inbox.messages] == ["WeCom"]


def test_a_fallback_in_a_fan_out_is_one_of_its_channels(inbox: Inbox) -> None:
    """And a fan-out in a fallback sends to all."""
    nested = FanoutNotifier(FallbackNotifier(dead(), slack(inbox)), WeComNotifier(inbox.urls["WeCom"]))
    assert deliver(nested, message(0), 8).status == "sent"
    assert sorted(one.service for one in inbox.messages) == ["Slack", "WeCom"]
    bad = dead()
    other = FallbackNotifier(Refusing(), FanoutNotifier(slack(inbox), bad))
    assert deliver(other, message(1), 20).status == "sent"
    assert [one.title for one in inbox.messages if one.service == "Slack"] == ["message 0", "message 1"]
    assert (waiting(other), waiting(bad)) == ([], ["d1"])


# min_level


@pytest.mark.parametrize(
    ("lowest", "level", "wanted"),
    [
        (None, "info", True),
        ("info", "info", True),
        ("success", "info", False),
        ("warning", "success", False),
        ("warning", "warning", True),
        ("error", "warning", False),
        ("error", "error", True),
        ("eror", "info", True),
        (3, "info", True),
    ],
)
def test_what_is_below_min_level_is_left_out(
    lowest: object, level: str, wanted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no failure: nothing is kept, and the log has one line. What is no level leaves nothing out."""
    caplog.set_level(logging.INFO, "twinkle_notifier")
    notifier = RecordingNotifier()
    notifier.min_level = lowest  # type: ignore[assignment]
    text = Message(f"### {lowest} and {level}", "a1", level)  # type: ignore[arg-type]  # a repeated line is not logged
    outcome = deliver(notifier, text, 8)
    assert outcome.status == ("sent" if wanted else "skipped")
    assert len(notifier.messages) == wanted
    assert waiting(notifier) == []
    assert caplog.text.count("left out for RecordingNotifier") == (not wanted)


def test_a_text_of_a_users_own_passes_any_min_level() -> None:
    """Nobody knows its level."""
    assert wants(RecordingNotifier(min_level="error"), "hello")


def test_each_of_several_has_its_own_min_level() -> None:
    """And the whole one for all."""
    everything, errors = RecordingNotifier(), RecordingNotifier(min_level="error")
    assert deliver(FanoutNotifier(everything, errors), message(0, "info"), 8).status == "sent"
    assert (len(everything.messages), len(errors.messages)) == (1, 0)
    assert deliver(FanoutNotifier(everything, min_level="warning"), message(1, "info"), 8).status == "skipped"
    assert deliver(FanoutNotifier(errors, errors), message(2, "info"), 8).status == "skipped"
    assert deliver(FallbackNotifier(errors, everything), message(3, "info"), 8).status == "sent"
    assert deliver(FallbackNotifier(errors, errors), message(4, "info"), 8).status == "skipped"
    assert (len(everything.messages), len(errors.messages)) == (2, 0)


def test_an_alert_that_is_left_out_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    """It counts as reported: no other rank, and no supervisor, sends it."""
    notifier, error = RecordingNotifier(min_level="error"), KeyboardInterrupt()
    assert notify_exception(notifier, "step", error, "sft").status == "skipped"
    assert notify_exception(notifier, "step", error, "sft").status == "duplicate"
    assert "alert not sent" not in caplog.text
    assert notifier.messages == []


def test_what_was_kept_goes_out_whatever_its_level(inbox: Inbox) -> None:
    """It was judged when it was new."""
    notifier = RecordingNotifier(min_level="error")
    Spool.put(channel(notifier), message(0, "info"), "why", None)
    assert flush(notifier).sent == 1


def test_several_are_named_by_their_services() -> None:
    """In the log, and in lists."""
    assert chat(FanoutNotifier(dead(), FallbackNotifier(dead(), Refusing()))) == "WeCom and WeCom, else Refusing"


def test_targets_and_leaves_are_found_at_any_depth() -> None:
    """Those with a spool of their own, and all that send."""
    one, two, three = RecordingNotifier(), RecordingNotifier(), RecordingNotifier()
    either = FallbackNotifier(two, three)
    both = FanoutNotifier(one, FanoutNotifier(either))
    assert (targets(both), leaves(both)) == ([one, either], [one, two, three])
    assert (targets(print), leaves(None)) == ([print], [None])
