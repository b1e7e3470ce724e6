"""``twinkle-notifier flush``: sends what could not be delivered."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from twinkle_notifier import isolation, settings
from twinkle_notifier.budgets import BACKGROUND_BUDGET
from twinkle_notifier.channels import VARIABLE, from_text
from twinkle_notifier.cli.common import IN_PS, Commands, add_command, add_json, print_json
from twinkle_notifier.delivery import sender
from twinkle_notifier.delivery.descriptor import chat, chat_of, restored
from twinkle_notifier.delivery.letter import Letter, clock
from twinkle_notifier.delivery.spool import Flushed, Spool
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.message import Message, Outcome
from twinkle_notifier.messages.sanitize import line, shown_in_log
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.runtime import pruning, state_dir
from twinkle_notifier.supervisor import orphans
from twinkle_notifier.supervisor.orphans import adopt

_PAUSE = 10.0  # seconds until a robot that took no message is asked again; then twice as many, up to
_PAUSE_MOST = 300.0
_PRUNING = 2.0  # seconds, once an hour, for what is old
_LINE = 500  # characters of a line about a problem
_REMEMBERED = 10_000  # lines that are not printed again
_EVERY = 5.0  # seconds between two flushes
_NOBODY = f"no notifier is known for it: give --to, or set {VARIABLE}"


def add(commands: Commands) -> None:
    """Add the command."""
    flush = add_command(
        commands,
        "flush",
        "send what could not be delivered",
        "Send the messages that could not be delivered. They wait in the folder that the variable "
        f"{state_dir.VARIABLE} names; when it is not set, in the temporary folder and the others of "
        "docs/reliability.md.",
        "twinkle-notifier flush --dry-run",
        "TWINKLE_NOTIFIER_DIR=/shared/me/notifier twinkle-notifier flush --follow",
        epilog="Exit codes: 0, nothing is left; 1, something is left, and standard error says what and why; 2, the "
        "arguments or the environment cannot work. With --dry-run the same, of what would be left; with --follow it is "
        "0 after Ctrl-C or SIGTERM. What waits in other folders is named and does not count.",
    )
    flush.add_argument(
        "--to",
        metavar="URL",
        help="where to, for all messages: a webhook URL, or JSON as to_dict() writes it; by default what the variable "
        f"{VARIABLE} or your file names, else each message's own robot, if it was given by reference. {IN_PS}",
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
        "--every",
        type=_pause,
        default=_EVERY,
        metavar="SECONDS",
        help="how often --follow looks (default: %(default)g)",
    )
    add_json(flush)
    flush.set_defaults(do=_flush)


def _pause(text: str) -> float:
    seconds = float(text)  # argparse says what is wrong with another text
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a pause: give seconds, more than 0")
    return seconds


def _flush(given: argparse.Namespace) -> int:
    flush = Flush(given.to, everything=given.everything, json=given.json)
    if given.dry_run:
        return flush.dry()
    return flush.follow(given.every) if given.follow else flush.once()


class Flush:
    """Sends what waits: `to` a notifier, else to the environment's, else to each message's own.

    It reads the folder of ``TWINKLE_NOTIFIER_DIR``, if that is set; with `everything` also all others.
    """

    def __init__(self, to: str | None, *, everything: bool = False, json: bool = False) -> None:
        self._notifier = from_text(to, "--to") if to else settings.set_up()[0]
        self._json = json
        self._problems: list[str] = []  # that were printed since the last sum
        self._listed: list[str] = []
        self._printed = Once()
        self._ended = threading.Event()
        self._pauses: dict[str, float] = {}
        self._not_before: dict[str, float] = {}
        self._sent: set[tuple[str, str]] = set()  # in this pass through the folders
        self._everything = everything

    def once(self) -> int:
        """Flush all channels, one after the other; the exit code."""
        left = self._adopt()
        sent, more = self._all()
        left += more
        self._print_elsewhere()
        self._sum_up(f"{sent} sent, {left} left", sent=sent, left=left)
        return 1 if left else 0

    def dry(self) -> int:
        """List what `once` would send, and change nothing; the exit code."""
        found = Waiting.of(self._roots())
        sent = left = 0
        for letter in found.letters:
            notifier = self._notifier_of(letter)
            for shown in show(letter, notifier):
                self._list(shown if notifier is not None else f"{shown}: {_NOBODY}")
            sent, left = (sent + letter.event_count(), left) if notifier is not None else (sent, left + 1)
        for problem in found.problems:
            self._print(problem)
        self._print_elsewhere()
        left += len(found.problems)
        self._sum_up(f"{sent} would be sent, {left} left", sent=sent, left=left, waiting=self._listed)
        return 1 if left else 0

    def follow(self, every: float) -> int:
        """Flush until a signal comes; a send that is under way is finished first."""

        def end(_number: int, _frame: FrameType | None) -> None:
            self._ended.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        logging.getLogger("twinkle_notifier").addFilter(Once())
        self._adopt()
        self._print_elsewhere()
        while not self._ended.is_set():
            sent, _ = self._all()
            if sent:
                self._sum_up(f"{sent} sent", sent=sent)
            self._ended.wait(every)
        return 0

    def _roots(self) -> list[Path]:
        return state_dir.roots() if self._everything else state_dir.named()

    def _adopt(self) -> int:
        """Take over what killed supervisors have left; how many problems there were."""
        problems = adopt(self._roots())
        for problem in problems:
            self._print(problem)
        return len(problems)

    def _print_elsewhere(self) -> None:
        for shown in () if self._everything else elsewhere():
            self._print(shown)

    def _all(self) -> tuple[int, int]:
        pruning.prune(_PRUNING)  # nodes without a way out send nothing, and so take nothing away
        sent = left = 0
        self._sent.clear()
        for spool in Spool.everyone(roots=self._roots()):
            if time.monotonic() < self._not_before.get(spool.name, 0.0):
                continue
            flushed = spool.flush(self._deliver, apart=self._notifier is None)
            self._wait_for(spool.name, flushed)
            sent, left = sent + flushed.sent, left + flushed.left + flushed.skipped
            if flushed.left:
                self._print(f"{flushed.left} left: {flushed.why}")
            for problem in flushed.problems:
                self._print(problem)
        return sent, left

    def _wait_for(self, name: str, flushed: Flushed) -> None:
        """Ask a robot that does not take a message ever less often: each request counts against its rate."""
        pause = min(2 * self._pauses.get(name, _PAUSE / 2), _PAUSE_MOST) if flushed.left and not flushed.sent else 0.0
        self._pauses[name] = pause or _PAUSE / 2
        self._not_before[name] = time.monotonic() + max(pause, flushed.retry_after or 0.0)

    def _deliver(self, letter: Letter, message: Message) -> Outcome:
        key = letter.id, letter.goes_to()
        if key in self._sent:  # a copy in another folder
            return Outcome("duplicate")
        if self._ended.is_set():
            return Outcome("failed", "a signal ended the flush")
        notifier = self._notifier_of(letter)
        if notifier is None:
            return Outcome("skipped", _NOBODY)
        outcome = sender.send(notifier, message, BACKGROUND_BUDGET)
        if outcome.status == "sent":
            self._sent.add(key)
        return outcome

    def _notifier_of(self, letter: Letter) -> Notifier | None:
        return self._notifier if self._notifier is not None else restored(letter.notifier)

    def _print(self, problem: str) -> None:
        """Print to stderr, in one line: file names and the answers of a service may hold anything."""
        shown = line(problem, _LINE)
        if self._printed.is_new(shown):
            self._problems.append(shown)
            print(shown, file=sys.stderr, flush=True)

    def _list(self, shown: str) -> None:
        self._listed.append(shown)
        if not self._json:
            print(shown)

    def _sum_up(self, text: str, **facts: int | list[str]) -> None:
        """Print `text` to people; to programs the facts, and the problems that standard error has named."""
        problems, self._problems = self._problems, []
        if self._json:
            print_json({**facts, "problems": problems})
        else:
            print(text, flush=True)


class Once(logging.Filter):
    """Lets each line through once, not every five seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is new."""
        return self.is_new(record.getMessage())

    def is_new(self, text: str) -> bool:
        """Whether `text` is new, or was let through very long ago."""
        if text in self._seen:
            return False
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen.add(text)
        return True


_HEADLINE = 200  # characters
_ELSEWHERE = 5.0  # seconds to read the other folders, whose disks may hang


@dataclass(frozen=True)
class Waiting:
    """The letters that wait, oldest first, each once, and the problems with others."""

    letters: list[Letter]
    problems: list[str]

    @classmethod
    def of(cls, roots: Sequence[Path]) -> Waiting:
        """What waits in the folders `roots`. Raises no OSError."""
        letters, problems = orphans.listed(roots)
        for spool in Spool.everyone(roots=roots):
            more, other = spool.listed()
            letters, problems = letters + more, problems + other
        each = {(letter.id, letter.goes_to()): letter for letter in letters}
        return cls(sorted(each.values(), key=lambda letter: letter.at), problems)

    def count(self) -> int:
        """How many events they report."""
        return sum(letter.event_count() for letter in self.letters)


def show(letter: Letter, to: Notifier | None) -> list[str]:
    """A line for each event of `letter`: when it was, to which kind of chat it goes, its headline."""
    where = chat(to) if to is not None else chat_of(letter.notifier)
    lines: list[str] = []
    for event in letter.events:
        times = f" ({event.count} times)" if event.count > 1 else ""
        lines.append(f"{clock(event.at)}  {shown_in_log(where, 60)}  {shown_in_log(event.headline, _HEADLINE)}{times}")
    return lines


def elsewhere() -> list[str]:
    """A line for each other folder than the named one in which something waits. Bounded; raises no OSError."""
    answer = isolation.call(lambda: list(map(_waits_in, state_dir.elsewhere())), _ELSEWHERE)
    if not answer.returned:
        return [f"what waits in other folders is not known: {reason(answer.error)}"]
    return [shown for shown in answer.result() if shown]


def _waits_in(root: Path) -> str:
    count = Waiting.of([root]).count()
    return f"{count} more wait in {root}: --all sends those, too" if count else ""
