"""Real trainings with the callbacks below the supervisor: what the inside reports, and what only the outside can."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from scripts import OWN, script

from twinkle_notifier.inbox import Inbox

Begin = Callable[..., Any]
NOTIFIER = """
from twinkle_notifier import DingNotifier
callback = NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
"""
LONG = """
steps = 4000

def happens(step, rank):
    if step == 5:
        print("ready", flush=True)
    time.sleep(0.05)

train([callback])
"""
CRASH = """
def happens(step, rank):
    if step == 7:
        raise ValueError("the loss is lost")

train([callback])
"""
KILL = """
def happens(step, rank):
    if step == 7 and rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)

train([callback], trainer={"strategy": "ddp", "devices": 2})
"""


def source(framework: str, rest: str) -> str:
    return script(framework) + OWN[framework] + NOTIFIER + rest


def titles(robot: Inbox) -> list[str]:
    return [message.title for message in robot.messages]


@pytest.mark.stress
def test_lightning_reports_its_exception(begin: Begin, robot: Inbox) -> None:
    """And nobody does once more."""
    done = begin(source("lightning", CRASH)).result()
    assert (done.returncode, titles(robot)) == (1, ["sft failed: ValueError: the loss is lost"]), done.stderr


@pytest.mark.stress
def test_lightning_is_preempted(begin: Begin, robot: Inbox) -> None:
    """By SIGTERM to the supervisor. It reports that itself, with the last checkpoint, and ends with exit code 0."""
    running = begin(source("lightning", LONG))
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGTERM)
    done = running.result()
    assert titles(robot) == ["sft was preempted"], done.stderr
    assert "- Last checkpoint: " in robot.messages[0].text


@pytest.mark.stress
def test_a_rank_of_lightning_s_launcher_is_killed(begin: Begin, robot: Inbox) -> None:
    """Its peer meets what follows, and leaves it to the supervisor."""
    done = begin(source("lightning", KILL)).result()
    assert len(robot.messages) == 1, (titles(robot), done.stderr)
    assert titles(robot)[0].startswith("sft failed: ")


@pytest.mark.stress
def test_a_trainer_of_transformers_is_preempted(begin: Begin, robot: Inbox) -> None:
    """SIGTERM kills it at once; the outside knows the last checkpoint from it."""
    running = begin(source("transformers", LONG))
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGTERM)
    done = running.result()
    assert (done.returncode, titles(robot)) == (-signal.SIGTERM, ["sft was preempted (SIGTERM)"]), done.stderr
    assert re.search(r"- Last checkpoint: checkpoints/checkpoint-\d+\n", robot.messages[0].text)
