"""Real trainings with the callbacks below the supervisor: what the inside tells, and what only the outside can."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox

Begin = Callable[..., Any]
LIGHTNING = """
import logging, os, signal, sys, time, warnings
warnings.simplefilter("ignore")
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier import DingNotifier
from twinkle_notifier.integrations.lightning import NotifierCallback

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, index):
        if self.global_step == 5:
            print("ready", flush=True)
        self.at(self.global_step)
        return self.layer(batch[0]).square().mean()
    def at(self, step):
        pass
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)
    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.ones(4000, 4)))

def fit(**options):
    notifier = DingNotifier("env:DING_URL", "env:DING_SECRET")
    callbacks = [NotifierCallback(notifier, name="sft"), ModelCheckpoint("checkpoints", every_n_train_steps=3)]
    options = {"max_epochs": 1, "accelerator": "cpu", "devices": 1, **options}
    Trainer(logger=False, enable_progress_bar=False, callbacks=callbacks, **options).fit(Model())
"""
TRANSFORMERS = """
import os, time
import torch
from torch import nn
from transformers import Trainer, TrainingArguments
from twinkle_notifier import DingNotifier
from twinkle_notifier.integrations.transformers import NotifierCallback

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 1)
        self.steps = 0
    def forward(self, x, labels):
        self.steps += 1
        if self.steps == 6:
            print("ready", flush=True)
        time.sleep(0.05)
        return {"loss": (self.layer(x) - labels).square().mean()}

data = [{"x": torch.ones(4), "labels": torch.zeros(1)}] * 1000
args = TrainingArguments("out", save_steps=3, max_steps=1000, per_device_train_batch_size=1, report_to=[], use_cpu=True, disable_tqdm=True)
callback = NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
Trainer(Model(), args, train_dataset=data, callbacks=[callback]).train()
"""


def titles(robot: Inbox) -> list[str]:
    return [message.title for message in robot.messages]


@pytest.fixture(autouse=True)
def _frameworks() -> None:
    pytest.importorskip("lightning")
    pytest.importorskip("transformers")


@pytest.mark.stress
def test_lightning_reports_its_exception(begin: Begin, robot: Inbox) -> None:
    """And nobody does once more."""
    crash = "def crash(self, step):\n    if step == 7: raise ValueError('the loss is lost')\nModel.at = crash\nfit()"
    done = begin(LIGHTNING + crash).result()
    assert (done.returncode, titles(robot)) == (1, ["sft failed: ValueError: the loss is lost"]), done.stderr


def test_lightning_is_preempted(begin: Begin, robot: Inbox) -> None:
    """By SIGTERM to the supervisor. It tells that itself, with the last checkpoint, and ends with exit code 0."""
    running = begin(LIGHTNING + "Model.at = lambda self, step: time.sleep(0.02)\nfit()")
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGTERM)
    done = running.result()
    assert titles(robot) == ["sft was preempted"], done.stderr
    assert "- Last checkpoint: " in robot.messages[0].text


def test_a_rank_of_lightning_s_launcher_is_killed(begin: Begin, robot: Inbox) -> None:
    """Its peer meets what follows, and leaves it to the supervisor."""
    kill = "def kill(self, step):\n    if step == 7 and self.global_rank == 1: os.kill(os.getpid(), signal.SIGKILL)\n"
    source = LIGHTNING + kill + "Model.at = kill\nfit(strategy='ddp', devices=2)"
    done = begin(source).result()
    assert len(robot.messages) == 1, (titles(robot), done.stderr)
    assert titles(robot)[0].startswith("sft failed: ")


def test_a_trainer_of_transformers_is_preempted(begin: Begin, robot: Inbox) -> None:
    """SIGTERM kills it at once; the outside knows the last checkpoint from it."""
    running = begin(TRANSFORMERS)
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGTERM)
    done = running.result()
    assert (done.returncode, titles(robot)) == (-signal.SIGTERM, ["sft was preempted (SIGTERM)"]), done.stderr
    assert re.search(r"- Last checkpoint: out/checkpoint-\d+\n", robot.messages[0].text)
