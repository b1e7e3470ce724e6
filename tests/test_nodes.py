"""A node that fails again: real processes on nodes of different names, which share one state folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
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
    # From a folder without a checkout: the wheel is tested.
    subprocess.run(command, cwd="/", env={**os.environ, **env}, check=False, capture_output=True, timeout=120)


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


DEFERS = """
import twinkle_notifier as t
from twinkle_notifier.alerts.handover import Deferred
notifier = Deferred(t.DingNotifier("env:DING_URL", "env:DING_SECRET"))
try:
    raise ValueError("the loss is lost")
except ValueError as error:
    t.notify_exception(notifier, "step", error, name="sft")
    {}
"""
TOGETHER = """
import os, pathlib, time
folder = pathlib.Path(os.environ["BEGAN"])
(folder / ("began-" + os.environ["RANK"])).touch()
while len(list(folder.glob("began-*"))) < 2:
    time.sleep(0.01)
"""
NOWHERE = "http://127.0.0.1:1/robot/send?access_token=x"


@pytest.mark.parametrize("how", [("-c", RAISES.format("ValueError")), tuple(RUN)], ids=["raises", "killed"])
def test_a_node_whose_network_fails(robot: Inbox, state: Path, how: tuple[str, ...]) -> None:
    """Its failures count, though no alert gets out."""
    remember(state, "node-01")
    fail("node-07", *how, DING_URL=NOWHERE)
    assert kept(state) == ["node-01", "node-07"]
    assert robot.messages == []


def test_a_process_that_is_killed_while_it_sends(state: Path) -> None:
    """Its failure counts: its network may hang until a launcher kills it."""
    remember(state, "node-01")
    kill = "import os, threading\nthreading.Timer(4.0, lambda: os.kill(os.getpid(), 9)).start()\n"
    with Inbox(delay=60.0) as hangs:
        fail("node-07", "-c", kill + RAISES.format("ValueError"), DING_URL=hangs.url)
    assert kept(state) == ["node-01", "node-07"]


def test_ranks_of_two_nodes_that_meet_one_error(state: Path) -> None:
    """It is one failure, though both try to send: on the node of the first."""
    remember(state, "node-01")
    run = {"WORLD_SIZE": "2", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "1", "LOCAL_RANK": "0", "DING_URL": NOWHERE}
    run["BEGAN"] = str(state.parent.parent.parent)
    ranks = [
        threading.Thread(
            target=fail,
            args=(f"node-0{7 + rank}", "-c", TOGETHER + RAISES.format("ValueError")),
            kwargs={**run, "RANK": str(rank)},
        )
        for rank in (0, 1)
    ]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    assert kept(state) in (["node-01", "node-07"], ["node-01", "node-08"])


@pytest.mark.parametrize(("then", "counted"), [("raise", ["node-07"]), ("pass", [])])
def test_what_the_supervisor_decides_on(robot: Inbox, state: Path, then: str, counted: list[str]) -> None:
    """The failure counts if the run ends by it."""
    remember(state, "node-01")
    fail("node-07", *RUN[:-1], DEFERS.format(then))
    assert len(robot.messages) == len(counted)
    assert kept(state) == ["node-01", *counted]


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
