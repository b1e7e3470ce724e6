"""This machine and its processes, as /proc shows them."""

from __future__ import annotations

import os
import socket
import time
from functools import cache


@cache
def boot_id() -> str:
    """What this machine is called until it starts again."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:  # not Linux
        return f"{socket.gethostname()}-{round(time.time() - time.monotonic(), -1)}"


def host_key() -> str:
    """What the processes that can see each other by their ids have in common."""
    try:
        return f"{boot_id()}/{os.readlink('/proc/self/ns/pid')}"  # a pid means nothing in another container
    except OSError:
        return boot_id()


def started_at(pid: int) -> float | None:
    """Seconds from boot to the start of process `pid`, to 10 ms; None when there is no such process (or no /proc)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] == "Z":
        return None  # dead, and not yet reaped
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")
