import math

from twinkle_notifier import DingNotifier, Progress, TrainingRun

rules = ["zscore(loss[50]) > 6 => error: spike", "eval_loss > 2 * min(eval_loss[10]), for_steps=2"]
run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft", on_end=False, rules=rules)
step = 0
run.started(progress=lambda: Progress(epoch=0.5, step=step, of_steps=4000))
for step in range(10, 1180, 10):
    run.log({"loss": 2 + 1000 / (step + 200) + (step % 70) / 100, "learning_rate": 1e-4}, step)
    if step == 1000:
        run.saved("checkpoints/1000", step)
    if not step % 250:
        run.log({"eval_loss": 0.8 if step < 750 else 1.75}, step)
step = 1180
run.log({"loss": 31.5, "learning_rate": 1e-4}, step)
step = 1190
run.log({"loss": math.nan, "grad_norm": math.nan, "learning_rate": 1e-4}, step)
step = 1200
run.log({"loss": 2.8, "grad_norm": 1.5, "learning_rate": 1e-4}, step)
run.ended()
