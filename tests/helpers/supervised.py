"""Commands under the real supervisor, in folders of their own, against the local robot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from twinkle_notifier.inbox import Inbox

PYTHON = sys.executable
SECRET = "SEC0123456789abcdef"
_LIMIT = 120  # seconds for one command


class Supervised:
    """``twinkle-notifier run`` with a command below it, whose output goes to two files."""

    def __init__(self, command: list[str], options: tuple[str, ...], folder: Path, env: dict[str, str]) -> None:
        self._files = [folder.parent / "stdout.log", folder.parent / "stderr.log"]
        with self._files[0].open("w") as out, self._files[1].open("w") as err:
            self.process = subprocess.Popen(
                [PYTHON, "-m", "twinkle_notifier", "run", "--name", "sft", *options, "--", *command],
                cwd=folder,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def wait_for(self, text: str) -> None:
        """Wait until `text` is in the command's output."""
        deadline = time.monotonic() + _LIMIT
        while text not in self._files[0].read_text(errors="replace"):
            assert self.process.poll() is None, f"{text!r} was never written: {self._files[1].read_text()}"
            assert time.monotonic() < deadline, f"{text!r} was not written in time"
            time.sleep(0.02)

    def result(self) -> subprocess.CompletedProcess[str]:
        try:
            self.process.wait(_LIMIT)
        finally:
            self.kill()
        out, err = (file.read_text(errors="replace") for file in self._files)
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err)

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def robot(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """The local robot, as the environment describes it to the supervisor and to scripts."""
    monkeypatch.setenv("DING_URL", inbox.url)
    monkeypatch.setenv("DING_SECRET", SECRET)
    text = '{"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"}'
    monkeypatch.setenv("TWINKLE_NOTIFIER", text)
    return inbox


@pytest.fixture
def begin(robot: Inbox, tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    """Start a command, or a script, under the supervisor; with `ranks` by torchrun."""
    running: list[Supervised] = []
    folder = tmp_path / "run"
    folder.mkdir()

    def one(
        command: list[str] | str,
        *,
        options: tuple[str, ...] = (),
        ranks: int = 0,
        torchrun: tuple[str, ...] = ("--standalone",),
        **env: str,
    ) -> Supervised:
        if isinstance(command, str):
            script = folder / "train.py"
            script.write_text(textwrap.dedent(command))
            command = [PYTHON, str(script)]
        if ranks:
            if find_spec("torch") is None:
                pytest.skip("torchrun needs torch")
            command = [PYTHON, "-m", "torch.distributed.run", *torchrun, f"--nproc-per-node={ranks}", *command[1:]]
        running.append(Supervised(command, options, folder, env))
        return running[-1]

    yield one
    for supervised in running:
        supervised.kill()
