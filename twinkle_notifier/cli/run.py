"""``twinkle-notifier run``: a command, and how it ended."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from twinkle_notifier import isolation, settings, supervisor, system
from twinkle_notifier.channels import VARIABLE, from_text
from twinkle_notifier.cli.common import IN_PS, Commands, add_command
from twinkle_notifier.credentials.references import resolve
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.progress import every
from twinkle_notifier.progress.every import VARIABLE as PROGRESS_EVERY
from twinkle_notifier.rules.chosen import VARIABLE as RULES
from twinkle_notifier.rules.rule import rules_of
from twinkle_notifier.runtime import language, run_name, user_file
from twinkle_notifier.stalls.watchdog import after_in

HEARTBEAT = "TWINKLE_NOTIFIER_HEARTBEAT"
# Half a watch would be trusted like a whole one.
_NEEDS_LINUX = (
    "run needs Linux and its /proc, and has not started the command: start that by itself, with a callback, watch or "
    "notify_exception in it, which work here, too"
)
_OWN = "(A callback in the command will do, if its notifier was given by reference: env:NAME.)"


def add(commands: Commands) -> None:
    """Add the command."""
    run = add_command(
        commands,
        "run",
        "run a command, and report how it ended",
        "Run a command and report how it ended, unless its own processes have. The command keeps its terminal, its "
        "files, its signals and its exit code.",
        "twinkle-notifier run --name sft -- torchrun --nproc-per-node 8 train.py",
        usage="twinkle-notifier run [--name NAME] [--stall-after TIME] [--to URL] [--on-success] [--heartbeat URL] "
        "[--log FILE] [--language en|zh] [--rule RULE]... [--progress-every TIME] [--no-diagnosis] "
        "[--no-attach] -- COMMAND...",
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
        help=f"as for flush; by default what {VARIABLE} or your file names, else the command's own notifier. {IN_PS}",
    )
    run.add_argument("--on-success", action="store_true", help="send a message about an end with exit code 0, too")
    run.add_argument(
        "--heartbeat",
        metavar="URL",
        default=os.environ.get(HEARTBEAT, ""),
        help=f"ask this URL each minute, so that somebody notices when even this dies (default: {HEARTBEAT}). {IN_PS}",
    )
    run.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="a file that the output goes to, for its last lines in messages, where that does not show by itself",
    )
    run.add_argument(
        "--language",
        choices=("en", "zh"),
        help=f"of messages; {language.VARIABLE} does the same (default: the locale's)",
    )
    run.add_argument(
        "--rule",
        action="append",
        metavar="RULE",
        help=f"a rule on metrics, for trainers' callbacks: 'loss > 10'; may be given again; {RULES} does the same",
    )
    run.add_argument(
        "--progress-every",
        metavar="TIME",
        help=f"how often trainers' callbacks tell how far they got: 2h, 90m, 10%%; {PROGRESS_EVERY} does the same",
    )
    run.add_argument(
        "--no-diagnosis",
        action="store_false",
        dest="diagnose",
        help=f"no likely causes in messages; {settings.DIAGNOSE}=0 does the same",
    )
    run.add_argument(
        "--no-attach",
        action="store_false",
        dest="attach",
        help="do not look into the Python processes of the command; TWINKLE_NOTIFIER_ATTACH=0 does that, too",
    )


def _seconds(text: str) -> float:
    try:
        return after_in(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _run(given: argparse.Namespace) -> int:
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    if not command or not command[0]:  # "" is a shell's variable that was not set
        raise ArgumentError("run needs a command: twinkle-notifier run -- python train.py")
    if not system.HAS_PROC:
        raise ArgumentError(_NEEDS_LINUX)
    heartbeat = resolve(given.heartbeat)
    if heartbeat and not heartbeat.startswith(("https://", "http://")):
        raise ArgumentError(f"--heartbeat, or {HEARTBEAT}, is not a URL: it begins with https://")
    if given.language:
        os.environ[language.VARIABLE] = given.language  # for the command's own processes, too
    if given.rule:
        os.environ[RULES] = _rules(given.rule)
    if given.progress_every:
        every.parsed(given.progress_every, "--progress-every")
        os.environ[PROGRESS_EVERY] = given.progress_every
    if not given.diagnose:
        os.environ[settings.DIAGNOSE] = "0"
    user_file.user_file(bounded=False)  # not in a new thread, see `_notifier`
    wanted = settings.notifications()
    given_name = given.name or os.environ.get(run_name.VARIABLE, "").strip()
    options = supervisor.Options(
        name=given_name or run_name.of_command(command),
        notifier=_notifier(given.to),
        is_named=bool(given_name),
        to=given.to or "",
        stall_after=given.stall_after if wanted != "end_only" else None,
        on_success=given.on_success and wanted != "failure_only",
        heartbeat=heartbeat,
        log=given.log.absolute() if given.log is not None else None,
        attach=given.attach,
        notifications=wanted,
    )
    return supervisor.supervise(command, options)


def _rules(given: list[str]) -> str:
    """What the variable says for the command. Raises ArgumentError."""
    rules_of(given, "--rule")
    for rule in given:
        if ";" in rule:
            raise ArgumentError(f"--rule {rule!r:.60}: a rule has no semicolon here, as {RULES} parts rules by it")
    return "\n".join(" ".join(rule.split()) for rule in given)


def _notifier(to: str | None) -> Notifier | None:
    """The notifier for alerts; prints why there is none. Raises NotifierError for a `to` that cannot work."""
    if to:
        return from_text(to, "--to")
    # Not in a new thread: `supervise` could not block signals there, and one would end this process.
    answer = isolation.tried(settings.set_up)
    notifier = answer.value[0] if answer.value is not None else None
    if isinstance(answer.error, KeyboardInterrupt):
        raise answer.error
    if answer.error is not None:  # the command runs all the same
        source = "environment" if settings.by_environment() else "user file"
        supervisor.say(f"no notifier from the {source}: {reason(answer.error)}")
    elif settings.is_off():
        supervisor.say(f"{settings.IS_OFF}. Only a notifier that the command's own code gives by reference is used.")
    elif notifier is None:
        supervisor.say(f"no notifier: give --to, or set {VARIABLE}. Or run `twinkle-notifier init` once. {_OWN}")
    return notifier
