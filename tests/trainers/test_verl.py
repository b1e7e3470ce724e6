"""verl: its real plug-in loading and `Tracking`, in a program with the processes of its PPO: driver, trainer, ranks.

The tests start it in an environment of its own, whose interpreter TRAINERS_PYTHON names. A whole PPO needs GPUs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from twinkle_notifier.inbox import Inbox

PYTHON = os.environ.get("TRAINERS_PYTHON", "")
LIMIT = 400  # seconds for one training; on a busy machine Ray takes minutes to start
SECRET = "SEC0123456789abcdef"  # of the robot

pytestmark = [
    pytest.mark.trainers,
    pytest.mark.skipif(not PYTHON, reason="TRAINERS_PYTHON names no interpreter"),
    pytest.mark.timeout(2 * LIMIT),
]

SCRIPT = """
import os, signal, sys, time
from ray._private import ray_constants
ray_constants.ENABLE_RAY_CLUSTER = False  # its servers listen on the loopback alone
import ray
import verl  # as verl.trainer.main_ppo does; it loads the plug-ins

what, folder = os.environ["WHAT"], os.getcwd()

def happens():
    open(f"{folder}/happened", "w").close()
    if what == "crash":
        raise ValueError("the loss is lost")
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what in ("stall", "interrupt"):
        time.sleep(3600)

@ray.remote
class Worker:
    def __init__(self, rank):
        import verl
        self.rank = rank
    def update(self, step):
        if step == 3 and self.rank == 1:
            happens()
        return 1.0 / step

@ray.remote
class TaskRunner:
    def run(self):
        import verl
        from verl.utils.tracking import Tracking
        config = {"trainer": {"default_local_dir": f"{folder}/out"}}
        logger, succeeded = None, False
        try:
            workers = [Worker.remote(rank) for rank in range(2)]
            logger = Tracking("rl", "lines", ["console"], config=config)
            for step in range(1, 5):
                losses = ray.get([worker.update.remote(step) for worker in workers])
                if step == 2:
                    os.makedirs(f"{folder}/out/global_step_2")
                    with open(f"{folder}/out/latest_checkpointed_iteration.txt", "w") as last:
                        last.write("2")
                logger.log({"actor/pg_loss": losses[0], "training/epoch": 2, "training/global_step": step}, step)
            succeeded = True
        finally:
            if logger is not None:
                logger.finish(exit_code=0 if succeeded else 1)

if __name__ == "__main__":
    ray.init(num_cpus=6, include_dashboard=False)
    ray.get(TaskRunner.remote().run.remote())
"""


class Training:
    """The script, in a session of its own."""

    def __init__(self, folder: Path, command: list[str], env: dict[str, str]) -> None:
        self.folder, self.log = folder, folder / "log"
        (folder / "train.py").write_text(SCRIPT)
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

    def wait_until(self, happened: Callable[[], object]) -> None:
        deadline = time.monotonic() + LIMIT
        while not happened():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def close(self) -> None:
        """End it, and what Ray has started for it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if self._is_ours(pid)]:
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
    """Start the script; with `run`, below `twinkle-notifier run` with these options."""
    running: list[Training] = []
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as short:  # its sockets' paths have a limit

        def start(what: str, run: tuple[str, ...] | None = None, **env: str) -> Training:
            command = [] if run is None else ["-m", "twinkle_notifier", "run", "--name", "sft", *run, "--", PYTHON]
            url = f"{inbox.url}&secret={SECRET}"
            env = {"WHAT": what, "RAY_TMPDIR": short, "TMPDIR": short, "TWINKLE_NOTIFIER_URL": url, **env}
            running.append(Training(tmp_path, command, {**env, "RAY_TEST": str(tmp_path)}))
            return running[-1]

        yield start
        for training in running:
            training.close()


def lacking(text: str, *parts: str) -> list[str]:
    return [part for part in parts if part not in text]


BOTH = pytest.mark.parametrize(("run", "name"), [(None, "lines"), ((), "sft")], ids=["by being installed", "run"])


@BOTH
def test_one_rank_raises(train: Train, inbox: Inbox, run: tuple[str, ...] | None, name: str) -> None:
    """One message: the error and its place as in the worker, how far it got, the last checkpoint."""
    training = train("crash", run)
    assert training.end() == 1, training.log.read_text()
    [message] = inbox.messages
    parts = (
        *(f"{name} failed: ValueError: the loss is lost", "- At: train.py:", "in happens", "step 2, epoch 2"),
        *("actor/pg_loss 0.5", "out/global_step_2"),
    )
    assert lacking(message.text, *parts) == [], message.text


@BOTH
def test_it_ends(train: Train, inbox: Inbox, run: tuple[str, ...] | None, name: str) -> None:
    """One message: how long it took, the last metrics, the last checkpoint."""
    training = train("end", run if run is None else ("--on-success",))
    assert training.end() == 0, training.log.read_text()
    [message] = inbox.messages
    assert lacking(message.text, f"{name} ended after ", "step 4, epoch 2", "0.25", "out/global_step_2") == [], (
        message.text
    )


@BOTH
def test_one_rank_is_killed(train: Train, inbox: Inbox, run: tuple[str, ...] | None, name: str) -> None:
    """One message, by which process it was: Ray knows no ranks."""
    training = train("kill", run)
    assert training.end() == 1, training.log.read_text()
    [message] = inbox.messages
    parts = (f"{name} failed: ActorDiedError: The actor died unexpectedly", "class_name: Worker", "pid: ", "epoch 2")
    assert lacking(message.text, *parts) == [], message.text


@BOTH
def test_one_rank_stalls(train: Train, inbox: Inbox, run: tuple[str, ...] | None, name: str) -> None:
    """One message, with the stack of the trainer, which waits for the rank."""
    training = train(
        "stall",
        *([None] if run is None else [("--stall-after", "60")]),
        **({"TWINKLE_NOTIFIER_STALL_AFTER": "8"} if run is None else {}),
    )
    training.wait_until(lambda: inbox.messages)
    text = inbox.messages[0].text
    assert lacking(text, f"{name} has made no progress for", "losses = ray.get(") == [], text


@BOTH
def test_somebody_interrupts_it(train: Train, inbox: Inbox, run: tuple[str, ...] | None, name: str) -> None:
    """One message, and it is no failure."""
    training = train("interrupt", run)
    training.wait_until(lambda: (training.folder / "happened").exists())
    os.killpg(training.process.pid, signal.SIGINT)
    training.end()
    [message] = inbox.messages
    assert " was interrupted" in message.text, message.text


def test_it_is_switched_off(train: Train, inbox: Inbox) -> None:
    """Nothing is reported."""
    assert train("crash", TWINKLE_NOTIFIER_ATTACH="0").end() == 1
    assert inbox.messages == []


def test_nobody_has_set_up_a_notifier(train: Train, inbox: Inbox) -> None:
    """Nothing is reported, nor logged."""
    training = train("crash", TWINKLE_NOTIFIER_URL="")
    assert training.end() == 1
    assert (inbox.messages, "no alert will be sent" in training.log.read_text()) == ([], False)
