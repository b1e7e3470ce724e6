"""Every example of examples/ runs as its page says, and its message arrives. Launchers and clusters have stand-ins."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from shutil import copytree, which
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox

EXAMPLES = Path(__file__).parents[2] / "examples"
BIN = Path(sys.executable).parent  # of `twinkle-notifier`, `torchrun` and `accelerate`
LIMIT = 300  # seconds for what is waited for
Start = Callable[..., subprocess.Popen[str]]
Output = Callable[[], str]


def below(pid: int) -> list[int]:
    """The processes below `pid`, parents first."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [each for child in map(int, children) for each in (child, *below(child))]


def send(number: int, *pids: int) -> None:
    """A signal to all of them; one may have ended by now."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@pytest.fixture
def start(inbox: Inbox, tmp_path: Path) -> Iterator[Start]:
    """Start a command as a user does who has set up the local robot, in a folder that has `examples/`."""
    running: list[subprocess.Popen[str]] = []
    copytree(EXAMPLES, tmp_path / "examples")

    def start_one(*command: str, **env: str) -> subprocess.Popen[str]:
        if which(command[0], path=str(BIN)) is None and which(command[0]) is None:
            pytest.skip(f"there is no {command[0]}")
        mine = {
            "TWINKLE_NOTIFIER_URL": f"{inbox.url}&secret=SEC0123456789abcdef",
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        with (tmp_path / "output.log").open("a") as log:
            process = subprocess.Popen(
                command, cwd=tmp_path, env={**os.environ, **mine, **env}, stdout=log, stderr=log, text=True
            )
        running.append(process)
        return process

    yield start_one
    for process in running:
        if process.poll() is None:
            send(signal.SIGKILL, process.pid, *below(process.pid))
        process.wait()


@pytest.fixture
def output(tmp_path: Path) -> Output:
    """What the commands have written, for a test that fails."""
    return lambda: (tmp_path / "output.log").read_text()


def needs(*modules: str) -> None:
    """Skip where one of them cannot be imported."""
    for module in modules:
        pytest.importorskip(module, exc_type=ImportError)


def promised(name: str) -> list[str]:
    """The messages that the docstring of an example shows, each as its title and facts."""
    [shown] = re.findall(r"^What arrives.*::\n\n((?:    .*\n|\n)*)", (EXAMPLES / name).read_text(), re.MULTILINE)
    return textwrap.dedent(shown).strip().split("\n\n")


def keeps(text: str, promise: str) -> bool:
    """Whether `text` is that message, whatever it took, and whichever rank was the first.

    On a busy machine fewer ranks may be in time to be named.
    """
    title, *facts = promise.splitlines()
    begins = [re.sub("(?<=^- Ranks: ).*", "", fact) for fact in facts]
    return has(text, f"### {re.split(' after | on rank ', title)[0]}", *begins)


def has(text: str, *lines: str) -> bool:
    """Whether each of `lines` begins a line of `text`."""
    return all(f"\n{line}" in f"\n{text}" for line in lines)


def test_the_demo(start: Start, output: Output) -> None:
    """What `make demo` runs, at a robot of its own: a crash of two ranks with Lightning, an end with the HF Trainer."""
    needs("lightning", "transformers")
    assert start("python", "examples/demo.py").wait(LIMIT) == 0, output()
    crash, end = re.split("\n─+ message [12] ─+\n", output())[1:]
    assert keeps(crash, *promised("lightning_ddp_crash.py")), crash
    assert keeps(end, *promised("transformers_end.py")), end
    assert "OK: 2 message(s)" in end


def test_plain_loop(start: Start, inbox: Inbox) -> None:
    """It needs nothing but this package."""
    assert start("python", "examples/plain_loop.py").wait(LIMIT) == 1
    [message] = inbox.messages
    assert keeps(message.text, *promised("plain_loop.py")), message.text


def test_custom_notifier(start: Start, inbox: Inbox) -> None:
    """At the strict robot of ntfy."""
    url = inbox.apprise_urls["ntfy"].replace("ntfy://", "http://")
    assert start("python", "examples/custom_notifier.py", NTFY_URL=url).wait(LIMIT) == 1
    [message] = inbox.messages
    assert (message.service, message.payload["priority"]) == ("ntfy", 5)
    assert keeps(f"### {message.title}\n{message.text}", *promised("custom_notifier.py")), message.text


def test_custom_notifier_that_is_refused(start: Start, inbox: Inbox, output: Output) -> None:
    """The log says why, without the topic, and the message is kept."""
    url = inbox.apprise_urls["ntfy"].replace("ntfy://", "http://").rpartition("/")[0] + "/a-topic-of-others"
    assert start("python", "examples/custom_notifier.py", NTFY_URL=url).wait(LIMIT) == 1
    assert "alert not sent for ValueError: ntfy refused it with HTTP 403: is the topic right?" in output()
    assert "a-topic-of-others" not in output()
    assert start("twinkle-notifier", "flush", "--dry-run").wait(LIMIT) == 0
    assert "line-fit failed: ValueError" in output()


def test_accelerate(start: Start, inbox: Inbox, output: Output) -> None:
    """One process, which ends well."""
    needs("accelerate")
    assert start("accelerate", "launch", "--cpu", "examples/accelerate_loop.py").wait(LIMIT) == 0, output()
    [message] = inbox.messages
    assert keeps(message.text, promised("accelerate_loop.py")[0]), message.text
    assert has(message.text, "- loss: "), message.text


@pytest.mark.stress
def test_accelerate_that_diverges(start: Start, inbox: Inbox, output: Output) -> None:
    """On two ranks, which meet it at one step: one message."""
    needs("accelerate")
    torchrun = ("torchrun", "--standalone", "--nproc-per-node", "2")
    assert start(*torchrun, "examples/accelerate_loop.py", "--lr", "1000").wait(LIMIT) == 1, output()
    [message] = inbox.messages
    assert keeps(message.text, promised("accelerate_loop.py")[1]), message.text


def test_hydra(start: Start, inbox: Inbox, output: Output) -> None:
    """One message for the kind of error, one for the end."""
    needs("hydra")
    command = ("python", "examples/hydra_sweep.py", "--multirun", "lr=0.1,0.5,1.2,1.5")
    assert start(*command).wait(LIMIT) == 1, output()
    first, end = inbox.messages
    assert first.title == "line-fit: job 2 failed: FloatingPointError: the loss is inf"
    assert keeps(end.text, *promised("hydra_sweep.py")), end.text


def test_notebook(start: Start, inbox: Inbox, output: Output, tmp_path: Path) -> None:
    """By the command of nbclient, in a kernel of its own."""
    needs("nbclient", "ipykernel")
    folders = {"IPYTHONDIR": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    assert start("jupyter", "execute", "examples/notebook.ipynb", **folders).wait(LIMIT) == 0, output()
    [message] = inbox.messages
    assert message.title.startswith("line-fit ended after ")
    assert has(message.text, "- Cell: In [3]: for _ in range(2000):"), message.text


def test_trl(start: Start, inbox: Inbox, output: Output) -> None:
    """Where trl is: `pip install trl`."""
    needs("trl")
    assert start("python", "examples/trl_sft.py").wait(LIMIT) == 0, output()
    [message] = inbox.messages
    assert keeps(message.text, *promised("trl_sft.py")), message.text


@pytest.mark.stress
def test_ray_train(start: Start, inbox: Inbox, output: Output) -> None:
    """Where Ray Train is: `pip install 'ray[train]'`. A cluster of this machine, two workers, one message."""
    needs("ray.train", "torch")
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as short:  # its sockets' paths have a limit
        assert start("python", "examples/ray_train.py", RAY_TMPDIR=short, TMPDIR=short).wait(LIMIT) == 1, output()
    [message] = inbox.messages
    assert keeps(message.text, *promised("ray_train.py")), message.text


@pytest.mark.linux
def test_login_node(start: Start, inbox: Inbox, output: Output, tmp_path: Path) -> None:
    """The compute node's only way out is a proxy that is not there; the login node sends from the shared folder."""
    shared = str(tmp_path / "notifier")  # in the home folder, as slurm.sbatch has it
    login = start("bash", "examples/login_node.sh", HOME=str(tmp_path))
    compute = start("python", "examples/plain_loop.py", TWINKLE_NOTIFIER_DIR=shared, http_proxy="http://127.0.0.1:9")
    assert compute.wait(LIMIT) == 1
    assert "alert not sent for FloatingPointError: " in output()
    [message] = inbox.wait(1, LIMIT)
    assert message.title == "line-fit failed: FloatingPointError: the loss is inf at step 510", output()
    assert has(message.text, "- Delayed: ")
    login.send_signal(signal.SIGTERM)
    assert login.wait(LIMIT) == 0, output()


