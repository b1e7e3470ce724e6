"""Scripts of users: Lightning, its other copy, Accelerate's launcher, a plain loop, a multirun of Hydra's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import (
    ALONE,
    CASES,
    CRASH,
    INTERRUPTED,
    KILL,
    NEEDED,
    PYTHON,
    STALL,
    STALLED,
    STEPS,
    Case,
    Start,
    robot,
    runs,
    start,
)
from scripts import script

from twinkle_notifier.inbox import Inbox

__all__ = ["robot", "start"]
pytestmark = NEEDED

TORCHRUN = ["torchrun", "--standalone", "--nproc-per-node=2"]
# With --cpu it starts one process, whatever it is asked for; the script says that it trains on the CPU.
ACCELERATE = ["accelerate", "launch", "--multi_gpu", "--num_processes=2", "--num_machines=1", "--mixed_precision=no"]
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a script, and give its path."""

    def write_one(source: str) -> str:
        path = tmp_path / "train.py"
        path.write_text(source)
        return str(path)

    return write_one


def like(case: Case, without: tuple[str, ...] = (), **holds: str) -> Case:
    """`case`, where a message holds some things otherwise, or not."""
    return dataclasses.replace(
        case, holds={name: holds.get(name, one) for name, one in case.holds.items() if name not in without}
    )


# Lightning

TRAINED = f"\nfrom happens import happens\nsteps = {STEPS}\ntrain()\n"
OF_LIGHTNING = {"checkpoint": r"checkpoints/epoch=0-step=6\.ckpt"}
COPIES = pytest.mark.parametrize("copy", ["lightning", "pytorch_lightning"])


@CASES
@COPIES
def test_lightning(start: Start, robot: Inbox, write: Write, copy: str, case: Case) -> None:
    """By torchrun."""
    command = [*TORCHRUN, write(script(copy) + TRAINED)]
    expected = like(case, **OF_LIGHTNING)
    runs(expected, robot, start, command, launch="torchrun train.py", trainer=copy.replace("_", "-"))


@ALONE
@COPIES
def test_lightning_without_run(start: Start, robot: Inbox, write: Write, copy: str, case: Case) -> None:
    """By the entry point of the package alone."""
    command = [*TORCHRUN, write(script(copy) + TRAINED)]
    expected = like(case, **OF_LIGHTNING)
    runs(expected, robot, start, command, run=False, launch="torchrun train.py", trainer=copy.replace("_", "-"))


# Accelerate

OF_ACCELERATE = {"checkpoint": r"checkpoints/6\b", "step": r"Progress: step (7|12)\b"}
WATCHED = f"""
from happens import happens
from twinkle_notifier import watch
from twinkle_notifier.integrations.accelerate import NotifierTracker
steps = {STEPS}
with watch(name="sft"):
    train(NotifierTracker("sft"))
"""


@CASES
def test_accelerate(start: Start, robot: Inbox, write: Write, case: Case) -> None:
    """By its own launcher."""
    command = [*ACCELERATE, write(script("accelerate") + TRAINED)]
    expected = like(case, **OF_ACCELERATE)
    runs(expected, robot, start, command, launch="accelerate launch train.py", trainer="accelerate")


@ALONE
def test_accelerate_with_a_tracker(start: Start, robot: Inbox, write: Write, case: Case) -> None:
    """And `watch` around the loop."""
    command = [*ACCELERATE, write(script("accelerate") + WATCHED)]
    expected, launch = like(case, **OF_ACCELERATE), "accelerate launch train.py, with the tracker"
    runs(expected, robot, start, command, run=False, launch=launch, trainer="accelerate")


# A plain loop

LOOP = f"""
import os
import torch
import torch.distributed as dist
from happens import happens

weights = torch.zeros(4, requires_grad=True)

def steps():
    dist.init_process_group("gloo")
    os.makedirs("checkpoints", exist_ok=True)
    for step in range({STEPS}):
        happens(step, dist.get_rank())
        loss = (weights - 1).square().mean()
        loss.backward()
        dist.all_reduce(weights.grad)
        with torch.no_grad():
            weights.sub_(0.05 * weights.grad)
            weights.grad.zero_()
        yield step + 1, loss.item()

def save(step):
    if step % 3 == 0 and dist.get_rank() == 0:
        torch.save(weights, f"checkpoints/{{step}}.pt")
"""
PLAIN = """
for step, loss in steps():
    print(step, loss, flush=True)
    save(step)
"""
WITH_RUN = f"""
from twinkle_notifier import Progress, TrainingRun

reached = Progress()
run = TrainingRun(name="sft", stall_after=float(os.environ.get("TWINKLE_NOTIFIER_STALL_AFTER", 600)))
run.started(progress=lambda: reached)
try:
    for step, loss in steps():
        reached = Progress(step=step, of_steps={STEPS}, epoch=0.5)
        run.log({{"loss": loss}}, step)
        run.beat()
        save(step)
        if step % 3 == 0:
            run.saved(f"checkpoints/{{step}}.pt", step)
except BaseException as error:
    run.failed(error, progress=lambda: reached)
    raise
run.ended(progress=lambda: reached)
"""


