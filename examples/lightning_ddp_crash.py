"""Two processes train with Lightning's DDP on the CPU; both meet the same error.

Start it::

    pip install '.[lightning]'
    python examples/lightning_ddp_crash.py

What arrives, once::

    sft failed: ValueError: the loss is not a number on rank 0
    - Progress: step 2 of 8, epoch 0
    - Ranks: 0-1 of 2
"""

import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier.integrations.lightning import NotifierCallback


class Model(LightningModule):
    """A tiny model whose loss is lost at the third step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        loss = self.layer(batch[0]).square().mean()
        self.log("loss", loss)
        if batch_idx == 2:
            raise ValueError(f"the loss is not a number on rank {self.global_rank}")
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def main() -> None:
    data = DataLoader(TensorDataset(torch.randn(32, 4)), batch_size=2)
    trainer = Trainer(
        accelerator="cpu",
        strategy="ddp",
        devices=2,
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[NotifierCallback(name="sft")],  # the notifier comes from TWINKLE_NOTIFIER_URL
    )
    trainer.fit(Model(), data)


if __name__ == "__main__":
    main()
