"""Counts the kills of the kernel's out-of-memory killer in this process's control group."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
# cgroup-v2: a file that counts the group and those below it; v1: one for each group (kernel 4.13 and newer).
_FILES = ("memory.events", "memory.oom_control")
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def kills() -> int | None:
    """How many processes of this control group the killer has ended so far; None if that cannot be read."""
    counted = [count for path in _files() if (count := _count(path)) is not None]
    return sum(counted) if counted else None


def _files() -> list[Path]:
    found: list[Path] = []
    with suppress(OSError):
        for entry in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = entry.split(":", 2)
            if controllers in ("", "memory"):
                root = _GROUPS / controllers
                # In a container the path is the host's, and the group itself is at the root.
                places = (root / path.lstrip("/"), root)
                found += [place / name for place in places for name in _FILES if (place / name).is_file()][:1]
    return found


def _count(path: Path) -> int | None:
    with suppress(OSError):
        found = _KILLS.search(path.read_text(errors="replace"))
        return int(found[1]) if found else None
    return None
