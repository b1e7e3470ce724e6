import os

from twinkle_notifier import DingNotifier, watch

with watch(DingNotifier("env:DING_URL", "env:DING_SECRET"), "step", "sft"):
    if os.environ["RANK"] == "1":
        raise RuntimeError("[../gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:4242")
