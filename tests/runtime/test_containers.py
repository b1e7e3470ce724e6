"""Jobs in containers that share one folder: each job sends one alert for its ranks. Containers by `unshare`."""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from twinkle_notifier.inbox import Inbox

SCRIPT = """
import os, time
import twinkle_notifier as t
ready, deadline = os.path.join(os.path.dirname(__file__), "ready"), time.monotonic() + 150
os.makedirs(ready, exist_ok=True)
open(os.path.join(ready, os.urandom(8).hex()), "x").close()
while len(os.listdir(ready)) < int(os.environ.get("ALL", 1)) and time.monotonic() < deadline:
    time.sleep(0.01)
try:
    time.sleep(float(os.environ.get("AFTER", 0)))
    raise ValueError("the loss is lost")
except ValueError as e:
    t.notify_exception(t.DingNotifier("env:DING_URL"), "step", e, "sft")
"""
CONTAINER = "0123456789abcdef" * 4  # what a container or a pod may be called
Contain = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as running:
        yield running


@pytest.fixture
def contain(inbox: Inbox, tmp_path: Path) -> Iterator[Contain]:
    """Start `command` in a container of its own, with the host name and the /etc/hosts that Docker or a pod would have.

    It works in /mnt, where `work` is mounted, or a folder in memory. All have the same script, and the same folder; it
    waits until `ALL` processes are there.
    """
    if subprocess.run(["unshare", "--pid", "--net", "--uts", "--mount", "--fork", "true"], check=False).returncode:
        pytest.skip("containers need root, or a kernel that lets users have some")
    shared, script, running = tmp_path / "shared", tmp_path / "train.py", []
    shared.mkdir()
    script.write_text(SCRIPT)

    def start(
        *command: str,
        work: Path | str = "memory",
        host: str = "",
        hosts: str = "",
        net: bool = False,
        before: str = "true",
        **env: str,
    ) -> subprocess.Popen[str]:
        lines = [f"hostname {host}"] if host else []
        lines += ["ip link set lo up"] if net else []
        if hosts:
            path = tmp_path / "runtime" / hosts / "hosts"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            lines.append(f"mount --bind {path} /etc/hosts")
        lines.append("mount -t tmpfs tmpfs /mnt" if work == "memory" else f"mount --bind {work} /mnt")
        inside = " && ".join([*lines, "cd /mnt", before, 'exec "$@"'])
        spaces = ["--pid", "--uts", "--mount", "--fork", "--mount-proc", "--kill-child", *(["--net"] if net else [])]
        process = subprocess.Popen(
            ["unshare", *spaces, "sh", "-c", inside, "sh", *(command or (sys.executable, str(script)))],
            env={**os.environ, "DING_URL": inbox.url, "TWINKLE_NOTIFIER_DIR": str(shared), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def done(*processes: subprocess.Popen[str]) -> None:
    """Wait for all of them."""
    with ThreadPoolExecutor(len(processes)) as pool:
        for process, (_, stderr) in zip(
            processes, pool.map(lambda process: process.communicate(timeout=180), processes), strict=True
        ):
            assert process.returncode == 0, stderr


def two_ranks(variables: dict[str, str]) -> tuple[str, ...]:
    """A command that starts two ranks as a launcher would, with these variables."""
    source = f"""
    import os, subprocess, sys
    ranks = [{{**os.environ, **{variables!r}, "RANK": str(n), "LOCAL_RANK": str(n)}} for n in range(2)]
    started = [subprocess.Popen([sys.executable, {{}}], env=env) for env in ranks]
    sys.exit(max(process.wait() for process in started))
    """
    return sys.executable, "-c", textwrap.dedent(source).replace("{}", 'os.environ["SCRIPT"]')


TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "MASTER_PORT": "29500",
    "LOCAL_WORLD_SIZE": "2",
    "WORLD_SIZE": "2",
}


stress = functools.partial(pytest.param, marks=pytest.mark.stress)

# Two jobs at once


@pytest.mark.parametrize(
    "variables",
    [
        {**TORCHRUN, "MASTER_ADDR": "127.0.0.1"},
        stress({**TORCHRUN, "MASTER_ADDR": "trainer-0"}),
        stress({"MASTER_ADDR": "localhost", "MASTER_PORT": "29500", "WORLD_SIZE": "2"}),
        stress({"MASTER_PORT": "29500", "WORLD_SIZE": "2"}),
        stress({"WORLD_SIZE": "2"}),
        {"PMIX_NAMESPACE": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"},
    ],
    ids=["torchrun", "torchrun by name", "lightning", "a port alone", "unknown launcher", "mpirun"],
)
def test_two_jobs_with_one_launcher_s_defaults_each_tell(
    variables: dict[str, str], contain: Contain, inbox: Inbox, tmp_path: Path
) -> None:
    """The second meets the same error while the first's is still fresh. The ranks of each send one alert."""
    command, script = two_ranks(variables), str(tmp_path / "train.py")
    first, second = (contain(*command, SCRIPT=script, ALL="4", AFTER=after) for after in ("0", "2"))
    done(first, second)
    assert len(inbox.messages) == 2
    assert all("Again" not in message.text for message in inbox.messages)


@pytest.mark.stress
def test_two_jobs_of_torchrun_each_tell(contain: Contain, inbox: Inbox, tmp_path: Path) -> None:
    """For real, on the port that it takes by default; each container has a network of its own, and the same name."""
    pytest.importorskip("torch")
    command = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=29500")
    jobs = []
    forward = tmp_path / "forward.py"  # the robot is in another network: a socket of files leads there
    forward.write_text(FORWARD)
    socket, port = str(tmp_path / "robot"), inbox.url.split("/")[2].split(":")[1]
    outside = subprocess.Popen([sys.executable, str(forward), "unix", socket, port])
    try:
        inside = f"{sys.executable} {forward} tcp {port} {socket} & sleep 1"
        for after in ("0", "5"):
            jobs.append(contain(*command, str(tmp_path / "train.py"), net=True, before=inside, ALL="4", AFTER=after))
        done(*jobs)
    finally:
        outside.kill()
        outside.wait()
    assert ["Ranks: 0-1 of 2" in message.text for message in inbox.messages] == [True, True]


FORWARD = """
import os, socket, sys, threading
kind, here, there = sys.argv[1:]
def copy(source, target):
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)
if kind == "unix":
    server = socket.socket(socket.AF_UNIX)
    server.bind(here)
    server.listen()
else:
    server = socket.create_server(("127.0.0.1", int(here)))
while True:
    client, _ = server.accept()
    other = socket.create_connection(("127.0.0.1", int(there))) if kind == "unix" else socket.socket(socket.AF_UNIX)
    if kind == "tcp":
        other.connect(there)
    for pair in ((client, other), (other, client)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
"""


SPANNING = {**TORCHRUN, "WORLD_SIZE": "4", "MASTER_ADDR": "trainer-0"}


def test_ranks_of_one_run_in_two_containers_tell_once(contain: Contain, inbox: Inbox, tmp_path: Path) -> None:
    """As the pods of one job are: their launcher says that there are several, and names a master for all."""
    command, script = two_ranks(SPANNING), str(tmp_path / "train.py")
    done(*(contain(*command, host=f"trainer-{node}", SCRIPT=script, ALL="4", GROUP_RANK=str(node)) for node in (0, 1)))
    assert len(inbox.messages) == 1


@pytest.mark.parametrize(
    ("variables", "common"),
    [
        (SPANNING, True),
        stress({**SPANNING, "WORLD_SIZE": "2"}, False),
        stress({**SPANNING, "MASTER_ADDR": "::1"}, True),  # two agents that share a network
        ({"MASTER_ADDR": "10.0.0.7", "MASTER_PORT": "29500", "WORLD_SIZE": "4"}, True),
        stress({"MASTER_ADDR": "10.0.0.7", "MASTER_PORT": "29500", "WORLD_SIZE": "4", "LOCAL_SIZE": "4"}, False),
        ({"MASTER_ADDR": "127.0.1.1", "MASTER_PORT": "29500"}, False),
        stress({"MASTER_ADDR": "0.0.0.0", "MASTER_PORT": "29500"}, False),
        stress({"MASTER_ADDR": "LocalHost.", "MASTER_PORT": "29500"}, False),
        ({"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_NTASKS": "4"}, True),
        ({"PMIX_NAMESPACE": "a", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"}, True),
        stress({"PMI_SIZE": "4", "MPI_LOCALNRANKS": "2"}, True),
        stress({"PMI_SIZE": "4"}, False),
        ({"TWINKLE_SESSION_ID": "7"}, False),
    ],
)
def test_nodes_have_a_run_s_key_in_common_if_it_has_several(
    variables: dict[str, str], common: bool, contain: Contain
) -> None:
    """If the launcher does not say, a master's address does; else each machine is one of its own."""
    code = "from twinkle_notifier.runtime.launcher import Where, run_key; print(run_key(Where.here()))"
    nodes = [contain(sys.executable, "-c", code, host=f"node-{node}", **variables) for node in (0, 1)]
    one, other = (node.communicate(timeout=180)[0] for node in nodes)
    assert one != "None\n" != other
    assert (one == other) is common


@pytest.mark.parametrize("name", [b"n\xff", stress(b"rack/1"), stress("n\u00f6de".encode())])
def test_a_host_may_be_called_anything(name: bytes, contain: Contain, inbox: Inbox, tmp_path: Path) -> None:
    """The kernel takes any bytes for its name; the ranks of a run agree all the same."""
    naming = shlex.join([sys.executable, "-c", f"import socket; socket.sethostname({name!r})"])
    done(
        contain(
            *two_ranks({**TORCHRUN, "MASTER_ADDR": "127.0.0.1"}),
            before=naming,
            ALL="2",
            SCRIPT=str(tmp_path / "train.py"),
        )
    )
    assert len(inbox.messages) == 1
    assert "- Ranks: 0-1 of 2" in inbox.messages[0].text


# One job after the other


def folder(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    path.mkdir(exist_ok=True)
    return path


def again(inbox: Inbox) -> list[bool]:
    return ["Again" in message.text for message in inbox.messages]


@pytest.mark.parametrize("how", ["folders", stress("memory"), stress("names"), "ids", stress("jobs")])
def test_strangers_are_no_crash_loop(how: str, contain: Contain, inbox: Inbox, tmp_path: Path) -> None:
    """Five jobs in turn, whose working folders have one path: they differ in what `how` says, and in nothing else."""
    for number in range(5):
        work = "memory" if how == "memory" else folder(tmp_path, f"work-{number if how == 'folders' else ''}")
        host = f"box-{number}" if how == "names" else "box"
        hosts = f"containers/{number:064x}" if how == "ids" else ""
        env = {"SLURM_JOB_ID": str(number)} if how == "jobs" else {}
        done(contain(work=work, host=host, hosts=hosts, **env))
    assert again(inbox) == [False] * 5


@pytest.mark.parametrize("how", ["docker", stress("pod"), stress("disk"), "requeue"])
def test_a_job_that_is_started_again_in_place_is_a_crash_loop(
    how: str, contain: Contain, inbox: Inbox, tmp_path: Path
) -> None:
    """Its container, its pod, or at least its folder and host name are the same; or its scheduler's job."""
    for number in range(4):
        hosts = {
            "docker": f"docker/containers/{CONTAINER}",
            "pod": "kubelet/pods/0d2b9a3c-5f3c-4a0e-9d57-6c1a3f1e2b4d",
        }.get(how, "")
        host = f"node-{number}" if how == "requeue" else "box"
        env = {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": str(number)} if how == "requeue" else {}
        done(contain(work=folder(tmp_path, "work"), host=host, hosts=hosts, **env))
    assert again(inbox) == [False, True, True]
