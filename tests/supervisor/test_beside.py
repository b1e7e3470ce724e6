"""The command is as without the supervisor, and does not notice what becomes of that."""

from __future__ import annotations

import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox

PYTHON = sys.executable
RUN = [PYTHON, "-m", "twinkle_notifier", "run", "--name", "sft", "--"]
Begin = Callable[..., Any]
LINES = "import sys, time\nfor n in range(60):\n    print('line', n, flush=True)\n    time.sleep(0.05)\nsys.exit(7)"
ALL_LINES = "".join(f"line {n}\n" for n in range(60))


def titles(robot: Inbox) -> list[str]:
    return [message.title for message in robot.messages]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def name(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def probe(supervisor: int, command: int) -> int | None:
    return next((child for child in children(supervisor) if child != command), None)


def command_of(supervisor: int) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for child in children(supervisor):
            if b"\0run\0" not in name(child):
                return child
        time.sleep(0.02)
    raise AssertionError("the command did not start")


class Terminal:
    """A command on a terminal of its own, as a person has it."""

    def __init__(self, command: list[str], **env: str) -> None:
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            os.chdir("/")
            os.execvpe(command[0], command, {**os.environ, **env})
        self.text = ""

    def read(self, until: str | None, seconds: float = 60) -> str:
        """What it wrote, up to `until`, or to its end."""
        deadline = time.monotonic() + seconds
        while until is None or until not in self.text:
            assert time.monotonic() < deadline, f"{until!r} did not come: {self.text!r}"
            if select.select([self.handle], [], [], 0.1)[0]:
                try:
                    data = os.read(self.handle, 65536)
                except OSError:
                    data = b""
                if not data:
                    break
                self.text += data.decode(errors="replace")
        return self.text

    def write(self, text: str) -> None:
        os.write(self.handle, text.encode())

    def end(self) -> int:
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.handle)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def one(command: list[str], **env: str) -> Terminal:
        started.append(Terminal(command, **env))
        return started[-1]

    yield one
    for each in started:
        try:
            os.killpg(each.pid, signal.SIGKILL)
            each.end()
        except (ProcessLookupError, ChildProcessError, OSError):
            pass


SHOWS = """
import os, sys
print(sorted((n, os.readlink(f"/proc/self/fd/{n}")) for n in map(int, os.listdir("/proc/self/fd")) if os.path.exists(f"/proc/self/fd/{n}")))
print([os.isatty(n) and os.ttyname(n) for n in (0, 1, 2) if os.path.exists(f"/proc/self/fd/{n}")])
with open("/proc/self/stat") as file:
    print(file.read().rpartition(")")[2].split()[2:6] == SAME)  # process group, session, terminal and its group
"""
STAT = "(open('/proc/self/stat').read().rpartition(')')[2].split()[2:6])"


