"""The command as a process, and the environment that it gets."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from twinkle_notifier import isolation
from twinkle_notifier.budgets import DISK
from twinkle_notifier.channels import OF_TWINKLE, VARIABLE
from twinkle_notifier.credentials.references import is_reference
from twinkle_notifier.mailbox.directory import RUN_NAME
from twinkle_notifier.runtime import state_dir

# SLURM's --signal sends the second; submitit asks it for the third.
PREEMPTING = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
INTERRUPTING = (signal.SIGINT, signal.SIGHUP)
DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)  # which Python ignores, for itself

ATTACH = "TWINKLE_NOTIFIER_ATTACH"  # "0": no process is attached
STARTUP = Path(__file__).parents[1] / "attach" / "startup"
_NOTIFIER = "to.json"


class Command:
    """Runs `words` from when it is made. Raises OSError if it cannot be started.

    It has the open files, the terminal and the process group of this process. glibc leaves the signals 32 and 33
    ignored, which are its own, and which the command's glibc sets up anew.
    """

    def __init__(self, words: Sequence[str], env: Mapping[str, str], mask: Collection[int]) -> None:
        """`mask`: the signals it blocks."""
        self.code: int | None = None  # how it ended, minus the signal if one killed it
        self.pid = os.posix_spawnp(words[0], list(words), env, setsigmask=mask, setsigdef=DEFAULT)

    def reaped(self, status: int) -> None:
        """It has ended."""
        self.code = os.waitstatus_to_exitcode(status)

    def send(self, number: int) -> None:
        """Send it a signal, if it is there."""
        if self.code is None:  # not reaped, so the number is still its own
            with suppress(OSError):  # it runs as another user by now
                os.kill(self.pid, number)


def attach_environment(env: Mapping[str, str], name: str = "") -> dict[str, str]:
    """What to change in the environment `env` of a command, so that the Pythons below it are attached.

    `name` is that of the run.
    """
    if env.get(ATTACH, "").strip() == "0" or os.pathsep in str(STARTUP):  # which would name two other folders
        return {}
    rest = env.get("PYTHONPATH", "")
    path = os.pathsep.join([str(STARTUP), rest] if rest else [str(STARTUP)])
    return {"PYTHONPATH": path, **({RUN_NAME: name} if name else {})}


def notifier_environment(
    env: Mapping[str, str], to: str, notifier: Callable[[str], object] | None, folder: Path
) -> dict[str, str]:
    """What to add to the environment `env` of a command, so that those inside who are given no notifier have this one.

    A reference is passed on. Anything else, as it may be secret, waits in a file of the mailbox `folder` that only its
    owner can read. What `env` says itself stays.
    """
    if not to or any(env.get(name, "").strip() for name in (VARIABLE, OF_TWINKLE)):
        return {}
    to = to.strip()
    if is_reference(to):
        kind, _, target = to.partition(":")
        # A relative path would lead elsewhere once the command has changed its folder.
        return {VARIABLE: f"file:{os.path.abspath(os.path.expanduser(target))}" if kind == "file" else to}

    def write() -> None:
        content = json.dumps(getattr(notifier, "to_dict", dict)()).encode()
        state_dir.replace(folder / _NOTIFIER, content, sync=False)

    return {VARIABLE: f"file:{folder / _NOTIFIER}"} if isolation.call(write, DISK).returned else {}
