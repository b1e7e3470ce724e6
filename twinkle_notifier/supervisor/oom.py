"""The kernel's count of processes that its out-of-memory killer has ended in this control group."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from twinkle_notifier.surroundings import control_groups

# cgroup-v2: a file that counts the group and those below it; v1: one for each group (kernel 4.13 and newer).
_FILES = ("memory.events", "memory.oom_control")


def oom_kills() -> int | None:
    """How many processes of this control group the out-of-memory killer has ended; None if that cannot be read."""
    counts: list[str] = []
    for path in _oom_files():
        with suppress(OSError):
            counts += re.findall(r"(?m)^oom_kill (\d+)$", path.read_text(errors="replace"))
    return sum(map(int, counts)) if counts else None


def _oom_files() -> list[Path]:
    found: list[Path] = []
    for places in control_groups.of_memory():
        with suppress(OSError):
            found += [place / name for place in places for name in _FILES if (place / name).is_file()][:1]
    return found
