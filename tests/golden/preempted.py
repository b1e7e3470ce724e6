import signal
import sys

from twinkle_notifier import DingNotifier, watch

signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
with watch(DingNotifier("env:DING_URL", "env:DING_SECRET"), "train", "sft"):
    signal.raise_signal(signal.SIGTERM)
