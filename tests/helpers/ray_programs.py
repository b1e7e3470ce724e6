"""Programs that train with Ray, each in a session of its own: what the tests of Ray Train and of verl share."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from programs import PYTHON

from twinkle_notifier.inbox import Inbox

LIMIT = 400  # seconds for one training; on a busy machine Ray takes minutes to start
SECRET = "SEC0123456789abcdef"  # of the robot
MARKS = [
    pytest.mark.trainers,
    pytest.mark.skipif(not PYTHON, reason="TRAINERS_PYTHON names no interpreter"),
    pytest.mark.timeout(2 * LIMIT),
]


class Training:
    """A script that trains, in a session of its own."""

    def __init__(self, folder: Path, source: str, command: list[str], env: dict[str, str]) -> None:
        self.folder, self.log = folder, folder / "log"
        (folder / "train.py").write_text(textwrap.dedent(source))
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [PYTHON, *command, "train.py"],
                cwd=folder,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self) -> int:
        """Its exit code."""
        return self.process.wait(LIMIT)

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until(self, happened: Callable[[], object]) -> None:
        deadline = time.monotonic() + LIMIT
        while not happened():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.1)

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal sends it to all of a job."""
        os.killpg(self.process.pid, signal.SIGINT)

    def close(self) -> None:
        """End it, and what Ray has started for it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            ours = [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if self._is_ours(pid)]
            for pid in ours:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)

    def _is_ours(self, pid: int) -> bool:
        try:
            return f"RAY_TEST={self.folder}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False


Train = Callable[..., Training]


@pytest.fixture
def train(inbox: Inbox, tmp_path: Path) -> Iterator[Train]:
    """Start a script; with `run`, below `twinkle-notifier run` with these options."""
    running: list[Training] = []
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as short:  # its sockets' paths have a limit

        def start(what: str, source: str, *, run: tuple[str, ...] | None = None, **env: str) -> Training:
            command = [] if run is None else ["-m", "twinkle_notifier", "run", "--name", "sft", *run, "--", PYTHON]
            url = f"{inbox.url}&secret={SECRET}"
            env = {"WHAT": what, "RAY_TMPDIR": short, "TMPDIR": short, "TWINKLE_NOTIFIER_URL": url, **env}
            running.append(Training(tmp_path, source, command, {**env, "RAY_TEST": str(tmp_path)}))
            return running[-1]

        yield start
        for training in running:
            training.close()


def lacking(text: str, *parts: str) -> list[str]:
    return [part for part in parts if part not in text]


@pytest.fixture
def launch(request: pytest.FixtureRequest) -> str:
    """How the table says that a test starts its program: by the test's id, as "given" or "run, and given"."""
    said = request.node.callspec.id
    return f"run -- python train.py{said[3:]}" if said.startswith("run") else f"python train.py, {said}"


def all_of(*parts: str) -> str:
    """A pattern of a text that has all the parts, in any order."""
    return r"(?s)\A" + "".join(f"(?=.*{re.escape(part)})" for part in parts)
