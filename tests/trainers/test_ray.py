"""Ray Train with two workers: the callback given, named by a variable, and attached by `run`.

The tests start programs in an environment of their own, whose interpreter TRAINERS_PYTHON names.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from twinkle_notifier.inbox import Inbox

PYTHON = os.environ.get("TRAINERS_PYTHON", "")
LIMIT = 400  # seconds for one training; on a busy machine Ray takes minutes to start
SECRET = "SEC0123456789abcdef"  # of the robot
NAMED = "twinkle_notifier.integrations.ray.NotifierCallback"

pytestmark = [
    pytest.mark.trainers,
    pytest.mark.skipif(not PYTHON, reason="TRAINERS_PYTHON names no interpreter"),
    pytest.mark.timeout(2 * LIMIT),
]

SCRIPT = """
import os, signal, sys, tempfile, time
from ray._private import ray_constants
ray_constants.ENABLE_RAY_CLUSTER = False  # its servers listen on the loopback alone
import ray, ray.train
from ray.train import Checkpoint, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

what, folder = os.environ["WHAT"], os.getcwd()

def happens():
    first = not os.path.exists(f"{folder}/happened")
    open(f"{folder}/happened", "w").close()
    if what == "crash" or (what == "restart" and first):
        raise ValueError("the loss is lost")
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what in ("stall", "interrupt"):
        time.sleep(3600)

def train():
    import torch
    rank = ray.train.get_context().get_world_rank()
    for step in range(1, 5):
        torch.distributed.all_reduce(torch.ones(1))
        if step == 3 and rank == 1:
            happens()
        metrics = {"loss": 1.0 / step, "epoch": 2, "step": step}
        with tempfile.TemporaryDirectory() as made:
            saves = step == 2 and rank == 0
            ray.train.report(metrics, checkpoint=Checkpoint.from_directory(made) if saves else None)

def fit(*callbacks):
    ray.init(num_cpus=6, include_dashboard=False)
    failures = FailureConfig(max_failures=1 if what == "restart" else 0)
    config = RunConfig(name="lines", storage_path=f"{folder}/out", callbacks=list(callbacks), failure_config=failures)
    TorchTrainer(train, scaling_config=ScalingConfig(num_workers=2), run_config=config).fit()
"""
GIVEN = """
from twinkle_notifier.integrations.ray import NotifierCallback
if __name__ == "__main__":
    fit(NotifierCallback(name="mine", stall_after=8 if what == "stall" else None))
"""
WATCHED = """
from twinkle_notifier import watch
from twinkle_notifier.integrations.ray import NotifierCallback
if __name__ == "__main__":
    with watch(name="driver"):
        fit(NotifierCallback(name="mine"))
"""
DRIVER = """
from twinkle_notifier import watch
if __name__ == "__main__":
    with watch(name="driver"):
        fit()
"""
PLAIN = """
if __name__ == "__main__":
    fit()
