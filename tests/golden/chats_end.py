from twinkle_notifier import Notifier, Progress, TrainingRun

chats = Notifier.from_url("env:DINGTALK_URL env:FEISHU_URL env:WECOM_URL env:SLACK_URL")
run = TrainingRun(chats, name="sft")
run.started()
for number in range(60):
    run.log({"loss": 2.5 / (number + 1)}, number)
run.saved("out/checkpoint-3000", 3000)
run.ended(lambda: Progress(epoch=3, step=3000, of_steps=3000, metrics={"loss": 0.042}))
