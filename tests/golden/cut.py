"""A deep traceback in chats with little room: 4 KB, as WeCom, and 1 KB, as Pushover."""

import os
import re
import socket
from functools import partial
from pathlib import Path

from twinkle_notifier import DingNotifier, Notifier, Progress, notify_exception
from twinkle_notifier.messages.markdown import cut

LAYER = """
def layer_{number}(do):
    context = "what the trainer keeps, for the layer {number}"; return do()
"""
TRAINED = """
def trained(do):
    for number in range(25):
        do = partial(globals()[f"layer_{number}"], do)
    return do()
"""
LOOP = """
def read(path):
    return open(path)

def collate(batch):
    return trained(lambda: read("/data/sft/shard-00042.bin"))

def on_batch_end(batch):
    # the second call of the trainer
    return trained(lambda: collate(batch))

def train(size):
    try:
        trained(lambda: on_batch_end([]))
    except OSError as error:
        report(size, error)

train(4_000)
train(1_000)
"""


class Small(Notifier):
    """Has room for so many bytes. What is another each time has one length here."""

    def __init__(self, size):
        self.size = size

    def __call__(self, message):
        text = message.replace(os.getcwd(), "/data/run").replace(socket.gethostname(), "node-07")
        text = re.sub(r"PID \d+", "PID 4242", re.sub(r"Python [\w.]+", "Python 3.11.7", text))
        DingNotifier("env:DING_URL", "env:DING_SECRET")(
            cut(re.sub(r"python \S*train", "python train", text), self.size)
        )

    def to_dict(self):
        return {"class": "Small", "size": self.size}


def report(size, error):
    progress = Progress(step=1200, epoch=1.5, resume="--resume out/1000", saved_seconds=600.0)
    notify_exception(Small(size), "fit", error, f"sft-{size}", progress=progress)


def run(path, source, names):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(source)
    exec(compile(source, path, "exec"), names)


library = {"__name__": "bigtorch", "partial": partial}
layers = "".join(LAYER.replace("{number}", str(number)) for number in range(25))
run("site-packages/bigtorch/trainer.py", layers + TRAINED, library)
trained = library["trained"]
run("loop.py", LOOP, globals())
