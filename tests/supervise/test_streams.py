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
        script = f"{' '.join(RUN)} {PYTHON} -c 'import sys; sys.stderr.write(repr(sys.stdout))' >&-"
        assert finished(["sh", "-c", script], capture_output=True).stderr == b"None"

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

    def test_a_child_that_lives_on_is_not_waited_for(self, tmp_path: Path) -> None:
        """It holds our pipe. What it writes later arrives all the same, and does not kill it."""
        late = "(sleep 2; echo late; echo done > done) & echo now"
        with open(tmp_path / "out", "wb") as file:
            finished([*RUN, "sh", "-c", late], stdout=file, check=True, cwd=tmp_path)
        assert (tmp_path / "out").read_text() == "now\n"
        deadline = time.monotonic() + 30
        while not (tmp_path / "done").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)
        assert ((tmp_path / "out").read_text(), (tmp_path / "done").exists()) == ("now\nlate\n", True)

    def test_a_child_that_writes_on_and_on_is_not_waited_for(self, tmp_path: Path) -> None:
        """There is never a quiet moment."""
        chatty = "(for i in $(seq 200); do echo $i; sleep 0.02; done) & echo now"
        with (
            open(tmp_path / "out", "wb") as file,
            subprocess.Popen([*RUN, "sh", "-c", chatty], stdout=file, cwd="/") as running,
        ):
            assert running.wait(60) == 0
        deadline = time.monotonic() + 30
        while "200" not in (tmp_path / "out").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert sorted((tmp_path / "out").read_text().split()) == sorted(["now", *map(str, range(1, 201))])

    def test_a_reader_that_stands_still_can_be_left(self) -> None:
        """As with `| less`: the output waits, and a signal ends the waiting."""
        with subprocess.Popen([*RUN, "head", "-c", "600000", "/dev/zero"], stdout=subprocess.PIPE, cwd="/") as running:
            time.sleep(2)
            assert running.poll() is None
            running.terminate()
            assert running.wait(60) == -signal.SIGTERM

    def test_one_stream_that_nobody_reads_does_not_hold_up_the_other(self) -> None:
        """An error is seen while the output is stuck."""
        script = "import os, sys\nsys.stderr.write('important\\n')\nos.write(1, b'x' * 3_000_000)"
        with subprocess.Popen(
            [*RUN, PYTHON, "-c", f"import os; os.write(1, b'x' * 1_300_000)\n{script}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
        ) as running:
            assert running.stderr is not None
            assert running.stderr.readline() == b"important\n"
            running.kill()

    def test_other_files_of_the_command(self, tmp_path: Path) -> None:
        """What it was given besides the three standard streams."""
        with open(tmp_path / "third", "wb") as third:
            command = f"import os; os.write({third.fileno()}, b'third')"
            finished([*RUN, PYTHON, "-c", command], check=True, pass_fds=[third.fileno()])
        assert (tmp_path / "third").read_text() == "third"

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
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may be run by `nohup`
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
        """In a real shell both are stopped, and go on with `fg`."""
        terminal = Terminal(["bash", "--norc", "-i"])
        script = "import time; print('re' + 'ady', flush=True); time.sleep(2); print('o' + 'n')"
        os.write(terminal.handle, f'{" ".join(RUN)} {PYTHON} -c "{script}"\n'.encode())
        terminal.read(b"ready")
        os.write(terminal.handle, b"\x1a")
        terminal.read(b"Stopped")
        os.write(terminal.handle, b"fg\n")
        assert b"on\r\n" in terminal.read(b"on\r\n")
        os.write(terminal.handle, b"exit 0\n")
        terminal.read()
        assert terminal.end() == 0

    def test_the_terminal_is_closed(self, tmp_path: Path) -> None:
        """The kernel tells the first process of the session alone, which here is the supervisor."""
        terminal = Terminal(
            [
                *RUN,
                PYTHON,
                "-c",
                f"import time, os; open(r'{tmp_path}/pid', 'w').write(str(os.getpid())); time.sleep(600)",
            ]
        )
        deadline = time.monotonic() + 30
        while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)
        pid = int((tmp_path / "pid").read_text())
        os.close(terminal.handle)
        _, status = os.waitpid(terminal.pid, 0)
        assert (os.waitstatus_to_exitcode(status), Path(f"/proc/{pid}").exists()) == (-signal.SIGHUP, False)

    def test_a_million_lines(self) -> None:
        """They are not held up by pauses between two looks: it would take minutes."""
        terminal = Terminal([*RUN, PYTHON, "-c", "for n in range(100_000): print(n)"])
        began = time.monotonic()
        assert terminal.read().endswith(b"99999\r\n")
        assert terminal.end() == 0
        assert time.monotonic() - began < 60
