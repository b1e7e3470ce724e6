"""Where a process stands, what its run is, and which moments and processes others can compare."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.runtime.host import started_at
from twinkle_notifier.runtime.launcher import Attempt, Where, run_key
from twinkle_notifier.runtime.process import Holder, Instant, process_start
from twinkle_notifier.runtime.stored import Stored, dumped

TORCHRUN = {"LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "n0", "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "none"}
SRUN = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "2", "SLURM_LOCALID": "1"}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set a launcher's variables, in place of those set before."""
    given: set[str] = set()

    def give(**variables: str) -> None:
        for name in given:
            monkeypatch.delenv(name, raising=False)
        given.update(variables)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return give


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def kill(child: subprocess.Popen[bytes]) -> None:
    """Leave a zombie."""
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)


# Ranks


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({}, (0, 1, 0)),
        (
            {**TORCHRUN, "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "GROUP_RANK": "1", "ROLE_RANK": "3"},
            (3, 4, 1),
        ),
        ({**TORCHRUN, **SRUN, "SLURM_STEP_ID": "0", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "8"}, (0, 8, 0)),
        ({"LOCAL_RANK": "1", "WORLD_SIZE": "2", "NODE_RANK": "0", "MASTER_PORT": "5"}, (1, 2, 1)),
        ({"LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8", "NODE_RANK": "1"}, (5, 8, 1)),
        ({"LOCAL_RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "5"}, (1, 2, 1)),
        ({**SRUN, "SLURM_STEP_ID": "0"}, (2, 4, 1)),
        ({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4"}, (0, 1, 0)),
        ({**SRUN, "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}, (0, 1, 0)),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}, (1, 2, 1)),
        ({"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1"}, (1, 2, 1)),
        ({"RANK": "-1", "WORLD_SIZE": "two", "LOCAL_RANK": ""}, (0, 1, 0)),
    ],
    ids=[
        *("alone", "torchrun", "torchrun in srun", "lightning", "lightning nodes", "lightning spawn"),
        *("srun", "salloc", "sbatch", "mpirun", "pmi", "nonsense"),
    ],
)
def test_launchers_tell_the_rank(variables: dict[str, str], place: tuple[int, int, int], env: Any) -> None:
    """Rank, world size and local rank, as each launcher names them."""
    env(**variables)
    here = Where.here()
    assert (here.rank, here.world_size, here.local_rank) == place
    assert str(here) == f"rank {place[0]} of {place[1]}"


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
def test_torch_tells_the_rank_where_it_is_set_up() -> None:
    """Rather than a launcher's variables."""
    code = """
import torch.distributed as d
from twinkle_notifier.runtime.launcher import Where
print(Where.here())
d.init_process_group("gloo", store=d.HashStore(), rank=0, world_size=1)
print(Where.here())
"""
    env = {**os.environ, "RANK": "3", "WORLD_SIZE": "4"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=180, cwd="/")
    assert done.stdout.splitlines() == ["rank 3 of 4", "rank 0 of 1"], done.stderr


# Attempts


@pytest.mark.parametrize(
    ("variables", "text", "followed", "last"),
    [
        ({}, "", False, False),
        ({"TORCHELASTIC_RESTART_COUNT": "0", "TORCHELASTIC_MAX_RESTARTS": "0"}, "", False, False),
        ({"TORCHELASTIC_RESTART_COUNT": "0", "TORCHELASTIC_MAX_RESTARTS": "2"}, "attempt 1 of 3", True, False),
        ({"TORCHELASTIC_RESTART_COUNT": "2", "TORCHELASTIC_MAX_RESTARTS": "2"}, "attempt 3 of 3", False, True),
        ({"SLURM_RESTART_COUNT": "0"}, "", False, False),
        ({"SLURM_RESTART_COUNT": "1"}, "attempt 2", False, False),
    ],
)
def test_launchers_tell_the_attempt(variables: dict[str, str], text: str, followed: bool, last: bool, env: Any) -> None:
    """Which it is, and whether another follows, as far as they know."""
    env(**variables)
    attempt = Attempt.here()
    assert (str(attempt), attempt.is_followed(), attempt.is_last()) == (text, followed, last)


# Runs


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        ({"RANK": "0"}, {"RANK": "1"}, {"MASTER_PORT": "29501"}),
        ({"TORCHELASTIC_RESTART_COUNT": "0"}, {"TORCHELASTIC_RESTART_COUNT": "1"}, {"TORCHELASTIC_RUN_ID": "x"}),
        ({**SRUN, "SLURM_STEP_ID": "0"}, {"SLURM_PROCID": "3"}, {"SLURM_STEP_ID": "1"}),
        ({**SRUN, "SLURM_STEP_ID": "0"}, {"SLURM_LOCALID": "0"}, {"SLURM_JOB_ID": "8"}),
        ({"PMIX_NAMESPACE": "a", "PMIX_RANK": "0"}, {"PMIX_RANK": "1"}, {"PMIX_NAMESPACE": "b"}),
        ({"MASTER_PORT": "5", "LOCAL_RANK": "0"}, {"LOCAL_RANK": "1"}, {"MASTER_PORT": "6"}),
        ({"MASTER_PORT": "5", "MASTER_ADDR": "a"}, {"NODE_RANK": "1"}, {"MASTER_ADDR": "b"}),
        ({"RANK": "0", "WORLD_SIZE": "2"}, {"RANK": "1"}, {"WORLD_SIZE": "3"}),
    ],
    ids=["torchrun", "elastic", "srun step", "srun job", "mpirun", "lightning", "lightning nodes", "unknown launcher"],
)
def test_ranks_of_a_run_have_a_key_in_common(
    one: dict[str, str], same: dict[str, str], other: dict[str, str], env: Any, request: pytest.FixtureRequest
) -> None:
    """And another run has another."""
    base = {**(TORCHRUN if request.node.callspec.id in ("torchrun", "elastic") else {}), **one}
    keys = []
    for variables in (base, {**base, **same}, {**base, **other}):
        env(**variables)
        keys.append(run_key(Where.here()))
    assert None not in keys
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("variables", [{}, {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}])
def test_a_process_on_its_own_has_no_key(variables: dict[str, str], env: Any) -> None:
    """A shell within an allocation, too."""
    env(**variables)
    assert run_key(Where.here()) is None


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_children_of_one_script_have_a_key_in_common(method: str, start: Any) -> None:
    """Without any launcher's variables; and children of another script have another."""
    script = f"""
    import multiprocessing
    from twinkle_notifier.runtime.launcher import Where, run_key
    def work(queue): queue.put(run_key(Where.here()))
    if __name__ == "__main__":
        context = multiprocessing.get_context("{method}")
        queue = context.Queue()
        children = [context.Process(target=work, args=(queue,)) for _ in range(2)]
        [child.start() for child in children]
        print([queue.get(timeout=170) for _ in children])
        [child.join() for child in children]
    """
    started = [start(script, name=name) for name in ("one.py", "two.py")]
    (one, same), (other, _) = [eval(process.result().stdout) for process in started]
    assert None not in (one, other)
    assert one == same != other


# Moments


def test_moments_of_one_boot_are_ordered_by_it() -> None:
    """Whatever the wall clock was set to."""
    first, then = Instant("boot", 10.0, 5000.0), Instant("boot", 10.01, 1000.0)
    assert then.after(first)
    assert not first.after(then)
    assert not first.after(first)


def test_moments_of_two_boots_are_ordered_by_the_wall_clock() -> None:
    """With a margin of 5 s, within which neither is after the other."""
    first = Instant("boot", 900.0, 1000.0)
    answers = [Instant("other", 1.0, 1000.0 + later).after(first) for later in (-60, 0, 4.9, 5.1, 60)]
    assert answers == [False, False, False, True, True]


def test_a_moment_is_restored_from_json() -> None:
    """By the names that it was written with."""
    now = Instant.now()
    assert Instant.load(Stored(json.loads(dumped(now)))) == now


def test_this_process_started_in_the_past() -> None:
    """On the clock that others see, and before now."""
    start, now = process_start(), Instant.now()
    assert start.since_boot == pytest.approx(started_at(os.getpid()), abs=0.001)
    assert now.after(start)
    assert now.wall - start.wall == pytest.approx(now.since_boot - start.since_boot, abs=1.0)


# Processes


def test_a_childs_start_is_between_before_and_after() -> None:
    """On the clock of `Instant`, to 10 ms."""
    before = Instant.now().since_boot
    with subprocess.Popen(["sleep", "60"]) as child:
        started, after = started_at(child.pid), Instant.now().since_boot
        child.kill()
    assert started is not None
    assert before - 0.02 <= started <= after


def test_a_name_with_brackets_does_not_hide_the_start(tmp_path: Path) -> None:
    """A process names itself as it likes."""
    (tmp_path / "a) Z 1 (b").symlink_to("/bin/sleep")
    with subprocess.Popen([tmp_path / "a) Z 1 (b", "60"]) as child:
        started = started_at(child.pid)
        child.kill()
    assert started is not None


def test_a_dead_process_has_no_start(child: subprocess.Popen[bytes]) -> None:
    """As a zombie, and when it is reaped."""
    kill(child)
    assert started_at(child.pid) is None
    child.wait()
    assert started_at(child.pid) is None


def test_a_killed_holder_is_dead(child: subprocess.Popen[bytes]) -> None:
    """As a zombie, and when it is reaped; alive before."""
    holder = Holder(Holder.me().host, child.pid, started_at(child.pid))
    assert not holder.dead()
    kill(child)
    assert holder.dead()
    child.wait()
    assert holder.dead()


def test_a_holder_whose_pid_is_used_again_is_dead() -> None:
    """By its start."""
    me = Holder.me()
    assert not me.dead()
    assert Holder(me.host, me.pid, (me.started or 0) - 1).dead()


def test_who_cannot_be_looked_for_is_not_dead(child: subprocess.Popen[bytes]) -> None:
    """On another machine, or without a known start."""
    me = Holder.me()
    kill(child)
    assert not Holder("another", child.pid, 1.0).dead()
    assert not Holder(me.host, child.pid, None).dead()
