"""What the supervisor knows of its command."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from twinkle_notifier import foreign
from twinkle_notifier.supervise import memory
from twinkle_notifier.supervise.last_lines import Output

ERROR_FILE = "TORCHELASTIC_ERROR_FILE"
STALL_AFTER = "TWINKLE_NOTIFIER_STALL_AFTER"  # `stalls.VARIABLE`
_BUDGET = 3.0  # seconds for a disk, which may be a dead mount


@dataclass(frozen=True)
class Plan:
    """What to tell of a command, and whom. `stall_after` in seconds; `is_named`: the name is not just the script's.

    `log`: a file that the command's output goes to, as far as the user says.
    """

    name: str
    notifier: Callable[[str], object] | None
    stall_after: float | None = None
    on_success: bool = False
    heartbeat: str = ""
    is_named: bool = False
    log: Path | None = None
    attach: bool = True  # let the Python processes below the command write down what ends them
    to: str = ""  # what the notifier was made from, if not from the environment


class Facts:
    """Of one command. The main thread writes them, others read.

    `folder` is where it meets the command's processes; `asked` the last signal that asked the command to end, with its
    time; `ended` when it has. Times are in seconds since 1970.
    """

    def __init__(self, command: Sequence[str], plan: Plan, folder: Path | None) -> None:
        self.command, self.plan, self.folder = command, plan, folder
        self.output = Output(plan.log)
        foreign.call(self.output.begin, _BUDGET)
        self.began, self.kills = time.time(), memory.kills()
        self.pid = 0
        self.asked: tuple[int, float] | None = None
        self.ended: float | None = None
