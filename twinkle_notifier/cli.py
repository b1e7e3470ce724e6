"""The command ``twinkle-notifier``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from twinkle_notifier import delivery, folders
from twinkle_notifier.channels import VARIABLE, from_environment, from_text
from twinkle_notifier.errors import NotifierError
from twinkle_notifier.message import Message, Outcome
from twinkle_notifier.spool import Letter, Spool
from twinkle_notifier.state import restored

_EVERY = 5.0  # seconds between two looks at the folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    given = _parser().parse_args(arguments)
    try:
        return _Flush(given.to).follow(given.every) if given.follow else _Flush(given.to).once()
    except NotifierError as error:
        print(f"twinkle-notifier: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twinkle-notifier", description="Tells people what happened to training runs."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    flush = commands.add_parser(
        "flush",
        help="send what could not be delivered",
        description="Send the messages that could not be delivered. They wait in the folder that the variable "
        f"{folders.VARIABLE} names, or in the temporary folder. The exit code is 1 when some are left.",
    )
    flush.add_argument(
        "--to",
        metavar="URL",
        help="where to, for all messages: a webhook URL, or JSON as to_dict() writes it; by default what the variable "
        f"{VARIABLE} holds, else each message's own robot, if it was given by reference",
    )
    flush.add_argument(
        "--follow", action="store_true", help="go on until Ctrl-C, for compute nodes that have no way out themselves"
    )
    flush.add_argument(
        "--every", type=float, default=_EVERY, metavar="SECONDS", help="how often --follow looks (default: %(default)g)"
    )
    return parser


class _Flush:
    def __init__(self, to: str | None) -> None:
        self._notifier = from_text(to, "--to") if to else from_environment()
        self._said: set[str] = set()

    def once(self) -> int:
        """All channels, one after the other."""
        told, left = self._all()
        print(f"{told} sent, {left} left")
        return 1 if left else 0

    def follow(self, every: float) -> int:
        """Until a signal; what is being sent is finished first."""
        ended = threading.Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            ended.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        while not ended.is_set():
            told, _ = self._all()
            if told:
                print(f"{told} sent", flush=True)
            ended.wait(every)
        return 0

    def _all(self) -> tuple[int, int]:
        told = left = 0
        try:
            for spool in Spool.everyone():
                flushed = spool.flush(self._deliver)
                told, left = told + flushed.told, left + flushed.left
                if flushed.left:
                    self._say(f"{flushed.left} left: {flushed.why}")
        except OSError as error:
            self._say(f"the folder does not work: {error}")
            return told, left + 1
        return told, left

    def _deliver(self, letter: Letter, message: Message) -> Outcome:
        notifier = self._notifier or restored({"notifier": letter.notifier})
        if notifier is None:
            return Outcome("failed", f"nobody knows where to: give --to, or set {VARIABLE}")
        return delivery.send(notifier, message, delivery.BACKGROUND_BUDGET)

    def _say(self, problem: str) -> None:
        if problem not in self._said:  # once, not every five seconds
            print(problem, file=sys.stderr, flush=True)
            self._said.add(problem)
