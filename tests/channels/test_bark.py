"""BarkNotifier: its codes, the address of a key, and which pushes break through a phone's focus."""

from __future__ import annotations

import pytest

from twinkle_notifier import DeliveryError, Message
from twinkle_notifier.channels.bark import BarkNotifier, BarkRobot
from twinkle_notifier.channels.robot import Draft
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Response


@pytest.mark.parametrize(
    ("code", "said", "advice", "final"),
    [
        (400, "failed to get device token: failed to get device token from database", "copy the URL", True),
        (400, "request bind failed: invalid character", "Bark 400: it refused the message (request bind", True),
        (500, "push failed: APNS push failed: PayloadTooLarge", "HTTP 500", False),
    ],
)
def test_refusals_say_what_to_do(code: int, said: str, advice: str, final: bool) -> None:
    """Each as Bark's server means it."""
    with Inbox() as inbox:
        inbox.robots["Bark"].script(*[Response({"code": code, "message": said}, code)] * 9)
        with pytest.raises(DeliveryError) as caught:
            BarkNotifier(inbox.urls["Bark"])("### hello")
    assert advice in str(caught.value)
    assert (caught.value.fate, caught.value.final) == ("failed", final)


@pytest.mark.parametrize(
    ("level", "shown"),
    [("error", "timeSensitive"), ("warning", "timeSensitive"), ("success", "active"), ("info", "active")],
)
def test_failures_and_stalls_break_through_a_phones_focus(level: str, shown: str) -> None:
    """Ends and starts do not."""
    with Inbox() as inbox:
        BarkNotifier(inbox.urls["Bark"])(Message("### sft ended\n\n- Run: sft", "id", level))  # type: ignore[arg-type]
        [message] = inbox.messages
    assert (message.title, message.payload["level"]) == ("sft ended", shown)
    assert "- Run: sft" in message.text


def test_a_repeat_takes_the_place_of_the_first() -> None:
    """By the message's id."""
    with Inbox() as inbox:
        for _ in range(2):
            BarkNotifier(inbox.urls["Bark"])(Message("### hello", "one"))
        assert (len(inbox.messages), inbox.repeats) == (1, 1)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://api.day.app/KEY", "https://api.day.app/KEY"),
        ("https://api.day.app/KEY/", "https://api.day.app/KEY"),
        ("https://api.day.app/KEY/Push%20title/text?sound=x", "https://api.day.app/KEY"),
        ("https://bark.example.org:8080/KEY/", "https://bark.example.org:8080/KEY"),
        ("https://example.org/bark/KEY/text", "https://example.org/bark/KEY"),
    ],
)
def test_what_the_app_shows_is_enough(url: str, address: str) -> None:
    """Its example of a title, a text and a sound is left out."""
    assert BarkRobot.serves(url)
    assert BarkRobot.missing(url) == ""
    assert BarkRobot(url, None, 5.0).address(Draft("text", "id", 3500)) == address
    assert BarkRobot.missing(url.partition("KEY")[0]) == "key"
