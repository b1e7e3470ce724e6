"""The last lines of a command's output, and whether something is written, from wherever the output goes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from shutil import which

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.supervisor.last_lines import Output, as_seen

RUN = f"{sys.executable} -m twinkle_notifier run --name sft"
FAILS = "sh -c 'echo to-out; echo to-err >&2; exit 3'"


def shell(line: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env={**os.environ, **env}, timeout=60, capture_output=True, text=True
    )


def quoted(robot: Inbox) -> list[str]:
    """The lines of output in the only message."""
    (message,) = robot.messages
    return [line.removeprefix("> ").rstrip() for line in message.text.splitlines() if line.startswith("> ")]


@pytest.fixture(autouse=True)
def _no_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("{run} -- {fails} > out 2>&1", ["to-out", "to-err"]),
        ("{run} -- {fails} 2>&1 > out", ["to-out"]),
        ("{run} -- {fails} > out 2> err", ["to-out", "to-err"]),
        ("{run} -- {fails} > /dev/null 2> err", ["to-err"]),
        ("echo earlier > out; {run} -- {fails} >> out 2>&1", ["to-out", "to-err"]),
        ("{{ echo earlier; {run} -- {fails}; }} > out 2>&1", ["to-out", "to-err"]),
        ("{run} -- sh -c 'rm out; echo to-out; exit 3' > out 2>&1", ["to-out"]),
        ("{run} -- sh -c 'echo long-ago; : > out; echo to-out; exit 3' > out 2>&1", ["to-out"]),
        ("{run} -- {fails} 2>&1 | tee out", ["to-out", "to-err"]),
        ("echo earlier > out; {run} -- {fails} 2>&1 | (sleep 0.2; exec tee out)", ["to-out", "to-err"]),
        ("echo earlier > out; {run} -- sh -c 'sleep 2; echo to-out; exit 3' 2>&1 | tee -a out", ["to-out"]),
        ("{run} -- {fails} 2>&1 | cat | tee out", ["to-out", "to-err"]),
        ("{run} -- {fails} 2>&1 | cat > out", ["to-out", "to-err"]),
        ("{{ echo earlier; {run} -- {fails} 2>&1 | cat; }} > out", ["to-out", "to-err"]),
        ("{{ echo earlier; {run} -- {fails} 2>&1 | cat | cat; }} >> out", ["to-out", "to-err"]),
        ("echo earlier > out; {run} -- {fails} 2>&1 | tee -a out", ["to-out", "to-err"]),
        ("echo earlier > out; {run} -- {fails} 2>&1 | tee out", ["to-out", "to-err"]),
        ("{run} --log out -- sh -c 'echo to-out > out; exit 3' | cat", ["to-out"]),
        ("echo earlier > out; {run} --log out -- sh -c 'echo to-out >> out; exit 3' | cat", ["to-out"]),
        ("{run} --log missing -- {fails} | cat", []),
        ("touch out; LSB_OUTPUTFILE=$PWD/out {run} -- {fails} 2>&1 | cat >> out", ["to-out", "to-err"]),
        ("{run} -- {fails} 2>&1 | cat", []),
        ("{run} -- sh -c 'printf \"1%%\\r50%%\\r99%%\\n\"; exit 3' > out", ["99%"]),
        ("{run} -- sh -c 'seq 100000; exit 3' > out", [str(number) for number in range(99961, 100001)]),
    ],
)
def test_where_the_output_goes(inbox: Inbox, tmp_path: Path, line: str, lines: list[str]) -> None:
    """The last lines of what the command itself wrote, in the message."""
    url = f"{inbox.url}&secret=SEC0123456789abcdef"
    shell(line.format(run=RUN, fails=FAILS), tmp_path, TWINKLE_NOTIFIER_URL=url)
    assert quoted(inbox) == lines


def test_a_job_step_s_output(inbox: Inbox, tmp_path: Path) -> None:
    """SLURM is asked where the job's output goes; here something that answers as SLURM does."""
    (tmp_path / "bin").mkdir()
    answer = (
        f'#!/bin/sh\n[ "$*" = "show job 77" ] && echo "   StdErr={tmp_path}/e StdOut={tmp_path}/slurm-77.out Power="\n'
    )
    (tmp_path / "bin" / "scontrol").write_text(answer)
    (tmp_path / "bin" / "scontrol").chmod(0o755)
    (tmp_path / "slurm-77.out").write_text("earlier\n")
    line = f"{RUN} -- sh -c 'sleep 2; echo to-out; exit 3' | (exec 3>/dev/null; while read x; do echo $x >> slurm-77.out; done)"
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    url = f"{inbox.url}&secret=SEC0123456789abcdef"
    shell(line, tmp_path, TWINKLE_NOTIFIER_URL=url, PATH=path, SLURM_JOB_ID="77")
    assert quoted(inbox) == ["to-out"]


