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

from twinkle_notifier import Progress, TrainingRun


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", default="checkpoints")
    args = parser.parse_args()

    accelerator = Accelerator()
    torch.manual_seed(0)
    x = torch.randn(512, 4)
    loader = DataLoader(TensorDataset(x, x.sum(dim=1, keepdim=True) + 0.1 * torch.randn(512, 1)), batch_size=16)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)

    run = TrainingRun(name="line-fit")  # the notifier comes from TWINKLE_NOTIFIER_URL, or `twinkle-notifier init`
    step, reached = 0, Progress()
    run.started(progress=lambda: reached)
    try:
        for epoch in range(1, args.epochs + 1):
            for inputs, targets in loader:
                loss = torch.nn.functional.mse_loss(model(inputs), targets)
                if not loss.isfinite():
                    raise FloatingPointError(f"the loss is {loss.item()}")
                accelerator.backward(loss)
                optimizer.step()
                optimizer.zero_grad()
                step += 1
                reached = Progress(epoch=epoch, step=step)
                run.beat()  # a step is done: stalls are measured from here
                run.log({"loss": loss.detach()}, step)
            run.saved(accelerator.save_state(f"{args.out}/step-{step}"), step)
    except BaseException as e:
        run.failed(e, "train", lambda: reached)
        raise
    run.ended(lambda: reached)
    accelerator.end_training()


if __name__ == "__main__":
    main()
