"""Ray Train on two workers: both meet the same error.

Start it::

    pip install 'ray[train]' torch
    python examples/ray_train.py

What arrives, once::

    line-fit failed: ValueError: the loss is not a number
    - Ranks: 0-1 of 2

The workers take the notifier from TWINKLE_NOTIFIER_URL, or from `twinkle-notifier init`: on a cluster, on each node.
"""

import ray.train
import torch
from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer, prepare_model

from twinkle_notifier import watch


@watch(context="train", name="line-fit")  # in each worker, where the exception is met
def train() -> None:
    model = prepare_model(torch.nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(10):
        loss = model(torch.randn(8, 4)).square().mean()
        if step == 5:
            raise ValueError("the loss is not a number")
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        ray.train.report({"loss": loss.item()})


def main() -> None:
    trainer = TorchTrainer(train, scaling_config=ScalingConfig(num_workers=2))
    trainer.fit()  # raises the workers' error once more: without `watch` here that is no second message


if __name__ == "__main__":
    main()
