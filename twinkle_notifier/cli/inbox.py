"""``twinkle-notifier inbox``: robots of each chat on this machine."""

from __future__ import annotations

import argparse

from twinkle_notifier.cli.common import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command."""
    inbox = add_command(
        commands,
        "inbox",
        "play the chats' robots on this machine, and show what arrives",
        "Listen on this machine as strictly as DingTalk, Feishu, WeCom, Slack, Bark and Telegram, and show what "
        "arrives on a page as each chat would, until Ctrl-C: what was accepted, what was refused and why, and the "
        "request. Prints the webhook URLs, and the page's with a random token; opens that where this terminal has a "
        "display.",
        "twinkle-notifier inbox --port 0 --secret SEC123456",
    )
    inbox.add_argument("--port", type=int, default=8900, help="0 for a free one (default: %(default)s)")
    inbox.add_argument("--secret", help="signing secret, for signed mode")
    inbox.add_argument("--no-browser", action="store_true", help="do not open the page")
    inbox.set_defaults(do=_inbox)


def _inbox(given: argparse.Namespace) -> int:
    from twinkle_notifier.inbox.__main__ import serve  # a server, which no other command needs

    serve(given.port, given.secret, not given.no_browser)
    return 0
