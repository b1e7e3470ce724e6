"""Starts a command and waits for its end, beside it: its input and output do not pass through this process."""

from __future__ import annotations

import errno
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from twinkle_notifier import isolation
from twinkle_notifier.budgets import DISK, SUPERVISOR
from twinkle_notifier.delivery import check
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.isolation.signals import alarm
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.supervisor.command import DEFAULT, INTERRUPTING, PREEMPTING, Command, Options, environment
from twinkle_notifier.supervisor.context import Context, say
from twinkle_notifier.supervisor.monitor import Monitor
from twinkle_notifier.supervisor.signal_probe import SignalProbe

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_POLL = 1.0  # seconds until the supervisor goes on after an error of its own
_SAME = 0.1  # seconds; many processes are signalled one after the other
_PROBE_POLL = 0.005  # seconds between two checks that the probe had the signal, too
_TRIES, _PAUSE = 5, 0.1  # to start the command when resources are short; seconds between two
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as a shell returns


def supervise(command: Sequence[str], options: Options) -> int:
    """Run `command` to its end, and report it; its exit code. If a signal killed it, this process dies of the same.

    Raises:
        ArgumentError: this is not Linux.
    """
    if not hasattr(signal, "sigtimedwait"):
        raise ArgumentError("`twinkle-notifier run` needs Linux: call notify_exception, or add a callback, instead")
    return _Supervisor(command, options).run()


class _Supervisor:
    def __init__(self, command: Sequence[str], options: Options) -> None:
        _hold_open()
        # A signal that nohup ignores for us is ignored by the command, too.
        passed_on = {*_PASSED_ON, *range(signal.SIGRTMIN, signal.SIGRTMAX + 1)}
        self._passed_on = {number for number in passed_on if signal.getsignal(number) != signal.SIG_IGN}
        self._handled = {*self._passed_on, signal.SIGCHLD}
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if it were ignored, a child's exit code would be lost
        # Before any thread, as each inherits it. SIGTTOU: our line must not stop a command in the background.
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*self._handled, signal.SIGTTOU})
        self._probe = SignalProbe(self._passed_on)
        self._complaints: set[str] = set()  # about our own errors
        self._context = Context(command, options, isolation.call(Mailbox.begun, DISK).value)

    def run(self) -> int:
        """See `supervise`."""
        env = environment(self._context.options, self._context.folder)
        try:
            command = self._started(env)
        except OSError as error:
            code = self._not_started(error)
        else:
            code = self._watched(command)
        if self._context.folder is not None:
            _bounded(self._context.mailbox.close, DISK)
        while signal.sigtimedwait(self._handled, 0) is not None:  # they came after the command's end
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        gc.freeze()  # else the interpreter collects garbage at its end, which takes 20 ms
        return _same_end(code)

    def _started(self, env: Mapping[str, str]) -> Command:
        """Start the command; without room for a second process, it replaces this one. Raises OSError."""
        for _ in range(_TRIES):
            try:
                return Command(self._context.command, env, self._mask)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.ENOMEM):
                    raise
                time.sleep(_PAUSE)  # finished threads are about to end
        return self._become_command(env)

    def _become_command(self, env: Mapping[str, str]) -> NoReturn:
        say("the command is not watched: there is no room for one more process")
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        for number in DEFAULT:
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(self._context.command[0], list(self._context.command), env)  # noqa: S606  the user's own command

    def _not_started(self, error: OSError) -> int:
        error_text = f"{self._context.command[0]} cannot be started: {error.strerror}"
        say(error_text)
        code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
        self._report(lambda: Monitor(self._context).not_started(code, error_text))
        return code

    def _watched(self, command: Command) -> int:
        """Watch the command until its end, and report that; its exit code."""
        self._context.pid = command.pid
        monitor = isolation.tried(lambda: Monitor(self._context))
        for begin in (lambda: check.begin(self._context.options.notifier), lambda: monitor.result().begin()):
            self._try(begin, "the command is not watched")  # at the limit of threads; its end is reported all the same
        while command.code is None:
            if not self._try(lambda: self._wait(command), "the supervisor goes on after an error"):
                isolation.tried(lambda: time.sleep(_POLL))
        isolation.tried(self._probe.end)
        self._context.ended = time.time()
        code = command.code
        self._report(lambda: monitor.result().ended(code))
        return code

    def _wait(self, command: Command) -> None:
        """Wait for the next signal, such as a child's end.

        `sigtimedwait` may return numbers that nobody sent, after the process was stopped and continued.
        """
        self._reap(command)
        if command.code is None:
            self._probe.renew()
            number = signal.sigwaitinfo(self._handled).si_signo
            if number in self._passed_on:
                self._pass_on(command, number)

    def _reap(self, command: Command) -> None:
        """Reap children that have ended. A container's first process gets orphans as children, too."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if pid == command.pid:
                    command.code = os.waitstatus_to_exitcode(status)
                elif pid == self._probe.pid:
                    self._probe.reaped(status)

    def _pass_on(self, command: Command, number: int) -> None:
        if number in (*PREEMPTING, *INTERRUPTING):
            self._context.asked = (number, time.time())
        deadline = time.monotonic() + _SAME
        while self._probe.pid and time.monotonic() < deadline:
            self._reap(command)
            time.sleep(_PROBE_POLL if self._probe.pid else 0.0)
        if not self._probe.had(number):
            command.send(number)

    def _try(self, work: Callable[[], None], complaint: str) -> bool:
        """Do `work`; whether that succeeded. Print each error once."""
        error = isolation.tried(work).error
        line = f"{complaint}: {reason(error)}"
        if error is not None and line not in self._complaints:
            self._complaints.add(line)
            say(line)
        return error is None

    def _report(self, work: Callable[[], None]) -> None:
        """Do `work` within `SUPERVISOR` seconds, or until somebody presses Ctrl-C once more."""
        asked_before = signal.SIGINT in signal.sigpending()
        error = _bounded(work, SUPERVISOR, lambda: not asked_before and signal.SIGINT in signal.sigpending())
        if error is not None:
            say(f"it is not certain that the alert was sent: {reason(error)}")


def _bounded(work: Callable[[], None], seconds: float, hurry: Callable[[], bool] = bool) -> BaseException | None:
    """Do `work` by `isolation.call`, whose thread may hang at its start without memory; the error, if any."""

    def call() -> None:
        with alarm(seconds + DISK):
            isolation.call(work, seconds, hurry).result()

    return isolation.tried(call).error


def _hold_open() -> None:
    """Open /dev/null for each closed standard stream, or the next file that is opened would become one.

    The command does not inherit it.
    """
    for stream in (0, 1, 2):
        try:
            os.fstat(stream)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def _same_end(code: int) -> int:
    """Die of the signal that killed the command, so that our parent sees the same end as without us."""
    if code >= 0:
        return code
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core file is enough
    with suppress(OSError):
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 128 - code  # the first process of a container does not die of it
