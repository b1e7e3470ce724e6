"""``python -m twinkle_notifier.inbox``: local robots until Ctrl-C, as ``twinkle-notifier inbox``."""

from __future__ import annotations

import argparse
import signal
import threading
from contextlib import suppress

from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.browser import opened

_KEPT = 1 << 20  # bytes of the messages by which a robot knows a repeat; what is read of them takes some times more
_ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows lacks one


def serve(port: int, secret: str | None, browser: bool = True) -> None:
    """Run an inbox and print its addresses. That of the page holds a token: whoever has it can read the messages.

    `browser`: the page is opened in one, where this is a terminal with a display.

    Raises:
        ArgumentError: it cannot listen at this port.
    """
    try:
        running = Inbox(port=port, secret=secret)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", "") or "there is no such port"
        raise ArgumentError(f"port {port} cannot be used ({why}): give another one, or 0 for a free one") from None
    for robot in running.robots.values():
        robot.most_bytes = _KEPT  # the page shows the requests, not these
    for number in _ENDS:
        if signal.getsignal(number) is signal.SIG_DFL:  # under nohup it is ignored
            signal.signal(number, _leave)
    forever = threading.Event()
    with running as inbox, opened(inbox.page_url, browser), suppress(KeyboardInterrupt):
        ding, *others = [f"{name + ':':12} {url}\n" for name, url in (inbox.urls | inbox.apprise_urls).items()]
        print(f"{ding}{'Messages:':12} {inbox.page_url}\n{''.join(others)}Ctrl-C ends it.", flush=True)
        while not forever.wait(1):  # Python sees a signal that comes just before a wait only after it
            pass


def _leave(number: int, _frame: object) -> None:
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)  # a second one would keep the rest from being put away
    raise SystemExit(128 + number)


def main() -> None:
    """See `serve`."""
    parser = argparse.ArgumentParser(prog="python -m twinkle_notifier.inbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8900, help="0 for a free one (default: 8900)")
    parser.add_argument("--secret", help="signing secret, for signed mode")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    arguments = parser.parse_args()
    serve(arguments.port, arguments.secret, not arguments.no_browser)


if __name__ == "__main__":
    main()
