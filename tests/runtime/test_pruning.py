"""What is older than a day goes, by whoever comes by."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.runtime import pruning

DAY = 86400.0
SEND = """
from twinkle_notifier import Notifier, notify_exception
class Printer(Notifier):
    def __call__(self, message):
        print("SENT", flush=True)
try:
    1 / 0
except ZeroDivisionError as e:
    notify_exception(Printer(), "step", e, "sft")
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pruning, "_last", -1e9)
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def made(path: Path, age: float) -> Path:
    """A file of that age, in a folder of that age."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch()
    for each in (path, path.parent, path.parent.parent):
        os.utime(each, (time.time() - age, time.time() - age))
    return path


def left(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_message_takes_away_what_is_old(root: Path) -> None:
    """Of runs, of crashes and of robots; what waits to be sent stays, however old."""
    for name in (
        "claims/run/incident/0",
        "claims/run/usable",
        "history/project/error",
        "rate/robot",
        "claims/draft-1-2",
        "handover/parent/told/0",
    ):
        made(root / name, 2 * DAY)
    made(root / "spool/channel/letter.json", 30 * DAY)
    made(root / "supervised/folder/a.word", 30 * DAY)
    made(root / "claims/young/incident/0", DAY / 2)
    made(root / "history/project/young", DAY / 2)
    old = ("claims/run/", "claims/draft", "history/project/error", "rate/robot", "handover/parent/")
    done = subprocess.run([sys.executable, "-c", SEND], capture_output=True, text=True, timeout=120, cwd="/")
    assert done.stdout == "SENT\n", done.stderr
    stay = {"spool/channel/letter.json", "supervised/folder/a.word", "claims/young/incident/0", "history/project/young"}
    assert left(root) & stay == stay
    assert [name for name in left(root) if name.startswith(old)] == []


def test_taking_away_leaves_the_program_s_random_numbers(root: Path) -> None:
    """They belong to the training, whose checkpoints hold where they stand."""
    made(root / "claims/run/incident/0", 2 * DAY)
    before = random.getstate()
    pruning.prune(20)
    assert (left(root), random.getstate()) == (set(), before)


def test_a_flush_takes_away_what_is_old(root: Path) -> None:
    """Nodes without a way out never get to it."""
    made(root / "claims/run/incident/0", 2 * DAY)
    made(root / "claims/young/incident/0", 60.0)
    done = subprocess.run([sys.executable, "-m", "twinkle_notifier", "flush"], capture_output=True, text=True, cwd="/")
    assert done.stdout == "0 sent, 0 left\n", done.stderr
    assert left(root) == {"claims/young/incident/0"}


@pytest.mark.parametrize("young", ["run", "incident", "record"])
def test_a_run_stays_as_long_as_anything_of_it_is_young(young: str, root: Path) -> None:
    """All its records: a log without its first ones would be another log."""
    store = FileStore(root / "claims" / "run")
    (root / "claims").mkdir(parents=True, mode=0o700)
    for index in range(3):
        store.append("incident", index, b"x")
        store.append("another", index, b"x")
    for path in (root / "claims").rglob("*"):
        if path != {"run": root / "claims/run", "incident": root / "claims/run/incident"}.get(young):
            os.utime(path, (0, 0))
    if young == "record":
        store.append("another", 3, b"x")
    pruning.prune(30.0)
    assert store.read("incident", 0) == [b"x"] * 3


def test_a_run_goes_on_after_its_claims_were_taken_away(root: Path) -> None:
    """It begins anew."""
    store = FileStore.of_run("run")
    assert store.append("incident", 0, b"x")
    for path in (root / "claims").rglob("*"):
        os.utime(path, (0, 0))
    pruning.prune(30.0)
    assert left(root) == set()
    assert store.read("incident", 0) == []
    assert store.append("incident", 0, b"y")


def test_the_disk_s_clock_decides(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a machine may be years ahead."""
    made(root / "claims/run/incident/0", 60.0)
    later = time.time() + 400 * DAY
    monkeypatch.setattr("time.time", lambda: later)
    pruning.prune(30.0)
    assert left(root) == {"claims/run/incident/0"}


def test_each_call_goes_on_where_time_was_short(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also within one large log: of that nobody sees a part meanwhile."""
    for number in range(40):
        made(root / f"claims/{number}/incident/0", 60.0)
    for index in range(40):
        made(root / f"claims/old/incident/{index}", 2 * DAY)
    for _ in range(2000):
        monkeypatch.setattr(pruning, "_last", -1e9)
        pruning.prune(0.02)
        known = len(list((root / "claims/old/incident").glob("*"))) if (root / "claims/old").exists() else 0
        assert known in (0, 40)
        if len(left(root)) == 40:
            break
    assert left(root) == {f"claims/{number}/incident/0" for number in range(40)}


def test_a_process_looks_once_an_hour(root: Path) -> None:
    """A training that sends often does not look often."""
    made(root / "claims/run/incident/0", 2 * DAY)
    pruning.prune(30.0)
    made(root / "claims/run/incident/0", 2 * DAY)
    pruning.prune(30.0)
    assert left(root) == {"claims/run/incident/0"}


def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    """What they lead to stays."""
    made(tmp_path / "work/deep/file", 2 * DAY)
    run = made(root / "claims/run/usable", 2 * DAY).parent
    (run / "link").symlink_to(tmp_path / "work")
    os.utime(run / "link", (0, 0), follow_symlinks=False)
    os.utime(run, (0, 0))
    pruning.prune(30.0)
    assert list((root / "claims").iterdir()) == []
    assert left(tmp_path / "work") == {"deep/file"}
