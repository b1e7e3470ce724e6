"""The command's output is byte for byte what it is without us, on a pipe and on a terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox

PYTHON = sys.executable
RUN = [PYTHON, "-m", "twinkle_notifier", "run", "--name", "sft", "--"]
Begin = Callable[..., Any]


def finished(command: list[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """What became of `command`; in a folder from which the installed copy is imported."""
    return subprocess.run(command, **{"cwd": "/", "timeout": 60, **options})


WRITES = r"""
import os, sys
for number in range(3000):
    os.write(1 + number % 2, b"%d \xff\x00\r\x1b[31m" % number + b"x" * (number % 200) + b"\n" * (number % 3))
os.write(1, b"y" * 3_000_000)
"""


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notifier, so that none is asked for; it has nothing to tell."""
    monkeypatch.setenv("TWINKLE_NOTIFIER", '{"class": "ConsoleNotifier"}')


@pytest.mark.usefixtures("console")
class TestPassedOn:
    """The command's output is byte for byte what it is without us."""

    def test_two_streams(self) -> None:
        """As pipes of their own."""
        bare = finished([PYTHON, "-c", WRITES], capture_output=True, check=True)
        ours = finished([*RUN, PYTHON, "-c", WRITES], capture_output=True, check=True)
        assert (ours.stdout, ours.stderr) == (bare.stdout, bare.stderr)

    def test_one_stream(self, tmp_path: Path) -> None:
        """``> log 2>&1`` keeps the order between both."""
        for name, command in (("bare", []), ("ours", RUN)):
            with open(tmp_path / name, "wb") as file:
                finished([*command, PYTHON, "-c", WRITES], stdout=file, stderr=subprocess.STDOUT, check=True)
        assert (tmp_path / "ours").read_bytes() == (tmp_path / "bare").read_bytes()

    def test_input(self) -> None:
        """Standard input is the command's."""
        done = finished([*RUN, "cat"], input=b"a\nb", capture_output=True, check=True)
        assert done.stdout == b"a\nb"

    def test_closed_streams(self) -> None:
        """Whoever closed ours closed the command's."""
        done = finished(
            ["sh", "-c", f"{PYTHON} -m twinkle_notifier run -- sh -c 'echo a; echo b >&2' >&-"], capture_output=True
        )
        assert (done.stdout, b"b\n" in done.stderr) == (b"", True)

    def test_nobody_reads_any_more(self) -> None:
        """The command learns it, as it would without us."""
        endless = "import itertools\nfor n in itertools.count(): print(n)"
        with subprocess.Popen(
            [*RUN, PYTHON, "-c", endless], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/"
        ) as running:
            assert running.stdout is not None
            running.stdout.read(100)
            running.stdout.close()
            assert running.wait(60) != 0

    def test_a_child_that_lives_on_is_not_waited_for(self, begin: Begin) -> None:
        """It holds our pipe; ssh waits for such a one for ever."""
        began = time.monotonic()
        done = begin(["sh", "-c", "sleep 60 & echo $!"]).result()
        os.kill(int(done.stdout), signal.SIGKILL)
        assert time.monotonic() - began < 30

    def test_a_full_disk_does_not_stop_the_command(self, tmp_path: Path) -> None:
        """The output is lost, as without us; the run is not."""
        script = "import os\nfor n in range(100):\n    os.write(1, b'x' * 100000)\nopen('done', 'w')"
        with open("/dev/full", "wb") as full:
            finished([*RUN, PYTHON, "-c", script], stdout=full, check=True, timeout=60, cwd=tmp_path)
        assert (tmp_path / "done").exists()


class Terminal:
    """A terminal of 30 lines and 100 columns, with a command in it."""

    def __init__(self, command: list[str]) -> None:
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            os.chdir("/")  # from which the installed copy is imported
            os.execvp(command[0], command)
        termios.tcsetwinsize(self.handle, (30, 100))

    def read(self, until: bytes = b"") -> bytes:
        """What it shows, up to `until`, or to its end."""
        shown = b""
        while until not in shown or not until:
            try:
                more = os.read(self.handle, 65536)
            except OSError:  # EIO: the last one has closed it
                break
            shown += more
            if not more:
                break
        return shown

    def end(self) -> int:
        """How it ended, as `subprocess` tells it."""
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.handle)
        return code


@pytest.mark.usefixtures("console")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="termios.tcsetwinsize")
class TestTerminal:
    """A terminal stays a terminal: progress bars work."""

    def test_the_same_bytes(self) -> None:
        """Carriage returns, colours, and the ends of lines."""
        script = "import os, sys, time; print([os.isatty(n) for n in (0, 1, 2)], '\\x1b[31mred\\x1b[0m'); sys.stderr.write('50%\\r60%\\n')"
        shown = []
        for command in ([PYTHON, "-c", script], [*RUN, PYTHON, "-c", script]):
            terminal = Terminal(command)
            shown.append(terminal.read())
            assert terminal.end() == 0
        assert shown[0] == shown[1]
        assert shown[1].startswith(b"[True, True, True]")

    def test_its_size(self) -> None:
        """Now, and when the window changes."""
        script = (
            "import os, signal, sys, time\n"
            "def say(*_): print(os.get_terminal_size(1).columns, flush=True)\n"
            "signal.signal(signal.SIGWINCH, say)\ntime.sleep(0.5)\nsay()\ninput()"
        )
        terminal = Terminal([*RUN, PYTHON, "-c", script])
        assert terminal.read(b"100\r\n").endswith(b"100\r\n")
        termios.tcsetwinsize(terminal.handle, (30, 77))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(0.2)
            termios.tcsetwinsize(terminal.handle, (30, 77))
            os.kill(os.tcgetpgrp(terminal.handle), 0)
            os.killpg(os.tcgetpgrp(terminal.handle), signal.SIGWINCH)
            if b"77" in terminal.read(b"\n"):
                break
        else:
            raise AssertionError("the command never saw the new size")
        os.write(terminal.handle, b"\n")
        terminal.read()
        assert terminal.end() == 0

    def test_ctrl_c(self, robot: Inbox) -> None:
        """The terminal sends it to the command; we do not once more. It is told once."""
        script = (
            "import signal\nints = {signal.SIGINT}\nsignal.pthread_sigmask(signal.SIG_BLOCK, ints)\nprint('ready', flush=True)\n"
            "signal.sigwait(ints)\nprint('once' if signal.sigtimedwait(ints, 2) is None else 'twice')"
        )
        terminal = Terminal([*RUN, PYTHON, "-c", script])
        terminal.read(b"ready")
        os.write(terminal.handle, b"\x03")
        assert b"once" in terminal.read()
        assert (terminal.end(), [message.title for message in robot.messages]) == (0, ["sft was interrupted (SIGINT)"])

    def test_ctrl_z(self) -> None:
        """Both are stopped, and go on."""
        terminal = Terminal([*RUN, PYTHON, "-c", "import time; print('ready', flush=True); time.sleep(2); print('on')"])
        terminal.read(b"ready")
        os.kill(terminal.pid, signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(terminal.pid, signal.SIGCONT)
        assert b"on" in terminal.read()
        assert terminal.end() == 0
