import os
import time
from pathlib import Path

from twinkle_notifier import DingNotifier, watch

rank = int(os.environ["RANK"])
claims = Path(os.environ["TWINKLE_NOTIFIER_DIR"], "claims")
with watch(DingNotifier("env:DING_URL", "env:DING_SECRET"), "step", "sft"):
    while rank and not any(claims.glob("*/*/0")):  # the first rank claims it
        time.sleep(0.002)
    raise ValueError(f"the loss of rank {rank} is not a number")
