"""Rules and alerts by hand over real ranks of torchrun: one message each, and one when it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox

SCRIPT = """
import math, os, time
import torch
import torch.distributed as dist
from datetime import timedelta
import twinkle_notifier as t
from twinkle_notifier.isolation.background import background

dist.init_process_group("gloo")
rank, ranks = dist.get_rank(), dist.get_world_size()
ding = t.DingNotifier("env:DING_URL", "env:DING_SECRET")
rules = ["loss > 10 => error: diverged", "zscore(loss[50]) > 6 => spike", "stalled(loss[20]) => flat", "own > 1", "tail > 1"]
run = t.TrainingRun(ding, name="sft", on_end=False, rules=rules)
run.started()

def mean(value):
    value = torch.tensor(float(value))
    dist.all_reduce(value)
    return value / ranks

def log(step, loss, **more):
    run.log({"loss": mean(loss), **more}, step)
    dist.barrier()

log(0, 2.0, own=0.0)
assert background.flush(30)  # rank 0 has let the others know what it logs
dist.barrier()
"""
SERIES = """
for step in range(1, 101):
    log(step, 2.0 + math.sin(step) / 10)
log(101, 9.0)
log(102, 2.0)
for step in range(103, 124):
    log(step, 2.0)
log(124, 2.1)
log(125, 50.0)
log(126, 2.0)
log(127, math.nan if rank else 2.0)
log(128, 2.1)
# What rank 0 logs, too, is its to judge; what only the last rank logs is that one's.
log(129, 2.0, own=9.0 if rank else 0.0)
log(130, 2.1, **({"tail": 9.0} if rank == ranks - 1 else {}))
log(131, 2.0, **({"tail": 0.0} if rank == ranks - 1 else {}))
run.ended()
assert background.flush(30)
dist.barrier()
dist.destroy_process_group()
"""
SAID = [
    "sft: diverged at step 125",
    "sft: flat at step 121",
    "sft: loss is nan at step 127",
    "sft: resolved at step 102: spike",
    "sft: resolved at step 124: flat",
    "sft: resolved at step 126: diverged",
    "sft: resolved at step 128: loss is nan",
    "sft: resolved at step 131: tail > 1",
    "sft: spike at step 101",
    "sft: tail > 1 at step 130",
]


def titles(inbox: Inbox) -> list[str]:
    return sorted(message.title for message in inbox.messages)


BY_HAND = """
for number in range(3):
    outcome = run.alert("half way", f"rank {rank}")
    dist.barrier()
print(t.alert("the end", "all is well", "ERROR", timedelta(minutes=1), ding))
assert background.flush(30)
dist.barrier()
"""
SAID_BY_HAND = ["sft: half way", "train.py: the end"]


@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.stress)])
def test_an_alert_and_a_rule_are_one_message_each_over_all_ranks(
    ranks: int, run: Callable[..., Any], inbox: Inbox
) -> None:
    """An alert by hand, whichever rank is first; an error is out when the call returns.

    A rule, and one when it is over, by the rank that has sent the first; also of what only one rank logs.
    """
    done = run(SCRIPT + BY_HAND + SERIES, ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert titles(inbox) == sorted([*SAID_BY_HAND, *SAID])
    outcomes = [line.partition("status=")[2].partition(",")[0] for line in done.stdout.splitlines()]
    assert sorted(outcomes) == ["'duplicate'"] * (ranks - 1) + ["'sent'"]
    [own] = [message.text for message in inbox.messages if message.title == SAID[-1]]
    assert f"- Rank: {ranks - 1} of {ranks}\n" in own


LAST_RANK_ALONE = """
log(1, 2.0)
run.ended()
dist.barrier()
run.started()  # as pipeline parallel: here only the last rank has a loss
run.log({"lr": 1.0} if rank == 0 else {"loss": 2.0, "lr": 1.0}, 1)
assert background.flush(30)
dist.barrier()
run.log({"lr": math.nan} if rank == 0 else {"loss": math.nan, "lr": 1.0}, 2)
run.log({"lr": 1.0} if rank == 0 else {"loss": 50.0, "lr": 1.0}, 3)
run.ended()
assert background.flush(30)
dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.stress
def test_what_rank_0_logged_in_an_earlier_training_is_not_its_any_more(run: Callable[..., Any], inbox: Inbox) -> None:
    """In the same store, under the same name."""
    done = run(SCRIPT + LAST_RANK_ALONE, ranks=2)
    assert done.returncode == 0, done.stderr
    assert titles(inbox) == [
        "sft: diverged at step 3",
        "sft: loss is nan at step 2",
        "sft: resolved at step 3: loss is nan",
    ]


DIES = """
import signal
class Dying(t.DingNotifier):
    def __call__(self, message):
        if rank == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        super().__call__(message)
if rank:
    time.sleep(0.5)  # so that rank 0 has the claim
t.alert("it goes on", level="error", notifier=Dying("env:DING_URL", "env:DING_SECRET"))
"""


@pytest.mark.stress
def test_another_rank_takes_over(run: Callable[..., Any], inbox: Inbox) -> None:
    """From one that dies while it sends."""
    source = DIES.replace("if rank:", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nif rank:")
    run(SCRIPT + source, ranks=2)
    assert titles(inbox) == ["train.py: it goes on"]
