"""Scripts that run with robots to tell, in a folder of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Request

SECRET = "SEC0123456789abcdef"
SIGNED = {"DINGTALK": "&", "FEISHU": "?"}  # what parts a secret from the URL of each
DING = '{"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"}'
LIMIT = 120  # seconds for one script
NO_CARDS = {"code": 11246, "msg": "Create card failed; ErrCode: 200621; ErrMsg: no cards"}


@dataclass(frozen=True)
class How:
    """How a script is run.

    `ranks` as a launcher starts them; `torchrun` by torchrun itself, with these options; `run` below ``twinkle-notifier
    run``, with these. It runs so many `times`. `go` are files that it waits for: each is there after one more message;
    `ended_by` a signal that it gets when it has printed something. The first `refused` messages are, and wait for
    ``twinkle-notifier flush``. Chats are all that the robots play, or the `plain` one.
    """

    ranks: int = 1
    torchrun: tuple[str, ...] | None = None
    run: tuple[str, ...] | None = None
    times: int = 1
    go: tuple[str, ...] = ()
    ended_by: int = 0
    refused: int = 0
    memory: int = 0  # bytes of its control group
    needs: str = ""
    unordered: bool = False  # some go out in the background
    is_set_up: bool = True  # the environment names a notifier
    last: bool = False  # only what the last run sends is shown
    plain: bool = False  # only one chat, whose robot takes no cards
    language: str = "en"
    command: tuple[str, ...] = (sys.executable, "train.py")


class Scene:
    """A folder of its own, a robot, and the processes that were started there."""

    def __init__(self, how: How, folder: Path, robot: Inbox, group: Path | None) -> None:
        self.how, self.folder, self.robot, self.group = how, folder, robot, group
        self.output = folder / "output.log"
        self.running: list[subprocess.Popen[bytes]] = []
        self.first = 0  # the message that is the first one shown

    def play(self) -> None:
        """Run it all."""
        for name in self.how.go:
            os.mkfifo(self.folder / name)
        for robot in self.robot.robots.values():
            wrong = robot.refusal(Request("", {}, "", b""))  # of a token
            robot.script(*[wrong] * self.how.refused if wrong else ())
        for _ in range(self.how.times):
            self.first = len(self.robot.messages) if self.how.last else 0
            if self.how.plain:
                self.robot.robots["Feishu"].script(NO_CARDS)
            self._start()
            self._go()
            for process in self.running:
                process.wait(LIMIT)
        if self.how.refused:
            self._start_one([sys.executable, "-m", "twinkle_notifier", "flush"], {}).wait(LIMIT)

    def close(self) -> None:
        """End what still runs."""
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _start(self) -> None:
        command = [*self.how.command]
        if self.how.torchrun is not None:
            command = [sys.executable, "-m", "torch.distributed.run", "--standalone", *self.how.torchrun, command[-1]]
        if self.how.run is not None:
            command = [sys.executable, "-m", "twinkle_notifier", "run", "--name", "sft", *self.how.run, "--", *command]
        if self.group is not None:
            command = ["sh", "-c", f'echo $$ > {self.group}/cgroup.procs && exec "$@"', "-", *command]
        sizes = {"WORLD_SIZE": str(self.how.ranks), "LOCAL_WORLD_SIZE": str(self.how.ranks)}
        master = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"} | sizes
        for rank in range(self.how.ranks):
            place = {"RANK": str(rank), "LOCAL_RANK": str(rank)} | master if self.how.ranks > 1 else {}
            self._start_one(command, place)

    def _start_one(self, command: list[str], place: dict[str, str]) -> subprocess.Popen[bytes]:
        env = {"DING_URL": self.robot.url, "DING_SECRET": SECRET, "TZ": "UTC", **place}
        env |= {"TWINKLE_NOTIFIER": DING} if self.how.is_set_up else {}
        env |= {"TWINKLE_NOTIFIER_DIR": str(self.folder / "state"), "PYTHONIOENCODING": "utf-8"}
        env |= {"TWINKLE_NOTIFIER_LANGUAGE": self.how.language, "CHATS": self._chats()}
        env |= {f"{name.upper()}_URL": url for name, url in self.robot.urls.items()}
        env |= {f"{name}_URL": f"{env[f'{name}_URL']}{sign}secret={SECRET}" for name, sign in SIGNED.items()}
        with self.output.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def _chats(self) -> str:
        urls = {name: url for name, url in self.robot.urls.items() if name == "Feishu" or not self.how.plain}
        for name in ("Bark", "Telegram") if self.how.last else ():  # they cut so much that the length of a path shows
            urls.pop(name, None)
        return " ".join(f"{url}&secret={SECRET}" if "?" in url else f"{url}?secret={SECRET}" for url in urls.values())

    def _go(self) -> None:
        for number, name in enumerate(self.how.go):
            self._until(lambda least=number: self.robot.messages[0 if self.how.ranks > 1 else least :])
            self._until(lambda name=name: _let_go(self.folder / name))
        if self.how.ended_by:
            self._until(self._printed)
            os.kill(self.running[-1].pid, self.how.ended_by)

    def _until(self, done: Callable[[], Any]) -> None:
        deadline = time.monotonic() + LIMIT
        while not done():
            assert time.monotonic() < deadline, self._printed()
            time.sleep(0.01)

    def _printed(self) -> str:
        return self.output.read_text(errors="replace")


def _let_go(fifo: Path) -> bool:
    """Whether somebody read it, who now goes on."""
    with suppress(OSError):
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        return True
    return False


@contextmanager
def control_group(size: int) -> Iterator[Path]:
    """One with so many bytes of memory, where this machine lets us make one."""
    root, limit = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
    if not root.is_dir():
        root, limit = Path("/sys/fs/cgroup"), "memory.max"
    folder = root / f"test-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
        (folder / limit).write_text(str(size))
    except OSError:
        pytest.skip("no control group can be made here")
    yield folder
    folder.rmdir()
