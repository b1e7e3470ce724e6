"""Ranks that die below torchrun, below the supervisor: which one, on which node, and one message."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.supervisor import torchrun
from twinkle_notifier.supervisor.torchrun import Lost, Recorded

Begin = Callable[..., Any]
PLAIN = """
import os, sys, time
rank, attempt = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])
print("ready", flush=True)
"""
TELLS = (
    PLAIN
    + """
import torch, torch.distributed as dist
import twinkle_notifier as t
notifier = t.DingNotifier("env:DING_URL", "env:DING_SECRET", timeout=5.0)
dist.init_process_group("gloo")
def step(last):
    for _ in range(1000):
        dist.all_reduce(torch.ones(1))
        time.sleep(0.02)
def watched(work, *args):
    try:
        work(*args)
    except Exception as e:
        t.notify_exception(notifier, "step", e, name="sft")
        raise
"""
)
AGENT = """
E1124 23:55:26.583000 20500 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: -9) local_rank: 1 (pid: 20506) of binary: /usr/bin/python3
Traceback (most recent call last):
  File "/usr/bin/torchrun", line 8, in <module>
    sys.exit(main())
  File "/usr/lib/torch/distributed/run.py", line 1028, in main
    run(args)
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
=======================================================
t.py FAILED
-------------------------------------------------------
Failures:
[1]:
  time      : 2026-11-24_23:55:26
  host      : node-b
  rank      : 4 (local_rank: 0)
  exitcode  : -15 (pid: 20505)  (SIGTERM)
  error_file: <N/A>
  traceback : Signal 15 (SIGTERM) received by PID 20505
-------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-24_23:55:26
  host      : node-b
  rank      : 5 (local_rank: 1)
  exitcode  : -9 (pid: 20506)  (SIGKILL)
  error_file: <N/A>
  traceback : Signal 9 (SIGKILL) received by PID 20506
=======================================================
"""


def titles(robot: Inbox) -> list[str]:
    return [message.title for message in robot.messages]


def here() -> str:
    """As torchrun calls this host."""
    return socket.getfqdn()


class TestWords:
    """What the agent says."""

    def test_the_rank_that_failed_first(self) -> None:
        """Its table names it, with the node."""
        at = time.mktime((2026, 11, 24, 23, 55, 26, 0, 0, -1))
        assert torchrun.root_cause("x\n" + AGENT) == Lost(-9, 20506, 1, 5, "node-b", at, [4])
        assert torchrun.root_cause("no table") is None

    def test_an_earlier_agent_s_words_count_no_more(self) -> None:
        """A script went on after it."""
        assert torchrun.root_cause(AGENT + "line\n" * 50) is None
        said = "SignalException: Process 1 got signal: 15\n"
        assert torchrun.signalled(said) == 15
        assert torchrun.signalled(said + "line\n" * 50) is None

    def test_what_is_left_for_people(self) -> None:
        """The output of the ranks."""
        assert torchrun.without_own_lines("epoch 1\nValueError: x\n" + AGENT) == "epoch 1\nValueError: x"

    def test_an_error_file(self, tmp_path: Path) -> None:
        """As `record` writes it; anything else is none."""
        path = tmp_path / "error.json"
        assert torchrun.recorded(path, 0) is None
        path.write_text('{"message": {"message": "ValueError: x", "extraInfo": {"py_callstack": "Traceback ..."}}}')
        assert torchrun.recorded(path, 0) == Recorded("ValueError: x", "Traceback ...")
        path.write_text('{"message": "x"}')
        assert torchrun.recorded(path, 0) == Recorded("x", "")
        assert torchrun.recorded(path, time.time() + 60) is None  # of an earlier run
        for damaged in ("[", "[]", "{}"):
            path.write_text(damaged)
            assert torchrun.recorded(path, 0) is None

    @pytest.mark.parametrize(
        ("command", "writes"),
        [
            ("torchrun --redirects 3 train.py", True),
            ("python -m torch.distributed.run --log-dir logs --tee=3 train.py", True),
            ("srun torchrun -r 3 train.py", True),
            ("torchrun --log-dir logs train.py", False),
            ("python train.py --tee 3", False),
        ],
    )
    def test_a_command_whose_ranks_write_files(self, command: str, writes: bool) -> None:
        """By the options of torchrun."""
        assert torchrun.writes_logs(command.split()) is writes


def test_a_killed_rank_is_named(begin: Begin, robot: Inbox) -> None:
    """Of a script that does not know this package."""
    source = PLAIN + "if rank == 1: time.sleep(1); os.kill(os.getpid(), 9)\ntime.sleep(60)"
    done = begin(source, ranks=2).result()
    assert titles(robot) == [f"sft failed: rank 1 on {here()} was killed by SIGKILL"], done.stderr
    assert f"- Rank: 1 on {here()}, PID " in robot.messages[0].text
    assert "FAILED" not in robot.messages[0].text


@pytest.mark.stress
def test_an_uncaught_exception_of_a_rank(begin: Begin, robot: Inbox) -> None:
    """Its own words, not the agent's exit code 1."""
    source = PLAIN + "def step(): raise ValueError('boom')\nif rank == 1: time.sleep(1); step()\ntime.sleep(60)"
    done = begin(source, ranks=2).result()
    assert titles(robot) == [f"sft failed: ValueError: boom (rank 1 on {here()})"], done.stderr
    assert "in step" in robot.messages[0].text


def test_a_recorded_exception_of_a_rank(begin: Begin, robot: Inbox) -> None:
    """The error files are set up, so that `record` has somewhere to write to."""
    source = (
        "from torch.distributed.elastic.multiprocessing.errors import record\n"
        + PLAIN
        + "@record\ndef main():\n    if rank == 1: raise ValueError('boom')\n    time.sleep(60)\nsys.stderr = open(os.devnull, 'w')\nmain()"
    )
    done = begin(source, ranks=2).result()
    assert titles(robot) == [f"sft failed: ValueError: boom (rank 1 on {here()})"], done.stderr
    assert "in main" in robot.messages[0].text


