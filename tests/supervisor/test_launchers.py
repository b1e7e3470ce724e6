"""Real commands whose error is another process's, or is hidden among other words: its cause is reported all the same."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox

Begin = Callable[..., Any]
STRESS = pytest.mark.stress
PYTHON = sys.executable
SILENT = ["sh", "-c", '"$@" > /dev/null 2>&1', "-", PYTHON]
FORMS = {
    "a bar": "sys.stderr.write('\\r  3%|#  | 3/500'); crash()",
    "atexit": "import atexit; atexit.register(lambda: 1 / 0); crash()",
    "a destructor": "class A:\n    def __del__(self): 1 / 0\na = A(); crash()",
    "a thread": "import threading; t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join(); crash()",
    "a log": "import logging\ntry: 1 / 0\nexcept Exception: logging.exception('skipped')\ncrash()",
    "colours": "sys.stderr.write('\\x1b[35m'); crash()",
    "much output": "import atexit; atexit.register(lambda: print('[rank1]: step\\n' * 2000)); crash()",
    "a child of its own": "import multiprocessing\np = multiprocessing.get_context('fork').Process(target=crash)\np.start(); p.join(); sys.exit(p.exitcode)",
    "a checked child": "run([sys.executable, __file__, 'crash'], check=True)",
    "a checked child of a child": "run([sys.executable, '-c', f'from subprocess import run; run([{sys.executable!r}, {__file__!r}, \"crash\"], check=True)'], check=True)",
    "the child's exit code": "sys.exit(run([sys.executable, __file__, 'crash']).returncode)",
}
HEAD = """
import os, sys
from subprocess import run
def crash():
    raise ValueError("boom")
if sys.argv[1:] == ["crash"]: crash()
if sys.argv[1:] == ["kill"]: os.kill(os.getpid(), 9)
"""


def titles(robot: Inbox) -> list[str]:
    return [message.title for message in robot.messages]


def script(tmp_path: Path, source: str) -> str:
    path = tmp_path / "train.py"
    path.write_text(HEAD + source)
    return str(path)


@pytest.mark.parametrize("form", FORMS)
def test_an_attached_process_needs_no_output(begin: Begin, robot: Inbox, tmp_path: Path, form: str) -> None:
    """It writes down its own end; the place is the user's."""
    begin([*SILENT, script(tmp_path, FORMS[form])]).result()
    assert titles(robot) == ["sft failed: ValueError: boom (exit code 1)"]
    assert "- At: train.py:5 in crash: `raise ValueError(" in robot.messages[0].text
    assert 'raise ValueError("boom")  \n> ValueError: boom' in robot.messages[0].text


@pytest.mark.parametrize("form", FORMS)
def test_without_it_the_output_explains(begin: Begin, robot: Inbox, tmp_path: Path, form: str) -> None:
    """As far as it goes to a file."""
    begin([PYTHON, script(tmp_path, FORMS[form])], options=("--no-attach",)).result()
    assert titles(robot) == ["sft failed: ValueError: boom (exit code 1)"]
    assert 'raise ValueError("boom")' in robot.messages[0].text


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("run([sys.executable, __file__, 'kill'], check=True)", "killed by SIGKILL"),
        ("sys.exit(run([sys.executable, __file__, 'kill']).returncode)", "killed by SIGKILL"),  # 247
        ("sys.exit('no data in /data')", "no data in /data (exit code 1)"),
        ("sys.exit(3)", "exit code 3"),
        ("raise ExceptionGroup('many', [ValueError('a')])", "ExceptionGroup: many (1 sub-exception) (exit code 1)"),
        ("raise KeyError('x') from OSError('disk')", "KeyError: 'x' (exit code 1)"),
    ],
)
@pytest.mark.skipif(sys.version_info < (3, 11), reason="ExceptionGroup is of Python 3.11")
def test_other_ends(begin: Begin, robot: Inbox, tmp_path: Path, source: str, title: str) -> None:
    """The signal of a launcher's child; the words of `sys.exit`; a chain's last."""
    begin([*SILENT, script(tmp_path, source)]).result()
    assert titles(robot) == [f"sft failed: {title}"]


def test_a_code_that_stands_for_a_signal_is_named(begin: Begin, robot: Inbox, tmp_path: Path) -> None:
    """247 is what `sys.exit(-9)` becomes."""
    begin([*SILENT, script(tmp_path, "sys.exit(-9)")]).result()
    assert "- Exit code: 247, which stands for SIGKILL\n" in robot.messages[0].text


