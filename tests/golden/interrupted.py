import signal

from twinkle_notifier import DingNotifier, watch

with watch(DingNotifier("env:DING_URL", "env:DING_SECRET"), "train", "sft"):
    signal.raise_signal(signal.SIGINT)
