"""What is reported a command that is watched from its start to its end."""

from __future__ import annotations

import pytest

from twinkle_notifier.supervisor.command import Options
from twinkle_notifier.supervisor.context import Context
from twinkle_notifier.supervisor.monitor import Monitor
from twinkle_notifier.testing import RecordingNotifier


@pytest.mark.parametrize(
    ("code", "titles"), [(3, ["### sft failed: exit code 3"]), (-9, ["### sft failed: killed by SIGKILL"]), (0, [])]
)
def test_an_end_is_reported_without_a_mailbox(code: int, titles: list[str]) -> None:
    """No disk took the folder: what the command's processes say is not known, and nothing fails for it."""
    told = RecordingNotifier()
    watch = Monitor(Context(["train"], Options(name="sft", notifier=told), None))
    watch.begin()
    watch.ended(code)
    assert [message.partition("\n")[0] for message in told.messages] == titles
