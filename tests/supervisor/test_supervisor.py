"""``twinkle-notifier run``: one message for every way to die, none for a life, and nothing else changes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.supervisor.oom import oom_kills

PYTHON = sys.executable
RUN = [PYTHON, "-m", "twinkle_notifier", "run", "--name", "sft", "--"]
Begin = Callable[..., Any]
SLEEPS = "import time\nprint('ready', flush=True)\ntime.sleep(60)"


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
def test_a_death_is_reported_once(begin: Begin, robot: Inbox, source: str, code: int, title: str) -> None:
    """Of a script that does not know this package; the exit code, or the signal, is the command's own."""
    done = begin(source).result()
    assert (done.returncode, titles(robot)) == (code, [title]), done.stderr


def test_a_shell_s_word_for_a_signal_is_understood(begin: Begin, robot: Inbox) -> None:
    """A command behind a shell ends with 128 and the number."""
    done = begin(["sh", "-c", "sh -c 'kill -9 $$'; exit $?"]).result()
    assert (done.returncode, titles(robot)) == (137, ["sft failed: killed by SIGKILL"])


def test_a_life_is_not_reported(begin: Begin, robot: Inbox) -> None:
    """Exit code 0."""
    done = begin("print('done')").result()
    assert (done.returncode, done.stdout, done.stderr, robot.messages) == (0, "done\n", "", [])


def test_a_life_is_reported_if_asked(begin: Begin, robot: Inbox) -> None:
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
    known = oom_kills() is not None  # the kernel's count for this control group
    cause = "not the kernel's out-of-memory killer" if known else "the kernel's out-of-memory killer, or your scheduler"
    assert f"- Signal: SIGKILL: {cause}" in message.text
    assert message.text.count("out-of-memory") == 1
    assert re.search(r"\n- Signal: .*\n- Duration: \d+ s\n", message.text.partition("> epoch 1")[0])
    assert re.search(r"\n- Run: sft\n- Command: .*train\.py\n- Host: ", message.text.partition("> epoch 1")[2])
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
        (signal.SIGUSR2, "sft was preempted (SIGUSR2)"),
        (signal.SIGINT, "sft was interrupted (SIGINT)"),
        (signal.SIGHUP, "sft was interrupted (SIGHUP)"),
    ],
)
def test_a_signal_to_the_supervisor_reaches_the_command(
    begin: Begin, robot: Inbox, number: signal.Signals, title: str
) -> None:
    """And what it does there is reported once."""
    running = begin(SLEEPS)
    running.wait_for("ready")
    os.kill(running.process.pid, number)
    done = running.result()
    assert (done.returncode, titles(robot)) == (-number, [title]), done.stderr


@pytest.mark.parametrize("everybody", [True, False], ids=["all of its processes", "the supervisor alone"])
def test_stopped_and_continued(begin: Begin, robot: Inbox, everybody: bool) -> None:
    """As a scheduler's suspend, Ctrl-Z and a debugger do it, for longer than one wait for a signal: nothing changes."""
    running = begin(
        "import time\nfor n in range(120):\n    print('step', n, flush=True)\n    time.sleep(0.1)\nraise ValueError"
    )
    running.wait_for("step 0")
    send = os.killpg if everybody else os.kill
    for _ in range(4):  # the wait is interrupted in most rounds, not in each
        send(running.process.pid, signal.SIGSTOP)
        time.sleep(1.5)
        send(running.process.pid, signal.SIGCONT)
        time.sleep(0.1)
    done = running.result()
    assert (done.returncode, titles(robot)) == (1, ["sft failed: ValueError (exit code 1)"]), done.stderr
    assert "step 119\n" in done.stdout


def test_a_graceful_end_after_sigterm_is_reported(begin: Begin, robot: Inbox) -> None:
    """The run is not done, whatever its exit code says."""
    running = begin(f"import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n{SLEEPS}")
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGTERM)
    done = running.result()
    assert (done.returncode, titles(robot)) == (0, ["sft was preempted (SIGTERM)"])
    assert "- Exit code: 0\n" in robot.messages[0].text


def test_a_slow_end_after_sigterm_is_reported_before_a_scheduler_kills(begin: Begin, robot: Inbox) -> None:
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


def test_a_preemption_that_cannot_be_reported_is_kept_once(begin: Begin, robot: Inbox, tmp_path: Path) -> None:
    """It is not tried each second; it goes out later."""
    running = begin(
        f"import signal\nsignal.signal(signal.SIGTERM, lambda *_: None)\n{SLEEPS.replace('60', '14')}",
        DING_URL="http://127.0.0.1:9/robot/send?access_token=tok",
    )
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGTERM)
    assert running.result().returncode == 0
    assert len(list(tmp_path.glob("tmp/*/spool/*/*.json"))) == 1


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
    """The command runs; a line at its begin says that no alert will be sent."""
    monkeypatch.delenv("TWINKLE_NOTIFIER")
    done = begin("print('done')").result()
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr.startswith("twinkle-notifier: no notifier: give --to, or set TWINKLE_NOTIFIER_URL.")


