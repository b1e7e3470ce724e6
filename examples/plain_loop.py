"""A training loop of your own, in plain Python: its loss diverges.

Start it::

    python examples/plain_loop.py

What arrives::

    line-fit failed: FloatingPointError: the loss is inf at step 510
    - At: plain_loop.py:28 in train: `raise FloatingPointError(f"the loss is {loss} at step {step}")`
"""

import math

from twinkle_notifier import watch

LEARNING_RATE = 1.5  # too high: that is the bug
POINTS = [(x / 8, 3 * x / 8 + 1) for x in range(-8, 9)]  # of the line y = 3 x + 1


@watch(context="train", name="line-fit")  # the notifier comes from TWINKLE_NOTIFIER_URL, or `twinkle-notifier init`
def train() -> None:
    slope = offset = 0.0
    for step in range(1000):
        errors = [slope * x + offset - y for x, y in POINTS]
        loss = sum(error * error for error in errors) / len(POINTS)
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} at step {step}")
        slope -= LEARNING_RATE * sum(2 * error * x for error, (x, _) in zip(errors, POINTS, strict=True)) / len(POINTS)
        offset -= LEARNING_RATE * sum(2 * error for error in errors) / len(POINTS)
    print(f"y = {slope:.2f} x + {offset:.2f}")


if __name__ == "__main__":
    train()
