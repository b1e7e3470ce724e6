"""Disks and memory in which little is left: a real disk where this user may mount one."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from disks import disk_of
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.messages.machine import machine_lines
from twinkle_notifier.surroundings import control_groups, machine, room

pytestmark = pytest.mark.linux
GB = 1 << 20  # in kB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB with 100 files."""
    with disk_of(tmp_path / "disk", "size=1m,nr_inodes=100") as path:
        yield path


def told(checkpoint: str, language: str = "en") -> list[str]:
    return [line for line in machine_lines(room.disks(checkpoint)(5.0), language) if "checkpoint" in line]


def test_a_disk_with_room_says_nothing(disk: Path) -> None:
    """Nor one that is not known, nor a place on the web."""
    assert told(str(disk / "checkpoint-100")) == told("") == told("s3://bucket/checkpoint-100") == []


def test_a_disk_that_is_nearly_full(disk: Path) -> None:
    """Wherever on it the checkpoint is, or would have been."""
    (disk / "big").write_bytes(bytes((1 << 20) - (32 << 10)))
    said = f"- Machine: {disk} (checkpoints) has 32768 bytes left of 1.00 MiB"
    assert told(str(disk / "checkpoint-100")) == told(str(disk / "gone" / "deep" / "checkpoint-100")) == [said]
    assert told(str(disk / "x"), "zh") == [f"- 机器异常: {disk}（checkpoint）只剩 32768 bytes，共 1.00 MiB"]


def test_a_disk_that_is_named_once(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though checkpoints, the working folder and temporary files are all on it."""
    (disk / "big").write_bytes(bytes((1 << 20) - (16 << 10)))
    monkeypatch.chdir(disk)
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    assert [str(disk) in line for line in machine_lines(room.disks(str(disk / "x"))(5.0))].count(True) == 1


def test_a_disk_without_room_for_files(disk: Path) -> None:
    """It is full, though it has room for bytes."""
    with suppress(OSError):
        for number in range(200):
            (disk / str(number)).touch()
    assert told(str(disk / "x")) == [f"- Machine: {disk} (checkpoints) has room for 0 more files"]


def test_a_disk_that_became_read_only(disk: Path) -> None:
    """As one does after errors."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert told(str(disk / "x")) == [f"- Machine: {disk} (checkpoints) is read-only"]


def test_a_disk_that_hangs(monkeypatch: pytest.MonkeyPatch, disk: Path) -> None:
    """It holds nothing up, and what was found before it is told."""
    (disk / "big").write_bytes(bytes((1 << 20) - (16 << 10)))
    statvfs = os.statvfs
    monkeypatch.setattr(os, "statvfs", lambda path: statvfs(path) if path == str(disk) else time.sleep(60))
    began = time.monotonic()
    found = machine.look(str(disk / "x"), 1.0, ())
    assert time.monotonic() - began < 5
    assert any(str(disk) in line for line in machine_lines(found))


def test_a_dead_mount_hides_no_other_disk(monkeypatch: pytest.MonkeyPatch, disk: Path, tmp_path: Path) -> None:
    """Though it is the first that is looked at, and all others come after it."""
    (disk / "big").write_bytes(bytes((1 << 20) - (16 << 10)))
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    statvfs = os.statvfs
    monkeypatch.setattr(os, "statvfs", lambda path: time.sleep(60) if path == str(tmp_path) else statvfs(path))
    began = time.monotonic()
    lines = machine_lines(machine.look(str(tmp_path / "x"), 1.0, ()))
    assert time.monotonic() - began < 5
    assert [line for line in lines if f"{disk} (temporary files)" in line]


def test_a_working_folder_that_was_deleted(monkeypatch: pytest.MonkeyPatch, disk: Path) -> None:
    """The other places count."""
    (disk / "big").write_bytes(bytes((1 << 20) - (16 << 10)))
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    monkeypatch.setattr(os, "getcwd", lambda: os.stat("/no/such/folder"))
    assert [line for line in machine_lines(room.disks("x")(5.0)) if str(disk) in line]


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_disk_with_less_room_than_the_last_checkpoint(disk: Path, *, is_folder: bool) -> None:
    """The next one does not fit, though the disk is far from full."""
    last = disk / "checkpoint-100"
    if is_folder:
        (last / "shards").mkdir(parents=True)
        (last / "self").symlink_to(last)
        for name in ("a", "shards/b"):
            (last / name).write_bytes(bytes(300 << 10))
    else:
        last.write_bytes(bytes(600 << 10))
    (line,) = told(str(last))
    left, size = map(int, re.findall(r"(\d+) bytes", line))
    assert "left, less than the last checkpoint" in line
    assert left < 600 << 10 <= size < 604 << 10  # the link counts as a link
    (disk / "checkpoint-200").write_bytes(bytes(100 << 10))
    assert told(str(disk / "checkpoint-200")) == []


def meminfo(total: int, left: int, swap: int = 0, free: int = 0) -> dict[str, int]:
    return {"MemTotal": total * GB, "MemAvailable": left * GB, "SwapTotal": swap * GB, "SwapFree": free * GB}


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        (meminfo(256, 9), []),
        (meminfo(256, 200, 8, 0), []),
        (meminfo(256, 3), ["host memory 98 % used (3.00 GiB of 256.00 GiB left)"]),
        (meminfo(256, 20, 8, 0), ["swap 100 % used (0 bytes of 8.00 GiB left)"]),
        ({"MemTotal": GB}, []),
        ({}, []),
        (meminfo(1, 5), []),
    ],
)
def test_the_hosts_memory(numbers: dict[str, int], wanted: list[str]) -> None:
    """Swap that is full is usual after months, unless memory is short, too."""
    assert machine_lines(room._of_host(numbers)) == [f"- Machine: {line}" for line in wanted]


def test_the_memory_of_this_machine() -> None:
    """It is read; and this machine runs tests, so it has some."""
    assert room._numbers(Path("/proc/meminfo").read_text())["MemTotal"] > 0
    assert [line for line in machine_lines(room.memory()) if "host" in line] == []


@settings(deadline=None)
@given(st.text() | st.text(max_size=20).map(lambda text: text * 5_000))
def test_any_text_of_the_kernel(text: str) -> None:
    """Nothing is raised."""
    list(room._of_host(room._numbers(text)))


@pytest.mark.parametrize("names", room._GROUP_FILES)
@pytest.mark.parametrize(
    ("limit", "used", "idle", "is_short"),
    [("1000", "990", 0, True), ("1000", "990", 500, False), ("max", "990", 0, False), ("1000", "what", 0, False)],
)
def test_the_limit_of_a_control_group(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    names: tuple[str, str, str],
    limit: str,
    used: str,
    idle: int,
    is_short: bool,
) -> None:
    """Of the innermost that is short; what the kernel can take back is no use of it."""
    monkeypatch.setattr(control_groups, "ROOT", tmp_path)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.setattr(control_groups, "of_memory", lambda: [[inner, tmp_path]])
    for name, text in zip((*names[:2], "memory.stat"), (limit, used, f"anon 1\n{names[2]} {idle}\n"), strict=True):
        (tmp_path / "a" / name).write_text(text)
    said = "the control group's memory 99 % used (10 bytes of 1000 bytes left)"
    assert machine_lines(room._of_groups()) == ([f"- Machine: {said}"] if is_short else [])