# Slow between its lines: a reader that leaves after the first would end it, and with it the script.
SCONTROL = "#!/bin/sh\necho 127.0.0.1\nsleep 0.5\necho 127.0.0.1\n"
SRUN = """#!/bin/sh
for node in 0 1; do
    SLURM_NODEID=$node SLURM_PROCID=$node SLURM_LOCALID=0 SLURM_STEP_ID=0 SLURM_NTASKS=$SLURM_JOB_NUM_NODES "$@" &
done
wait
exit 1
"""


def free_port() -> int:
    """One of those that the script may choose."""
    for port in range(20000 + os.getpid() % 9000, 30000):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no port is free")


@pytest.mark.linux
def test_slurm(start: Start, inbox: Inbox, output: Output, tmp_path: Path) -> None:
    """bash, torchrun, the supervisors and the training are real. Stand-ins are `scontrol`, which knows two nodes that
    are both here; `srun`, which starts the task of each; the variables of a job; and the signal before the limit, which
    every process of the step gets, but not the script.
    """
    needs("accelerate")
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=(.*)$", (EXAMPLES / "slurm.sbatch").read_text(), re.MULTILINE))
    assert (options["nodes"], options["ntasks-per-node"], options["signal"]) == ("2", "1", "TERM@120")
    (tmp_path / "bin").mkdir()
    for name, script in {"scontrol": SCONTROL, "srun": SRUN}.items():
        (tmp_path / "bin" / name).write_text(script)
        (tmp_path / "bin" / name).chmod(0o755)
    number = str(free_port() - 20000)
    job = {
        "SLURM_JOB_ID": number,
        "SLURM_JOB_NAME": options["job-name"],
        "SLURM_JOB_NODELIST": "node-[1-2]",
        "SLURM_JOB_NUM_NODES": options["nodes"],
        "PATH": f"{tmp_path}/bin:{BIN}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    script = start("bash", "examples/slurm.sbatch", "--epochs", "1000000", **job)
    deadline = time.monotonic() + LIMIT
    while len(list(tmp_path.glob("notifier/*/*/checkpoint.json"))) < 2:  # what the supervisors know
        assert script.poll() is None, output()
        assert time.monotonic() < deadline, output()
        time.sleep(0.05)
    [srun] = below(script.pid)[:1]
    send(signal.SIGTERM, *below(srun))
    assert script.wait(LIMIT) == 1
    assert (tmp_path / "notifier").is_dir()
    [message] = inbox.messages
    assert message.title == "line-fit was preempted (SIGTERM)", output()
    assert has(message.text, f"- Job: SLURM {number} (line-fit)\n", "- Last checkpoint: checkpoints/step-"), (
        message.text
    )


@pytest.mark.linux
def test_kubernetes(start: Start, inbox: Inbox, output: Output, tmp_path: Path) -> None:
    """The container's command, torchrun and eight ranks are real. A stand-in is the kubelet: it gives the variables as
    the file says, the Secret among them, and mounts the volumes, here at a folder. So is the image's train.py.
    """
    needs("yaml", "torch")
    import yaml

    job = yaml.safe_load((EXAMPLES / "kubernetes-job.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] in ("Never", "OnFailure")
    assert pod["terminationGracePeriodSeconds"] > 30
    [container] = pod["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    secrets = {"twinkle-notifier": {"url": f"{inbox.url}&secret=SEC0123456789abcdef\n"}}  # as a file has it
    fields = {"metadata.name": "sft-x7k2p", "metadata.namespace": "ml"}
    env: dict[str, str] = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    for variable in container["env"]:
        given: dict[str, Any] = variable.get("valueFrom", {})
        if secret := given.get("secretKeyRef"):
            value = secrets[secret["name"]].get(secret["key"])
            assert value or secret["optional"]
        else:
            value = variable.get("value") or fields[given["fieldRef"]["fieldPath"]]
        env |= {variable["name"]: value.replace("/output", str(tmp_path))} if value else {}
    (tmp_path / "train.py").write_text(
        "import os, time\nif os.environ['RANK'] == '5': os.kill(os.getpid(), 9)\ntime.sleep(600)\n"
    )
    assert start(*container["command"], *container["args"], **env).wait(LIMIT) == 1
    [message] = inbox.messages
    assert message.title == f"sft failed: rank 5 on {socket.getfqdn()} was killed by SIGKILL", output()
    assert has(message.text, "- Job: pod ml/sft-x7k2p\n", "- Rank: 5 on ", "- Signal: SIGKILL"), message.text


def test_each_example_is_in_the_table() -> None:
    """And the other way round; what it is started by names it."""
    rows = re.findall(r"^\| \[(.+?)\]\((.+?)\) \|.*?\| `(.+?)` \|", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert {name for name, _, _ in rows} == {path.name for path in EXAMPLES.iterdir()} - {
        "README.md",
        "demo.py",
        "__pycache__",
    }
    assert [(name, to) for name, to, command in rows if name != to or f"examples/{name}" not in command] == []


def test_no_example_names_an_address() -> None:
    """A webhook's URL is a secret: it comes from the environment, or from the user's file."""
    for path in EXAMPLES.glob("*.*"):
        found = [url for url in re.findall(r"https?://[^\s'\"`]+", path.read_text()) if "ntfy.sh" not in url]
        assert found == [], path.name


def test_scripts_are_valid() -> None:
    """By bash itself."""
    if which("bash") is None:
        pytest.skip("there is no bash")
    for name in ("login_node.sh", "slurm.sbatch"):
        assert subprocess.run(["bash", "-n", EXAMPLES / name], check=False).returncode == 0
