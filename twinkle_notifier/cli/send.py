"""``twinkle-notifier send``: one message, from a shell or a script."""

from __future__ import annotations

import argparse
import sys
from typing import get_args

from twinkle_notifier.budgets import BACKGROUND_BUDGET
from twinkle_notifier.cli.common import (
    IN_PS,
    Commands,
    add_command,
    add_json,
    chosen,
    named,
    print_json,
    shown,
    standard_input,
)
from twinkle_notifier.delivery import sender
from twinkle_notifier.errors import ArgumentError, NotifierError
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.message import Level, Message, random_id

_MOST = 1 << 20  # bytes of standard input


def add(commands: Commands) -> None:
    """Add the command."""
    send = add_command(
        commands,
        "send",
        "send a message",
        "Send a text, which may be Markdown, by the notifier that is set up. What cannot be delivered is kept on the "
        "disk, and goes out with the next message or `twinkle-notifier flush`.",
        "twinkle-notifier send 'the data is ready' --title prepare",
        "tail -n 20 build.log | twinkle-notifier send - --title 'the build failed' --level error",
        epilog="Exit codes: 0, it is sent; 1, it is not, and standard error says why; 2, nothing is set up, or the "
        "arguments cannot work.",
    )
    send.add_argument("text", metavar="TEXT", help="the message; - for what comes by standard input")
    send.add_argument("--title", default="", help="a heading, which is the preview on a phone")
    send.add_argument("--level", choices=get_args(Level), default="info", help="its colour (default: %(default)s)")
    send.add_argument("--to", metavar="URL", help=f"where to, instead of what is set up. {IN_PS}")
    add_json(send)
    send.set_defaults(do=_send)


def _send(given: argparse.Namespace) -> int:
    text = given.text
    if text == "-":
        text = standard_input(_MOST)
    title = " ".join(given.title.split())
    if not (text.strip() or title):
        raise ArgumentError("the message is empty: give a text, or - and something by standard input")
    try:
        notifier, _ = chosen(given.to)
    except NotifierError as error:
        if given.json:
            print_json({"status": "failed", "service": "", "reason": reason(error)})
        raise
    markdown = f"### {title}\n\n{text.strip()}".strip() if title else text.strip()
    message = Message(markdown, random_id(), given.level)
    outcome = sender.deliver(notifier, message, BACKGROUND_BUDGET, by_hand=True)
    is_sent = outcome.status == "sent"
    if given.json:
        print_json({"status": outcome.status, "service": named(notifier), "reason": "" if is_sent else shown(outcome)})
    elif is_sent:
        print(f"sent to {named(notifier)}")
    else:
        print(f"not sent to {named(notifier)}: {shown(outcome)}", file=sys.stderr)
    return 0 if is_sent else 1
