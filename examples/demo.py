"""Runs the two examples against a local robot and shows the messages as they arrived: one crash, one end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from twinkle_notifier.inbox import Inbox

_HERE = Path(__file__).parent
_LIMIT = 300  # seconds for one example; importing the frameworks for the first time takes most of them
_EXPECTED = ["sft failed: ValueError", "reward-model ended"]


def run(script: str, inbox: Inbox, secret: str) -> None:
    """Run an example to its end, whatever its exit code, and pass its error output on if it sent nothing."""
    before = len(inbox.messages)
    notifier = {"class": "DingNotifier", "ding_url": inbox.url, "secret": secret, "timeout": 5.0}
    env = {**os.environ, "TWINKLE_NOTIFIER_URL": json.dumps(notifier), "HF_HUB_OFFLINE": "1"}
    print(f"Running {script} ...", flush=True)
    done = subprocess.run([sys.executable, _HERE / script], env=env, capture_output=True, text=True, timeout=_LIMIT)
    print(f"  exit code {done.returncode}, {len(inbox.messages) - before} message(s)", flush=True)
    if len(inbox.messages) != before + 1:
        print(done.stderr, file=sys.stderr)


def main() -> int:
    """0 if exactly the two expected messages arrived."""
    secret = "SEC-of-the-local-robot"
    with Inbox(secret=secret) as inbox:
        run("lightning_ddp_crash.py", inbox, secret)
        run("transformers_end.py", inbox, secret)
        for number, message in enumerate(inbox.messages, 1):
            print(f"\n{'─' * 30} message {number} {'─' * 30}\n{message.text}")
    titles = [message.title for message in inbox.messages]
    as_expected = len(titles) == len(_EXPECTED) and all(map(str.startswith, titles, _EXPECTED))
    print(f"\n{'OK' if as_expected else 'NOT AS EXPECTED'}: {len(titles)} message(s): {titles}")
    return 0 if as_expected else 1


if __name__ == "__main__":
    sys.exit(main())
