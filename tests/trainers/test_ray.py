"""Ray Train with two workers: the callback given, named by a variable, and attached by `run`.

The tests start programs in an environment of their own, whose interpreter TRAINERS_PYTHON names.
"""

from __future__ import annotations

import pytest
from programs import Case, check
from ray_programs import MARKS, Train, all_of, lacking, launch, train

from twinkle_notifier.inbox import Inbox

__all__ = ["launch", "train"]
pytestmark = MARKS

NAMED = "twinkle_notifier.integrations.ray.NotifierCallback"

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
GIVEN = (
    SCRIPT
    + """
from twinkle_notifier.integrations.ray import NotifierCallback
if __name__ == "__main__":
    fit(NotifierCallback(name="mine", stall_after=8 if what == "stall" else None))
"""
)
WATCHED = (
    SCRIPT
    + """
from twinkle_notifier import watch
from twinkle_notifier.integrations.ray import NotifierCallback
if __name__ == "__main__":
    with watch(name="driver"):
        fit(NotifierCallback(name="mine"))
"""
)
DRIVER = (
    SCRIPT
    + """
from twinkle_notifier import watch
if __name__ == "__main__":
    with watch(name="driver"):
        fit()
"""
)
PLAIN = (
    SCRIPT
    + """
if __name__ == "__main__":
    fit()
"""
)


RAISED, ENDED, KILLED = "an exception in rank 1 of 2", "a restart, and a clean end", "SIGKILL of rank 1 of 2"
STALLED, INTERRUPTED = "rank 1 of 2 stalls", "Ctrl-C"
PLACE = {"place": all_of("- At: train.py:", "in happens", "Traceback (most recent call last):")}
REACHED = {"step": all_of("step 2, epoch 2"), "epoch": all_of("epoch 2"), "loss": all_of("loss", "0.5")}
CHECKPOINT = {"checkpoint": all_of("checkpoint", "RunConfig(name='lines', storage_path=")}


@pytest.mark.parametrize(
    ("source", "run", "env", "name"),
    [
        pytest.param(WATCHED, None, {}, "mine", id="given, and the driver is watched"),
        pytest.param(PLAIN, None, {"RAY_TRAIN_CALLBACKS": NAMED}, "train.py", id="by the variable"),
        pytest.param(GIVEN, None, {"RAY_TRAIN_CALLBACKS": NAMED}, "mine", id="given, and by the variable"),
        pytest.param(PLAIN, (), {}, "sft", id="run"),
        pytest.param(GIVEN, (), {}, "mine", id="run, and given"),
    ],
)
def test_one_rank_raises(
    train: Train,
    inbox: Inbox,
    launch: str,
    source: str,
    run: tuple[str, ...] | None,
    env: dict[str, str],
    name: str,
) -> None:
    """One message: the error and its place as in the worker, the rank, how far it got, the last checkpoint."""
    training = train("crash", source, run=run, **env)
    assert training.end() == 1
    words, rank = all_of(f"{name} failed: ValueError: the loss is lost"), all_of("rank 1 of 2")
    case = Case(RAISED, 1, {"type and words": words, **PLACE, **REACHED, **CHECKPOINT, "rank": rank})
    check(case, inbox, launch, training.output())


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
    train: Train, inbox: Inbox, launch: str, source: str, run: tuple[str, ...] | None, env: dict[str, str]
) -> None:
    """A message of the restart, and one of the end: how long it took, the last metrics and checkpoint."""
    training = train("restart", source, run=run, **env)
    assert training.end() == 0, training.log.read_text()
    words = all_of("restarts after attempt 1 of 2: ValueError: the loss is lost")
    holds = {"type and words": words, "place": all_of("At: train.py:"), "rank": all_of("rank 1 of 2")}
    check(Case(ENDED, 2, holds), inbox, launch, training.output())
    ended = inbox.messages[1]
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
    train: Train, inbox: Inbox, launch: str, source: str, run: tuple[str, ...] | None, env: dict[str, str]
) -> None:
    """One message that names it."""
    training = train("kill", source, run=run, **env)
    assert training.end() == 1
    died = "failed: ActorDiedError: The actor died unexpectedly before finishing this task."
    holds = {"type and words": all_of(died), "likely cause": all_of("Likely: "), "epoch": all_of("epoch 2")}
    check(Case(KILLED, 1, {**holds, "rank": all_of("rank 1 of 2", "- Rank: 1 of 2")}), inbox, launch, training.output())


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
    train: Train, inbox: Inbox, launch: str, source: str, run: tuple[str, ...] | None, env: dict[str, str]
) -> None:
    """One message, with the stack of that rank. `run` would take a long start of Ray's, which is silent, for a stall."""
    training = train("stall", source, run=run, **env)
    training.wait_until(lambda: inbox.messages)
    holds = {"rank": all_of("no progress for", "Rank 1"), "stack": all_of("in happens", "time.sleep(3600)")}
    check(Case(STALLED, 1, holds), inbox, launch, training.output())
    training.close()
    assert len([one for one in inbox.messages if "no progress" in one.title]) == 1


@pytest.mark.parametrize(
    ("source", "run", "env"),
    [
        pytest.param(WATCHED, None, {}, id="given, and the driver is watched"),
        pytest.param(PLAIN, None, {"RAY_TRAIN_CALLBACKS": NAMED}, id="by the variable"),
        pytest.param(PLAIN, (), {}, id="run"),
    ],
)
def test_somebody_interrupts_it(
    train: Train, inbox: Inbox, launch: str, source: str, run: tuple[str, ...] | None, env: dict[str, str]
) -> None:
    """One message, and it is no failure."""
    training = train("interrupt", source, run=run, **env)
    training.wait_until(lambda: (training.folder / "happened").exists())
    training.interrupt()
    training.end()
    holds = {"interrupted": all_of(" was interrupted"), "epoch": all_of("epoch 2")}
    check(Case(INTERRUPTED, 1, holds), inbox, launch, training.output())