"""


class Training:
    """A script that trains, in a session of its own."""

    def __init__(self, folder: Path, source: str, command: list[str], env: dict[str, str]) -> None:
        self.folder, self.log = folder, folder / "log"
        (folder / "train.py").write_text(textwrap.dedent(SCRIPT + source))
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


CRASH = (
    *("failed: ValueError: the loss is lost", "- At: train.py:", "in happens", "rank 1 of 2", "step 2, epoch 2"),
    *("loss", "0.5", "checkpoint", "RunConfig(name='lines', storage_path=", "Traceback (most recent call last):"),
)


@pytest.mark.parametrize(
    ("source", "run", "env", "name"),
    [
        pytest.param(WATCHED, None, {}, "mine", id="given, and the driver is watched"),
        pytest.param(PLAIN, None, {"RAY_TRAIN_CALLBACKS": NAMED}, "train.py", id="by the variable"),
        pytest.param(GIVEN, None, {"RAY_TRAIN_CALLBACKS": NAMED}, "mine", id="given, and by the variable"),
        pytest.param(PLAIN, (), {}, "sft", id="run"),
        pytest.param(GIVEN, (), {}, "mine", id="given, and run"),
    ],
)
def test_one_rank_raises(
    train: Train, inbox: Inbox, source: str, run: tuple[str, ...] | None, env: dict[str, str], name: str
) -> None:
    """One message: the error and its place as in the worker, the rank, how far it got, the last checkpoint."""
    training = train("crash", source, run=run, **env)
    assert training.end() == 1
    [message] = inbox.messages
    assert lacking(message.text, f"{name} {CRASH[0]}", *CRASH[1:]) == [], message.text


def test_without_a_callback(train: Train, inbox: Inbox) -> None:
    """The driver knows the error and the rank of what `fit` raises, but not how far it got."""
    assert train("crash", DRIVER).end() == 1
    [message] = inbox.messages
    assert lacking(message.text, "failed: ValueError: the loss is lost", "At: train.py:", "in happens") == []
    assert "epoch 2" not in message.text


def test_without_a_look_inside(train: Train, inbox: Inbox) -> None:
    """`run` has the exit code and the last lines of the output."""
    assert train("crash", PLAIN, run=("--no-attach",)).end() == 1
    [message] = inbox.messages
    assert lacking(message.text, "### sft failed: ") == [], message.text
    assert "- Progress: step" not in message.text


@pytest.mark.parametrize(
    ("source", "run", "env"),
    [
        pytest.param(GIVEN, None, {}, id="given"),
        pytest.param(PLAIN, None, {"RAY_TRAIN_CALLBACKS": NAMED}, id="by the variable"),
        pytest.param(PLAIN, ("--on-success",), {}, id="run"),
    ],
)
def test_it_restarts_and_ends(
    train: Train, inbox: Inbox, source: str, run: tuple[str, ...] | None, env: dict[str, str]
) -> None:
    """A message of the restart, and one of the end: how long it took, the last metrics and checkpoint."""
    training = train("restart", source, run=run, **env)
    assert training.end() == 0, training.log.read_text()
    restarted, ended = inbox.messages
    parts = ("restarts after attempt 1 of 2: ValueError: the loss is lost", "rank 1 of 2", "At: train.py:")
    assert lacking(restarted.text, *parts) == [], restarted.text
    assert lacking(ended.text, " ended after ", "step 4", "epoch 2", "last 0.25", "checkpoint_") == [], ended.text


@pytest.mark.parametrize(
    ("source", "run", "env"),
    [
        pytest.param(WATCHED, None, {}, id="given, and the driver is watched"),
        pytest.param(PLAIN, None, {"RAY_TRAIN_CALLBACKS": NAMED}, id="by the variable"),
        pytest.param(PLAIN, (), {}, id="run"),
    ],
)
def test_one_rank_is_killed(
    train: Train, inbox: Inbox, source: str, run: tuple[str, ...] | None, env: dict[str, str]
) -> None:
    """One message that names it."""
    assert train("kill", source, run=run, **env).end() == 1
    [message] = inbox.messages
    died = "failed: ActorDiedError: The actor died unexpectedly before finishing this task."
    assert lacking(message.text, died, "Likely: ", "rank 1 of 2", "- Rank: 1 of 2", "epoch 2") == [], message.text


@pytest.mark.parametrize(
    ("source", "run", "env"),
    [
        pytest.param(GIVEN, None, {}, id="given"),
        pytest.param(
            PLAIN, None, {"RAY_TRAIN_CALLBACKS": NAMED, "TWINKLE_NOTIFIER_STALL_AFTER": "8"}, id="by the variable"
        ),
        pytest.param(PLAIN, ("--stall-after", "60"), {}, id="run"),
    ],
)
def test_one_rank_stalls(
    train: Train, inbox: Inbox, source: str, run: tuple[str, ...] | None, env: dict[str, str]
) -> None:
    """One message, with the stack of that rank. `run` would take a long start of Ray's, which is silent, for a stall."""
    training = train("stall", source, run=run, **env)
    training.wait_until(lambda: inbox.messages)
    training.close()
    message = inbox.messages[0]
    parts = ("no progress for", "Rank 1", "in happens", "time.sleep(3600)")
    assert lacking(message.text, *parts) == [], message.text
    assert len([one for one in inbox.messages if "no progress" in one.text]) == 1


@pytest.mark.parametrize(
    ("source", "run", "env"),
    [
        pytest.param(WATCHED, None, {}, id="given, and the driver is watched"),
        pytest.param(PLAIN, None, {"RAY_TRAIN_CALLBACKS": NAMED}, id="by the variable"),
        pytest.param(PLAIN, (), {}, id="run"),
    ],
)
def test_somebody_interrupts_it(
    train: Train, inbox: Inbox, source: str, run: tuple[str, ...] | None, env: dict[str, str]
) -> None:
    """One message, and it is no failure."""
    training = train("interrupt", source, run=run, **env)
    training.wait_until(lambda: (training.folder / "happened").exists())
    training.interrupt()
    training.end()
    [message] = inbox.messages
    assert lacking(message.text, " was interrupted", "epoch 2") == [], message.text
