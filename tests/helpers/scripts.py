"""Scripts that train a tiny model, to which a test adds what happens in a step, and the call of `train`."""

from __future__ import annotations

import pytest

_LIGHTNING = """
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
        return DataLoader(TensorDataset(torch.ones(steps, 4)))

steps = 16

def train(callbacks=(), late=(), trainer={}, **options):
    ranks = int(os.environ.get("WORLD_SIZE", 1))
    more = {"devices": ranks, **({"strategy": "ddp"} if ranks > 1 else {}), **trainer}
    trainer = Trainer(
        logger=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
        max_epochs=1, use_distributed_sampler=False,
        callbacks=[*callbacks, ModelCheckpoint("checkpoints", every_n_train_steps=3)], **more,
    )
    trainer.callbacks.extend(late)
    trainer.fit(Model(), **options)
"""
_TRANSFORMERS = """
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

steps = 16

def train(callbacks=(), late=(), report_to=(), **options):
    data = [{"x": torch.ones(4), "labels": torch.zeros(1)}] * 1000
    args = TrainingArguments(
        "checkpoints", save_steps=3, logging_steps=1, max_steps=steps, per_device_train_batch_size=1, report_to=list(report_to),
        use_cpu=True, disable_tqdm=True,
    )
    trainer = Trainer(Model(), args, train_dataset=data, callbacks=list(callbacks))
    for callback in late:
        trainer.add_callback(callback)
    trainer.train(**options)
"""
_ACCELERATE = """
import os, signal, sys, time
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, TensorDataset

steps = 16

def train(log_with=None):
    accelerator = Accelerator(cpu=True, log_with=log_with)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    loader = DataLoader(TensorDataset(torch.ones(steps // 2 * accelerator.num_processes, 4)))
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    accelerator.init_trackers("line-fit")
    step = 0
    for epoch in range(2):
        for [x] in loader:
            happens(step, accelerator.process_index)
            loss = model(x).square().mean()
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            accelerator.log({"loss": loss.item() * 0 + 0.5}, step)
            if step % 3 == 0:
                accelerator.save_state(f"checkpoints/{step}")
    accelerator.end_training()
"""
_SCRIPTS = {
    "accelerate": _ACCELERATE,
    "transformers": _TRANSFORMERS,
    "lightning": _LIGHTNING.replace("PACKAGE", "lightning.pytorch"),
    "pytorch_lightning": _LIGHTNING.replace("PACKAGE", "pytorch_lightning"),
}
OWN = {
    "transformers": "\nfrom twinkle_notifier.integrations.transformers import NotifierCallback\n",
    "lightning": "\nfrom twinkle_notifier.integrations.lightning import NotifierCallback\n",
}


def script(framework: str) -> str:
    """It has `train`; `steps` is how many it does. Each step calls `happens(step, rank)`, which the test defines."""
    pytest.importorskip(framework)
    return _SCRIPTS[framework]
