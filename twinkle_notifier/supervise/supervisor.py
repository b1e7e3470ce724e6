"""Starts a command, passes on what it writes, the signals that it is sent, and its exit code."""

from __future__ import annotations

import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from twinkle_notifier import foreign, stalls, supervision
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.runtime import Attempt
from twinkle_notifier.supervise import memory, torchrun
from twinkle_notifier.supervise.canary import Canary
from twinkle_notifier.supervise.ending import INTERRUPTING, PREEMPTING, Ending
from twinkle_notifier.supervise.pulse import Pulse
from twinkle_notifier.supervise.streams import Streams
from twinkle_notifier.supervise.teller import Teller
from twinkle_notifier.supervise.watch import Watch

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_POLL = 1.0  # seconds between two looks at the command, if no signal comes
_DRAIN = 2.0  # seconds for its last output, before its end is told
_LEAVE = 10.0  # seconds for its output, where it was asked to end; schedulers kill after 30
_TELL = 60.0  # seconds to tell of its end, all waiting for other ranks and nodes included
_BUDGET = 3.0  # seconds for a disk, which may be a dead mount
_LOOK = 0.02  # seconds between two looks whether all output is passed on
_ASKED = 600.0  # seconds from a signal to the end that it accounts for
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as a shell says it
_ERROR_FILE = "TORCHELASTIC_ERROR_FILE"


@dataclass(frozen=True)
class Plan:
    """What to tell of a command, and whom. `stall_after` in seconds."""

    name: str
    notifier: Callable[[str], object] | None
    stall_after: float | None = None
    on_success: bool = False
    heartbeat: str = ""


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
        self._command, self._plan = command, plan
        self._began, self._kills = time.time(), memory.kills()
        self._pid = 0
        self._asked: tuple[int, float] | None = None

    def run(self) -> int:
        """See `supervise`."""
        self._closed = _held_open()
        # What nohup has others ignore is ignored here, too, and by the command.
        self._heeded: set[int | signal.Signals] = {
            number for number in _PASSED_ON if signal.getsignal(number) != signal.SIG_IGN
        }
        self._heeded |= {signal.SIGCHLD, signal.SIGWINCH}
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored, nobody learns how a child ended
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._heeded)  # before any thread: each inherits it
        self._canary = Canary(self._heeded - {signal.SIGCHLD, signal.SIGWINCH})
        self._folder = foreign.call(supervision.Supervision.begun, _BUDGET).value
        self._streams = Streams(self._closed)
        self._teller = Teller(self._plan.name, self._plan.notifier, self._folder)
        try:
            process = self._started()
        except OSError as error:
            code = self._not_started(error)
        else:
            code = self._seen_through(process)
        if self._folder is not None:
            foreign.call(self._folder.close, _BUDGET)
        while signal.sigtimedwait(self._heeded, 0) is not None:  # came too late for the command, whose end counts
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        return _same_end(code)

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  the user's own command
            self._command,
            stdout=self._streams.stdout,
            stderr=self._streams.stderr,
            close_fds=False,  # ours are not inherited; what we were given is the command's, too
            env=self._environment(),
            preexec_fn=self._in_the_child,
        )

    def _in_the_child(self) -> None:
        for stream in self._closed:
            os.close(stream)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _environment(self) -> dict[str, str]:
        env = dict(os.environ)
        if self._folder is not None:
            env[supervision.VARIABLE] = str(self._folder.folder)
            env.setdefault(_ERROR_FILE, str(self._folder.folder / "error.json"))
        if self._plan.stall_after is not None:
            env.setdefault(stalls.VARIABLE, f"{self._plan.stall_after:g}")
        return env

    def _not_started(self, error: OSError) -> int:
        said = f"{self._command[0]} cannot be started: {error.strerror}"
        print(f"twinkle-notifier: {said}", file=sys.stderr)
        code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
        self._tell(replace(self._ending(code), recorded=torchrun.Recorded(said, "")), known=False)
        self._canary.end()
        return code

    def _seen_through(self, process: subprocess.Popen[bytes]) -> int:
        """The command runs, until it has ended, which is told, and all of its output is passed on."""
        self._pid = process.pid
        self._streams.begin()
        watch = Watch(self._teller, self._plan.stall_after, self._streams, process.pid, self._folder, self._ending)
        watch.begin()
        pulse = Pulse(self._plan.heartbeat) if self._plan.heartbeat else None
        if pulse is not None:
            pulse.begin()
        self._wait(process)
        self._streams.end()
        self._drain(_DRAIN, set())
        known = watch.end()
        ending = self._ending(process.returncode)
        self._tell(replace(ending, attempt=watch.attempt or ending.attempt), known=known and ending.was_asked_for())
        number = self._drain(_LEAVE if self._asked else math.inf, self._heeded)  # `| less` may be left open for days
        self._canary.end()
        if number is None:
            self._streams.leave_the_rest()
        return process.returncode if number is None else -number

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            info = signal.sigtimedwait(self._heeded, _POLL)
            if info is None:
                continue
            if info.si_signo == signal.SIGCHLD:
                _reap_others(process.pid)
            elif info.si_signo == signal.SIGWINCH:
                self._streams.resize()
            else:
                self._pass_on(process, info.si_signo)

    def _pass_on(self, process: subprocess.Popen[bytes], number: int) -> None:
        if number in (*PREEMPTING, *INTERRUPTING):
            self._asked = (number, time.time())
        if not self._canary.had(number):
            with suppress(ProcessLookupError):
                process.send_signal(number)

    def _drain(self, seconds: float, heeded: set[int | signal.Signals]) -> int | None:
        """Wait for the output, as long as somebody reads it; the signal that ended the waiting, if one did."""
        deadline = time.monotonic() + seconds
        while self._streams.busy() and time.monotonic() < deadline:
            info = signal.sigtimedwait(heeded, _LOOK)
            if info is not None and info.si_signo in (*PREEMPTING, *INTERRUPTING):
                return info.si_signo
        return None

    def _ending(self, code: int) -> Ending:
        now, output, kills = time.time(), self._streams.tail(), memory.kills()
        asked, asked_at = self._asked if self._asked and now - self._asked[1] < _ASKED else (None, 0.0)
        path = os.environ.get(_ERROR_FILE) or (str(self._folder.folder / "error.json") if self._folder else "")
        # An agent's words are those of another command of the same script, if the exit code is not the agent's.
        is_agent_s = code == 1
        return Ending(
            self._plan.name,
            self._command,
            code,
            now - self._began,
            now,
            self._pid,
            asked,
            asked_at,
            kills - self._kills if kills is not None and self._kills is not None else None,
            torchrun.root_cause(output) if is_agent_s else None,
            torchrun.signalled(output) if is_agent_s else None,
            foreign.call(lambda: torchrun.recorded(Path(path), self._began), _BUDGET).value if path and code else None,
            output,
            attempt=Attempt.here(),
        )

    def _tell(self, ending: Ending, *, known: bool) -> None:
        """In time, and until somebody presses Ctrl-C once more."""
        asked_before = signal.SIGINT in signal.sigpending()
        answer = foreign.call(
            lambda: self._teller.ended(ending, on_success=self._plan.on_success, known=known),
            _TELL,
            lambda: not asked_before and signal.SIGINT in signal.sigpending(),
        )
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
