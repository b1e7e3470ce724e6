"""The folder of a mailbox, which a supervisor makes and removes. `notes` has the records in it."""

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
    """A new folder, with this process as its supervisor. Raises OSError."""
    me = {"host": host.host_key(), "pid": os.getpid(), "started": host.started_at(os.getpid())}

    def made(folder: Path) -> Path:
        # Not synced: its readers are on this machine, and it must outlive this process, not a loss of power.
        state_dir.replace(folder / HOLDER, json.dumps(me).encode("ascii"), sync=False)
        return folder

    return state_dir.within((ROOM, os.urandom(16).hex()), made)


def close(folder: Path) -> None:
    """Remove `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
