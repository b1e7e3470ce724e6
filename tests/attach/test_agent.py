"""What torchrun's agent writes down, for real: its restarts, and what it knows of the ranks that failed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

import pytest

from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.mailbox.notes import Failure, Restart

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="torchrun needs torch")

FAILS = """
import os, sys, time
if os.environ["RANK"] == "1":
    print(os.getpid(), flush=True)
    {}
time.sleep(60)
"""
WAYS = {
    "an exception": ("raise ValueError('x')", 1, ["ValueError: x"]),
    "a signal": ("os.kill(os.getpid(), 9)", -9, []),
    "a code": ("sys.exit(3)", 3, ["SystemExit: "]),
}


def torchrun(lab: Any, source: str, *options: str) -> list[int]:
    """Run two ranks; the process ids that they print."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = lab.run(*command, "--monitor-interval=0.1", *options, lab.script(source))
    assert done.returncode == 1, done.stderr
    return [int(word) for word in done.stdout.split()]


@pytest.mark.parametrize(
    ("how", "code", "ends"),
    [
        pytest.param(*way, id=name, marks=() if name == "an exception" else pytest.mark.stress)
        for name, way in WAYS.items()
    ],
)
def test_a_restart_is_written_down_with_what_failed(lab: Any, how: str, code: int, ends: list[str]) -> None:
    """Each attempt but the last by a restart, the last by the agent's own end; the ranks' records beside them."""
    pids = torchrun(lab, FAILS.format(how), "--max-restarts=1")
    agent, found = lab.pid, Mailbox(lab.mailbox)
    [restart] = found.restarts()
    first = Failure(1, 1, pids[0], code, restart.failures[0].at, logs=restart.failures[0].logs)
    assert first.logs.endswith("/attempt_0/1")
    assert restart._replace(failures=restart.failures[:1]) == Restart(agent, restart.at, 1, 2, [first])
    assert 0 <= restart.at - first.at < 60
    assert [f"{end.type}: {end.message}" for end in found.ends()[:-1]] == ends * 2
    assert [(end.pid, end.rank) for end in found.ends()[:-1]] == [(pid, 1) for pid in pids if ends]
    last = found.ends()[-1]
    assert (last.pid, last.type.rpartition(".")[2], last.code, last.child) == (agent, "ChildFailedError", 1, None)
    [failure] = [one for one in last.failures if one.rank == 1]
    assert failure == Failure(1, 1, pids[1], code, failure.at, logs=first.logs.replace("attempt_0", "attempt_1"))


def test_an_error_file_is_named(lab: Any) -> None:
    """Where a rank has recorded its exception in torch's way; the rank that waits has none."""
    record = "from torch.distributed.elastic.multiprocessing.errors import record"
    source = FAILS.format(f"{record}\n    @record\n    def f(): raise ValueError('x')\n    f()")
    torchrun(lab, source, "--max-restarts=0")
    [rank, agent] = Mailbox(lab.mailbox).ends()
    assert (rank.type, rank.rank) == ("ValueError", 1)
    assert {failure.rank: failure.error_file.endswith("error.json") for failure in agent.failures} == {
        0: False,
        1: True,
    }
    assert list(lab.mailbox.glob("*.restart")) == []


@pytest.mark.stress
def test_a_node_that_joins_is_a_restart_without_failures(lab: Any) -> None:
    """It does not count as an attempt."""
    rank = lab.script(
        "import os, time\nif not os.path.exists('seen'): open('seen', 'w').close(); time.sleep(60)", "rank.py"
    )
    launcher = f"""
    import os
    from torch.distributed import run
    from torch.distributed.elastic.rendezvous.dynamic_rendezvous import DynamicRendezvousHandler as Handler
    waiting = [1]  # a node that waits to join, once the rank is there
    Handler.num_nodes_waiting = lambda self: waiting.pop() if waiting and os.path.exists("seen") else 0
    run.main(["--standalone", "--nproc-per-node=1", "--monitor-interval=0.1", "--max-restarts=3", {rank!r}])
    """
    done = lab.run(sys.executable, lab.script(launcher))
    found = Mailbox(lab.mailbox)
    [restart] = found.restarts()
    assert (done.returncode, restart, found.ends()) == (0, Restart(lab.pid, restart.at, 1, 4, []), [])
