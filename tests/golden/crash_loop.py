from contextlib import suppress

from twinkle_notifier import DingNotifier, watch

notifier = DingNotifier("env:DING_URL", "env:DING_SECRET")
for _ in range(5):
    with suppress(ValueError), watch(notifier, "train", "sft"):
        raise ValueError("the loss is not a number")
