from twinkle_notifier import DingNotifier, Progress, notify_exception

notifier = DingNotifier("env:DING_URL", "env:DING_SECRET")
reached = Progress(
    epoch=1.5,
    step=1200,
    metrics={"loss": 0.25, "accuracy": 0.875, "lost": None},
    best_checkpoint="checkpoints/step-1000",
    last_checkpoint="checkpoints/step-1200",
)


def load(batch):
    return batch[0][3]


def step(batch):
    return sum(load(batch), 0)


try:
    step([[1, 2, 3]])
except IndexError as error:
    notify_exception(notifier, "forward_backward", error, "sft", progress=reached)
