"""TelegramNotifier: its codes, its HTML, its URLs, and messages that change."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from twinkle_notifier import ArgumentError, DeliveryError, Message, Notifier
from twinkle_notifier.channels.robot import Draft
from twinkle_notifier.channels.telegram import TelegramNotifier, TelegramRobot
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Response

URL = "https://api.telegram.org/bot123:AA-b_c/sendMessage?chat_id=-1001234567890"


@pytest.mark.parametrize(
    ("code", "said", "advice", "final"),
    [
        (401, "Unauthorized", "copy the token that it was given", True),
        (404, "Not Found", "copy the token that it was given", True),
        (400, "Bad Request: chat not found", "check chat_id", True),
        (403, "Forbidden: bot was kicked from the group chat", "add it to the group", True),
        (400, "Bad Request: group chat was upgraded to a supergroup chat", "change chat_id", True),
        (400, "Bad Request: something new", "Telegram 400: it refused the message (Bad Request: something new", True),
        (502, "Bad Gateway", "HTTP 502", False),
    ],
)
def test_refusals_say_what_to_do(code: int, said: str, advice: str, final: bool) -> None:
    """Each as Telegram means it."""
    with Inbox() as inbox:
        answer = Response({"ok": False, "error_code": code, "description": said}, code)
        inbox.robots["Telegram"].script(*[answer] * 9)
        with pytest.raises(DeliveryError) as caught:
            TelegramNotifier(inbox.urls["Telegram"])("### hello")
    assert advice in str(caught.value)
    assert (caught.value.fate, caught.value.final) == ("failed", final)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("### a <b> & c\n\n- Run: **x** & <y>", "<b>a &lt;b&gt; &amp; c</b>\n\n<b>Run:</b> <b>x</b> &amp; &lt;y&gt;"),
        ("- At: train.py:4: `a < b`", "<b>At:</b> train.py:4: <code>a &lt; b</code>"),
        ("```python\na < b\n```", "<pre>a &lt; b</pre>"),
        ("**a `b** c`", "**a <code>b** c</code>"),
    ],
)
def test_markdown_is_written_as_telegrams_html(text: str, shown: str) -> None:
    """And its robot, which checks the tags, takes it."""
    with Inbox() as inbox:
        TelegramNotifier(inbox.urls["Telegram"])(text)
        assert inbox.messages[0].payload["text"] == shown


def test_what_telegram_cannot_read_goes_out_as_plain_text() -> None:
    """Rather than not at all."""
    with Inbox() as inbox:
        refused = {"ok": False, "error_code": 400, "description": "Bad Request: can't parse entities: x"}
        inbox.robots["Telegram"].script(Response(refused, 400))
        TelegramNotifier(inbox.urls["Telegram"])("### hello\n\n**there**")
        [message] = inbox.messages
    assert (message.kind, message.text) == ("text", "hello\n\nthere")


def test_a_message_is_changed_in_its_place() -> None:
    """By the id that sending it has returned; the same text once more is no failure."""
    with Inbox() as inbox:
        telegram = TelegramNotifier(inbox.urls["Telegram"])
        message_id = telegram("### one")
        inbox.robots["Telegram"].per_second = 0  # type: ignore[misc]
        assert message_id == "1"
        for _ in range(2):
            telegram.edit(message_id, "### two")
        [message] = inbox.messages
        assert (message.title, message.msg_uuid) == ("two", "1")
        inbox.robots["Telegram"].messages.clear()
        with pytest.raises(DeliveryError, match="gone, or too old") as caught:
            telegram.edit(message_id, "### three")
    assert caught.value.final


@pytest.mark.parametrize("quiet", [False, True])
def test_a_quiet_message_rings_no_phone(quiet: bool) -> None:
    """An alert does."""
    with Inbox() as inbox:
        TelegramNotifier(inbox.urls["Telegram"])(Message("### x", "id", quiet=quiet))
        assert inbox.messages[0].payload["disable_notification"] is quiet


@pytest.mark.parametrize(
    "url",
    [URL, URL.replace("/sendMessage", ""), URL.replace("sendMessage", "getUpdates"), f"{URL}&text=x", f" {URL} "],
)
def test_what_a_page_shows_is_enough(url: str) -> None:
    """Whatever method it names; a topic of a forum is kept."""
    made = Notifier.from_url(url)
    assert isinstance(made, TelegramNotifier)
    made.check_setup()
    robot = TelegramRobot(f"{made.webhook_url}&message_thread_id=7", None, 5.0)
    assert robot.address(Draft("x", "id", 4000)) == "https://api.telegram.org/bot123:AA-b_c/sendMessage"
    assert robot.address(Draft("x", "id", 4000, edits="3")) == "https://api.telegram.org/bot123:AA-b_c/editMessageText"
    payload = robot.payload("x", Draft("x", "id", 4000))
    assert (payload["chat_id"], payload["message_thread_id"]) == ("-1001234567890", 7)


def test_a_topic_with_a_number_that_a_message_has_is_no_secret() -> None:
    """Else a run would stand at "step *** of 5000"."""
    with Inbox() as inbox:
        notifier = Notifier.from_url(f"{inbox.urls['Telegram']}&message_thread_id=1200&parse_mode=HTML")
        chat = inbox.urls["Telegram"].rpartition("chat_id=")[2]
        notifier(Message(f"### sft: step 1200 of 5000\n\n- Shown: HTML, {chat}", "id"))
        [got] = inbox.messages
    assert got.title == "sft: step 1200 of 5000"
    assert "HTML, ***" in got.text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (URL.partition("?")[0], "names no chat_id .write to the bot, open .../getUpdates"),
        ("https://api.telegram.org/?chat_id=1", "names no bot's token"),
    ],
)
def test_a_url_that_lacks_something_says_what(url: str, said: str) -> None:
    """When the run begins, not in the crash."""
    with pytest.raises(ArgumentError, match=said):
        TelegramNotifier(url).check_setup()


def test_the_token_is_shown_nowhere() -> None:
    """With or without the `bot` before it, however short."""
    made: Any = TelegramNotifier(URL)
    assert "AA-b_c" not in f"{made!r}{pickle.dumps(made)!r}"
    long = URL.replace("AA-b_c", "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw")
    with Inbox() as inbox:
        url = inbox.urls["Telegram"]
        TelegramNotifier(url)("### it raised for local-token, and for botlocal-token")
        assert "local-token" not in inbox.messages[0].text or len("local-token") < 16
    assert any(secret.startswith("123:AAH") for secret in TelegramRobot(long, None, 5.0)._secrets)
