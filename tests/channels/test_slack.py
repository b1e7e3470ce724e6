"""SlackNotifier: its words, the line that a phone previews, and the blocks."""

from __future__ import annotations

from typing import Any

import pytest

from twinkle_notifier import DeliveryError, Message
from twinkle_notifier.channels.slack import SlackNotifier
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Response

GONE = ("no_service", "no_service_id", "no_active_hooks", "no_team", "team_disabled", "invalid_token")
CLOSED = ("channel_not_found", "channel_is_archived", "action_prohibited", "posting_to_general_channel_denied")
FORM = ("invalid_payload", "invalid_blocks", "no_text", "too_many_attachments")


@pytest.mark.parametrize(
    ("answer", "advice", "fate", "final"),
    [
        *((Response(word, 404), "copy the webhook URL", "failed", True) for word in GONE),
        *((Response(word, 403), "another channel", "failed", True) for word in CLOSED),
        *((Response(word, 400), "the message's form", "failed", True) for word in FORM),
        (Response("msg_blocks_too_long", 400), "too long", "failed", True),
        (Response("rollup_error", 500), "out of order", "failed", False),
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


@pytest.mark.parametrize("word", FORM)
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


def test_people_are_called_in_the_line_that_phones_preview() -> None:
    """After the heading."""
    text, people = "### a < b\n\n```\n<!channel>\n```", ("U012AB3CD", "@W012AB3CD", "S0123ABCD", "@here", "all")
    with Inbox() as inbox:
        SlackNotifier(inbox.urls["Slack"], mentions=people)(Message(text, "id", "error"))
        payload = inbox.messages[0].payload
    called = "<@U012AB3CD> <@W012AB3CD> <!subteam^S0123ABCD> <!here> <!channel>"
    assert (payload["text"], payload["attachments"][0]["fallback"]) == (f"a &lt; b {called}", "a &lt; b")


def test_a_heading_within_a_message_is_bold() -> None:
    """As in a digest, which quotes the first message: Slack knows no headings."""
    with Inbox() as inbox:
        SlackNotifier(inbox.urls["Slack"])("### 2 messages\n\nThe first:\n\n### sft *failed*\n## a <b>  ")
        assert inbox.messages[0].text == "The first:\n\n### sft *failed*\n*a &lt;b&gt;*"
