import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier.integrations.lightning import NotifierCallback

from twinkle_notifier import DingNotifier


class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1, bias=False)
        torch.nn.init.constant_(self.layer.weight, 0.25)

    def training_step(self, batch, batch_idx):
        loss = self.layer(batch[0]).square().mean()
        self.log("loss", loss)
        if batch_idx == 2:
            raise ValueError("the loss is not a number")
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


callback = NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
saving = ModelCheckpoint("checkpoints", every_n_train_steps=1, filename="{step}")
quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
trainer = Trainer(max_epochs=1, callbacks=[callback, saving], **quiet)
trainer.fit(Model(), DataLoader(TensorDataset(torch.ones(8, 4)), batch_size=2))
