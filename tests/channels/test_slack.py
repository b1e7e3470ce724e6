"""SlackNotifier: its words, the line that a phone previews, and the blocks."""

from __future__ import annotations

from typing import Any

import pytest

from twinkle_notifier import DeliveryError, Message
from twinkle_notifier.channels.slack import SlackNotifier
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Response


@pytest.mark.parametrize(
    ("answer", "advice", "fate", "final"),
    [
        (Response("no_service", 404), "copy the webhook URL", "failed", True),
        (Response("invalid_token", 403), "copy the webhook URL", "failed", True),
        (Response("channel_is_archived", 410), "another channel", "failed", True),
        (Response("action_prohibited", 403), "another channel", "failed", True),
        (Response("user_not_found", 400), "for a channel", "failed", True),
        (Response("a_new_word", 400), "Slack 400: it refused the message (a_new_word)", "failed", True),
        (Response("rate_limited", 429, {"Retry-After": "30"}), "again in 30 s", "throttled", False),
        (Response("<html>login</html>"), "no answer of a Slack robot", "failed", False),
        (Response({"ok": True}), "no answer of a Slack robot", "failed", False),
    ],
)
def test_refusals_say_what_to_do(answer: Response, advice: str, fate: str, final: bool) -> None:
    """Each word ends as Slack means it."""
    with Inbox() as inbox:
        inbox.robots["Slack"].script(*[answer] * 9)
        with pytest.raises(DeliveryError) as caught:
            SlackNotifier(inbox.urls["Slack"])("### hello")
    assert advice in str(caught.value)
    assert (caught.value.fate, caught.value.final) == (fate, final)


@pytest.mark.parametrize("word", ["invalid_blocks", "invalid_payload", "no_text"])
def test_a_refused_form_goes_as_text_once(word: str) -> None:
    """Blocks may change; a text does not."""
    with Inbox() as inbox:
        inbox.robots["Slack"].script(Response(word, 400))
        SlackNotifier(inbox.urls["Slack"])("### a < b\n\n- Run: sft\n\n```\ncode\n```")
        [message] = inbox.messages
    assert (message.kind, message.payload) == ("text", {"text": "a &lt; b\n\n- Run: sft\n\ncode"})


def test_too_long_is_cut_once() -> None:
    """To half."""
    with Inbox() as inbox:
        inbox.robots["Slack"].script(Response("msg_blocks_too_long", 400))
        SlackNotifier(inbox.urls["Slack"])("### a\n\n```\n" + "x = 1\n" * 4000 + "```")
        assert inbox.messages[0].size < 6_000


@pytest.mark.parametrize(
    ("level", "color"), [("error", "#d1242f"), ("warning", "#e08b00"), ("success", "#1a7f37"), ("info", "#0969da")]
)
def test_blocks_stand_in_a_coloured_attachment(level: Any, color: str) -> None:
    """Below one line of text, which is all that a phone previews; code is not escaped, and has no fence."""
    text = "### sft failed: a < b\n\n- Run: sft\n- Error: **ValueError**: a & b\n\n```\nif a < b: pass\n```"
    with Inbox() as inbox:
        SlackNotifier(inbox.urls["Slack"])(Message(text, "id", level))
        payload = inbox.messages[0].payload
    assert payload["text"] == "sft failed: a &lt; b"
    [attachment] = payload["attachments"]
    facts, code = attachment["blocks"]
    assert attachment["color"] == color
    assert facts["text"]["text"] == "*Run:* sft\n*Error:* *ValueError*: a &amp; b"
    assert code["elements"][0]["elements"] == [{"type": "text", "text": "if a < b: pass"}]
