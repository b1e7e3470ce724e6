"""What the kernel has logged of devices, disks and memory: read from ``/dev/kmsg``, where this user may.

The kernel gives its records from the oldest on, one by one, and no way to begin at the end. Their times are of a clock
that is not corrected, so they may be off by a second for each day since boot.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from twinkle_notifier.surroundings.thresholds import RECENT
from twinkle_notifier.surroundings.trouble import Trouble
from twinkle_notifier.surroundings.xids import CLEANED_UP, OF_EITHER, OF_MACHINE, RECOVERY, meaning

PATH = "/dev/kmsg"
_DEVICE = 1 << 8 | 11  # os.makedev(1, 11), which Windows lacks; in a container a terminal may be in its place
_READ = 8192  # bytes: no record is longer
_BYTES = 8 << 20  # of all records
_TEXT = 500  # characters of a record
_MOST = 3  # troubles
_ALWAYS = {*OF_MACHINE, *OF_EITHER, RECOVERY}  # count whatever program met them
_PLACE = 20  # characters
_RECORD = re.compile(rb"\d{1,10},\d{1,20},(\d{1,18}),[^;]{0,200};(.*)")  # level, number, microseconds since boot, flags
_WORDS = (b"Xid (", b"error", b"nfs: server ", b"ut of memory: Kill")  # of those that are told
_XID = re.compile(  # with MIG the place is followed by the instance
    r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]{4,20})(?: GPU-I:\w{1,4})?\): (\d{1,4}),(?: pid='?(\d{1,10})\b)?"
)
_NFS_OK = re.compile(r"nfs: server (\S{1,100}) OK")
_OOM = re.compile(r"(Memory cgroup o|O)ut of memory: Kill(?:ed)? process (\d{1,10}) \(([^)]{1,64})\)")
_DISKS = r"(?!fd\d|sr\d|loop\d|ram\d)([\w.!-]{1,40})"  # a drive without a disk in it is no fault
_OTHERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"(?:EXT4-fs|BTRFS|F2FS-fs) error \(device {_DISKS}"), "file system"),
    (re.compile(rf"(?:I/O|critical medium|critical target) error, dev {_DISKS}"), "disk"),
    (re.compile(rf"Buffer I/O error on dev(?:ice)? {_DISKS}"), "disk"),
    (re.compile(r"nfs: server (\S{1,100}) not responding"), "nfs"),
)
_SAID: dict[str, Callable[[str, float], Trouble]] = {
    "file system": lambda name, ago: Trouble(
        "the kernel reports an error in the file system of {device}, about {ago} before", {"device": name, "ago": ago}
    ),
    "disk": lambda name, ago: Trouble(
        "the kernel reports I/O errors of {device}, about {ago} before", {"device": name, "ago": ago}
    ),
    "nfs": lambda name, ago: Trouble(
        "the NFS server {server} does not respond, since about {ago}", {"server": name, "ago": ago}
    ),
}


class Record(NamedTuple):
    """One line of the log, and how many seconds before now it was written."""

    ago: float
    text: str


def records(seconds: float, until: float, path: str = PATH) -> Iterator[Record]:
    """Those of the last `seconds` that may matter, the oldest first; ends at `until` (of time.monotonic).

    Raises OSError if the log cannot be opened, or if that is another device.
    """
    now = time.monotonic()
    for line in _lines(path, until):
        if any(word in line for word in _WORDS) and (found := _RECORD.match(line)) is not None:
            ago = now - int(found[1]) / 1e6
            if ago <= seconds:
                yield Record(max(ago, 0.0), found[2][: 4 * _TEXT].decode("utf-8", "replace")[:_TEXT])


def _lines(path: str, until: float) -> Iterator[bytes]:
    flags = ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY")  # the last: a terminal would become this process's own
    file = os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in flags))
    try:
        _check(os.fstat(file))
        left, begun = _BYTES, b""
        while left > 0 and time.monotonic() < until:
            try:
                data = os.read(file, _READ)
            except BrokenPipeError:  # records were overwritten meanwhile: the next read is of the oldest that is left
                continue
            except OSError:  # BlockingIOError: that was the last
                break
            if not data:
                break
            left -= len(data)
            *lines, begun = (begun[-_READ:] + data).split(b"\n")
            yield from lines
    finally:
        os.close(file)


def _check(found: os.stat_result) -> None:
    """Raise OSError unless it is the kernel's log, or a file: what a terminal or a FIFO gives is lost to others."""
    is_log = stat.S_ISCHR(found.st_mode) and found.st_rdev == _DEVICE
    if not (is_log or stat.S_ISREG(found.st_mode)):
        raise OSError(errno.EINVAL, "it is not the kernel's log")


