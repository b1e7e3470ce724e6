"""Accelerate with a loop of your own: one message over all processes about the end, or the crash.

Start it, the second time with a loss that diverges::

    accelerate launch examples/accelerate_loop.py
    torchrun --nproc-per-node 2 examples/accelerate_loop.py --lr 1000

What arrives::

    line-fit ended after 2 s
    - Progress: step 96, epoch 3
    - Last checkpoint: checkpoints/step-96

    line-fit failed: FloatingPointError: the loss is inf
    - Ranks: 0-1 of 2
"""

import argparse

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier.integrations.accelerate import NotifierTracker

from twinkle_notifier import watch


@watch(name="line-fit")  # tells the failure; the notifier comes from TWINKLE_NOTIFIER_URL, or `twinkle-notifier init`
def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", default="checkpoints")
    args = parser.parse_args()

    accelerator = Accelerator(log_with=NotifierTracker("line-fit"))  # tells the end, and how far it got
    torch.manual_seed(0)
    x = torch.randn(512, 4)
    loader = DataLoader(TensorDataset(x, x.sum(dim=1, keepdim=True) + 0.1 * torch.randn(512, 1)), batch_size=16)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)

    accelerator.init_trackers("line-fit")
    step = 0
    for _ in range(args.epochs):
        for inputs, targets in loader:
            loss = torch.nn.functional.mse_loss(model(inputs), targets)
            if not loss.isfinite():
                raise FloatingPointError(f"the loss is {loss.item()}")
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            accelerator.log({"loss": loss.detach()}, step)
        accelerator.save_state(f"{args.out}/step-{step}")
    accelerator.end_training()


if __name__ == "__main__":
    main()
