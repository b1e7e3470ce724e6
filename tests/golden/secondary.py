import os
import time
from pathlib import Path

from twinkle_notifier import DingNotifier, watch

rank = int(os.environ["RANK"])
with watch(DingNotifier("env:DING_URL", "env:DING_SECRET"), "step", "sft"):
    if rank:
        Path("follows").touch()
        raise RuntimeError("[../gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:4242")
    while not Path("follows").exists():
        time.sleep(0.01)
    raise ValueError("the loss is not a number")
