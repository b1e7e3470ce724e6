"""What the supervisor knows of its command. Light: see `supervisor`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from twinkle_notifier.supervise import memory
from twinkle_notifier.supervise.streams import Streams

ERROR_FILE = "TORCHELASTIC_ERROR_FILE"
STALL_AFTER = "TWINKLE_NOTIFIER_STALL_AFTER"  # `stalls.VARIABLE`


class Plan:
    """What to tell of a command, and whom; `modules` are what a message of the `notifier` takes.

    `stall_after` in seconds.
    """

    # No dataclass, as in `foreign`: nothing that takes long to import is loaded before the command starts.
    def __init__(
        self,
        name: str,
        notifier: Callable[[str], object] | None,
        modules: Collection[str] = (),
        stall_after: float | None = None,
        on_success: bool = False,
        heartbeat: str = "",
    ) -> None:
        self.name, self.notifier, self.modules = name, notifier, modules
        self.stall_after, self.on_success, self.heartbeat = stall_after, on_success, heartbeat


class Facts:
    """Of one command. The main thread writes them, others read.

    `folder` is where it meets the command's processes; `asked` the last signal that asked the command to end, with its
    time; `ended` when it has. Times are in seconds since 1970.
    """

    def __init__(self, command: Sequence[str], plan: Plan, folder: Path | None, streams: Streams) -> None:
        self.command, self.plan, self.folder, self.streams = command, plan, folder, streams
        self.began, self.kills = time.time(), memory.kills()
        self.pid = 0
        self.asked: tuple[int, float] | None = None
        self.ended: float | None = None