def test_switched_off_the_command_runs_and_no_alert_is_sent(
    begin: Begin, robot: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor from a process below it, which says nothing. One line at the begin says why; `--to` still sends."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", "off")
    source = "from twinkle_notifier import watch\nwith watch():\n    raise ValueError(4)"
    done = begin(source).result()
    assert (done.returncode, robot.messages) == (1, [])
    off = (
        "twinkle-notifier: alerts are switched off: TWINKLE_NOTIFIER_URL is off. Only a notifier that the command's own"
    )
    assert done.stderr.startswith(f"{off} code gives by reference is used.\nTraceback (most recent call last):")
    assert done.stderr.count("switched off") == 1
    assert "no alert is sent" not in done.stderr
    assert begin(source, options=("--to", os.environ["TWINKLE_NOTIFIER"])).result().returncode == 1
    assert len(robot.messages) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--to", "https://example.com/hook"], "--to holds neither"),
        (["--stall-after", "soon", "--", "true"], "'soon' is not a time: write 90s, 10m or 1h30m"),
        ([], "run needs a command: twinkle-notifier run -- python train.py"),
        (["--", "", "x"], "run needs a command: twinkle-notifier run -- python train.py"),
    ],
)
def test_bad_input_starts_nothing(options: list[str], says: str) -> None:
    """It says how to mend it."""
    command = [PYTHON, "-m", "twinkle_notifier", "run", *options]
    done = finished([*command, "--", "true"] if "--to" in options else command, capture_output=True, text=True)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://example.com/hook", "TWINKLE_NOTIFIER holds neither"),
        ('{"class": "DingNotifier"}', "no DingNotifier can be made of what is not as to_dict() writes it"),
        ('{"class": "BrokenNotifier"}', "no notifier from the environment: ZeroDivisionError\n"),
    ],
)
def test_a_bad_variable_is_no_reason_not_to_train(
    begin: Begin, robot: Inbox, tmp_path: Path, text: str, says: str
) -> None:
    """It is said, and the command runs."""
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "broken-1.dist-info").mkdir()
    entry = "[twinkle_notifier.notifiers]\nBrokenNotifier = broken:BrokenNotifier\n"
    (tmp_path / "broken-1.dist-info" / "entry_points.txt").write_text(entry)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = begin("print('done')", TWINKLE_NOTIFIER=text, PYTHONPATH=path).result()
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert says in done.stderr


def test_ctrl_c_while_a_notifier_is_made(tmp_path: Path) -> None:
    """Is no reason to start the command."""
    (tmp_path / "slow.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    (tmp_path / "slow-1.dist-info").mkdir()
    entry = "[twinkle_notifier.notifiers]\nSlowNotifier = slow:SlowNotifier\n"
    (tmp_path / "slow-1.dist-info" / "entry_points.txt").write_text(entry)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "TWINKLE_NOTIFIER": '{"class": "SlowNotifier"}', "PYTHONPATH": path}
    command = [PYTHON, "-m", "twinkle_notifier", "run", "--", "echo", "started"]
    done = finished(command, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stdout) == (128 + signal.SIGINT, ""), done.stderr


def test_an_entry_without_a_name_in_the_environment(begin: Begin, robot: Inbox) -> None:
    """It is left out: no command can be started with it."""
    done = begin(["sh", "-c", "echo $KEPT"], **{"": "x", "KEPT": "kept"}).result()
    assert (done.returncode, done.stdout) == (0, "kept\n"), done.stderr


def test_a_parent_that_ignores_its_children(robot: Inbox) -> None:
    """SIGCHLD is ignored in some containers: the end is known all the same."""
    done = finished(["sh", "-c", "trap '' CHLD; exec \"$@\"", "-", *RUN, "sh", "-c", "exit 3"])
    assert (done.returncode, titles(robot)) == (3, ["sft failed: exit code 3"])


COUNTS = """
import signal, time
signals = {signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
print("ready", flush=True)
count = 0
while (info := signal.sigtimedwait(signals, 2 if count else 60)) is not None:
    count += 1
print("count", count)
"""


@pytest.mark.parametrize("to_all", [False, True])
def test_a_signal_arrives_once(begin: Begin, robot: Inbox, to_all: bool) -> None:
    """Sent to the supervisor, or to its whole group, as `timeout` and schedulers do."""
    running = begin(COUNTS)
    running.wait_for("ready")
    (os.killpg if to_all else os.kill)(running.process.pid, signal.SIGTERM)
    assert running.result().stdout == "ready\ncount 1\n"


def test_the_last_signal_counts(begin: Begin, robot: Inbox) -> None:
    """One that asks for nothing, then a preemption that ends well."""
    running = begin(
        "import signal, sys\nsignal.signal(signal.SIGUSR2, lambda *_: None)\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + SLEEPS
    )
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGUSR2)
    time.sleep(0.5)
    os.kill(running.process.pid, signal.SIGTERM)
    assert (running.result().returncode, titles(robot)) == (0, ["sft was preempted (SIGTERM)"])


def test_a_disk_that_dies_does_not_hold_up_the_end(begin: Begin, robot: Inbox) -> None:
    """The error file hangs."""
    script = "import os\npath = os.environ['TORCHELASTIC_ERROR_FILE']\nos.mkfifo(path)\nos._exit(9)"
    done = begin(script).result()
    assert (done.returncode, titles(robot)) == (9, ["sft failed: exit code 9"])


def test_an_error_file_of_yesterday(begin: Begin, robot: Inbox, tmp_path: Path) -> None:
    """Is not why it ended today."""
    path = tmp_path / "error.json"
    path.write_text('{"message": {"message": "RuntimeError: from yesterday", "extraInfo": {"py_callstack": "x"}}}')
    os.utime(path, (1.0, 1.0))
    begin("raise KeyError('today')", TORCHELASTIC_ERROR_FILE=str(path)).result()
    assert titles(robot) == ["sft failed: KeyError: 'today' (exit code 1)"]
