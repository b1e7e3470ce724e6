"""``twinkle-notifier flush``: what could not be delivered, sent."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from twinkle_notifier import isolation
from twinkle_notifier.budgets import BACKGROUND_BUDGET
from twinkle_notifier.channels import VARIABLE, from_environment, from_text
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
_NOBODY = f"no notifier is known for it: give --to, or set {VARIABLE}"


class Flush:
    """Sends what waits, `to` what people gave, else to what the environment says, else to each message's own robot.

    Of the folders it goes through those in ``TWINKLE_NOTIFIER_DIR``, if that is set, or through `everything`.
    """

    def __init__(self, to: str | None, *, everything: bool = False) -> None:
        self._notifier = from_text(to, "--to") if to else from_environment()
        self._said = Once()
        self._ended = threading.Event()
        self._pauses: dict[str, float] = {}
        self._not_before: dict[str, float] = {}
        self._sent: set[tuple[str, str]] = set()  # by this look at the folders
        self._everything = everything

    def once(self) -> int:
        """All channels, one after the other; the exit code."""
        left = self._adopt()
        told, more = self._all()
        left += more
        self._say_elsewhere()
        print(f"{told} sent, {left} left")
        return 1 if left else 0

    def dry(self) -> int:
        """List what `once` would send, and change nothing; the exit code."""
        found = Waiting.of(self._roots())
        told = left = 0
        for letter in found.letters:
            notifier = self._notifier_of(letter)
            for shown in show(letter, notifier):
                print(shown if notifier is not None else f"{shown}: {_NOBODY}")
            told, left = (told + letter.count(), left) if notifier is not None else (told, left + 1)
        for problem in found.problems:
            self._say(problem)
        self._say_elsewhere()
        left += len(found.problems)
        print(f"{told} would be sent, {left} left")
        return 1 if left else 0

    def follow(self, every: float) -> int:
        """Until a signal; what is being sent is finished first."""

        def end(_number: int, _frame: FrameType | None) -> None:
            self._ended.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        logging.getLogger("twinkle_notifier").addFilter(Once())
        self._adopt()
        self._say_elsewhere()
        while not self._ended.is_set():
            told, _ = self._all()
            if told:
                print(f"{told} sent", flush=True)
            self._ended.wait(every)
        return 0

    def _roots(self) -> list[Path]:
        return state_dir.roots() if self._everything else state_dir.named()

    def _adopt(self) -> int:
        """Take over what a supervisor that was killed has left; how much of that cannot be."""
        problems = adopt(self._roots())
        for problem in problems:
            self._say(problem)
        return len(problems)

    def _say_elsewhere(self) -> None:
        for said in () if self._everything else elsewhere():
            self._say(said)

    def _all(self) -> tuple[int, int]:
        pruning.prune(_PRUNING)  # nodes without a way out send nothing, and so take nothing away
        told = left = 0
        self._sent.clear()
        for spool in Spool.everyone(roots=self._roots()):
            if time.monotonic() < self._not_before.get(spool.name, 0.0):
                continue
            flushed = spool.flush(self._deliver, apart=self._notifier is None)
            self._wait_for(spool.name, flushed)
            told, left = told + flushed.sent, left + flushed.left + flushed.skipped
            if flushed.left:
                self._say(f"{flushed.left} left: {flushed.why}")
            for problem in flushed.problems:
                self._say(problem)
        return told, left

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

    def _say(self, problem: str) -> None:
        """On stderr, in one line: file names and the words of a service may hold anything."""
        shown = line(problem, _LINE)
        if self._said.is_new(shown):
            print(shown, file=sys.stderr, flush=True)


class Once(logging.Filter):
    """Lets each line through once, not every five seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is new."""
        return self.is_new(record.getMessage())

    def is_new(self, text: str) -> bool:
        """Whether `text` is new, or was let through very long ago."""
        if text in self._said:
            return False
        if len(self._said) >= _REMEMBERED:
            self._said.clear()
        self._said.add(text)
        return True


_HEADLINE = 200  # characters
_LOOK = 5.0  # seconds to look into the other folders, whose disks may hang


@dataclass(frozen=True)
class Waiting:
    """The letters that wait, oldest first, each once, and what stands in the way of others."""

    letters: list[Letter]
    problems: list[str]

    @classmethod
    def of(cls, roots: Sequence[Path]) -> Waiting:
        """In the folders `roots`. Raises no OSError."""
        letters, problems = orphans.listed(roots)
        for spool in Spool.everyone(roots=roots):
            more, other = spool.listed()
            letters, problems = letters + more, problems + other
        each = {(letter.id, letter.goes_to()): letter for letter in letters}
        return cls(sorted(each.values(), key=lambda letter: letter.at), problems)

    def count(self) -> int:
        """How many events they tell of."""
        return sum(letter.count() for letter in self.letters)


def show(letter: Letter, to: Notifier | None) -> list[str]:
    """A line for each event of `letter`: when it was, to which kind of chat it goes, its headline."""
    where = chat(to) if to is not None else chat_of(letter.notifier)
    lines: list[str] = []
    for event in letter.events:
        times = f" ({event.count} times)" if event.count > 1 else ""
        lines.append(f"{clock(event.at)}  {shown_in_log(where, 60)}  {shown_in_log(event.headline, _HEADLINE)}{times}")
    return lines


def elsewhere() -> list[str]:
    """A line for each other folder than the named one in which something waits. In time, and raises no OSError."""
    answer = isolation.call(lambda: list(map(_waits_in, state_dir.elsewhere())), _LOOK)
    if not answer.returned:
        return [f"what waits in other folders is not known: {reason(answer.error)}"]
    return [said for said in answer.result() if said]


def _waits_in(root: Path) -> str:
    count = Waiting.of([root]).count()
    return f"{count} more wait in {root}: --all sends those, too" if count else ""
