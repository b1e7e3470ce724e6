"""verl: its real plug-in loading and `Tracking`, in a program with the processes of its PPO: driver, trainer, ranks.

The tests start it in an environment of its own, whose interpreter TRAINERS_PYTHON names. A whole PPO needs GPUs.
"""

from __future__ import annotations

import pytest
from programs import Case, check
from ray_programs import MARKS, Train, all_of, launch, train

from twinkle_notifier.inbox import Inbox

__all__ = ["launch", "train"]
pytestmark = MARKS

PROGRAM = """
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

def run():
    if what == "driver":
        raise KeyError("no such field")
    ray.init(num_cpus=6, include_dashboard=False)
    ray.get(TaskRunner.remote().run.remote())
"""
SCRIPT = (
    PROGRAM
    + """
if __name__ == "__main__":
    run()
"""
)
HYDRA = (  # as verl.trainer.main_ppo
    PROGRAM
    + """
import hydra

@hydra.main(version_base=None, config_path=None)
def main(config):
    run()

if __name__ == "__main__":
    main()
"""
)


BOTH = pytest.mark.parametrize(("run", "name"), [(None, "lines"), ((), "sft")], ids=["by being installed", "run"])
REACHED = {"step": all_of("step 2, epoch 2"), "epoch": all_of("epoch 2")}
CHECKPOINT = {"checkpoint": all_of("out/global_step_2")}


@BOTH
def test_one_rank_raises(train: Train, inbox: Inbox, launch: str, run: tuple[str, ...] | None, name: str) -> None:
    """One message: the error and its place as in the worker, how far it got, the last checkpoint."""
    training = train("crash", SCRIPT, run=run)
    assert training.end() == 1, training.log.read_text()
    words, place = all_of(f"{name} failed: ValueError: the loss is lost"), all_of("- At: train.py:", "in happens")
    holds = {"type and words": words, "place": place, **REACHED, "loss": all_of("actor/pg_loss 0.5"), **CHECKPOINT}
    check(Case("an exception in rank 1 of 2", 1, holds), inbox, launch, training.output())


@BOTH
def test_it_ends(train: Train, inbox: Inbox, launch: str, run: tuple[str, ...] | None, name: str) -> None:
    """One message: how long it took, the last metrics, the last checkpoint."""
    training = train("end", SCRIPT, run=run if run is None else ("--on-success",))
    assert training.end() == 0, training.log.read_text()
    holds = {"duration": all_of(f"{name} ended after "), "metrics": all_of("0.25"), "step": all_of("step 4, epoch 2")}
    check(Case("a clean end", 1, {**holds, **CHECKPOINT}), inbox, launch, training.output())


@BOTH
def test_one_rank_is_killed(train: Train, inbox: Inbox, launch: str, run: tuple[str, ...] | None, name: str) -> None:
    """One message, by which process it was: Ray knows no ranks."""
    training = train("kill", SCRIPT, run=run)
    assert training.end() == 1, training.log.read_text()
    words = all_of(f"{name} failed: ActorDiedError: The actor died unexpectedly")
    worker = all_of("class_name: Worker", "pid: ")
    holds = {"type and words": words, "class and PID": worker, "epoch": all_of("epoch 2")}
    check(Case("SIGKILL of rank 1 of 2", 1, holds), inbox, launch, training.output())


@BOTH
def test_one_rank_stalls(train: Train, inbox: Inbox, launch: str, run: tuple[str, ...] | None, name: str) -> None:
    """One message, with the stack of the trainer, which waits for the rank."""
    training = train(
        "stall",
        SCRIPT,
        run=None if run is None else ("--stall-after", "60"),
        **({"TWINKLE_NOTIFIER_STALL_AFTER": "8"} if run is None else {}),
    )
    training.wait_until(lambda: inbox.messages)
    holds = {"name": all_of(f"{name} has made no progress for"), "stack": all_of("losses = ray.get(")}
    check(Case("rank 1 of 2 stalls", 1, holds), inbox, launch, training.output())


@BOTH
def test_somebody_interrupts_it(
    train: Train, inbox: Inbox, launch: str, run: tuple[str, ...] | None, name: str
) -> None:
    """One message, and it is no failure."""
    training = train("interrupt", SCRIPT, run=run)
    training.wait_until(lambda: (training.folder / "happened").exists())
    training.interrupt()
    training.end()
    check(Case("Ctrl-C", 1, {"interrupted": all_of(" was interrupted")}), inbox, launch, training.output())


@pytest.mark.parametrize("full", ["0", "1"], ids=["Hydra exits", "Hydra lets it pass"])
@pytest.mark.parametrize(
    ("what", "told"),
    [("crash", "lines failed: ValueError: the loss is lost"), ("driver", "train.py failed: KeyError: 'no such field'")],
)
def test_below_hydra(train: Train, inbox: Inbox, what: str, told: str, full: str) -> None:
    """One message of what a worker raises, and then the driver once more; and one of the driver's own error."""
    training = train(what, HYDRA, HYDRA_FULL_ERROR=full)
    assert training.end() == 1, training.output()
    assert [told in message.text for message in inbox.messages] == [True], inbox.messages


def test_it_is_switched_off(train: Train, inbox: Inbox) -> None:
    """Nothing is reported."""
    assert train("crash", SCRIPT, TWINKLE_NOTIFIER_ATTACH="0").end() == 1
    assert inbox.messages == []


def test_nobody_has_set_up_a_notifier(train: Train, inbox: Inbox) -> None:
    """Nothing is reported, nor logged."""
    training = train("crash", SCRIPT, TWINKLE_NOTIFIER_URL="")
    assert training.end() == 1
    assert (inbox.messages, "no alert will be sent" in training.log.read_text()) == ([], False)
