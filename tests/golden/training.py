from twinkle_notifier import DingNotifier, Progress, TrainingRun

run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_start=True)
run.started(["- Parameters: 7.2 B"])
run.beat()
run.saved("checkpoints/last")
run.ended(
    lambda: Progress(
        epoch=3, step=900, metrics={"loss": 0.5}, why_ended=run.says("{limit} reached", limit="max_epochs=3")
    )
)
