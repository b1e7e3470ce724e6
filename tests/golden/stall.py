from twinkle_notifier import DingNotifier, TrainingRun

run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, stall_after=0.5)


def load():
    return open("go-0").read()


run.started()
for _ in range(3):
    run.beat()
load()
run.beat()
run.ended()
