"""Hydra: a multirun of four learning rates, two of which are too high.

Start it::

    python examples/hydra_sweep.py --multirun lr=0.1,0.5,1.2,1.5

What arrives, before one for each new kind of error::

    line-fit: 2 of 4 jobs failed
    - Jobs: 4 in all, 2 fine, 2 failed
    - Error: 2 × FloatingPointError: the loss is inf, at hydra_sweep.py:35 in train; first in job 2: lr=1.2
"""

import math

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

CALLBACK = {"_target_": "twinkle_notifier.integrations.hydra.NotifierCallback", "name": "line-fit"}
# As a file of YAML has it, too. The notifier comes from TWINKLE_NOTIFIER_URL, or `twinkle-notifier init`.
CONFIG = {"lr": 0.1, "steps": 2000, "hydra": {"callbacks": {"notify": CALLBACK}}}
POINTS = [(x / 8, 3 * x / 8 + 1) for x in range(-8, 9)]  # of the line y = 3 x + 1

ConfigStore.instance().store(name="config", node=CONFIG)


@hydra.main(version_base="1.3", config_path=None, config_name="config")
def train(config: DictConfig) -> float:
    slope = offset = loss = 0.0
    for _ in range(config.steps):
        errors = [slope * x + offset - y for x, y in POINTS]
        loss = sum(error * error for error in errors) / len(POINTS)
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss}")
        slope -= config.lr * sum(2 * error * x for error, (x, _) in zip(errors, POINTS, strict=True)) / len(POINTS)
        offset -= config.lr * sum(2 * error for error in errors) / len(POINTS)
    return loss


if __name__ == "__main__":
    train()
