"""This machine and its processes, as /proc shows them."""

from __future__ import annotations

import os
import re
import socket
import time
from functools import cache
from pathlib import Path


@cache
def boot_id() -> str:
    """What this machine is called until it starts again."""
    try:
        with Path("/proc/sys/kernel/random/boot_id").open(encoding="ascii") as file:
            return file.read().strip()
    except OSError:  # not Linux
        return f"{socket.gethostname()}-{round(time.time() - time.monotonic(), -1)}"


def host_key() -> str:
    """What the processes that can see each other by their ids have in common."""
    try:
        return f"{boot_id()}/{os.readlink('/proc/self/ns/pid')}"  # a pid means nothing in another container
    except OSError:
        return boot_id()


def scope() -> str:
    """What the processes of this container have in common, and those of another container or machine have not.

    By what is now: the kernel uses the numbers of namespaces again.
    """
    return f"{boot_id()}/{os.uname().nodename}/{'/'.join(_namespace(name) for name in ('pid', 'net', 'uts'))}"


def network() -> str:
    """What the processes that reach each other at a loopback address have in common."""
    return f"{boot_id()}/{_namespace('net')}"


def _namespace(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/ns/{name}")
    except OSError:  # not Linux
        return ""


def folder_key(path: str, container: str) -> str:
    """What tells the folder `path` of this process from one of that path elsewhere, now or later. Raises OSError.

    In a known `container` it is the same folder after a restart in place. Elsewhere the numbers of a folder tell, and
    where they are used again, as in memory, when the container or machine was started.
    """
    folder, host = os.stat(path), os.uname().nodename
    if container:
        return f"{container}/{host}/{folder.st_ino}/{path}"
    began = started_at(1) if os.major(folder.st_dev) == 0 else ""
    return f"{boot_id()}/{host}/{folder.st_dev}/{folder.st_ino}/{began}/{path}"


def process_key(pid: int) -> str:
    """What names process `pid` among all that are, and were since this machine was started."""
    return f"{host_key()}/{pid}/{started_at(pid)}"


def started_at(pid: int) -> float | None:
    """Seconds from boot to the start of process `pid`, to 10 ms; None when there is no such process (or no /proc)."""
    try:
        with Path(f"/proc/{pid}/stat").open(encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] == "Z":
        return None  # dead, and not yet reaped
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


# Docker, Podman and Kubernetes mount these from a folder that is named after the container or the pod. So the name
# stays when a container is restarted in place, and in Kubernetes when a pod gets a new container.
_MOUNTED = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32,64}")
_LAYER = re.compile(r"(?:^|,)upperdir=([^,]+)")
_MOST = 1_000_000  # characters of the table of mounts


def identity() -> str:
    """What names the container for as long as it, or its pod, exists; empty where that cannot be told."""
    mounts = _mounts()
    for point in _MOUNTED:
        found = _ID.findall(mounts.get(point, ("", ""))[0])
        if found:
            return str(found[-1])
    layer = _LAYER.search(mounts.get("/", ("", ""))[1])
    return layer[1] if layer else ""


def _mounts() -> dict[str, tuple[str, str]]:
    """For each place what is mounted there: its path within its own file system, and that one's options."""
    try:
        with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read(_MOST).splitlines()
    except OSError:  # not Linux
        return {}
    found: dict[str, tuple[str, str]] = {}
    for line in lines:  # proc(5): id parent device root place options [fields] - type source options
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) > 4:
            found[fields[4]] = fields[3], after.rpartition(" ")[2]  # of several, the last one is seen
    return found
