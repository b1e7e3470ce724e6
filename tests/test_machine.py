"""The machine beside a real crash: in the message of the process, and of the supervisor where that was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from disks import disk_of
from supervised import begin, robot

from twinkle_notifier.inbox import Inbox

pytestmark = pytest.mark.linux
Begin = Callable[..., Any]
__all__ = ["begin", "robot"]
TRAIN = """
import os, signal, sys
from twinkle_notifier import TrainingRun
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.mailbox import mailbox
checkpoint = sys.argv[1] if len(sys.argv) > 1 else os.environ["CHECKPOINT"]
mailbox.report(lambda to: to.record_checkpoint(checkpoint))
if "KILLED" in os.environ:
    os.kill(os.getpid(), signal.SIGKILL)
from twinkle_notifier import DingNotifier, notify_exception
try:
    raise ValueError("a wrong label") if "CODE" in os.environ else OSError(28, "No space left on device")
except Exception as error:
    notifier = DingNotifier(ding_url="env:DING_URL", secret="env:DING_SECRET")
    notify_exception(notifier, "save", error, "sft", progress=Progress(last_checkpoint=checkpoint))
    raise
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KB, for checkpoints."""
    with disk_of(tmp_path / "disk", "size=64k") as path:
        yield path


@pytest.mark.parametrize("how", [{}, {"KILLED": "1"}], ids=["an exception", "a process that is killed"])
def test_the_disk_of_the_checkpoints_is_full(begin: Begin, robot: Inbox, disk: Path, how: dict[str, str]) -> None:
    """The message says so, whoever sends it; and not while it has room."""
    for state, wanted in (("empty", 0), ("full", 1)):
        (disk / "big").write_bytes(bytes(64 << 10 if state == "full" else 0))
        done = begin(TRAIN, CHECKPOINT=str(disk / "checkpoint-100"), **how).result()
        assert done.returncode, done.stderr
        text = robot.messages[-1].text
        assert text.count(f"- Machine: {disk} (checkpoints) has 0 bytes left of") == wanted, text
        assert "(checkpoints)" not in text or state == "full"
    assert len(robot.messages) == 2
    assert robot.messages[-1].title.startswith("sft failed")


def test_an_error_of_code_alone_is_not_the_machines(begin: Begin, robot: Inbox, disk: Path) -> None:
    """Without a GPU: the message has no line of a full disk."""
    (disk / "big").write_bytes(bytes(64 << 10))
    begin(TRAIN, CHECKPOINT=str(disk / "checkpoint-100"), CODE="1").result()
    (message,) = robot.messages
    assert message.title.startswith("sft failed: ValueError")
    assert "- Machine: " not in message.text


FAULT = """
import os
with open("/dev/kmsg", "w") as file:
    file.write(f"<4>NVRM: Xid (PCI:0000:3b:00): 31, pid={os.getpid()}, name=python, MMU Fault\\n")
os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))
os.kill(os.getpid(), 9)
"""


def test_what_the_kernel_says_of_a_process_that_was_killed(begin: Begin, robot: Inbox) -> None:
    """In the kernel's real log, where this user may write to it. The process says nothing itself."""
    done = begin(FAULT).result()
    if "Error" in done.stderr:
        pytest.skip("the kernel's log is closed to this user")
    (message,) = robot.messages
    assert "- Machine: Xid 31 on the GPU at 0000:3b:00, about " in message.text
    assert " before: the program used memory that is not its own\n" in message.text