def troubles(
    found: Iterable[Record],
    seconds: float,
    pids: Collection[int],
    indexes: Mapping[str, int],
    others: Collection[str] = (),
    *,
    oom: bool,
) -> list[Trouble]:
    """What the records say, the machine's Xids first, three at most; of what is said again and again the last.

    Xids count for `seconds`, all else for ten minutes. One that is the fault of a program counts if that is of `pids`,
    as does a process that was killed for its control group: that may be another job's.
    `indexes`: the numbers of GPUs by their `place`. `others`: the places of those that this process may not use, which
    come last. `oom`: whether the out-of-memory killer is to be told of.
    """
    xids: dict[tuple[str, int], Trouble | None] = {}
    rest: dict[tuple[str, str], Trouble] = {}
    for record in found:
        if (xid := _XID.search(record.text)) is not None:
            where, number = place(xid[1]), int(xid[2])
            if record.ago <= seconds and _counts(number, xid[3], pids):
                xids[where, number] = _xid(number, where, indexes, record)
        elif record.ago <= RECENT:
            _note(record, rest, pids if oom else None)
    ordered = sorted(xids, key=lambda at: (at[0] in others, at[1] not in OF_MACHINE, at[1] not in _ALWAYS))
    return [trouble for trouble in (*map(xids.get, ordered), *rest.values()) if trouble is not None][:_MOST]


def _counts(number: int, pid: str | None, pids: Collection[int]) -> bool:
    return number in _ALWAYS or (number != CLEANED_UP and pid is not None and int(pid) in pids)


def _note(record: Record, others: dict[tuple[str, str], Trouble], pids: Collection[int] | None) -> None:
    if (answers := _NFS_OK.search(record.text)) is not None:
        others.pop(("nfs", answers[1]), None)
        return
    killed = _OOM.search(record.text) if pids is not None else None
    if killed is not None and (killed[1] == "O" or int(killed[2]) in (pids or ())):
        values = {"pid": killed[2], "program": killed[3], "ago": record.ago}
        text = "the kernel's out-of-memory killer ended process {pid} ({program}), about {ago} before"
        others["oom", ""] = Trouble(text, values)
    for pattern, kind in _OTHERS:
        if (said := pattern.search(record.text)) is not None:
            others[kind, said[1]] = _SAID[kind](said[1], record.ago)
            return


def _xid(number: int, where: str, indexes: Mapping[str, int], record: Record) -> Trouble | None:
    """None: the GPU has recovered."""
    said = meaning(number, record.text)
    if said is None and number == RECOVERY:
        return None
    gpu = named(where, indexes.get(where))
    values: dict[str, str | int | float | Trouble] = {"number": str(number), "gpu": gpu, "ago": record.ago}
    if said is None:
        return Trouble("Xid {number} on {gpu}, about {ago} before", values)
    values["meaning"] = said
    if number in OF_MACHINE:
        text = "Xid {number} on {gpu}, about {ago} before: {meaning} (the machine's fault, not the program's)"
        return Trouble(text, values)
    return Trouble("Xid {number} on {gpu}, about {ago} before: {meaning}", values)


def named(where: str, index: int | None) -> Trouble:
    """The GPU at the place `where` on the bus, by NVML's number `index`: CUDA's number of it may be another."""
    values = {"place": where[:_PLACE], "index": str(index)}
    if index is None:
        return Trouble("the GPU at {place}", values)
    return Trouble("GPU {index} of the machine ({place})" if where else "GPU {index} of the machine", values)


def place(bus: str) -> str:
    """A GPU's place on the bus, which the kernel and NVML name in their own ways: ``0000:3b:00``."""
    with suppress(ValueError):
        domain, rest, device = bus.lower().partition(".")[0].split(":")[-3:]
        return f"{int(domain, 16):04x}:{int(rest, 16):02x}:{int(device, 16):02x}"
    return bus.lower()
