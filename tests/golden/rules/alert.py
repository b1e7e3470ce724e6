from twinkle_notifier import DingNotifier, Progress, TrainingRun, alert

ding = DingNotifier("env:DING_URL", "env:DING_SECRET")
alert("the data is ready", "1,204 shards in /data/sft\nnone is empty", "success", notifier=ding)
run = TrainingRun(ding, name="sft", on_end=False)
run.started(progress=lambda: Progress(epoch=0.5, step=200, of_steps=400))
run.log({"loss": 3.5}, 50)
run.log({"loss": 2.5}, 100)
run.log({"loss": 1.5}, 150)
run.alert("accuracy is low", "accuracy 0.31, expected 0.60", level="WARN")