class TestTheSame:
    """What the command finds, with the supervisor and without."""

    @pytest.mark.parametrize(
        "redirected",
        [
            "",
            ">out",
            ">out 2>&1",
            "2>>out",
            "</dev/null",
            "| cat",
            "<&-",
            ">&-",
            "2>&-",
            "<&- >&- 2>&-",
            "9<shared 11>out",
        ],
    )
    def test_open_files(self, tmp_path: Path, redirected: str) -> None:
        """Each of its descriptors leads where it leads without us, and there are no others."""
        (tmp_path / "shared").touch()
        script = tmp_path / "shows.py"
        script.write_text(
            "import os, re\nfound = []\nfor n in range(1024):\n    try:\n        found.append((n, os.readlink(f'/proc/self/fd/{n}')))\n"
            "    except OSError:\n        pass\nopen(os.environ['SEEN'], 'w').write(re.sub(r':.[0-9]+', '', repr(found)))"
        )
        seen = []
        for number, before in enumerate(("", " ".join(RUN))):
            env = {**os.environ, "SEEN": str(tmp_path / f"seen-{number}")}
            line = f"{before} {PYTHON} {script} {redirected}"
            subprocess.run(["bash", "-c", line], cwd=tmp_path, env=env, timeout=60, input=b"", capture_output=True)
            seen.append((tmp_path / f"seen-{number}").read_text())
        assert seen[0] == seen[1]
        assert seen[0] != "[]" or "2>&-" in redirected

    def test_terminal_and_groups(self, terminal: Callable[..., Terminal]) -> None:
        """The terminal itself; its process group and session, and the terminal's group."""
        shows = "tty; tty <&1; ps -o sid=,tpgid= -p $$ | tr -d ' \\n'; [ $(ps -o pgid= -p $$) = $(ps -o pgid= -p $PPID) ] && echo ' same group'; echo over"
        run = " ".join(RUN)
        session = terminal(["bash", "--norc", "-i"], PS1="$ ", HISTFILE="")
        session.write("tty; ps -o sid=,pgid= -p $$; echo be''gun\n")
        session.read("begun")
        session.write(f"{run} sh -c '{shows.replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39))}'\n")
        text = session.read("\r\nover").replace("\r", "")
        assert " same group" in text
        ours = [line for line in text.splitlines() if line.startswith("/dev/pts/")]
        assert len(ours) == 2
        assert len(set(ours)) == 1

    def test_bytes_on_a_terminal(self, terminal: Callable[..., Terminal]) -> None:
        """Each that is written arrives, in the same order, with the size and the modes of the terminal."""
        script = "stty size; stty -a; printf 'a\\tb\\r50%%\\r100%%\\n\\033[1mbold\\033[0m\\001'; printf 'err\\n' >&2; printf '\\xff\\xfe'"
        texts = []
        for before in ([], RUN):
            one = terminal([*before, "sh", "-c", script], TWINKLE_NOTIFIER_URL="", TMUX="")
            text = one.read(None)
            assert one.end() == 0
            texts.append("".join(line for line in text.splitlines(True) if not line.startswith("twinkle-notifier: ")))
        assert texts[0] == texts[1]
        assert "100%" in texts[0]

    def test_prompts(self, terminal: Callable[..., Terminal]) -> None:
        """What a person types reaches the command; a password is not shown."""
        one = terminal([*RUN, PYTHON, "-c", "import getpass; print(len(getpass.getpass('Key: ')), input('Name: '))"])
        one.read("Key: ")
        one.write("hunter2\n")
        one.read("Name: ")
        one.write("me\n")
        text = one.read(None)
        assert "7 me" in text
        assert "hunter2" not in text
        assert one.end() == 0

    @pytest.mark.parametrize(
        "end", ["exit 0", "exit 3", "exit 137", "kill -9 $$", "kill -15 $$", "kill -2 $$", "kill -6 $$", "kill -34 $$"]
    )
    def test_exit_status(self, end: str) -> None:
        """As bash has it in `$?`."""
        seen = [
            subprocess.run(
                ["bash", "-c", f"{before} sh -c '{end}'; echo $?"], capture_output=True, text=True, cwd="/", timeout=60
            ).stdout
            for before in ("", " ".join(RUN))
        ]
        assert seen[0] == seen[1]

    def test_a_full_disk(self) -> None:
        """Is the command's own affair: its write fails."""
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*RUN, "sh", "-c", "echo x || exit 5"], stdout=full, stderr=subprocess.PIPE, cwd="/", timeout=60
            )
        assert done.returncode == 5

    def test_nobody_reads_any_more(self) -> None:
        """SIGPIPE ends the command as without us."""
        line = f"set -o pipefail; {' '.join(RUN)} yes | head -1; echo $?"
        assert (
            subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd="/", timeout=60).stdout
            == "y\n141\n"
        )

    def test_many_files(self, robot: Inbox) -> None:
        """More than 1,024 of them inherited."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < 4096:
            pytest.skip("no more files than that may be open")
        line = 'for n in $(seq 10 1200); do eval "exec $n</dev/null"; done; exec "$@"'
        command = ["bash", "-c", f"ulimit -n 4096; {line}", "-", *RUN, "sh", "-c", "ls /proc/$$/fd | wc -l; exit 4"]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60)
        assert (done.returncode, int(done.stdout) > 1190, titles(robot)) == (4, True, ["sft failed: exit code 4"])

    @pytest.mark.parametrize("limit", ["-n 8", "-v 400000"])
    def test_little_is_allowed(self, limit: str) -> None:
        """Few files, or little memory: the command runs, and ends with its own code."""
        command = ["bash", "-c", f'ulimit {limit}; exec "$@"', "-", *RUN, "sh", "-c", "exit 6"]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=100)
        assert done.returncode == 6, done.stderr

    @pytest.mark.parametrize("more", [0, 1, 2, 3])
    def test_few_processes_are_allowed(self, tmp_path: Path, more: int) -> None:
        """So many beside the supervisor: if there is no other way, the command takes its place."""
        if os.getuid() != 0:
            pytest.skip("only root can become somebody else, and only root knows no limit")
        script = f"""
            import os, resource, sys
            from twinkle_notifier.cli.main import main
            os.setgroups([])
            os.setresgid(54321, 54321, 54321)
            os.setresuid(54321, 54321, 54321)
            resource.setrlimit(resource.RLIMIT_NPROC, (1 + {more}, 1 + {more}))
            sys.exit(main(["run", "--no-attach", "--", "/bin/sh", "-c", "exit 6"]))
        """
        (tmp_path / "limited.py").write_text(textwrap.dedent(script))
        tmp_path.chmod(0o777)
        env = {**os.environ, "TWINKLE_NOTIFIER_DIR": str(tmp_path / "none"), "TWINKLE_NOTIFIER": ""}
        done = subprocess.run(
            [PYTHON, tmp_path / "limited.py"], capture_output=True, text=True, cwd="/", env=env, timeout=100
        )
        assert done.returncode == 6, done.stderr


def lived_through(running: Any, robot: Inbox, code: int = 7) -> None:
    done = running.result()
    assert (done.stdout, done.returncode, titles(robot)) == (ALL_LINES, code, [f"sft failed: exit code {code}"]), (
        done.stderr
    )


class TestWhateverBefallsIt:
    """The supervisor is stopped, killed or wrong: the command writes every line and ends with its own code."""

    @pytest.mark.parametrize("everybody", [False, True], ids=["the supervisor", "all processes"])
    def test_stopped_at_ten_moments(self, begin: Begin, robot: Inbox, everybody: bool) -> None:
        """And continued."""
        running = begin(LINES)
        running.wait_for("line 0")
        for moment in range(10):
            (os.killpg if everybody else os.kill)(running.process.pid, signal.SIGSTOP)
            time.sleep(0.02 * moment + (1.2 if moment in (3, 7) else 0))
            (os.killpg if everybody else os.kill)(running.process.pid, signal.SIGCONT)
            time.sleep(0.05)
        lived_through(running, robot)

    def test_a_debugger(self, begin: Begin, robot: Inbox) -> None:
        """Looks into it for two seconds."""
        if which("gdb") is None:
            pytest.skip("there is no gdb")
        running = begin(LINES)
        running.wait_for("line 0")
        looks = ["gdb", "-p", str(running.process.pid), "-batch", "-ex", "shell sleep 2", "-ex", "detach"]
        subprocess.run(looks, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        lived_through(running, robot)

    def test_ctrl_z_and_fg(self, robot: Inbox, terminal: Callable[..., Terminal], tmp_path: Path) -> None:
        """In a real bash."""
        script = tmp_path / "train.py"
        script.write_text(LINES)
        session = terminal(["bash", "--norc", "-i"], PS1="$ ", HISTFILE="")
        session.write(f"{' '.join(RUN)} {PYTHON} {script}; echo code''=$?\n")
        for _ in range(2):
            session.read("\nline ")
            time.sleep(0.3)
            session.write("\x1a")
            session.read("Stopped")
            before = session.text
            time.sleep(1.5)
            assert session.text == before
            session.text = session.text.replace("Stopped", "stopped")
            session.write("fg\n")
            time.sleep(0.2)
        text = session.read("line 59")
        text = re.sub(r"twinkle-notifier: [^\r\n]*[\r\n]+", "", session.read("$ "))  # its line may part another
        lines = [line for line in text.replace("\r", "\n").splitlines() if line.startswith("line ")]
        assert lines == [f"line {number}" for number in range(60)]
        deadline = time.monotonic() + 30
        while not robot.messages and time.monotonic() < deadline:
            time.sleep(0.05)
        assert titles(robot) == ["sft failed: exit code 7"]

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
    def test_it_is_killed(self, begin: Begin, robot: Inbox, tmp_path: Path, number: signal.Signals) -> None:
        """The command goes on to its end."""
        running = begin(LINES.replace("sys.exit(7)", "open('ended', 'w').close()"))
        running.wait_for("line 3")
        os.kill(running.process.pid, number)
        assert running.process.wait(30) == -number
        deadline = time.monotonic() + 60
        while not (tmp_path / "run" / "ended").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert running.result().stdout == ALL_LINES

    def test_its_children_are_killed(self, begin: Begin, robot: Inbox, tmp_path: Path) -> None:
        """But for the command: the probe, again and again."""
        running = begin(
            f"import os\n{LINES}".replace("sys.exit", "while not os.path.exists('over'): time.sleep(0.1)\nsys.exit")
        )
        running.wait_for("line 0")
        command, killed = command_of(running.process.pid), 0
        deadline = time.monotonic() + 30
        while killed < 5 and time.monotonic() < deadline:
            if (other := probe(running.process.pid, command)) is not None:
                os.kill(other, signal.SIGKILL)
                killed += 1
            time.sleep(0.1)
        assert killed == 5
        (tmp_path / "run" / "over").touch()
        lived_through(running, robot)

    def test_it_has_no_memory(self, begin: Begin, robot: Inbox, tmp_path: Path) -> None:
        """From some moment on: it cannot send, and may take a minute to find that out."""
        running = begin(LINES.replace("sys.exit(7)", "open('ended', 'w').close()"))
        running.wait_for("line 3")
        resource.prlimit(running.process.pid, resource.RLIMIT_AS, (1, 1))
        deadline = time.monotonic() + 60
        while not (tmp_path / "run" / "ended").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        running.kill()
        assert running.result().stdout == ALL_LINES

    def test_a_signal_to_everybody_is_not_passed_on_after_the_probe_was_made_anew(
        self, begin: Begin, robot: Inbox
    ) -> None:
        """Three times to all, and once to the supervisor alone: the command has had four."""
        running = begin(
            "import signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: print('had', flush=True))\n"
            "print('ready', flush=True)\nfor _ in range(100):\n    time.sleep(0.05)"
        )
        running.wait_for("ready")
        command = command_of(running.process.pid)
        for send in (os.killpg, os.killpg, os.killpg, os.kill):
            deadline = time.monotonic() + 10
            while probe(running.process.pid, command) is None and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.2)
            send(running.process.pid, signal.SIGUSR1)
            time.sleep(0.5)
        assert running.result().stdout == "ready\n" + "had\n" * 4


class TestFirstProcess:
    """Of a container."""

    @pytest.fixture(autouse=True)
    def _namespaces(self) -> None:
        if (
            which("unshare") is None
            or subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True).returncode
        ):
            pytest.skip("no process can have a namespace of its own")

    def test_it_reaps(self, robot: Inbox) -> None:
        """Orphans do not pile up; the exit code is the command's."""
        script = "for n in 1 2 3 4 5; do (sleep 0.2 & ) ; done; sleep 1.5; ps -e -o stat= | grep -c Z; exit 8"
        command = ["unshare", "--pid", "--fork", "--mount-proc", *RUN, "sh", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60)
        assert (done.stdout, done.returncode, titles(robot)) == ("0\n", 8, ["sft failed: exit code 8"]), done.stderr

    def test_it_passes_on(self, robot: Inbox, tmp_path: Path) -> None:
        """`docker stop` signals the first process alone."""
        command = [
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            *RUN,
            "sh",
            "-c",
            "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done",
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(children(process.pid)[0], signal.SIGTERM)
        assert process.wait(60) == 9
        process.stdout.close()
        assert titles(robot) == ["sft was preempted (SIGTERM)"]


def test_a_background_job_is_not_stopped_by_our_lines(terminal: Callable[..., Terminal]) -> None:
    """`stty tostop` stops a job in the background that writes; ours must not stop the command's group."""
    session = terminal(["bash", "--norc", "-i"], PS1="$ ", HISTFILE="", TWINKLE_NOTIFIER_URL="", TWINKLE_NOTIFIER="")
    session.write(f"stty tostop; {' '.join(RUN)} sh -c 'sleep 2; exit 0' >/dev/null & wait $!; echo code=$?\n")
    assert "code=0" in session.read("code=0")


def test_the_size_of_a_terminal_changes(terminal: Callable[..., Terminal]) -> None:
    """The command learns it by the terminal's own signal, once."""
    one = terminal(
        [
            *RUN,
            "bash",
            "-c",
            "trap 'n=$((n+1)); stty size' WINCH; echo ready; for i in $(seq 20); do sleep 0.1; done; echo n=$n",
        ]
    )
    one.read("ready")
    time.sleep(0.3)
    termios.tcsetwinsize(one.handle, (33, 111)) if hasattr(termios, "tcsetwinsize") else None
    text = one.read(None)
    assert one.end() == 0
    assert ("33 111" in text and "n=1\r" in text) or not hasattr(termios, "tcsetwinsize")
