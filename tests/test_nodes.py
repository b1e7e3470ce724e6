"""A node that fails again: real processes on nodes of different names, which share one state folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from supervised import robot

from twinkle_notifier.inbox import Inbox

pytestmark = pytest.mark.linux
__all__ = ["robot"]
RAISES = "import twinkle_notifier as t\nwith t.watch(context='step', name='sft'):\n    raise {}"
KILLED = "import os; os.kill(os.getpid(), 9)"
RUN = ["-m", "twinkle_notifier", "run", "--name", "sft", "--", sys.executable, "-c", KILLED]


@pytest.fixture(autouse=True)
def state(robot: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shared folder; nothing else is found in temporary folders."""
    if subprocess.run(["unshare", "--uts", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may make no node of another name")
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "state"))
    (tmp_path / "state" / "nodes").mkdir(parents=True, mode=0o700)
    return tmp_path / "state" / "nodes" / "failures"


def remember(state: Path, *nodes: str) -> None:
    """One failure a day, up to yesterday."""
    days = [{"node": node, "at": time.time() - 86_400 * (9 - at)} for at, node in enumerate(nodes)]
    state.write_text(json.dumps({"failures": days}))


def fail(node: str, *arguments: str, **env: str) -> None:
    """Run Python on `node`."""
    inside = 'hostname "$1"; shift; exec "$@"'
    command = ["unshare", "--uts", "sh", "-c", inside, "sh", node, sys.executable, *arguments]
    subprocess.run(command, env={**os.environ, **env}, check=False, capture_output=True, timeout=120)


def lines(robot: Inbox) -> list[list[str]]:
    """What each message says of its node."""
    starts = ("- Node: ", "- 节点: ")
    return [[line for line in message.text.splitlines() if line.startswith(starts)] for message in robot.messages]


def kept(state: Path) -> list[str]:
    return [failure["node"] for failure in json.loads(state.read_text())["failures"]] if state.exists() else []


@pytest.mark.parametrize("how", [("-c", RAISES.format("ValueError")), tuple(RUN)], ids=["raises", "killed"])
def test_a_node_that_fails_again(robot: Inbox, state: Path, how: tuple[str, ...]) -> None:
    """Its third failure of four says so, whether the process or its supervisor sends it; another node's does not."""
    remember(state, "node-07", "node-01", "node-07")
    fail("node-07", *how)
    fail("node-02", *how)
    assert lines(robot) == [["- Node: 3 of your last 4 failures were on node-07"], []]
    assert kept(state) == ["node-07", "node-01", "node-07", "node-07", "node-02"]


def test_it_is_said_in_chinese(robot: Inbox, state: Path) -> None:
    """Too."""
    remember(state, "node-07", "node-01", "node-07")
    fail("node-07", "-c", RAISES.format("ValueError"), TWINKLE_NOTIFIER_LANGUAGE="zh")
    assert lines(robot) == [["- 节点: 最近 4 次失败中有 3 次在 node-07"]]


def test_a_single_machine_says_nothing(robot: Inbox, state: Path) -> None:
    """However often it fails: the user knows."""
    remember(state, *["node-07"] * 7)
    fail("node-07", "-c", RAISES.format("ValueError"))
    assert lines(robot) == [[]]


@pytest.mark.parametrize(
    ("ended", "messages"),
    [("KeyboardInterrupt", 1), ("SystemExit(0)", 0), ("SystemExit(143)", 1), ("SystemExit(1)", 1)],
)
def test_an_interruption_is_no_failure(robot: Inbox, state: Path, ended: str, messages: int) -> None:
    """Nor a preemption, nor an exit that is meant."""
    remember(state, "node-07", "node-01", "node-07")
    fail("node-07", "-c", RAISES.format(ended))
    is_failure = ended == "SystemExit(1)"
    assert list(map(len, lines(robot))) == [int(is_failure)] * messages
    assert len(kept(state)) == 3 + is_failure
