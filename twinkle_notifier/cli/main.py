"""The command ``twinkle-notifier``."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from twinkle_notifier import isolation, supervisor, system
from twinkle_notifier.channels import VARIABLE, from_environment, from_text
from twinkle_notifier.cli.flush import Flush
from twinkle_notifier.credentials.references import resolve
from twinkle_notifier.errors import ArgumentError, NotifierError
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.runtime import run_name, state_dir

_EVERY = 5.0  # seconds between two flushes
_OWN = "(A callback in the command will do, if its notifier was given by reference: env:NAME.)"

_IN_PS = "Every user of this machine sees a URL here in ps: rather give env:NAME or file:PATH, where it stands"

# Half a watch would be trusted like a whole one.
_NEEDS_LINUX = (
    "run needs Linux and its /proc, and has not started the command: start that by itself, with a callback, watch or "
    "notify_exception in it, which work here, too"
)
HEARTBEAT = "TWINKLE_NOTIFIER_HEARTBEAT"
_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    given = _parser().parse_args(arguments)
    try:
        return int(given.do(given))
    except NotifierError as error:
        print(f"twinkle-notifier: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="twinkle-notifier", description="Sends alerts about training runs.")
    parser.add_argument("--version", action=_Version, help="show the version of this package and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_flush(commands)
    return parser


class _Version(argparse.Action):
    """Shows the version, which the installed package's metadata holds; read only on request."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002  argparse's name
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # no command needs this, and it takes long to load

        print(parser.prog, version("twinkle-notifier"))
        parser.exit()


def _add_run(commands: _Commands) -> None:
    run = commands.add_parser(
        "run",
        help="run a command, and report how it ended",
        description="Run a command and report how it ended, unless its own processes have. The command keeps its "
        "terminal, its files, its signals and its exit code.",
        usage="twinkle-notifier run [--name NAME] [--stall-after TIME] [--to URL] [--on-success] [--heartbeat URL] "
        "[--log FILE] [--no-attach] -- COMMAND...",
    )
    _add_options(run)
    run.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    run.set_defaults(do=_run)


def _add_options(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--name",
        help="the run's name in messages, also in those of the command's own processes (default: the script's)",
    )
    run.add_argument(
        "--stall-after",
        type=_seconds,
        metavar="TIME",
        help="alert when there is no progress for this long: 90s, 10m, 2h (default: never)",
    )
    run.add_argument(
        "--to",
        metavar="URL",
        help=f"as for flush; by default what {VARIABLE} holds, else the command's own notifier. {_IN_PS}",
    )
    run.add_argument("--on-success", action="store_true", help="send a message about an end with exit code 0, too")
    run.add_argument(
        "--heartbeat",
        metavar="URL",
        default=os.environ.get(HEARTBEAT, ""),
        help=f"ask this URL each minute, so that somebody notices when even this dies (default: {HEARTBEAT}). {_IN_PS}",
    )
    run.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="a file that the output goes to, for its last lines in messages, where that does not show by itself",
    )
    run.add_argument(
        "--no-attach",
        action="store_false",
        dest="attach",
        help="do not look into the Python processes of the command; TWINKLE_NOTIFIER_ATTACH=0 does the same",
    )


def _add_flush(commands: _Commands) -> None:
    flush = commands.add_parser(
        "flush",
        help="send what could not be delivered",
        description="Send the messages that could not be delivered. They wait in the folder that the variable "
        f"{state_dir.VARIABLE} names; when it is not set, in the temporary folder and the others of "
        "docs/reliability.md.",
        epilog="Exit codes: 0, nothing is left; 1, something is left, and standard error says what and why; 2, the "
        "arguments or the environment cannot work. With --dry-run the same, of what would be left; with --follow it is "
        "0 after Ctrl-C or SIGTERM. What waits in other folders is named and does not count.",
    )
    flush.add_argument(
        "--to",
        metavar="URL",
        help="where to, for all messages: a webhook URL, or JSON as to_dict() writes it; by default what the variable "
        f"{VARIABLE} holds, else each message's own robot, if it was given by reference. {_IN_PS}",
    )
    flush.add_argument(
        "--all",
        action="store_true",
        dest="everything",
        help=f"take what waits in other folders than {state_dir.VARIABLE}, too: what other runs have left there",
    )
    ways = flush.add_mutually_exclusive_group()
    ways.add_argument(
        "--dry-run",
        action="store_true",
        help="list what would be sent: when it was, to which kind of chat it goes, its headline; send nothing",
    )
    ways.add_argument(
        "--follow", action="store_true", help="go on until Ctrl-C, for compute nodes that have no way out themselves"
    )
    flush.add_argument(
        "--every", type=float, default=_EVERY, metavar="SECONDS", help="how often --follow looks (default: %(default)g)"
    )
    flush.set_defaults(do=_flush)


def _seconds(text: str) -> float:
    """``90``, ``90s``, ``10m``, ``2h``, in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?", text.strip())
    if found is None or float(found[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90s, 10m or 2h")
    return float(found[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600}[found[2] or "s"]


def _flush(given: argparse.Namespace) -> int:
    flush = Flush(resolve(given.to) if given.to else None, everything=given.everything)
    if given.dry_run:
        return flush.dry()
    return flush.follow(given.every) if given.follow else flush.once()


def _run(given: argparse.Namespace) -> int:
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    if not command or not command[0]:  # "" is a shell's variable that was not set
        raise ArgumentError("run needs a command: twinkle-notifier run -- python train.py")
    if not system.HAS_PROC:
        raise ArgumentError(_NEEDS_LINUX)
    heartbeat = resolve(given.heartbeat)
    if heartbeat and not heartbeat.startswith(("https://", "http://")):
        raise ArgumentError(f"--heartbeat, or {HEARTBEAT}, is no URL: it begins with https://")
    given_name = given.name or os.environ.get(run_name.VARIABLE, "").strip()
    options = supervisor.Options(
        name=given_name or run_name.of_command(command),
        notifier=_notifier(given.to),
        is_named=bool(given_name),
        to=given.to or "",
        stall_after=given.stall_after,
        on_success=given.on_success,
        heartbeat=heartbeat,
        log=given.log.absolute() if given.log is not None else None,
        attach=given.attach,
    )
    return supervisor.supervise(command, options)


def _notifier(to: str | None) -> Notifier | None:
    """The notifier for alerts; prints why there is none. Raises NotifierError for a `to` that cannot work."""
    if to:
        return from_text(resolve(to), "--to")
    # Not in a new thread: `supervise` could not block signals there, and one would end this process.
    answer = isolation.tried(from_environment)
    notifier = answer.value
    if isinstance(answer.error, KeyboardInterrupt):
        raise answer.error
    if answer.error is not None:  # the command runs all the same
        supervisor.say(f"no notifier from the environment: {reason(answer.error)}")
    elif notifier is None:
        supervisor.say(f"no notifier: give --to, or set {VARIABLE}. {_OWN}")
    return notifier
