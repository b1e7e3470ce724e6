"""The folder in which a supervisor and the processes below it meet, as the supervisor makes it and takes it away.

What they leave each other there: see `notes`.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from twinkle_notifier.runtime import host, state_dir

VARIABLE = "TWINKLE_NOTIFIER_SUPERVISOR"  # names the folder
RUN_NAME = "TWINKLE_NOTIFIER_ATTACH_NAME"  # what the supervisor calls the run: attached callbacks call it so, too
ROOM = "supervised"
HOLDER = "supervisor.json"  # who the supervisor is: a `Holder`


def opened() -> Path:
    """A new one, of which this process is the supervisor. Raises OSError."""
    me = {"host": host.host_key(), "pid": os.getpid(), "started": host.started_at(os.getpid())}

    def made(folder: Path) -> Path:
        # Not synced: it is for a reader on this machine, and to outlive this process, not a loss of power.
        state_dir.replace(folder / HOLDER, json.dumps(me).encode("ascii"), sync=False)
        return folder

    return state_dir.within((ROOM, os.urandom(16).hex()), made)


def close(folder: Path) -> None:
    """Take it away."""
    shutil.rmtree(folder, ignore_errors=True)
