"""The level that a message shows in its chat."""

from __future__ import annotations

from typing import Any

import pytest

from twinkle_notifier import Notifier
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.level import level_of
from twinkle_notifier.messages.message import LEVELS, Level, Message


@pytest.mark.parametrize("service", ["Feishu", "WeCom", "Slack"])
@pytest.mark.parametrize("level", LEVELS)
def test_a_colour_is_read_as_it_was_written(service: str, level: Level) -> None:
    """By the notifier of the same service; WeCom has one colour for two levels."""
    with Inbox() as inbox:
        Notifier.from_url(inbox.urls[service])(Message("### the data is ready", "1", level))
        [message] = inbox.messages
    shown = "warning" if (service, level) == ("WeCom", "error") else level
    assert level_of(service, dict(message.payload)) == shown


@pytest.mark.parametrize(
    ("heading", "level"),
    [
        ("sft failed: ValueError: x", "error"),
        ("sft failed for good in attempt 3 of 3: x", "error"),
        ("llama-7…2026 failed for good: …shard-7.bin'", "error"),
        ("sft restarts: ValueError: x", "warning"),
        ("sft 重启：ValueError: x", "warning"),
        ("sft 失败：ValueError: x", "error"),
        ("sft 在第 3/3 次尝试中彻底失败：x", "error"),
        ("sft exited (exit code 1)", "error"),
        ("sft was preempted (SIGTERM)", "warning"),
        ("sft 已卡住 12 分 30 秒", "warning"),
        ("sft has made no progress for 12 min 30 s: rank 3 of 8 is stuck in a different place", "warning"),
        ("sft ended after 3 h 20 min", "success"),
        ("sft 卡住 12 秒 后恢复", "success"),
        ("sft started", "info"),
        ("the data is ready", None),
        ("nothing failed here", None),
        ("12 messages that had to wait", None),
        ("", None),
    ],
)
def test_a_heading_tells_where_there_is_no_colour(heading: str, level: str | None) -> None:
    """If it is one that this package writes; else the level is not known."""
    assert level_of("DingTalk", {"markdown": {"title": heading, "text": ""}}) == level
    assert level_of("WeCom", {"markdown_v2": {"content": f"### {heading}\n\n- x"}}) == level


def test_wecoms_heading_parts_errors_from_warnings() -> None:
    """Its colour is the same."""
    content = '### <font color="warning">sft failed: x</font>\n\n> x'
    assert level_of("WeCom", {"markdown": {"content": content}}) == "error"


@pytest.mark.parametrize(
    "payload",
    [{}, {"card": 1}, {"attachments": {}}, {"attachments": [None]}, {"markdown": []}, {"text": {"content": ["x"]}}],
)
@pytest.mark.parametrize("service", ["DingTalk", "Feishu", "WeCom", "Slack", "Bark", "ntfy"])
def test_what_is_no_message_has_no_level(service: str, payload: dict[str, Any]) -> None:
    """Nor does it raise."""
    assert level_of(service, payload) is None
