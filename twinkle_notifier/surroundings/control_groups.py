"""The control groups (cgroups) that this process is in, which may limit its memory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def of_memory() -> list[list[Path]]:
    """For each hierarchy that counts memory the folders where this process's group may be, the likeliest first.

    In a container the path is the host's, and the group itself is at the root.
    """
    found: list[list[Path]] = []
    with suppress(OSError, ValueError):
        for entry in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = entry.split(":", 2)
            if controllers in ("", "memory"):
                root = ROOT / controllers
                found.append([root / path.lstrip("/"), root])
    return found
