"""WeComNotifier: its codes, and which of WeCom's two Markdowns a message takes."""

from __future__ import annotations

from typing import Any

import pytest

from twinkle_notifier import DeliveryError, Message
from twinkle_notifier.channels.wecom import WeComNotifier
from twinkle_notifier.inbox import Inbox

HINT = ", hint: [1234], from ip: 203.0.113.7, more info at https://open.work.weixin.qq.com/devtool"


@pytest.mark.parametrize(
    ("code", "said", "advice", "fate", "final"),
    [
        (93000, "invalid webhook url", "copy the webhook URL", "failed", True),
        (93004, "robot stopped", "switch it on", "failed", True),
        (93008, "not in group", "add it again", "failed", True),
        (45009, "api freq out of limit", "none for a minute", "throttled", False),
        (45033, "api concurrent out of limit", "too many messages at once", "failed", False),
        (-1, "system busy", "it refused the message", "failed", False),
        (40058, "markdown.content exceed max length 4096", "too long", "failed", True),
        (40058, "invalid param 'key'", "copy the webhook URL", "failed", True),
        (44004, "empty content", "report it", "failed", True),
        (40008, "invalid message type", "report it", "failed", True),
        (77777, "new", "WeCom 77777: it refused the message (new)", "failed", True),
    ],
)
def test_refusals_say_what_to_do(code: int, said: str, advice: str, fate: str, final: bool) -> None:
    """Each code ends as WeCom means it; the address of this machine, which its words end with, is not shown."""
    with Inbox() as inbox:
        inbox.robots["WeCom"].script(*[{"errcode": code, "errmsg": said + HINT}] * 9)
        with pytest.raises(DeliveryError) as caught:
            WeComNotifier(inbox.urls["WeCom"])("### hello")
    assert advice in str(caught.value)
    assert (caught.value.fate, caught.value.final) == (fate, final)
    assert "203.0" not in str(caught.value)


def test_busy_is_tried_again() -> None:
    """At most three times."""
    with Inbox() as inbox:
        inbox.robots["WeCom"].script({"errcode": -1, "errmsg": "system busy" + HINT})
        WeComNotifier(inbox.urls["WeCom"])("### hello")
        assert (len(inbox.messages), inbox.requests) == (1, 2)


@pytest.mark.parametrize(
    ("level", "color"), [("error", "warning"), ("warning", "warning"), ("success", "info"), ("info", "comment")]
)
def test_a_message_without_code_is_coloured(level: Any, color: str) -> None:
    """In the Markdown that every client shows."""
    with Inbox() as inbox:
        WeComNotifier(inbox.urls["WeCom"])(Message("### sft ended\n\n- Run: sft\n\nmore", "id", level))
        [message] = inbox.messages
    facts = '> <font color="comment">Run</font> sft'
    assert message.text == f'### <font color="{color}">sft ended</font>\n\n{facts}\n\nmore'


def test_a_message_with_code_keeps_its_block() -> None:
    """In the Markdown that has code blocks."""
    text = "### sft failed\n\n- Run: sft\n\n```\nValueError: x\n```"
    with Inbox() as inbox:
        WeComNotifier(inbox.urls["WeCom"])(text)
        [message] = inbox.messages
    assert (message.kind, message.text) == ("markdown_v2", text)
