"""The container in which this process runs, where its runtime can be told by what it has mounted."""

from __future__ import annotations

import re
from pathlib import Path

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
    found = {}
    for line in lines:  # proc(5): id parent device root place options [fields] - type source options
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) > 4:
            found[fields[4]] = fields[3], after.rpartition(" ")[2]  # of several, the last one is seen
    return found
