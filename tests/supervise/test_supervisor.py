"""``twinkle-notifier run``: one message for every way to die, none for a life, and nothing else changes."""

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
SLEEPS = "import time\nprint('ready', flush=True)\ntime.sleep(60)"
TELLS = """
import os, sys, threading, time
import twinkle_notifier as t
notifier = t.DingNotifier("env:DING_URL", "env:DING_SECRET", timeout=5.0)
def tell(exc):
    return t.notify_exception(notifier, "step", exc, name="sft")
def crash():
    raise ValueError("the loss is lost")
"""


def finished(command: list[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """What became of `command`; in a folder from which the installed copy is imported."""
    return subprocess.run(command, **{"cwd": "/", "timeout": 60, **options})


def titles(robot: Inbox) -> list[str]:
    return [message.title for message in robot.messages]


@pytest.mark.parametrize(
    ("source", "code", "title"),
    [
        ("import os; os.kill(os.getpid(), 9)", -9, "sft failed: killed by SIGKILL"),
        ("import os; os.kill(os.getpid(), 11)", -11, "sft failed: killed by SIGSEGV"),
        ("import os; os.abort()", -6, "sft failed: killed by SIGABRT"),
        ("import os; os._exit(9)", 9, "sft failed: exit code 9"),
        ("import sys; sys.exit(1)", 1, "sft failed: exit code 1"),
        ("raise ValueError('boom')", 1, "sft failed: ValueError: boom (exit code 1)"),
    ],
)
def test_a_death_is_told_once(begin: Begin, robot: Inbox, source: str, code: int, title: str) -> None:
    """Of a script that does not know this package; the exit code, or the signal, is the command's own."""
    done = begin(source).result()
    assert (done.returncode, titles(robot)) == (code, [title]), done.stderr


def test_a_shell_s_word_for_a_signal_is_understood(begin: Begin, robot: Inbox) -> None:
    """A command behind a shell ends with 128 and the number."""
    done = begin(["sh", "-c", "sh -c 'kill -9 $$'; exit $?"]).result()
    assert (done.returncode, titles(robot)) == (137, ["sft failed: killed by SIGKILL"])


def test_a_life_is_not_told(begin: Begin, robot: Inbox) -> None:
    """Exit code 0."""
    done = begin("print('done')").result()
    assert (done.returncode, done.stdout, done.stderr, robot.messages) == (0, "done\n", "", [])


def test_a_life_is_told_if_asked(begin: Begin, robot: Inbox) -> None:
    """``--on-success``."""
    begin("print('done')", options=("--on-success",)).result()
    assert titles(robot) == ["sft ended after 0 s"]


def test_a_command_that_is_not_there(begin: Begin, robot: Inbox) -> None:
    """Exit code 127, as a shell says it; a batch job's owner learns it, too."""
    done = begin(["no-such-command"]).result()
    assert done.returncode == 127
    assert done.stderr == "twinkle-notifier: no-such-command cannot be started: No such file or directory\n"
    assert [message.text.partition("\n")[0] for message in robot.messages] == [
        "### sft failed: no-such-command cannot be started: No such file or directory (exit code 127)"
    ]


def test_the_message_says_what_is_known(begin: Begin, robot: Inbox) -> None:
    """The signal and its meaning, the memory events, the command, the last lines as a person saw them."""
    begin(
        "import os\nprint('epoch 1')\nprint('10%\\r50%\\r\\x1b[31mlost\\x1b[0m', flush=True)\nos.kill(os.getpid(), 9)"
    ).result()
    (message,) = robot.messages
    assert "- Signal: SIGKILL: the kernel's out-of-memory killer, or your scheduler\n" in message.text
    assert "train.py\n- Duration: " in message.text
    assert "> epoch 1  \n> lost" in message.text
    assert "50%" not in message.text


def test_a_secret_in_the_output_stays(begin: Begin, robot: Inbox) -> None:
    """The message shows neither the command line's secrets nor the output's."""
    begin(["sh", "-c", "echo api_key=abcdef0123456789XYZ; exit 1", "--token=abcdef0123456789XYZ"]).result()
    (message,) = robot.messages
    assert "abcdef0123456789XYZ" not in message.text


@pytest.mark.parametrize(
    ("number", "title"),
    [
        (signal.SIGTERM, "sft was preempted (SIGTERM)"),
        (signal.SIGUSR1, "sft was preempted (SIGUSR1)"),
        (signal.SIGINT, "sft was interrupted (SIGINT)"),
        (signal.SIGHUP, "sft was interrupted (SIGHUP)"),
    ],
)
def test_a_signal_to_the_supervisor_reaches_the_command(
    begin: Begin, robot: Inbox, number: signal.Signals, title: str
) -> None:
    """And what it does there is told once."""
    running = begin(SLEEPS)
    running.wait_for("ready")
    os.kill(running.process.pid, number)
    done = running.result()
    assert (done.returncode, titles(robot)) == (-number, [title]), done.stderr


def test_a_graceful_end_after_sigterm_is_told(begin: Begin, robot: Inbox) -> None:
    """The run is not done, whatever its exit code says."""
    running = begin(f"import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n{SLEEPS}")
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGTERM)
    done = running.result()
    assert (done.returncode, titles(robot)) == (0, ["sft was preempted (SIGTERM)"])
    assert "- Exit code: 0\n" in robot.messages[0].text


def test_a_slow_end_after_sigterm_is_told_before_a_scheduler_kills(begin: Begin, robot: Inbox) -> None:
    """After about 10 s; schedulers wait 30. Its end is not told once more."""
    running = begin(f"import signal\nsignal.signal(signal.SIGTERM, lambda *_: None)\n{SLEEPS}")
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + 60
    while not robot.messages and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running.process.poll() is None
    assert titles(robot) == ["sft was preempted (SIGTERM)"]
    os.kill(running.process.pid, signal.SIGINT)
    running.result()
    assert titles(robot) == ["sft was preempted (SIGTERM)"]


def test_what_nohup_ignores_is_ignored(begin: Begin, robot: Inbox) -> None:
    """A closed terminal ends neither the supervisor nor the command."""
    running = begin(
        [
            "sh",
            "-c",
            "trap '' HUP; exec \"$@\"",
            "-",
            *RUN,
            PYTHON,
            "-c",
            "import time; print('ready', flush=True); time.sleep(2)",
        ]
    )
    running.wait_for("ready")
    child = int(Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()[0])
    os.kill(child, signal.SIGHUP)
    assert (running.result().returncode, robot.messages) == (0, [])


def test_without_a_notifier(begin: Begin, robot: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command runs; that nobody will be told is said at its beginning."""
    monkeypatch.delenv("TWINKLE_NOTIFIER")
    done = begin("print('done')").result()
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr.startswith("twinkle-notifier: nobody to tell: give --to, or set TWINKLE_NOTIFIER.")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--to", "https://example.com/hook"], "--to holds neither"),
        (["--stall-after", "soon", "--", "true"], "'soon' is no time: write 90s, 10m or 2h"),
        ([], "run needs a command: twinkle-notifier run -- python train.py"),
    ],
)
def test_bad_input_starts_nothing(options: list[str], says: str) -> None:
    """It says how to mend it."""
    command = [PYTHON, "-m", "twinkle_notifier", "run", *options]
    done = finished([*command, "--", "true"] if "--to" in options else command, capture_output=True, text=True)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_bad_variable_is_no_reason_not_to_train(begin: Begin, robot: Inbox) -> None:
    """It is said, and the command runs."""
    done = begin("print('done')", TWINKLE_NOTIFIER="https://example.com/hook").result()
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert "TWINKLE_NOTIFIER holds neither" in done.stderr


class TestToldInside:
    """One incident, whoever tells it."""

    def test_an_exception_is_not_told_again(self, begin: Begin, robot: Inbox) -> None:
        """The command ends of what it has told."""
        done = begin(TELLS + "try: crash()\nexcept ValueError as e: tell(e); raise").result()
        assert (done.returncode, titles(robot)) == (1, ["sft failed: ValueError: the loss is lost"]), done.stderr

    @pytest.mark.parametrize("then", ["raise RuntimeError('in epoch 3') from e", "sys.exit(7)", "os._exit(7)"])
    def test_nor_by_another_name(self, begin: Begin, robot: Inbox, then: str) -> None:
        """It was raised further out as another, or led to an exit code."""
        done = begin(TELLS + f"try: crash()\nexcept ValueError as e:\n    tell(e)\n    {then}").result()
        assert titles(robot) == ["sft failed: ValueError: the loss is lost"], done.stderr

    def test_another_end_is_told(self, begin: Begin, robot: Inbox) -> None:
        """It was told of an exception, went on, and then ended of something else."""
        done = begin(TELLS + "try: crash()\nexcept ValueError as e: tell(e)\nraise KeyError('later')").result()
        told = ["sft failed: ValueError: the loss is lost", "sft failed: KeyError: 'later' (exit code 1)"]
        assert titles(robot) == told, done.stderr

    def test_a_run_that_goes_on_is_not_told_again(self, begin: Begin, robot: Inbox) -> None:
        """It outlived its exception, and ended well."""
        begin(TELLS + "try: crash()\nexcept ValueError as e: tell(e)").result()
        assert titles(robot) == ["sft failed: ValueError: the loss is lost"]

    @pytest.mark.parametrize("delay", [0.0, 3.0])
    def test_killed_while_sending(self, begin: Begin, robot: Inbox, delay: float) -> None:
        """Before its request, or before the answer: the supervisor sends it, and the robot drops a repeat."""
        robot.delay = delay
        if delay:
            when = "threading.Timer(1.5, lambda: os.kill(os.getpid(), 9)).start()\n"
        else:
            when = "t.DingNotifier.__call__ = lambda *_: os.kill(os.getpid(), 9)\n"
        done = begin(TELLS + when + "try: crash()\nexcept ValueError as e: tell(e); raise").result()
        assert (done.returncode, titles(robot)) == (-9, ["sft failed: ValueError: the loss is lost"]), done.stderr

    def test_the_inside_has_no_way_out(self, begin: Begin, robot: Inbox, tmp_path: Path) -> None:
        """A proxy that only the command has is dead: the supervisor sends its message, and nobody does later."""
        broken = "os.environ['HTTP_PROXY'] = os.environ['http_proxy'] = 'http://127.0.0.1:9'; os.environ.pop('NO_PROXY', '')\n"
        done = begin(TELLS + broken + "try: crash()\nexcept ValueError as e: tell(e); raise").result()
        assert titles(robot) == ["sft failed: ValueError: the loss is lost"], done.stderr
        assert "its process could not send this" in robot.messages[0].text
        assert list(tmp_path.glob("tmp/*/spool/*/*.json")) == []

    def test_without_a_notifier_of_its_own_it_takes_the_run_s(
        self, begin: Begin, robot: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A callback's, as far as it was given by reference."""
        monkeypatch.delenv("TWINKLE_NOTIFIER")
        source = """
            import os, time
            from twinkle_notifier import DingNotifier, TrainingRun
            from twinkle_notifier.background import background
            TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET")).started()
            background.flush(30)
            os.kill(os.getpid(), 9)
        """
        done = begin(source).result()
        assert titles(robot) == ["sft failed: killed by SIGKILL"], done.stderr

    def test_a_supervisor_below_a_supervisor(self, begin: Begin, robot: Inbox) -> None:
        """As around a batch script, and in it."""
        done = begin([*RUN, PYTHON, "-c", "import os; os._exit(9)"]).result()
        assert (done.returncode, titles(robot)) == (9, ["sft failed: exit code 9"]), done.stderr

    def test_nothing_is_left_behind(self, begin: Begin, tmp_path: Path) -> None:
        """Neither the folder between inside and outside, nor a secret in one that a killed supervisor leaves."""
        begin(TELLS + "try: crash()\nexcept ValueError as e: tell(e); raise").result()
        assert list(tmp_path.glob("tmp/*/supervised/*")) == []


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
        assert (terminal.end(), titles(robot)) == (0, ["sft was interrupted (SIGINT)"])

    def test_ctrl_z(self) -> None:
        """Both are stopped, and go on."""
        terminal = Terminal([*RUN, PYTHON, "-c", "import time; print('ready', flush=True); time.sleep(2); print('on')"])
        terminal.read(b"ready")
        os.kill(terminal.pid, signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(terminal.pid, signal.SIGCONT)
        assert b"on" in terminal.read()
        assert terminal.end() == 0
