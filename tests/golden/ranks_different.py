import os
import time
from pathlib import Path

from twinkle_notifier import DingNotifier, watch

rank = int(os.environ["RANK"])
Path(f"ready-{rank}").touch()
with watch(DingNotifier("env:DING_URL", "env:DING_SECRET"), "step", "sft"):
    while len(list(Path().glob("ready-*"))) < 2:
        time.sleep(0.01)
    if rank == 0:
        raise ValueError("the loss is not a number")
    raise KeyError("input_ids")
