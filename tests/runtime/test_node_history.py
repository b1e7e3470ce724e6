"""The nodes of the last failures: what is kept, what is worth a line, and what a shared folder may hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.runtime import node_history
from twinkle_notifier.runtime.node_history import Failure, Repeated, repeated

DAY = 86_400.0


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of this test."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "state"))
    (tmp_path / "state" / "nodes").mkdir(parents=True, mode=0o700)
    return tmp_path / "state" / "nodes"


def past(*nodes: str) -> list[Failure]:
    """One failure a day, the last one yesterday."""
    return [Failure(node, time.time() - DAY * ago) for ago, node in zip(range(len(nodes), 0, -1), nodes, strict=True)]


def nodes() -> list[str]:
    return [failure.node for failure in node_history.earlier()]


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (["a", "b", "b"], Repeated(3, 4)),
        (["b", "a", "b"], Repeated(3, 4)),
        (["b", "b", "b"], None),  # this user has no other node
        (["a", "b"], None),
        (["a", "a", "a", "b", "b"], None),  # as many elsewhere
        (["b"] * 7 + ["a"], Repeated(7, 8)),  # eight are kept
        ([], None),
    ],
)
def test_what_is_worth_a_line(before: list[str], wanted: Repeated | None) -> None:
    """The failure that happens now counts."""
    assert repeated(past(*before), "b") == wanted


def test_failures_are_kept() -> None:
    """The last eight."""
    for number in range(10):
        node_history.note(f"node-{number}")
    assert nodes() == [f"node-{number}" for number in range(2, 10)]


def test_failures_together_are_one() -> None:
    """As in a crash loop: by the last, so that a loop of a day is one, too."""
    for _ in range(5):
        node_history.note("node-7")
    assert nodes() == ["node-7"]
    assert repeated([*past("a", "b"), Failure("b", time.time() - 60)], "b") is None


def test_what_is_old_or_to_come_does_not_count(folder: Path) -> None:
    """A clock of another node may be wrong."""
    now = time.time()
    times = {"old": now - 31 * DAY, "new": now - DAY, "soon": now + 30, "never": now + DAY}
    failures = [{"node": node, "at": at} for node, at in times.items()]
    (folder / "failures").write_text(json.dumps({"failures": failures}))
    assert nodes() == ["new", "soon"]


@pytest.mark.parametrize("wrong", [-40 * DAY, -2.5 * DAY, 2.5 * DAY, 40 * DAY])
def test_a_wrong_clock_takes_nothing_away(monkeypatch: pytest.MonkeyPatch, folder: Path, wrong: float) -> None:
    """What another node has noted is kept in the order of writing; the clock counts only for what is read."""
    failures = [{"node": failure.node, "at": failure.at} for failure in past("a", "b", "c")]
    (folder / "failures").write_text(json.dumps({"failures": failures}))
    clock = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: clock() + wrong)
        node_history.note("wrong")
        node_history.note("wrong")
    assert nodes() == ["a", "b", "c", *(["wrong"] if wrong == -2.5 * DAY else [])]
    node_history.note("d")
    assert [kept["node"] for kept in json.loads((folder / "failures").read_text())["failures"]] == [
        *"abc",
        "wrong",
        "d",
    ]


def test_a_wrong_clock_fills_no_disk(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Its failures are bounded as others are."""
    clock = time.time
    for days in range(20):
        monkeypatch.setattr(time, "time", lambda days=days: clock() + (100 + days) * DAY)
        node_history.note("wrong")
    assert len(json.loads((folder / "failures").read_text())["failures"]) == 8


@pytest.mark.linux
def test_what_other_folders_hold_is_of_other_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A temporary one, whether this run's shared folder is still empty or there is none."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / f"twinkle-notifier-{os.getuid()}"))
    node_history.note("elsewhere")
    assert nodes() == ["elsewhere"]
    monkeypatch.delenv("TWINKLE_NOTIFIER_DIR")
    assert nodes() == []
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "new"))
    assert nodes() == []
    node_history.note("node-7")
    assert nodes() == ["node-7"]


@settings(deadline=None)
@given(st.binary(max_size=200) | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(str))
def test_any_content_is_replaced(data: bytes | str) -> None:
    """It counts as none, and the next failure is kept."""
    file = Path(os.environ["TWINKLE_NOTIFIER_DIR"], "nodes", "failures")
    file.write_bytes(data if isinstance(data, bytes) else f'{{"failures": {data}}}'.encode("utf-8", "replace"))
    node_history.note("node-7")
    assert nodes() == ["node-7"]


@pytest.mark.parametrize("name", ["x" * 5000, "节点" * 100, "", "a\0b\n\ud800"])
def test_any_name_of_a_node(name: str) -> None:
    """The file stays small enough to be read again."""
    for number in range(8):
        node_history.note(f"{number}{name}")
    assert len(nodes()) == 8


@pytest.mark.linux
@pytest.mark.parametrize("what", ["link", "folder", "fifo", "foreign", "large"])
def test_what_is_no_file_of_ours(folder: Path, tmp_path: Path, what: str) -> None:
    """It is not read, and nothing behind a link is written; nothing hangs or raises."""
    file, victim = folder / "failures", tmp_path / "victim"
    text = json.dumps({"failures": [{"node": "evil", "at": time.time()}]})
    victim.write_text(text)
    if what == "link":
        file.symlink_to(victim)
    elif what == "folder":
        file.mkdir()
    elif what == "fifo":
        os.mkfifo(file)
    else:
        file.write_text(text + " " * (5000 if what == "large" else 0))
    if what == "foreign":
        if os.getuid():
            pytest.skip("this user may give no file away")
        os.chown(file, 4242, 4242)
    assert nodes() == []
    node_history.note("node-7")
    assert "evil" not in nodes()
    assert victim.read_text() == text


@pytest.mark.linux
def test_a_lock_that_is_held_takes_no_time(folder: Path) -> None:
    """Then this failure is not kept."""
    holds = "import fcntl, sys, time; file = open(sys.argv[1], 'w'); fcntl.flock(file, 2); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", holds, folder / "lock"], cwd="/", stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        began = time.monotonic()
        node_history.note("node-7")
        assert time.monotonic() - began < 3
        holder.kill()
    node_history.note("node-8")
    assert nodes() == ["node-8"]


def test_eight_processes_at_once() -> None:
    """None takes the other's away, as far as the lock is free in time."""
    script = "import sys; from twinkle_notifier.runtime import node_history as h; h._WAIT = h._BUDGET = 30; h.note(sys.argv[1])"
    running = [subprocess.Popen([sys.executable, "-c", script, f"node-{number}"], cwd="/") for number in range(8)]
    assert [process.wait(120) for process in running] == [0] * 8
    assert sorted(nodes()) == [f"node-{number}" for number in range(8)]
