"""FeishuNotifier: its signature, its codes, and the card."""

from __future__ import annotations

from typing import Any

import pytest

from twinkle_notifier import DeliveryError, Message
from twinkle_notifier.channels.feishu import FeishuNotifier, signature
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Response

CODE = "```\nTraceback\nValueError: x\n```"


def refused(inbox: Inbox, answer: Response, secret: str | None = None) -> DeliveryError:
    inbox.robots["Feishu"].script(*[answer] * 9)
    with pytest.raises(DeliveryError) as caught:
        FeishuNotifier(inbox.urls["Feishu"], secret)("### hello")
    return caught.value


@pytest.mark.parametrize(
    ("seconds", "secret", "sign"),
    [
        (1599360473, "demo", "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="),
        (1700000000, "twinkle-test-secret", "kZdKPXT3ZSq5I3tNaS3RyhweAI+hoZkcTo6wWjjc1d8="),
        (1700000000, "密钥é", "ZAI0nYNPmFJDP7B+Rw5ZroeRySCE2D+43YyGPo4YZMg="),
    ],
)
def test_signs_as_feishu_does(seconds: int, secret: str, sign: str) -> None:
    """The vectors of public clients."""
    assert signature(secret, seconds) == sign


@pytest.mark.parametrize(
    ("answer", "advice", "fate", "final"),
    [
        (Response({"code": 11232, "msg": "frequency limited psm[x]"}), "no more messages for now", "throttled", False),
        (Response({"code": 9499, "msg": "too many request"}, 400), "no more messages for now", "throttled", False),
        (Response({"code": 9499, "msg": "Bad Request"}, 400), "malformed", "failed", True),
        (Response({"code": 19001, "msg": "param invalid"}), "copy the webhook URL", "failed", True),
        (Response({"code": 19002, "msg": "params error"}), "report it", "failed", True),
        (Response({"code": 19021, "msg": "sign match fail"}), "no secret is given", "failed", True),
        (Response({"code": 19022, "msg": "Ip Not Allowed"}), "listed addresses", "failed", False),
        (Response({"code": 19024, "msg": "Key Words Not Found"}), "one of its keywords", "failed", True),
        (Response({"code": 77777, "msg": "new"}), "Feishu 77777: it refused the message (new)", "failed", True),
        (Response({"StatusCode": 19001}), "copy the webhook URL", "failed", True),
        (Response({"msg": "success"}), "no answer of a Feishu robot", "failed", False),
        (Response("ok"), "no answer of a Feishu robot", "failed", False),
    ],
)
def test_refusals_say_what_to_do(answer: Response, advice: str, fate: str, final: bool) -> None:
    """Each code ends as Feishu means it."""
    with Inbox() as inbox:
        error = refused(inbox, answer)
    assert advice in str(error)
    assert (error.fate, error.final) == (fate, final)


def test_a_wrong_secret_is_signed_anew_once() -> None:
    """By the service's clock, as that may be what is wrong; then it is the secret."""
    with Inbox(secret="right") as inbox:
        with pytest.raises(DeliveryError, match="the signature is wrong") as caught:
            FeishuNotifier(inbox.urls["Feishu"], "wrong")("### hello")
        assert (inbox.requests, caught.value.final) == (2, True)


def test_a_refused_card_goes_as_text_once() -> None:
    """An older client of the service, or a property that it has dropped."""
    with Inbox() as inbox:
        inbox.robots["Feishu"].script({"code": 11246, "msg": "ErrCode: 200621; ErrMsg: unknown property"})
        FeishuNotifier(inbox.urls["Feishu"])(Message(f"### sft failed\n\n- Run: sft\n\n{CODE}", "id", "error"))
        [message] = inbox.messages
    assert (message.kind, message.text) == ("text", "sft failed\n\n- Run: sft\n\nTraceback\nValueError: x")


TABLE = "| a |\n|-|\n| 1 |"


