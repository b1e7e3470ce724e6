"""Real trainers without a line of ours below the real supervisor: what people learn of them."""

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
from PACKAGE import LightningModule, Trainer
from PACKAGE.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, index):
        loss = self.layer(batch[0]).square().mean()
        self.log("loss", loss.detach() * 0 + 0.5)
        happens(self.global_step, self.global_rank)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)
    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.ones(16, 4)))

def train(callbacks=(), late=(), **options):
    ranks = int(os.environ.get("WORLD_SIZE", 1))
    more = {"strategy": "ddp"} if ranks > 1 else {}
    trainer = Trainer(
        logger=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu", devices=ranks,
        max_epochs=1, use_distributed_sampler=False,
        callbacks=[*callbacks, ModelCheckpoint("checkpoints", every_n_train_steps=3)], **more,
    )
    trainer.callbacks.extend(late)
    trainer.fit(Model(), **options)
"""
TRANSFORMERS = """
import os, signal, sys, time
import torch
from torch import nn
from transformers import Trainer, TrainingArguments

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 1)
        self.steps = 0
    def forward(self, x, labels):
        happens(self.steps, int(os.environ.get("RANK", 0)))
        self.steps += 1
        return {"loss": (self.layer(x) - labels).square().mean() * 0 + 0.5}

def train(callbacks=(), late=(), **options):
    data = [{"x": torch.ones(4), "labels": torch.zeros(1)}] * 1000
    args = TrainingArguments(
        "checkpoints", save_steps=3, logging_steps=1, max_steps=16, per_device_train_batch_size=1, report_to=[],
        use_cpu=True, disable_tqdm=True,
    )
    trainer = Trainer(Model(), args, train_dataset=data, callbacks=list(callbacks))
    for callback in late:
        trainer.add_callback(callback)
    trainer.train(**options)
"""
SCRIPTS = {
    "transformers": TRANSFORMERS,
    "lightning": LIGHTNING.replace("PACKAGE", "lightning.pytorch"),
    "pytorch_lightning": LIGHTNING.replace("PACKAGE", "pytorch_lightning"),
}
CRASH = """
def happens(step, rank):
    if step == 7: raise ValueError("the loss is lost")
train()
"""


def titles(robot: Inbox) -> list[str]:
    return [message.title for message in robot.messages]


@pytest.fixture(params=SCRIPTS)
def script(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return SCRIPTS[request.param]


@pytest.mark.parametrize("ranks", [0, 2])
def test_a_crash_is_told_once_with_how_far_it_got(begin: Begin, robot: Inbox, script: str, ranks: int) -> None:
    """By one of all ranks, with step, epoch, loss and the last checkpoint."""
    done = begin(script + CRASH, ranks=ranks).result()
    assert (done.returncode, titles(robot)) == (1, ["sft failed: ValueError: the loss is lost"]), done.stderr
    print(robot.messages[0].text)
