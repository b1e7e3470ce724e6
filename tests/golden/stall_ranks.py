import os
import time
from pathlib import Path

from twinkle_notifier import DingNotifier, TrainingRun

rank = os.environ["RANK"]
run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, stall_after=1)


def load():
    return open(f"go-{rank}").read()


def reduce():
    return open(f"go-{rank}").read()


Path(f"ready-{rank}").touch()
while len(list(Path().glob("ready-*"))) < 3:
    time.sleep(0.01)
run.started()
for _ in range(3):
    run.beat()
load() if rank == "2" else reduce()
run.beat()
run.ended()
