"""One candidate, which reports a crash, in a process of its own: ``python peers.py NAME URL``, with the peers' interpreter.

For each line on stdin it meets an exception, tells of it, and writes the seconds from the raise until the run may end, and
when they began. What a peer prints goes to stderr.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Tell = Callable[[BaseException, int], None]


def ours(url: str) -> Tell:
    """`notify_exception`.

    A run of another name each time, and without the robot's limit: an equal error is told once, and a robot 18 times a
    minute.
    """
    from twinkle_notifier import DingNotifier, notify_exception
    from twinkle_notifier.channels.dingtalk import DingRobot

    DingRobot.per_minute = 100_000
    notifier = DingNotifier(url)

    def tell(exc: BaseException, number: int) -> None:
        outcome = notify_exception(notifier, "train", exc, f"run {number}")
        print(outcome, file=sys.stderr)

    return tell


def twinkle_kit(url: str) -> Tell:
    """The files of `twinkle.notifier` themselves, and those that they use.

    What its package imports besides, numpy and datasets among it, is left out: this flatters it.
    """
    site = Path(str(importlib.metadata.distribution("twinkle-kit").locate_file("")))
    for name in ("twinkle", "twinkle.utils", "datasets", "datasets.utils"):
        package = sys.modules[name] = types.ModuleType(name)
        package.__path__ = [str(site.joinpath(*name.split(".")))]
    import filelock

    sys.modules["datasets.utils.filelock"] = filelock  # what it is
    utils: Any = sys.modules["twinkle.utils"]
    from twinkle.utils.logger import get_logger
    from twinkle.utils.utils import get_runtime_meta

    utils.get_logger, utils.get_runtime_meta = get_logger, get_runtime_meta
    from twinkle.notifier import DingNotifier, notify_exception

    notifier = DingNotifier(url)
    return lambda exc, number: notify_exception(notifier, "train", exc, f"run {number}")


def knockknock(url: str) -> Tell:
    """Its decorator for DingTalk, as of a rank that is not 0: else it tells of the start, too, before each run."""
    os.environ["RANK"] = "1"
    from knockknock import dingtalk_sender

    @dingtalk_sender(url)
    def train(exc: BaseException) -> None:
        raise exc

    def tell(exc: BaseException, _number: int) -> None:
        try:
            train(exc)
        except ValueError:
            return

    return tell


def apprise(url: str) -> Tell:
    """Its plain JSON webhook: that for DingTalk knows no host but DingTalk's own."""
    import traceback

    import apprise as library

    parts = urlsplit(url)
    to = library.Apprise()
    to.add(f"json{'s' * (parts.scheme == 'https')}://{parts.netloc}{parts.path}?:access_token=x")

    def tell(exc: BaseException, number: int) -> None:
        to.notify(title=f"run {number} failed", body="".join(traceback.format_exception(exc)))

    return tell


def sentry_sdk(url: str) -> Tell:
    """Its capture, and the flush that it does at the end of a process, for which it takes 2 s."""
    import sentry_sdk as library

    parts = urlsplit(url)
    library.init(dsn=f"{parts.scheme}://key@{parts.netloc}/1", default_integrations=False)

    def tell(exc: BaseException, _number: int) -> None:
        library.capture_exception(exc)
        library.flush(2.0)

    return tell


def bare_post(url: str) -> Tell:
    """`requests.post` of what we send, from a file that the variable BODY names, without a time-out."""
    import requests

    body = Path(os.environ["BODY"]).read_bytes() if "BODY" in os.environ else b"{}"
    headers = {"Content-Type": "application/json; charset=utf-8"}

    def tell(_exc: BaseException, _number: int) -> None:
        reply = requests.post(url, body, headers=headers)
        print(reply.text, file=sys.stderr)

    return tell


PEERS = {
    "twinkle_notifier": ours,
    "requests.post": bare_post,
    "twinkle-kit": twinkle_kit,
    "knockknock": knockknock,
    "apprise": apprise,
    "sentry-sdk": sentry_sdk,
}


def crash(tell: Tell, number: int) -> str:
    """Meet an exception and tell of it: seconds from the raise on, and when that was."""
    began = time.monotonic()
    try:
        began = time.monotonic()
        raise ValueError("the loss is not a number")
    except ValueError as error:
        try:
            tell(error, number)
        except Exception as other:  # a peer's own error: the run then ends with it
            print(f"raised {type(other).__name__}", file=sys.stderr)
    return f"{time.monotonic() - began} {began}"


def main(name: str, url: str) -> None:
    answers, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr  # knockknock prints what it sends
    tell = PEERS[name](url)
    print("ready", file=answers, flush=True)
    for number, _ in enumerate(sys.stdin):
        print(crash(tell, number), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
