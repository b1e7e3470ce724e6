"""What the supervisor knows of its command, and its lines for whoever started it."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from twinkle_notifier import isolation
from twinkle_notifier.budgets import DISK
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.runtime.language import language
from twinkle_notifier.runtime.launcher import Attempt
from twinkle_notifier.supervisor.command import Options
from twinkle_notifier.supervisor.exit_report import ExitReport
from twinkle_notifier.supervisor.last_lines import Output
from twinkle_notifier.supervisor.oom import oom_kills

_ASKED = 600.0  # seconds from a signal to the end that it accounts for
_NO_FOLDER = Path(os.devnull, "none")
_PATIENCE = 0.5  # seconds for a terminal that is held, or a reader that is slow


class Context:
    """The facts about one command. The main thread writes them, others read.

    `folder` is the mailbox that the supervisor shares with the command's processes, None if no disk has room; `asked`
    the last signal that asked the command to end, with its time; `ended` the time of its end. Times are in seconds
    since 1970.
    """

    def __init__(self, command: Sequence[str], options: Options, mailbox: Mailbox | None) -> None:
        self.command: Sequence[str] = command
        self.options: Options = options
        self.folder: Path | None = mailbox.folder if mailbox is not None else None
        self.mailbox: Mailbox = mailbox or Mailbox(_NO_FOLDER)  # without a folder it is empty
        self.output: Output = Output(options.log)
        isolation.call(self.output.begin, DISK)
        self.began: float = time.time()
        self._kills = oom_kills()
        self.pid: int = 0
        self.asked: tuple[int, float] | None = None
        self.ended: float | None = None

    def ending(self, code: int) -> ExitReport:
        """The command's end with exit code `code`, now or when it ended."""
        now, kills = self.ended or time.time(), oom_kills()
        asked, asked_at = self.asked if self.asked and now - self.asked[1] < _ASKED else (None, 0.0)
        return ExitReport(
            self.options.name,
            self.command,
            code,
            now - self.began,
            now,
            self.pid,
            asked,
            asked_at,
            kills - self._kills if kills is not None and self._kills is not None else None,
            output=self.output.tail(),
            attempt=Attempt.here(),
            language=language(),
        )


def say(text: str) -> None:
    """Write a line to standard error, if that takes it. Does not hang, and raises nothing that a stream can do.

    A terminal may stop a job in the background that writes to it, and with it the command: not for our line.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
    try:
        if select.select([], [2], [], _PATIENCE)[1]:
            os.write(2, f"twinkle-notifier: {text}\n".encode("utf-8", "replace"))
    except (OSError, ValueError):
        pass
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
