"""Opens the inbox's page in a browser, where a person sits before this terminal."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from html import escape
from pathlib import Path

_LEAD = '<!doctype html><meta charset="utf-8"><title>Inbox</title><meta http-equiv="refresh" content="0; url={url}">'


@contextmanager
def opened(url: str, is_wanted: bool = True) -> Generator[None]:
    """Open `url` if this is a terminal with a display. Nothing waits for the browser, and none is needed.

    All users of this machine can read a command line, and `url` holds a token: what the browser is given is a file of
    the user's own, which leads there and lasts as long as this does.
    """
    with ExitStack() as stack:
        if is_wanted and _has_display() and (folder := _folder(stack)):
            lead = Path(folder, "inbox.html")
            with suppress(OSError):  # the disk is full: the URL is printed, too
                lead.touch(0o600)
                lead.write_text(_LEAD.format(url=escape(url)))
                threading.Thread(target=_open, args=(lead.as_uri(),), daemon=True).start()
        yield


def _folder(stack: ExitStack) -> str | None:
    """A folder of the user's own: in the home, as a browser in a sandbox (Snap) reads no other, and nothing hidden."""
    for parent in (os.path.expanduser("~"), None):
        with suppress(OSError):
            return stack.enter_context(
                tempfile.TemporaryDirectory(prefix="twinkle-inbox-", dir=parent, ignore_cleanup_errors=True)
            )
    return None


def _has_display() -> bool:
    if not sys.stdout.isatty() or os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _open(address: str) -> None:
    with suppress(webbrowser.Error, OSError):
        browser = webbrowser.get()
        # One that runs within the terminal would take it away from the inbox.
        if type(browser) is not webbrowser.GenericBrowser and getattr(browser, "background", True):
            browser.open(address)
