"""Real launchers, in folders of their own, against a local robot; and what came of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from twinkle_notifier.inbox import Inbox, Received

_LAUNCHERS = ("TWINKLE", "RANK", "WORLD_SIZE", "LOCAL_", "MASTER_", "NODE_RANK", "GROUP_RANK", "SLURM_", "PMI", "OMPI_")
_LIMIT = 120  # seconds for one run

PRELUDE = """
import os, signal, sys, time
import twinkle_notifier as t
rank = int(os.environ.get("RANK", 0))
def stamp(what):
    os.write(2, f"{what} {time.time()}\\n".encode())
def tell(exc, notifier=None, name="sft"):
    stamp("RAISED")
    notifier = notifier or t.DingNotifier("env:DING_URL", timeout=5.0)
    outcome = t.notify_exception(notifier, context="step", exc=exc, name=name)
    stamp("LEFT")
    return outcome
"""
WITH_TORCH = "import torch\nimport torch.distributed as dist\n"
CRASH = """
try:
    raise ValueError("the loss is lost")
except ValueError as e:
    tell(e)
    raise
"""


@dataclass(frozen=True)
class Seen:
    """What one run of a case came to."""

    messages: list[Received]
    to_message: float | None
    to_last: float | None
    stderr: str


class Lab:
    """A folder and a robot for one run of one case. Use it as a context manager."""

    def __init__(self, *, delay: float = 0.0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="stress-"))
        self.inbox = Inbox(rate=1000, delay=delay)
        self._stderr: list[str] = []
        self._mounts: list[Path] = []

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.inbox.close()
        for mount in self._mounts:
            subprocess.run(["umount", "-l", mount], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def script(self, source: str, name: str = "train.py") -> Path:
        """A script of the folder, with the prelude."""
        path = self.folder / name
        path.write_text(PRELUDE + textwrap.dedent(source))
        return path

    def torchrun(self, source: str, ranks: int, *options: str, before: Sequence[str] = (), **env: str) -> None:
        """One agent, to its end."""
        command = [sys.executable, "-m", "torch.distributed.run", *(options or ("--standalone",))]
        self.run([*before, *command, f"--nproc-per-node={ranks}", str(self.script(source))], **env)

    def ranks(self, source: str, ranks: int, **env: str) -> None:
        """So many processes, as a launcher starts them, to their ends; without torch, which takes most of the time."""
        script, port = self.script(source), str(free_port())
        sizes = {"WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks)}
        master = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port} | sizes | env
        command = [sys.executable, str(script)]
        started = [self.start(command, RANK=str(rank), LOCAL_RANK=str(rank), **master) for rank in range(ranks)]
        for process in started:
            self.finish(process)

    def agents(
        self,
        source: str,
        ranks: int,
        *options: str,
        shared: bool = False,
        machines: bool = False,
        before: Sequence[str] = (),
        **env: str,
    ) -> None:
        """Two agents that meet, each with a temporary folder of its own.

        With a folder in common, if `shared`; with boot ids and names of their own, as two machines have, if `machines`.
        """
        script, port = self.script(source), free_port()
        meeting = ["--nnodes=2", "--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{port}", "--rdzv-id=stress"]
        meeting.append("--local-addr=127.0.0.1")  # the machines' names lead nowhere
        command = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            *meeting,
            *options,
            f"--nproc-per-node={ranks}",
            str(script),
        ]
        started = []
        for node in ("a", "b"):
            own = {"TMPDIR": str(self.subfolder(f"tmp-{node}"))}
            common = {"TWINKLE_NOTIFIER_DIR": str(self.subfolder("shared"))} if shared else {}
            inside = [*before, *(self._machine(node) if machines else [])]
            started.append(self.start([*inside, *command], **own, **common, **env))
        for process in started:
            self.finish(process)

    def _machine(self, node: str) -> list[str]:
        boot_id = self.folder / f"boot-{node}"
        boot_id.write_text(f"{uuid.uuid4()}\n")
        mount = f'mount --bind {boot_id} /proc/sys/kernel/random/boot_id && hostname node-{node} && exec "$@"'
        return ["unshare", "--mount", "--uts", "sh", "-c", mount, "sh"]

    def run(self, command: Sequence[str], **env: str) -> None:
        """A command, to its end."""
        self.finish(self.start(command, **env))

    def start(self, command: Sequence[str], **env: str) -> subprocess.Popen[str]:
        """A command with all its children in one group; DING_URL leads to the robot."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(_LAUNCHERS)}
        own = {"DING_URL": self.inbox.url, "TMPDIR": str(self.subfolder("tmp")), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command,
            cwd=env.pop("CWD", str(self.folder)),
            env={**clean, **own, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> None:
        """Wait for a started command; end it, with its children, when it takes too long."""
        try:
            self._stderr.append(process.communicate(timeout=_LIMIT)[1])
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()

    def subfolder(self, name: str) -> Path:
        """A folder in the lab's own."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def mount(self, name: str, *options: str) -> Path:
        """A file system of its own in the lab's folder, taken away at the end. Needs root."""
        path = self.subfolder(name)
        subprocess.run(["mount", *options, path], check=True, capture_output=True)
        self._mounts.append(path)
        return path

    def seen(self) -> Seen:
        """What came of all that ran."""
        stderr = "".join(self._stderr)
        raised = [float(at) for at in re.findall(r"^RAISED (\S+)$", stderr, re.MULTILINE)]
        left = [float(at) for at in re.findall(r"^LEFT (\S+)$", stderr, re.MULTILINE)]
        messages = self.inbox.messages
        first = min(raised, default=None)
        return Seen(
            messages,
            messages[0].at - first if messages and first else None,
            max(left) - first if left and first else None,
            stderr,
        )


_ports = count(20_000 + os.getpid() % 10_000)


def free_port() -> int:
    """A port below those that the kernel gives away, so that no connection takes it before it is listened at."""
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable")
