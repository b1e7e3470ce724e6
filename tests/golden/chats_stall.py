import os

from twinkle_notifier import Notifier, TrainingRun

chats = Notifier.from_url("env:DINGTALK_URL env:FEISHU_URL env:WECOM_URL env:SLACK_URL")
run = TrainingRun(chats, name="sft", on_end=False, stall_after=0.5)


def load(shard):
    return open(f"go-{shard}").read()


run.started()
for _ in range(3):
    run.beat()
for shard in range(4):
    load(shard)
os._exit(0)
