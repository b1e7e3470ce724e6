"""The out-of-memory killer, a real one, in a control group of the test's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scenes import control_group

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.supervisor import oom
from twinkle_notifier.surroundings import control_groups

Begin = Callable[..., Any]
LIMIT = 200 * 1024 * 1024


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group with 200 MB, where this machine lets us make one."""
    with control_group(LIMIT) as folder:
        yield folder


def test_the_killer_is_named(begin: Begin, robot: Inbox, group: Path) -> None:
    """By the group's memory events."""
    eats = "x = []\nwhile True: x.append(bytearray(8_000_000))"
    done = begin(
        ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "-", *_run(), "python3", "-c", eats]
    ).result()
    assert done.returncode == 0, done.stderr
    (message,) = [message for message in robot.messages if "inner" in message.title]
    assert message.title == "inner failed: ran out of memory, and was killed"
    assert (
        "- Signal: SIGKILL: the kernel's out-of-memory killer, which killed 1 process of this control group\n"
        in message.text
    )


def _run() -> list[str]:
    import sys

    return ["sh", "-c", '"$@"; true', "-", sys.executable, "-m", "twinkle_notifier", "run", "--name", "inner", "--"]


def test_a_group_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is known, which is not the same as none."""
    monkeypatch.setattr(control_groups, "ROOT", tmp_path)
    assert oom.oom_kills() is None


def test_the_second_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its file counts more than kills; in a container the group stands at the root."""
    monkeypatch.setattr(control_groups, "ROOT", tmp_path)
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 0\n")
    assert oom.oom_kills() == 2
    assert os.path.exists("/proc/self/cgroup")