def test_a_pane_of_tmux(inbox: Inbox, tmp_path: Path) -> None:
    """What stands there below the line that started the command."""
    if which("tmux") is None:
        pytest.skip("there is no tmux")
    server = ["tmux", "-L", f"twinkle-{os.getpid()}", "-f", "/dev/null"]
    url = f"{inbox.url}&secret=SEC0123456789abcdef"
    (tmp_path / "train.sh").write_text(f"echo earlier\n{RUN} -- {FAILS}\nsleep 30\n")
    env = {**os.environ, "TWINKLE_NOTIFIER_URL": url}
    subprocess.run(
        [*server, "new-session", "-d", "-x", "80", "-y", "24", "bash", tmp_path / "train.sh"], env=env, check=True
    )
    try:
        deadline = time.monotonic() + 60
        while not inbox.messages and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        subprocess.run([*server, "kill-server"], check=True)
    assert [line for line in quoted(inbox) if not line.startswith("twinkle-notifier: ")][-2:] == ["to-out", "to-err"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('script -qec "{run} -- sleep 2" /dev/null', ["which goes to a terminal: add `2>&1 | tee train.log`"]),
        ("{run} -- sleep 2 2>&1 | cat", ["which goes to a pipe: add `2>&1 | tee train.log`"]),
        (
            "{run} --stall-after 1h -- sleep 2 2>&1 | cat",
            ["which goes to a pipe", "the output cannot be watched"],
        ),
        ("{run} --stall-after 1h -- sleep 2 >/dev/null 2>&1", []),
        ("{run} --stall-after 1h -- sleep 2 > out 2>&1; cat out", []),
        ("{run} -- sleep 2 2>&1 | tee out", []),
        ("{run} --log out -- sleep 2 2>&1 | cat", []),
    ],
)
def test_what_cannot_be_read_is_said_at_the_start(inbox: Inbox, tmp_path: Path, line: str, says: list[str]) -> None:
    """In one line, with the remedy."""
    if line.startswith("script") and which("script") is None:
        pytest.skip("there is no script")
    url = f"{inbox.url}&secret=SEC0123456789abcdef"
    done = shell(line.format(run=RUN), tmp_path, TWINKLE_NOTIFIER_URL=url)
    lines = [line for line in done.stdout.splitlines() if "twinkle-notifier: " in line]
    assert len(lines) == len(says)
    assert all(word in line for word, line in zip(says, lines, strict=True)), lines


def test_writes_are_seen(tmp_path: Path) -> None:
    """Those of a file that the user names, as it grows, is made anew, and is gone."""
    log = tmp_path / "train.log"
    output = Output(log)
    output.begin()
    seen = [output.check()]
    for text in ("one", "two", None, "three"):
        log.write_text(text) if text else log.unlink()
        os.utime(log, ns=(1, hash(text) % 10**9)) if text else None
        seen.append(output.check())
    seen.append(output.check())
    assert seen == [False, True, True, False, True, False]


@pytest.mark.parametrize(
    ("text", "seen"),
    [("a\rb", "b"), ("a\r", "a"), ("\r 3%|# | 3/500", " 3%|# | 3/500"), ("a\n\nb\r\n", "a\n\nb\n"), ("\r\r", "")],
)
def test_what_a_terminal_shows(text: str, seen: str) -> None:
    """Of a line that was written over and over, the last."""
    assert as_seen(text) == seen


