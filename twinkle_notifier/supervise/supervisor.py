"""Starts a command, passes on what it writes, the signals that it is sent, and its exit code."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from twinkle_notifier import foreign, supervision
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.runtime import Attempt
from twinkle_notifier.supervise import memory, torchrun
from twinkle_notifier.supervise.ending import Ending
from twinkle_notifier.supervise.pulse import Pulse
from twinkle_notifier.supervise.streams import Streams
from twinkle_notifier.supervise.teller import Teller
from twinkle_notifier.supervise.watch import Watch

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_POLL = 1.0  # seconds between two looks at the command, if no signal comes
_DRAIN = 2.0  # seconds for its last output, before its end is told
_TELL = 60.0  # seconds to tell of its end, all waiting for other ranks and nodes included
_OPEN = 3.0  # seconds to make a folder; it may be on a dead mount
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
        self._folder = foreign.call(supervision.Supervision.begun, _OPEN).value
        self._streams = Streams()
        self._teller = Teller(plan.name, plan.notifier, self._folder)
        self._began, self._kills = time.time(), memory.kills()
        self._asked: tuple[int, float] | None = None

    def run(self) -> int:
        """See `supervise`."""
        # What nohup has others ignore is ignored here, too, and by the command.
        heeded: set[int | signal.Signals] = {
            number for number in _PASSED_ON if signal.getsignal(number) != signal.SIG_IGN
        }
        heeded |= {signal.SIGCHLD, signal.SIGWINCH}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, heeded)
        try:
            process = self._started(before)
        except OSError as error:
            return self._not_started(error)
        self._streams.begin()
        watch = Watch(self._teller, self._plan.stall_after, self._streams, process.pid, self._folder, self._ending)
        watch.begin()
        pulse = Pulse(self._plan.heartbeat) if self._plan.heartbeat else None
        if pulse is not None:
            pulse.begin()
        self._wait(process, heeded)
        self._streams.end(_DRAIN)
        known = watch.end()
        ending = self._ending(process.returncode)
        self._tell(replace(ending, attempt=watch.attempt or ending.attempt), known)
        self._streams.end()
        if self._folder is not None:
            self._folder.close()
        while signal.sigtimedwait(heeded, 0) is not None:  # came too late for the command; its end counts
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return _same_end(process.returncode)

    def _started(self, mask: set[int | signal.Signals]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  the user's own command
            self._command,
            stdout=self._streams.stdout,
            stderr=self._streams.stderr,
            env=self._environment(),
            preexec_fn=partial(signal.pthread_sigmask, signal.SIG_SETMASK, mask),
        )

    def _environment(self) -> dict[str, str]:
        env = dict(os.environ)
        if self._folder is not None:
            env[supervision.VARIABLE] = str(self._folder.folder)
            env.setdefault(_ERROR_FILE, str(self._folder.folder / "error.json"))
        if self._plan.stall_after is not None:
            env.setdefault("TWINKLE_NOTIFIER_STALL_AFTER", f"{self._plan.stall_after:g}")
        return env

    def _not_started(self, error: OSError) -> int:
        print(f"twinkle-notifier: {self._command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
        said = torchrun.Recorded(f"{self._command[0]} cannot be started: {error.strerror}", "")
        self._tell(Ending(self._plan.name, self._command, code, 0.0, time.time(), recorded=said), False)
        if self._folder is not None:
            self._folder.close()
        return code

    def _wait(self, process: subprocess.Popen[bytes], heeded: set[int | signal.Signals]) -> None:
        while process.poll() is None:
            info = signal.sigtimedwait(heeded, _POLL)
            if info is None or info.si_signo == signal.SIGCHLD:
                continue
            if info.si_signo == signal.SIGWINCH:
                self._streams.resize()
                continue
            self._asked = self._asked or (info.si_signo, time.time())
            if info.si_code <= 0:  # by a process; what the terminal sends (Ctrl-C), it sends to the command, too
                with suppress(ProcessLookupError):
                    process.send_signal(info.si_signo)

    def _ending(self, code: int) -> Ending:
        now, output = time.time(), self._streams.tail()
        asked = self._asked[0] if self._asked and now - self._asked[1] < _ASKED else None
        path = os.environ.get(_ERROR_FILE) or (str(self._folder.folder / "error.json") if self._folder else "")
        kills = memory.kills()
        return Ending(
            self._plan.name,
            self._command,
            code,
            now - self._began,
            now,
            asked,
            kills - self._kills if kills is not None and self._kills is not None else None,
            torchrun.root_cause(output),
            torchrun.signalled(output),
            torchrun.recorded(Path(path)) if path else None,
            output,
            attempt=Attempt.here(),
        )

    def _tell(self, ending: Ending, known: bool) -> None:
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
