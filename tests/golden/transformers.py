import torch
from transformers import Trainer, TrainingArguments
from twinkle_notifier.integrations.transformers import NotifierCallback

from twinkle_notifier import DingNotifier


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1, bias=False)
        torch.nn.init.constant_(self.layer.weight, 0.25)

    def forward(self, inputs, labels=None):
        if torch.isnan(inputs).any():
            raise ValueError("the loss is not a number")
        return {"loss": self.layer(inputs).square().mean()}


def train(value, on_start=False):
    callback = NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_start=on_start)
    quiet = {"use_cpu": True, "disable_tqdm": True, "report_to": "none", "logging_steps": 1, "save_strategy": "no"}
    arguments = TrainingArguments("checkpoints", max_steps=2, learning_rate=0.0, **quiet)
    data = [{"inputs": torch.full((4,), value), "labels": torch.tensor(1)}] * 16
    Trainer(Model(), arguments, train_dataset=data, callbacks=[callback]).train()


train(1.0, on_start=True)
train(float("nan"))
