import os
import signal

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier.integrations.lightning import NotifierCallback

from twinkle_notifier import DingNotifier


class Model(LightningModule):
    def __init__(self, then=None):
        super().__init__()
        self.layer, self.then = torch.nn.Linear(4, 1, bias=False), then
        torch.nn.init.constant_(self.layer.weight, 0.25)

    def training_step(self, batch, batch_idx):
        loss = self.layer(batch[0]).square().mean()
        self.log("loss", loss)
        if batch_idx == 2 and self.then is not None:
            self.then()
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def fit(model, on_start=False):
    callback = NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_start=on_start)
    best = ModelCheckpoint("checkpoints", monitor="loss", filename="best")
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(max_epochs=1, callbacks=[callback, best], **quiet)
    trainer.fit(model, DataLoader(TensorDataset(torch.ones(8, 4)), batch_size=2))


def fail():
    raise ValueError("the loss is not a number")


fit(Model(), on_start=True)
try:
    fit(Model(fail))
except ValueError:
    pass
fit(Model(lambda: os.kill(os.getpid(), signal.SIGTERM)))
