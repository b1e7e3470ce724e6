"""What an alert says of a secondary error, beside a likely cause."""

from __future__ import annotations

import pytest

from twinkle_notifier.diagnosis.evidence import of_end
from twinkle_notifier.messages.advice import advice, secondary_note

KILLED = "secondary error; no rank reported the cause: likely one was killed"
GLOO = "RuntimeError: [../gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:4242"


@pytest.mark.parametrize(
    ("language", "alone", "beside"),
    [
        ("en", f"- Note: {KILLED}", "- Note: no rank reported the cause: likely one was killed"),
        (
            "zh",
            "- 说明: 这是次生错误；没有 rank 报告根本原因：很可能有一个 rank 被杀死",
            "- 说明: 没有 rank 报告根本原因：很可能有一个 rank 被杀死",
        ),
    ],
)
def test_that_an_error_follows_is_said_once(language: str, alone: str, beside: str) -> None:
    """By the rule that knows the error, else by the note."""
    said = advice(of_end(GLOO, "", "", "", {}), language)
    assert said
    assert secondary_note(said, KILLED, language) == beside
    assert secondary_note([], KILLED, language) == alone
    assert secondary_note(["- Likely: the disk is full"], KILLED, language) == alone
