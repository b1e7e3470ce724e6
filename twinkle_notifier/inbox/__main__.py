"""``python -m twinkle_notifier.inbox``: a local robot until Ctrl-C."""

from __future__ import annotations

import argparse
import threading
from contextlib import suppress

from twinkle_notifier.inbox import Inbox


def main() -> None:
    """Run an inbox and print its addresses. That of the page holds a token: whoever has it can read the messages."""
    parser = argparse.ArgumentParser(prog="python -m twinkle_notifier.inbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8900, help="0 for a free one (default: 8900)")
    parser.add_argument("--secret", help="signing secret, for signed mode")
    arguments = parser.parse_args()
    with Inbox(port=arguments.port, secret=arguments.secret) as inbox, suppress(KeyboardInterrupt):
        print(f"Webhook URL: {inbox.url}\nMessages:    {inbox.page_url}\nCtrl-C ends it.", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
