"""Ray Train on two workers: both meet the same error.

Start it::

    pip install 'ray[train]' torch
    python examples/ray_train.py

What arrives, once::

    line-fit failed: ValueError: the loss is not a number
    - Progress: step 5, epoch 0
    - Ranks: 0-1 of 2

The callback takes the notifier from TWINKLE_NOTIFIER_URL, or from `twinkle-notifier init`, on the driver's node.
"""

import ray.train
import torch
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, prepare_model
from twinkle_notifier.integrations.ray import NotifierCallback


def train() -> None:
    model = prepare_model(torch.nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(1, 11):
        loss = model(torch.randn(8, 4)).square().mean()
        if step == 6:
            raise ValueError("the loss is not a number")
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        ray.train.report({"loss": loss.item(), "epoch": 0, "step": step})


def main() -> None:
    callback = NotifierCallback(name="line-fit")
    config = RunConfig(callbacks=[callback])
    TorchTrainer(train, scaling_config=ScalingConfig(num_workers=2), run_config=config).fit()


if __name__ == "__main__":
    main()
