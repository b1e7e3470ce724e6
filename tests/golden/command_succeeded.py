from twinkle_notifier import TrainingRun

run = TrainingRun(name="sft", on_end=False)
run.started()
run.saved("checkpoints/last")
print("done", flush=True)
