"""``twinkle-notifier check``: a test message to each notifier that is set up."""

from __future__ import annotations

import argparse
import sys

from twinkle_notifier.cli.common import (
    IN_PS,
    Commands,
    add_command,
    add_json,
    chosen,
    each,
    named,
    print_json,
    shown,
    tested,
)
from twinkle_notifier.errors import NotifierError
from twinkle_notifier.isolation.safe import reason


def add(commands: Commands) -> None:
    """Add the command."""
    check = add_command(
        commands,
        "check",
        "send a test to each notifier that is set up",
        "Send a test message to each notifier that is set up, and say what is wrong and how to mend it. Run it where "
        "the training will run: a compute node may have another way out than a login node.",
        "twinkle-notifier check",
        "srun twinkle-notifier check --json",
        epilog="Exit codes: 0, each has accepted the message; 1, one has not, or none is set up.",
    )
    check.add_argument("--to", metavar="URL", help=f"check this one instead of what is set up. {IN_PS}")
    add_json(check)
    check.set_defaults(do=_check)


def _check(given: argparse.Namespace) -> int:
    try:
        notifier, where = chosen(given.to)
    except NotifierError as error:
        if given.json:
            print_json({"ok": False, "from": "", "error": reason(error), "notifiers": []})
        else:
            print(f"twinkle-notifier: {reason(error)}", file=sys.stderr)
        return 1
    found = [(named(one), tested(one, "check")) for one in each(notifier)]
    if given.json:
        results = [
            {"service": service, "ok": outcome.status == "sent", "error": _why(outcome.status, shown(outcome))}
            for service, outcome in found
        ]
        print_json({"ok": all(result["ok"] for result in results), "from": where, "notifiers": results})
    else:
        print(f"Set up by {where}:")
        for service, outcome in found:
            print(f"  {service}: {'the test is sent' if outcome.status == 'sent' else f'NOT sent: {shown(outcome)}'}")
    return 0 if all(outcome.status == "sent" for _, outcome in found) else 1


def _why(status: str, said: str) -> str:
    return "" if status == "sent" else said
