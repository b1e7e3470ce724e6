"""Starts a command, passes on what it writes, the signals that it is sent, and its exit code."""

from __future__ import annotations

import gc
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from twinkle_notifier import attach, checks, default_name, folders, foreign, meeting
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.signals import awaited
from twinkle_notifier.supervise.canary import Canary
from twinkle_notifier.supervise.command import INTERRUPTING, PREEMPTING, Command
from twinkle_notifier.supervise.facts import ERROR_FILE, STALL_AFTER, Facts, Plan
from twinkle_notifier.supervise.streams import Streams
from twinkle_notifier.supervise.telling import Telling

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_POLL = 1.0  # seconds between two looks at the command, if no signal comes
_DRAIN = 2.0  # seconds for its last output, before its end is told
_LEAVE = 10.0  # seconds for its output, where it was asked to end; schedulers kill after 30
_TELL = 60.0  # seconds to tell of its end, all waiting for other ranks and nodes included
_BUDGET = 3.0  # seconds for a disk, which may be a dead mount
_LOOK = 0.02  # seconds between two looks whether all output is passed on
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as a shell says it


def supervise(command: Sequence[str], plan: Plan) -> int:
    """Run `command` to its end, and tell it; its exit code. Where a signal killed it, this process dies of the same.

    Raises:
        ArgumentError: this is not Linux.
    """
    if not hasattr(signal, "sigtimedwait"):
        raise ArgumentError("`twinkle-notifier run` needs Linux: call notify_exception, or add a callback, instead")
    return _Supervisor(command, plan).run()


class _Supervisor:
    def __init__(self, command: Sequence[str], plan: Plan) -> None:
        self._closed = _held_open()
        # What nohup has others ignore is ignored here, too, and by the command.
        self._heeded: set[int | signal.Signals] = {
            number for number in _PASSED_ON if signal.getsignal(number) != signal.SIG_IGN
        }
        self._heeded |= {signal.SIGCHLD, signal.SIGWINCH}
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored, nobody learns how a child ended
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._heeded)  # before any thread: each inherits it
        self._canary = Canary(self._heeded - {signal.SIGCHLD, signal.SIGWINCH})
        folder = foreign.call(meeting.opened, _BUDGET).value
        self._streams = Streams(self._closed)
        self._facts = Facts(command, plan, folder, self._streams)

    def run(self) -> int:
        """See `supervise`."""
        try:
            command = Command(self._facts.command, self._environment(), self._streams, self._closed, self._mask)
        except OSError as error:
            code = self._not_started(error)
        else:
            code = self._seen_through(command)
        if (folder := self._facts.folder) is not None:
            foreign.call(lambda: meeting.close(folder), _BUDGET)
        while awaited(self._heeded, 0) is not None:  # came too late for the command, whose end counts
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        gc.freeze()  # or the interpreter, at its end, looks for garbage in all that was loaded: 20 ms for nothing
        return _same_end(code)

    def _environment(self) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if name}  # an entry without a name cannot be passed on
        folder, stall_after = self._facts.folder, self._facts.plan.stall_after
        if chosen := folders.chosen():
            env[folders.VARIABLE] = (
                chosen  # a relative one would lead elsewhere once the command has changed its folder
            )
        if folder is not None:
            env[meeting.VARIABLE] = str(folder)
            env.setdefault(ERROR_FILE, str(folder / "error.json"))
        if stall_after is not None:
            env.setdefault(STALL_AFTER, f"{stall_after:g}")
        if self._facts.plan.is_named:
            env[default_name.VARIABLE] = self._facts.plan.name
        if folder is not None and self._facts.plan.attach:
            env |= attach.environment(env)
        return env

    def _not_started(self, error: OSError) -> int:
        said = f"{self._facts.command[0]} cannot be started: {error.strerror}"
        print(f"twinkle-notifier: {said}", file=sys.stderr)
        code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
        self._tell(lambda: Telling(self._facts).not_started(code, said))
        self._canary.end()
        return code

    def _seen_through(self, command: Command) -> int:
        """The command runs, until it has ended, which is told, and all of its output is passed on."""
        self._facts.pid = command.pid
        self._streams.begin()
        checks.begin(self._facts.plan.notifier)  # not before the signals are blocked: it starts a thread
        telling = Telling(self._facts)
        begun = foreign.tried(telling.begin)
        if begun.error is not None:  # at the limit of threads; its end is told all the same
            print(f"twinkle-notifier: the command is not watched: {begun.error}", file=sys.stderr, flush=True)
        code = self._wait(command)
        self._streams.end()
        self._drain(_DRAIN, set())
        self._facts.ended = time.time()
        self._tell(lambda: telling.ended(code))
        number = self._drain(_LEAVE if self._facts.asked else math.inf, self._heeded)  # `| less` may stay open for days
        self._canary.end()
        if number is None:
            self._streams.leave_the_rest()
        return code if number is None else -number

    def _wait(self, command: Command) -> int:
        while (code := command.code()) is None:
            number = awaited(self._heeded, _POLL)
            if number is None:
                continue
            if number == signal.SIGCHLD:
                _reap_others(command.pid)
            elif number == signal.SIGWINCH:
                self._streams.resize()
            else:
                self._pass_on(command, number)
        return code

    def _pass_on(self, command: Command, number: int) -> None:
        if number in (*PREEMPTING, *INTERRUPTING):
            self._facts.asked = (number, time.time())
        if not self._canary.had(number):
            command.send(number)

    def _drain(self, seconds: float, heeded: set[int | signal.Signals]) -> int | None:
        """Wait for the output, as long as somebody reads it; the signal that ended the waiting, if one did."""
        deadline = time.monotonic() + seconds
        while self._streams.busy() and time.monotonic() < deadline:
            number = awaited(heeded, _LOOK)
            if number in (*PREEMPTING, *INTERRUPTING):
                return number
        return None

    def _tell(self, tell: Callable[[], None]) -> None:
        """In time, and until somebody presses Ctrl-C once more."""
        asked_before = signal.SIGINT in signal.sigpending()
        answer = foreign.call(tell, _TELL, lambda: not asked_before and signal.SIGINT in signal.sigpending())
        if not answer.returned:
            why = f": {answer.error}" if answer.error is not None else ""
            print(f"twinkle-notifier: it is not sure that people were told{why}", file=sys.stderr)


def _held_open() -> list[int]:
    """The standard streams that are closed. They are held open, or the next file opened would be taken for one."""
    closed = []
    for stream in (0, 1, 2):
        try:
            os.fstat(stream)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            closed.append(stream)
    return closed


def _reap_others(pid: int) -> None:
    """Orphans that became our children, as those of a container's first process do."""
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid != pid:
            os.waitpid(ended.si_pid, os.WNOHANG)


def _same_end(code: int) -> int:
    """Die of the signal that killed the command, so that whoever waits for us sees what they would have seen."""
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
