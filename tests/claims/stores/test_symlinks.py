"""Claims as symbolic links, by real processes on a real file system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twinkle_notifier.claims.stores.files import SymlinkStore


def test_records_are_kept_in_order_and_never_change(tmp_path: Path) -> None:
    """Seen alike by two processes' stores in one folder; a log that nobody began is empty."""
    store, other = SymlinkStore(tmp_path), SymlinkStore(tmp_path)
    records = [b'{"a": 1}', b"\xff/../x", b"x" * 1000]
    assert store.read("incident", 0) == []
    assert [store.append("incident", index, record) for index, record in enumerate(records)] == [True] * 3
    assert not other.append("incident", 0, b"second")
    assert other.read("incident", 0) == records
    assert other.read("incident", 2) == records[2:]


def test_one_process_wins_each_record(tmp_path: Path) -> None:
    """Where none can write a file, four race for fifty records."""
    code = f"""
import pathlib, resource, sys
from twinkle_notifier.claims.stores.files import SymlinkStore
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
store = SymlinkStore(pathlib.Path({str(tmp_path)!r}))
sys.stdin.readline()
print(sum(store.append("incident", index, sys.argv[1].encode()) for index in range(50)))
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    racers = [
        subprocess.Popen([sys.executable, "-c", code, f"racer {number}"], **pipes, text=True) for number in range(4)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert sum(int(racer.communicate(timeout=180)[0]) for racer in racers) == 50
    assert len(SymlinkStore(tmp_path).read("incident", 0)) == 50
