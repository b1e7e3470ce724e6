from twinkle_notifier import DingNotifier, notify_exception

try:
    raise ValueError("the loss is not a number")
except ValueError as error:
    notify_exception(DingNotifier("env:DING_URL", "env:DING_SECRET"), "train", error, "sft")
