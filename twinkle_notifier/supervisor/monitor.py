"""Checks a running command each second, in a thread of its own: a disk that hangs delays no signal."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from twinkle_notifier import isolation
from twinkle_notifier.budgets import ASKED, SUPERVISOR
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.mailbox.notes import Restart
from twinkle_notifier.messages.catalog import fact, phrase
from twinkle_notifier.runtime.language import language
from twinkle_notifier.runtime.launcher import Attempt
from twinkle_notifier.supervisor import orphans, torchrun
from twinkle_notifier.supervisor.context import Context, say
from twinkle_notifier.supervisor.heartbeat import Heartbeat
from twinkle_notifier.supervisor.output_watchdog import OutputWatchdog
from twinkle_notifier.supervisor.reporter import Reporter
from twinkle_notifier.supervisor.torchrun import Recorded

_TICK = 1.0  # seconds
_END = 10.0  # seconds for a check that is under way
_LISTED = 8  # processes that an alert lists

log: logging.Logger = logging.getLogger("twinkle_notifier")


class Monitor:
    """Watches one command from `begin` to `ended`, and has the reporter send what happens."""

    def __init__(self, context: Context) -> None:
        options = context.options
        self._context, self._output, self._mailbox = context, context.output, context.mailbox
        self._reporter = Reporter(options.name, options.notifier, context.mailbox)
        self._heartbeat = Heartbeat(options.heartbeat) if options.heartbeat else None
        now, after = time.monotonic(), options.stall_after
        self._output_watchdog = OutputWatchdog(after, now) if after is not None else None
        self._written = now  # when output last appeared
        self._reported_restarts = 0
        self._is_preemption_reported = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="twinkle-notifier-monitor", daemon=True)

    def begin(self) -> None:
        """The command runs."""
        self._thread.start()
        if self._heartbeat is not None:
            self._heartbeat.begin()

    def ended(self, code: int) -> None:
        """The command has ended."""
        if self._heartbeat is not None:
            self._heartbeat.end()
        self._over.set()
        if self._thread.is_alive():  # it may never have started
            self._thread.join(_END)
        self._check(isolation.Helper(), self._check_restarts)  # the last attempt may have ended since the last check
        if code:
            self._output.end()
        elif self._context.options.notifications == "failure_only":
            self._reporter.silence_over()
        ending = self._context.ending(code)
        for restart in self._restarts()[-1:]:
            ending = ending._replace(attempt=Attempt(restart.attempt + 1, restart.attempts))
        known = self._is_preemption_reported and ending.was_asked_for()
        self._reporter.ended(ending, on_success=self._context.options.on_success, known=known)

    def not_started(self, code: int, error: str) -> None:
        """The command could not be started."""
        ending = self._context.ending(code)._replace(recorded=Recorded(error, ""))
        self._reporter.ended(ending, on_success=False, known=False)

    def _run(self) -> None:
        checks = (self._check_signals, self._check_output, self._check_restarts, self._reporter.overdue)
        once: tuple[Callable[[], object], ...] = (self._complain,)
        helper = isolation.Helper()
        self._check(helper, self._output.check)  # before the command has written much
        self._check(helper, lambda: orphans.adopt([self._mailbox.folder.parent.parent]))  # of killed supervisors
        while not self._over.wait(_TICK):
            for check in (*checks, *once):
                self._check(helper, check)
            once = ()

    def _check(self, helper: isolation.Helper, check: Callable[[], object]) -> None:
        answer = helper.call(check, SUPERVISOR)
        if not answer.returned:  # most likely a disk is gone; the next check is in a second
            log.debug("a check of the command failed: %s", reason(answer.error))

    def _complain(self) -> None:
        """Print what cannot be seen of the command."""
        complaint = self._output.complaint()
        if complaint and not torchrun.writes_logs(self._context.command):
            say(complaint)
        if self._output_watchdog is not None and not self._output.is_seen:
            say("the output cannot be watched: --stall-after relies on the callbacks in the command alone")

    def _check_signals(self) -> None:
        ending = self._context.ending(0)
        if ending.asked is None:
            self._is_preemption_reported = False  # it was long ago
        elif not self._is_preemption_reported and time.time() - ending.asked_at > ASKED:
            self._is_preemption_reported = self._reporter.preempted(ending)

    def _check_output(self) -> None:
        if self._output.check():
            self._written = time.monotonic()
        if self._output_watchdog is None:
            return
        written = self._written if self._output.is_seen else None
        change = self._output_watchdog.check(time.monotonic(), written, time.time(), self._mailbox.beats())
        if change == "silent":
            self._reporter.silent(self._output_watchdog.lasted, self._silence_facts())
        elif change == "moving" and self._context.options.notifications != "all":
            self._reporter.silence_over()
        elif change == "moving":
            self._reporter.moving(self._output_watchdog.lasted)

    def _silence_facts(self) -> list[str]:
        pids = ", ".join(map(str, _with_descendants(self._context.pid)))
        shows = phrase(language(), "{pids}; `py-spy dump --pid PID` shows where one is", pids=pids)
        return [
            fact(language(), "Seen from outside", phrase(language(), "no output, and no training step")),
            fact(language(), "Processes", shows),
        ]

    def _check_restarts(self) -> None:
        for restart in self._restarts()[self._reported_restarts :]:
            self._reported_restarts += 1
            self._reporter.restarted(restart, self._context.ending(1))

    def _restarts(self) -> list[Restart]:
        """The restarts by torchrun's agent, the first if there are several."""
        restarts = self._mailbox.restarts()
        return [restart for restart in restarts if restart.pid == restarts[0].pid and restart.failures]


def _with_descendants(pid: int) -> list[int]:
    """`pid` and processes below it, nearest first."""
    found = [pid]
    for parent in found:  # which grows meanwhile
        with suppress(OSError):  # it is gone
            for path in Path(f"/proc/{parent}/task").glob("*/children") if len(found) < _LISTED else ():
                found += map(int, path.read_text().split())
    return found[:_LISTED]
