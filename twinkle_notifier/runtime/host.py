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
    """A text that names this machine until its next boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:  # not Linux
        return f"{socket.gethostname()}-{round(time.time() - time.monotonic(), -1)}"


def host_key() -> str:
    """A text that all processes share which can see each other by their pids."""
    return f"{boot_id()}/{_namespace('pid')}"  # a pid means nothing in another container


def scope() -> str:
    """A text that all processes of this container share, and those of others do not.

    It is good only as long as the container runs: the kernel reuses the numbers of namespaces.
    """
    return f"{boot_id()}/{socket.gethostname()}/{'/'.join(_namespace(name) for name in ('pid', 'net', 'uts'))}"


def network() -> str:
    """A text that all processes share which reach each other at a loopback address."""
    return f"{boot_id()}/{_namespace('net')}"


def _namespace(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/ns/{name}")
    except OSError:  # not Linux
        return ""


def folder_key(path: str, container: str) -> str:
    """A text that names the folder `path`, and no folder of the same path elsewhere or later. Raises OSError.

    In a known `container` (see `identity`) it stays the same when that is restarted in place. Elsewhere it is made of
    the folder's device and inode; in file systems that reuse these, as in memory, also of the start of process 1.
    """
    folder, host = os.stat(path), socket.gethostname()
    if container:
        return f"{container}/{host}/{folder.st_ino}/{path}"
    began = started_at(1) if hasattr(os, "major") and os.major(folder.st_dev) == 0 else ""
    return f"{boot_id()}/{host}/{folder.st_dev}/{folder.st_ino}/{began}/{path}"


def process_key(pid: int) -> str:
    """A text that names process `pid`, and no other process since this machine's boot."""
    return f"{host_key()}/{pid}/{started_at(pid)}"


def started_at(pid: int) -> float | None:
    """Seconds from boot to the start of process `pid`, to 10 ms; None when there is no such process (or no /proc)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    is_dead = fields[0] == "Z"  # and not yet reaped
    return None if is_dead else int(fields[19]) / os.sysconf("SC_CLK_TCK")


# Docker, Podman and Kubernetes mount these from a folder that is named after the container or the pod. That name stays
# when a container is restarted in place, and when a pod gets a new container.
_MOUNTED = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32,64}")
_LAYER = re.compile(r"(?:^|,)upperdir=([^,]+)")


def identity() -> str:
    """A text that names the container as long as it, or its pod, exists; empty if it is not known."""
    mounts = _mounts()
    names: list[list[str]] = [_ID.findall(mounts.get(point, ("", ""))[0])[-1:] for point in _MOUNTED]
    layer: list[str] = _LAYER.findall(mounts.get("/", ("", ""))[1])[:1]
    return next((name for found in (*names, layer) for name in found), "")


def _mounts() -> dict[str, tuple[str, str]]:
    """For each mount point: the path within the mounted file system, and that system's options."""
    found: dict[str, tuple[str, str]] = {}
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:  # not Linux
        return found
    for line in lines:  # proc(5): id parent device root place options [fields] - type source options
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) > 4:
            found[fields[4]] = fields[3], after.rpartition(" ")[2]  # the last mount hides those before it
    return found
