"""WeComNotifier: its codes, and which of WeCom's two Markdowns a message takes."""

from __future__ import annotations

from typing import Any

import pytest

from twinkle_notifier import DeliveryError, Message
from twinkle_notifier.channels.wecom import WeComNotifier
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Response

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
        *((code, "no", "report it", "failed", True) for code in (40004, 40006, 40007, 40008, 40009, 40033)),
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


@pytest.mark.parametrize(("code", "requests"), [(-1, 4), (45033, 2), (45009, 1), (40058, 1), (93000, 1)])
def test_a_code_is_asked_again_as_often_as_wecom_says(code: int, requests: int) -> None:
    """Three times when it is busy, once for too many at once, and not when the answer would be the same."""
    with Inbox() as inbox:
        inbox.robots["WeCom"].script(*[{"errcode": code, "errmsg": "no" + HINT}] * 9)
        with pytest.raises(DeliveryError):
            WeComNotifier(inbox.urls["WeCom"])("### hello")
        assert inbox.requests == requests


def test_people_are_called_by_a_second_message() -> None:
    """Only a text calls by mobile number, or everybody, and ``markdown_v2`` nobody; so the heading goes as one."""
    with Inbox() as inbox:
        notifier = WeComNotifier(inbox.urls["WeCom"], mentions=("13800000000", "+852-60000000", "@zhangsan", "@all"))
        notifier(Message("### sft failed\n\n```\nValueError: x\n```", "id", "error"))
        message, text = inbox.messages
    assert (message.kind, message.mentioned) == ("markdown_v2", ())
    mobiles = ["13800000000", "+852-60000000"]
    content = {"content": "sft failed", "mentioned_list": ["zhangsan", "@all"], "mentioned_mobile_list": mobiles}
    assert text.payload == {"msgtype": "text", "text": content}


@pytest.mark.parametrize(
    ("answer", "said"),
    [({"errcode": 93004, "errmsg": "stopped" + HINT}, "switch it on"), (Response("<p>", 502), "out of order")],
)
def test_a_message_that_calls_nobody_is_sent_all_the_same(
    answer: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It would arrive twice if it were sent again for that."""
    with Inbox() as inbox:
        inbox.robots["WeCom"].script({"errcode": 0, "errmsg": "ok"}, *[answer] * 3)
        WeComNotifier(inbox.urls["WeCom"], mentions=("@all",))(Message("### sft failed", "id", "error"))
    assert caplog.text.count("the message was sent, but mentions nobody") == 1
    assert said in caplog.text
    assert "203.0" not in caplog.text


def test_a_call_counts_in_the_rate(caplog: pytest.LogCaptureFixture) -> None:
    """So that it never meets WeCom's own limit; the alert goes first."""
    with Inbox() as inbox:
        notifier = WeComNotifier(inbox.urls["WeCom"], mentions=("@all",))
        for number in range(17):
            notifier(f"### {number}")
        notifier(Message("### sft failed", "id", "error"))
        assert (inbox.requests, len(inbox.messages), inbox.messages[-1].title) == (18, 18, "sft failed")
    assert "no room in the robot's rate" in caplog.text


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