@CASES
def test_a_plain_loop(start: Start, robot: Inbox, write: Write, case: Case) -> None:
    """`run` knows where it failed; nothing says how far it got, and a stall shows by the output alone."""
    expected = like(
        case, without=("step", "epoch", "loss", "checkpoint", "metrics"), rank=r"(- Rank:|failed: rank) 1 on "
    )
    quiet: tuple[str, ...] = ()
    if case is STALLED:
        expected = dataclasses.replace(case, holds={"duration": r"sft has been silent for \d"})
        quiet = ("--stall-after", "90s")  # its start may be silent for a minute
    command = [*TORCHRUN, write(LOOP + PLAIN)]
    runs(expected, robot, start, command, launch="torchrun loop.py", trainer="torch", options=quiet)


@ALONE
def test_a_loop_with_a_training_run(start: Start, robot: Inbox, write: Write, case: Case) -> None:
    """It knows what it is given."""
    command, launch = [*TORCHRUN, write(LOOP + WITH_RUN)], "torchrun loop.py, with TrainingRun"
    expected = like(case, checkpoint=r"checkpoints/6\.pt")
    runs(expected, robot, start, command, run=False, launch=launch, trainer="torch")


# A multirun of Hydra's

HYDRA = """
import hydra
from hydra.core.config_store import ConfigStore
from happens import happens

ConfigStore.instance().store(name="config", node={"lr": 0.1})

@hydra.main(version_base=None, config_path=None, config_name="config")
def job(config):
    for step in range(20):
        print(step, flush=True)
        happens(step if config.lr == 2 else 0, 1)
    return 2 * config.lr

if __name__ == "__main__":
    job()
"""
FOUR = ["--multirun", "lr=0,1,2,3"]
CALLBACK = ["+hydra.callbacks.notify._target_=twinkle_notifier.integrations.hydra.NotifierCallback"]
LOST = {
    "type and words": r"sft(: job 2)? failed: ValueError: the loss is lost",
    "place": r"happens\.py.*\bhappens\b",
}
SWEPT = {"duration": r"sft: sweep ended after \d", "metrics": "Highest value: 6"}


@pytest.mark.parametrize(
    "case",
    [
        Case("an exception in job 2 of 4", 1, LOST, CRASH),
        Case("a clean end", 1, {"duration": r"sft ended after \d"}),
        Case("SIGKILL in job 2 of 4", 1, {"type and words": r"sft failed: .*SIGKILL"}, KILL),
        Case("job 2 of 4 stalls, and goes on", 2, {"duration": r"sft has been silent for \d"}, STALL),
        INTERRUPTED,
    ],
    ids=lambda case: case.what,
)
def test_hydra(start: Start, robot: Inbox, write: Write, case: Case) -> None:
    """Without our callback a multirun is a program like any other."""
    quiet = ("--stall-after", "60s") if case.happens == STALL else ()
    command, launch = [PYTHON, write(HYDRA), *FOUR], "python app.py --multirun"
    runs(case, robot, start, command, launch=launch, trainer="hydra-core", options=quiet)


@pytest.mark.parametrize(
    "case",
    [Case("an exception in job 2 of 4", 2, LOST, CRASH), Case("a clean end", 1, SWEPT), INTERRUPTED],
    ids=lambda case: case.what,
)
def test_hydra_with_our_callback(start: Start, robot: Inbox, write: Write, case: Case) -> None:
    """A message for each kind of error, and one about all jobs."""
    command, launch = [PYTHON, write(HYDRA), *FOUR, *CALLBACK], "python app.py --multirun, with the callback"
    runs(case, robot, start, command, run=False, launch=launch, trainer="hydra-core")