def test_a_log_that_hangs_does_not_hold_up_the_command(tmp_path: Path, inbox: Inbox) -> None:
    """A FIFO that nobody writes is no file."""
    os.mkfifo(tmp_path / "fifo")
    url = f"{inbox.url}&secret=SEC0123456789abcdef"
    done = shell(f"{RUN} --log fifo -- {FAILS} > out 2>&1; echo $?", tmp_path, TWINKLE_NOTIFIER_URL=url)
    assert done.stdout == "3\n"
    assert quoted(inbox) == ["to-out", "to-err"]


RANKS = """
import os, sys, time
rank = os.environ["RANK"]
print("out of", rank, flush=True)
print("err of", rank, file=sys.stderr, flush=True)
open(rank, "w").close()
while not (os.path.exists("0") and os.path.exists("1")): time.sleep(0.05)
if rank == "1": {}
time.sleep(60)
"""
TORCHRUN = f"{sys.executable} -m torch.distributed.run --standalone --nproc-per-node=2"
KILLED = "os.kill(os.getpid(), 9)"
STRESS = pytest.mark.stress


@pytest.mark.parametrize(
    ("line", "death", "title", "lines"),
    [
        pytest.param(
            "{run} -- {torchrun} --log-dir logs --redirects 3 {script} 2>&1 | cat",
            KILLED,
            "rank 1",
            ["1"],
            marks=STRESS,
        ),
        pytest.param("{run} -- {torchrun} --redirects 3 {script} 2>&1 | cat", KILLED, "rank 1", ["1"], marks=STRESS),
        ("{run} -- {torchrun} --log-dir logs --tee 3 {script} > out 2>&1", KILLED, "rank 1", ["1"]),
        pytest.param(
            'script -qec "{run} -- {torchrun} --log-dir logs --redirects 3 {script}" out',
            KILLED,
            "rank 1",
            ["1"],
            marks=STRESS,
        ),
        pytest.param(
            "{run} --no-attach -- {torchrun} --log-dir=logs --tee 3 {script} > out 2>&1",
            KILLED,
            "rank 1",
            ["1"],
            marks=STRESS,
        ),
        ("{run} --no-attach -- {torchrun} --log-dir logs -r 3 {script} 2>&1 | cat", KILLED, "exit code 1", ["0", "1"]),
        pytest.param(
            "{run} --no-attach -- {torchrun} --log-dir logs -r 3 {script} 2>&1 | cat",
            "int('x')",
            "ValueError: …literal for int()",
            ["0", "1"],
            marks=STRESS,
        ),
    ],
)
def test_the_log_files_of_torchrun(
    inbox: Inbox, tmp_path: Path, line: str, death: str, title: str, lines: list[str]
) -> None:
    """The last lines, and the error, are those of the rank that failed first; of all ranks, if it is not known."""
    pytest.importorskip("torch")
    if line.startswith("script") and which("script") is None:
        pytest.skip("there is no script")
    (tmp_path / "train.py").write_text(RANKS.format(death))
    (tmp_path / "logs" / "none_x" / "attempt_0" / "1").mkdir(parents=True)  # of an earlier run
    (tmp_path / "logs" / "none_x" / "attempt_0" / "1" / "stdout.log").write_text("earlier")
    os.utime(tmp_path / "logs" / "none_x" / "attempt_0", (1, 1))
    url = f"{inbox.url}&secret=SEC0123456789abcdef"
    done = shell(line.format(run=RUN, torchrun=TORCHRUN, script="train.py"), tmp_path, TWINKLE_NOTIFIER_URL=url)
    (message,) = inbox.messages
    assert message.title.startswith(f"sft failed: {title}"), done.stderr
    words = [text for text in quoted(inbox) if text[:7] in ("out of ", "err of ")]
    assert words == [f"{stream} of {rank}" for rank in lines for stream in ("out", "err")]
