import json
import os

from twinkle_notifier import Notifier, Progress, notify_exception


def read(path):
    return json.loads(open(path, encoding="utf-8").read())


def train():
    open("shard-7.json", "w", encoding="utf-8").write('{"text": "训练 <数据> & more", ')
    return read("shard-7.json")


try:
    train()
except ValueError as error:
    everyone = Notifier.from_url(os.environ["CHATS"])
    notify_exception(everyone, "load", error, "sft", progress=Progress(step=1200, epoch=1.5, metrics={"loss": 0.25}))
