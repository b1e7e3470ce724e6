import time

from twinkle_notifier import DingNotifier, Progress, TrainingRun
from twinkle_notifier.progress import watch

watch.POLL = 0.05  # else it looks at the steps each five seconds
step = 1190


def reached():
    return Progress(epoch=0.24, step=step, of_steps=5000)


run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, progress_every="10%")
run.started(progress=reached)
run.saved("checkpoints/step-1000", 1000)
time.sleep(0.5)
for number in range(11):
    step += 1
    run.log({"loss": 2.0 / (1 + number), "lr": 0.0001}, step)
    time.sleep(0.2)
step = 1500
time.sleep(1)
run.pause()
run.settle()