def test_a_card_that_the_robot_refuses_goes_as_text() -> None:
    """One with more tables than Feishu takes."""
    text = "### sft ended\n\n" + "\n\n".join([TABLE] * 4)
    with Inbox() as inbox:
        FeishuNotifier(inbox.urls["Feishu"])(text)
        FeishuNotifier(inbox.urls["Feishu"])(text.removesuffix(TABLE))
        assert [message.kind for message in inbox.messages] == ["text", "interactive"]
        assert (inbox.messages[0].text, inbox.requests) == (text.removeprefix("### "), 3)


def test_a_group_that_forbids_to_call_everybody_gets_the_message() -> None:
    """It refuses the card for that: the text calls only those who are named."""
    with Inbox() as inbox:
        inbox.robots["Feishu"].allows_all = False  # type: ignore[attr-defined]
        notifier = FeishuNotifier(inbox.urls["Feishu"], mentions=("@all", "ou_12345"))
        notifier(Message(f"### sft failed\n\n{CODE}", "id", "error"))
        [message] = inbox.messages
    assert (message.kind, message.mentioned, inbox.requests) == ("text", ("ou_12345",), 2)


def test_people_are_called_in_the_card() -> None:
    """Below the rest."""
    with Inbox() as inbox:
        FeishuNotifier(inbox.urls["Feishu"], mentions=("ou_12345", "@all"))(Message("### sft failed", "id", "error"))
        elements = inbox.messages[0].payload["card"]["body"]["elements"]
    assert elements[-1] == {"tag": "markdown", "content": "<at id=ou_12345></at> <at id=all></at>"}


@pytest.mark.parametrize("mention", ["13800000000", "+86-13800000000", "zhang@example.org"])
def test_no_mobile_number_is_taken(mention: str) -> None:
    """As Feishu's robots cannot call one: it would be shown as an unknown name."""
    with pytest.raises(ArgumentError, match=r"mentions\[1\] .* open_ids .* cannot call mobile numbers"):
        FeishuNotifier("https://open.feishu.cn/open-apis/bot/v2/hook/0123", mentions=("@all", mention))


def test_each_line_stays_a_line() -> None:
    """Feishu may drop a line end within a paragraph, but not one before a list, a quotation or a blank line."""
    with Inbox() as inbox:
        FeishuNotifier(inbox.urls["Feishu"])("### a\n\nfirst\nsecond\n- one\n- two\n\nthird\n> quoted")
        [element] = inbox.messages[0].payload["card"]["body"]["elements"]
    assert element["content"] == "first<br>\nsecond\n- one\n- two\n\nthird\n> quoted"


@pytest.mark.parametrize(
    ("level", "color"), [("error", "red"), ("warning", "orange"), ("success", "green"), ("info", "blue")]
)
def test_the_header_has_the_colour_of_the_level(level: Any, color: str) -> None:
    """And the preview in the list of chats is the heading."""
    with Inbox() as inbox:
        FeishuNotifier(inbox.urls["Feishu"])(Message("### sft ended\n\n- Run: sft", "id", level))
        card = inbox.messages[0].payload["card"]
    assert card["header"]["template"] == color
    assert card["config"]["summary"]["content"] == card["header"]["title"]["content"] == "sft ended"


def test_a_traceback_is_folded() -> None:
    """Under its last line; facts stand above it."""
    with Inbox() as inbox:
        FeishuNotifier(inbox.urls["Feishu"])(f"### sft failed\n\n- Run: sft\n\n{CODE}")
        facts, panel = inbox.messages[0].payload["card"]["body"]["elements"]
    assert facts == {"tag": "markdown", "content": "- **Run** sft"}
    assert panel["header"]["title"]["content"] == "ValueError: x"
    assert panel["elements"] == [{"tag": "markdown", "content": "```\nTraceback\nValueError: x\n```"}]


def test_a_lark_url_is_feishus() -> None:
    """The same robot at another host."""
    FeishuNotifier("https://open.larksuite.com/open-apis/bot/v2/hook/0123").check_setup()
