"""Disks and memory in which little is left."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from twinkle_notifier import isolation
from twinkle_notifier.surroundings import control_groups, files
from twinkle_notifier.surroundings.thresholds import (
    DISK_LEFT,
    DISK_SHARE,
    FILES_LEFT,
    FILES_SHARE,
    MEMORY_SHARE,
    SWAP_BESIDE,
    SWAP_SHARE,
)
from twinkle_notifier.surroundings.trouble import Trouble

_UPWARDS = 16  # folders
_COUNT = 0.1  # seconds to count the bytes of a checkpoint
_MEMINFO = "/proc/meminfo"
_LINE = re.compile(r"(?m)^(\w+):? +(\d{1,15})(?: kB)?$")
_FILE = 1 << 16  # bytes
# Where the limit of a control group is, and what is used of it: of cgroup-v2, and of v1.
_GROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def disks(checkpoint: str) -> Callable[[float], list[Trouble]]:
    """Begin to look at the disks; return a function that waits up to so many seconds for what is out of order.

    Those of the folder that `checkpoint` is in, of the working folder, of temporary files and of shared memory. Each is
    named once. Each has a thread: one on a dead mount hides no other.
    """
    asked = [isolation.start(partial(_disk, path, what, checkpoint)) for path, what in _places(checkpoint)]

    def found(seconds: float) -> list[Trouble]:
        until, seen = time.monotonic() + seconds, dict[int, Trouble | None]()
        for answer in asked:
            if (disk := answer(max(until - time.monotonic(), 0.0)).value) is not None:
                seen.setdefault(*disk)
        return [trouble for trouble in seen.values() if trouble is not None]

    return found


def _places(checkpoint: str) -> Iterator[tuple[str, str]]:
    with suppress(OSError):  # the working folder was deleted
        if checkpoint and "://" not in checkpoint:
            yield os.path.dirname(os.path.abspath(checkpoint)), "checkpoints"
        yield os.getcwd(), "working folder"
    yield tempfile.tempdir or os.environ.get("TMPDIR") or "/tmp", "temporary files"  # noqa: S108  it is only looked at
    yield "/dev/shm", "shared memory"  # noqa: S108


def _disk(path: str, what: str, checkpoint: str) -> tuple[int, Trouble | None]:
    """The device of `path`, or of the folder around it that exists, and what is wrong with it. Raises OSError."""
    for _ in range(_UPWARDS):
        if os.path.isdir(path):
            break
        path = os.path.dirname(path)
    disk, device = os.statvfs(path), os.stat(path).st_dev
    return device, _of_disk(path, what, disk, _size(checkpoint) if what == "checkpoints" else 0)


def _size(checkpoint: str) -> int:
    """Bytes of its files, as far as they are counted in 0.1 s; 0 if it is gone."""
    until, size, folders = time.monotonic() + _COUNT, 0, [checkpoint]
    with suppress(OSError):
        if os.path.isfile(checkpoint):
            return os.stat(checkpoint).st_size
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if time.monotonic() > until:
                        return size
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
    return size


def _of_disk(path: str, what: str, disk: os.statvfs_result, next_needs: int) -> Trouble | None:
    values: dict[str, str | int | float | Trouble] = {"path": path, "what": _WHAT[what]}
    if disk.f_flag & os.ST_RDONLY:  # an image of a container often is
        return Trouble("{path} ({what}) is read-only", values) if what == "checkpoints" else None
    total = disk.f_blocks * disk.f_frsize
    left = (disk.f_bfree if os.getuid() == 0 else disk.f_bavail) * disk.f_frsize
    if 0 <= left < min(DISK_LEFT, DISK_SHARE * total):
        return Trouble("{path} ({what}) has {left} left of {total}", {**values, "left": left, "total": total})
    if 0 <= left < next_needs:
        sizes = {"left": left, "size": next_needs}
        return Trouble("{path} ({what}) has {left} left, less than the last checkpoint ({size})", {**values, **sizes})
    if disk.f_files > 0 and 0 <= disk.f_favail < min(FILES_LEFT, FILES_SHARE * disk.f_files):
        number = str(disk.f_favail)
        return Trouble("{path} ({what}) has room for {files} more files", {**values, "files": number})
    return None


_WHAT = {
    "checkpoints": Trouble("checkpoints"),
    "working folder": Trouble("working folder"),
    "temporary files": Trouble("temporary files"),
    "shared memory": Trouble("shared memory"),
}


def memory() -> list[Trouble]:
    """The host's memory and swap, and the control group's memory. Raises OSError or ValueError where there is none."""
    return [*_of_host(_numbers(files.text(_MEMINFO, _FILE))), *_of_groups()]


def _numbers(text: str) -> dict[str, int]:
    return {name: int(number) for name, number in _LINE.findall(text)}


def _of_host(kilobytes: dict[str, int]) -> Iterator[Trouble]:
    total, left, swap = (kilobytes.get(name, 0) << 10 for name in ("MemTotal", "MemAvailable", "SwapTotal"))
    if "MemAvailable" not in kilobytes or not 0 <= left <= total or not total:
        return
    if left < MEMORY_SHARE * total:
        yield _used("host memory {percent} % used ({left} of {total} left)", left, total)
    free = kilobytes.get("SwapFree", swap) << 10
    if left < SWAP_BESIDE * total and free < SWAP_SHARE * swap:
        yield _used("swap {percent} % used ({left} of {total} left)", free, swap)


def _of_groups() -> Iterator[Trouble]:
    """The innermost group that is short of memory."""
    for places in control_groups.of_memory():
        for group in _upwards(places[0]):
            if (found := _of_group(group)) is not None:
                yield found
                return


def _upwards(group: Path) -> Iterator[Path]:
    yield from [folder for folder in (group, *group.parents) if folder.is_relative_to(control_groups.ROOT)][:_UPWARDS]
    if not group.is_dir():
        yield control_groups.ROOT


def _of_group(group: Path) -> Trouble | None:
    for limit_file, used_file, idle in _GROUP_FILES:
        with suppress(OSError, ValueError):
            limit, used = (int(files.text(str(group / name), _FILE)) for name in (limit_file, used_file))
            used -= _numbers(files.text(str(group / "memory.stat"), _FILE)).get(idle, 0)
            if 0 <= (left := limit - used) < MEMORY_SHARE * limit:
                return _used("the control group's memory {percent} % used ({left} of {total} left)", left, limit)
    return None


def _used(text: str, left: int, total: int) -> Trouble:
    return Trouble(text, {"percent": str(100 * (total - left) // total), "left": left, "total": total})
