"""The command as a process: the options of its run, its environment, its signals."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from twinkle_notifier import isolation, settings
from twinkle_notifier.budgets import DISK
from twinkle_notifier.channels import OF_TWINKLE, VARIABLE
from twinkle_notifier.credentials.references import is_reference
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.runtime import run_name, state_dir

# SLURM's --signal sends the second; submitit asks it for the third.
PREEMPTING: tuple[int, ...] = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
INTERRUPTING: tuple[int, ...] = (signal.SIGINT, signal.SIGHUP)
DEFAULT: tuple[int, ...] = (signal.SIGPIPE, signal.SIGXFSZ)  # which Python ignores, for itself

STARTUP: Path = Path(__file__).parents[1] / "attach" / "startup"
ERROR_FILE = "TORCHELASTIC_ERROR_FILE"
STALL_AFTER = "TWINKLE_NOTIFIER_STALL_AFTER"  # `stalls.VARIABLE`
_NOTIFIER = "to.json"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user asks of a supervised run.

    `is_named`: `name` is given, not derived from the command. `to`: what `notifier` was made from, "" if that was the
    environment. `stall_after`: seconds. `log`: a file that the output goes to. `attach`: Python processes below the
    command record what ends them. `notifications`: see `twinkle_notifier.settings`.
    """

    name: str
    notifier: Callable[[str], object] | None = None
    is_named: bool = False
    to: str = ""
    stall_after: float | None = None
    on_success: bool = False
    heartbeat: str = ""
    log: Path | None = None
    attach: bool = True
    notifications: str = "all"


class Command:
    """A process that runs `arguments`, started when this is made. Raises OSError if it cannot be started.

    It has the open files, the terminal and the process group of this process. glibc leaves its own signals 32 and 33
    ignored; the command's glibc sets them up anew.
    """

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], mask: Collection[int]) -> None:
        """`mask`: the signals that it blocks."""
        self.code: int | None = None  # once it is reaped: how it ended, minus the signal if one killed it
        self.pid: int = os.posix_spawnp(arguments[0], list(arguments), env, setsigmask=mask, setsigdef=DEFAULT)

    def send(self, number: int) -> None:
        """Send it a signal, if it is there."""
        if self.code is None:  # not reaped, so the number is still its own
            with suppress(OSError):  # it runs as another user by now
                os.kill(self.pid, number)


def environment(options: Options, folder: Path | None) -> dict[str, str]:
    """This process's environment, with what a command needs to report to a supervisor whose mailbox is `folder`."""
    env = {name: value for name, value in os.environ.items() if name}  # an entry without a name cannot be passed on
    if chosen := state_dir.chosen():
        env[state_dir.VARIABLE] = chosen  # a relative one leads elsewhere once the command has changed its folder
    if options.stall_after is not None:
        env.setdefault(STALL_AFTER, f"{options.stall_after:g}")
    if options.is_named:
        env[run_name.VARIABLE] = options.name
    if folder is not None:
        env[mailbox.VARIABLE] = str(folder)
        env.setdefault(ERROR_FILE, str(folder / "error.json"))
        env |= notifier_environment(env, options.to, options.notifier, folder)
        env |= attach_environment(env, options.name) if options.attach else {}
    return env


def attach_environment(env: Mapping[str, str], name: str = "") -> dict[str, str]:
    """What to change in the environment `env` of a command, so that the Pythons below it are attached.

    `name` is that of the run.
    """
    if not settings.attaches(env) or os.pathsep in str(STARTUP):  # which would name two other folders
        return {}
    rest = env.get("PYTHONPATH", "")
    path = os.pathsep.join([str(STARTUP), rest] if rest else [str(STARTUP)])
    return {"PYTHONPATH": path, **({mailbox.RUN_NAME: name} if name else {})}


def notifier_environment(
    env: Mapping[str, str], to: str, notifier: Callable[[str], object] | None, folder: Path
) -> dict[str, str]:
    """What to add to the environment `env` of a command, so that its processes use this notifier by default.

    A reference is passed on. Anything else may be secret: it is kept in a file of the mailbox `folder` that only its
    owner can read. A notifier that `env` names stays.
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