def test_a_step_of_a_script_that_was_ignored_is_no_cause(begin: Begin, robot: Inbox, tmp_path: Path) -> None:
    """The script went on, and ended of something else."""
    path = script(tmp_path, "")
    begin(["sh", "-c", f"{PYTHON} {path} crash; sleep 4; exit 9"]).result()
    assert titles(robot) == ["sft failed: exit code 9"]


@pytest.mark.skipif(find_spec("accelerate") is None, reason="accelerate is not installed")
@pytest.mark.parametrize(
    ("options", "end", "title"),
    [
        ((), "crash", "ValueError: boom (exit code 1)"),
        pytest.param(("--no-attach",), "kill", "killed by SIGKILL", marks=STRESS),
        pytest.param(("--no-attach",), "crash", "ValueError: boom (exit code 1)", marks=STRESS),
        pytest.param((), "kill", "killed by SIGKILL", marks=STRESS),
    ],
)
def test_accelerate(begin: Begin, robot: Inbox, tmp_path: Path, options: tuple[str, ...], end: str, title: str) -> None:
    """Its own CalledProcessError is not the cause."""
    launch = [PYTHON, "-m", "accelerate.commands.launch", "--cpu", "--num_processes=1"]
    done = begin([*launch, script(tmp_path, ""), end], options=options).result()
    assert titles(robot) == [f"sft failed: {title}"], done.stderr


@pytest.mark.parametrize("hurried", [False, True])
def test_what_ranks_left_to_the_supervisor_is_reported(begin: Begin, robot: Inbox, hurried: bool) -> None:
    """Where nobody knows another cause, and then they leave by an exit code: with the note that it only follows.

    Hurried: torchrun ends a rank with SIGTERM that was already leaving.
    """
    source = """
        import os, sys, time
        class Slow:
            def __del__(self, sleep=time.sleep, rank=os.environ["RANK"]): sleep(60 if rank == "0" else 1)
        slow = Slow() if HURRIED else None
        import twinkle_notifier as t
        def step():
            raise RuntimeError("NCCL communicator was aborted on rank 0.")
        try:
            step()
        except RuntimeError as error:
            t.notify_exception(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), "step", error, name="sft")
        sys.exit(1)
    """
    done = begin(source.replace("HURRIED", str(hurried)), ranks=2).result()
    told = [message.text.partition("\n")[0].replace("(rank 1", "(rank 0") for message in robot.messages]
    who = f"rank 0 on {socket.getfqdn()}"
    assert told == [f"### sft failed: RuntimeError: NCCL communicator was aborted on rank 0. ({who})"], done.stderr
    text = robot.messages[0].text
    assert "- Note: no rank reported the cause\n" in text
    assert '- At: train.py:8 in step: `raise RuntimeError("NCCL communicator was aborted on rank 0.")`\n' in text
    assert "RuntimeError: NCCL communicator was aborted on rank 0." in text.partition("Traceback")[2]


RANK_ENDS = [
    ("sys.stderr.write('\\r  3%|#  | 3/500'); crash()", "ValueError: boom (rank 1 on {})"),
    ("run([sys.executable, __file__, 'crash'], check=True)", "ValueError: boom (rank 1 on {})"),
    ("run([sys.executable, __file__, 'kill'], check=True)", "rank 1 on {} was killed by SIGKILL"),
    ("os.kill(os.getpid(), 9)", "rank 1 on {} was killed by SIGKILL"),
]
TORCHRUN = (
    HEAD
    + """
import time
if os.environ["RANK"] == "1":
    time.sleep(1)
    {}
time.sleep(60)
"""
)


@pytest.mark.parametrize(
    ("options", "end", "title"),
    [
        (options, end, title)
        if (number, options) in ((0, ()), (3, ("--no-attach",)))
        else pytest.param(options, end, title, marks=STRESS)
        for options in ((), ("--no-attach",))
        for number, (end, title) in enumerate(RANK_ENDS)
    ],
)
def test_torchrun(begin: Begin, robot: Inbox, options: tuple[str, ...], end: str, title: str) -> None:
    """The agent names the rank; its own processes say what ended it."""
    done = begin(TORCHRUN.format(end), ranks=2, options=options).result()
    assert titles(robot) == [f"sft failed: {title.format(socket.getfqdn())}"], done.stderr