@pytest.mark.parametrize(
    ("death", "title"),
    [
        pytest.param(
            "os.kill(os.getpid(), 9)", "sft failed: rank 1 on {host} was killed by SIGKILL", marks=pytest.mark.stress
        ),
        pytest.param("os._exit(9)", "sft failed: exit code 9 of rank 1 on {host}", marks=pytest.mark.stress),
        pytest.param(
            "watched(int, 'x')",
            "sft failed: ValueError: invalid literal for int() with base 10: 'x'",
            marks=pytest.mark.stress,
        ),
    ],
)
def test_the_others_errors_follow_from_it(begin: Begin, robot: Inbox, death: str, title: str) -> None:
    """Ranks that know this package, and lose a peer, do not report that beside the cause."""
    source = TELLS + f"if rank == 1: time.sleep(1); {death}\nelse: watched(step, None)"
    done = begin(source, ranks=3).result()
    headings = [message.text.partition("\n")[0] for message in robot.messages]
    assert [heading[:54] for heading in headings] == [f"### {title.format(host=here())}"[:54]], done.stderr


def test_a_rank_that_the_launcher_ended_follows_too(begin: Begin, robot: Inbox) -> None:
    """It had no time to meet an error of its own, as a rank that waits in a collective for its neighbours."""
    source = (
        PLAIN
        + """
from pathlib import Path
import twinkle_notifier as t
if rank in (0, 2):
    error = RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1")
    t.notify_exception(t.DingNotifier("env:DING_URL", "env:DING_SECRET"), "step", error, name="sft")
    Path(f"met-{rank}").touch()
while rank != 1 or not (Path("met-0").exists() and Path("met-2").exists()):
    time.sleep(0.05)
os.kill(os.getpid(), 9)
"""
    )
    done = begin(source, ranks=4).result()
    assert titles(robot) == [f"sft failed: rank 1 on {here()} was killed by SIGKILL"], done.stderr
    assert "- Errors that follow from it: ranks 0, 2-3 (3 ended by the launcher)\n" in robot.messages[0].text


def test_sigterm_to_the_agent(begin: Begin, robot: Inbox) -> None:
    """A preemption, whoever was asked."""
    running = begin(PLAIN + "time.sleep(60)", ranks=2)
    running.wait_for("ready")
    time.sleep(1)
    pid = running.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    agent = next(child for child in children if b"twinkle_notifier" not in Path(f"/proc/{child}/cmdline").read_bytes())
    os.kill(int(agent), signal.SIGTERM)
    done = running.result()
    assert (done.returncode, titles(robot)) == (1, ["sft was preempted (SIGTERM)"]), done.stderr


@pytest.mark.stress
def test_a_last_attempt_is_final(begin: Begin, robot: Inbox) -> None:
    """Each attempt is reported: the first as a restart, the last as an end."""
    source = PLAIN + "time.sleep(3)\nif rank == 1: os.kill(os.getpid(), 9)\ntime.sleep(60)"
    done = begin(source, ranks=2, torchrun=("--standalone", "--max-restarts=1")).result()
    told = [message.text.partition("\n")[0] for message in robot.messages]
    assert told == [
        f"### sft restarts after attempt 1 of 2: rank 1 on {here()} was killed by SIGKILL",
        f"### sft failed for good in attempt 2 of 2: rank 1 on {here()} was killed by SIGKILL",
    ], done.stderr
    assert all("- Signal: SIGKILL: " in message.text for message in robot.messages)


@pytest.mark.parametrize(
    ("peer", "title"), [("sys.exit(1)", "killed by SIGKILL"), ("time.sleep(60)", "killed by SIGKILL")]
)
def test_a_supervisor_for_each_rank(begin: Begin, robot: Inbox, tmp_path: Path, peer: str, title: str) -> None:
    """As srun starts them: the one whose rank was killed sends; that srun then ends the others is no preemption."""
    source = f"""
        import os, sys, time
        print("ready", flush=True)
        if os.environ["SLURM_PROCID"] == "1":
            time.sleep(1)
            os.kill(os.getpid(), 9)
        time.sleep(4)
        {peer}
    """
    job = {
        "SLURM_JOB_ID": "7",
        "SLURM_STEP_ID": "0",
        "SLURM_NTASKS": "2",
        "TWINKLE_NOTIFIER_DIR": str(tmp_path / "state"),
    }
    ranks = [begin(source, SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank), **job) for rank in range(2)]
    ranks[1].result()
    if ranks[0].process.poll() is None and "sleep" in peer:
        os.kill(ranks[0].process.pid, signal.SIGTERM)
    ranks[0].result()
    assert titles(robot) == [f"sft failed: {title}"]


@pytest.mark.stress
def test_two_agents(begin: Begin, robot: Inbox, tmp_path: Path) -> None:
    """Each node has a supervisor: one of them sends, the one on whose node it began."""
    source = TELLS + "if rank == 3: time.sleep(1); os.kill(os.getpid(), 9)\nelse: watched(step, None)"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    state = str(tmp_path / "state")
    nodes = [
        begin(
            source,
            ranks=2,
            torchrun=("--nnodes=2", f"--node-rank={rank}", "--master-addr=127.0.0.1", f"--master-port={port}"),
            TWINKLE_NOTIFIER_DIR=state,
        )
        for rank in (0, 1)
    ]
    done = [node.result() for node in nodes]
    assert titles(robot) == [f"sft failed: rank 3 on {here()} was killed by SIGKILL"], [each.stderr for each in done]
