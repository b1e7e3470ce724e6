"""When that is loaded which telling takes."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from twinkle_notifier import DingNotifier, loading
from twinkle_notifier.channels import from_text
def walk(): return "twinkle_notifier.incident" in sys.modules
with loading.put_off() as modules:
    from_text("https://oapi.dingtalk.com/robot/send?access_token=t", "it")
    DingNotifier("env:DING_URL")
print(walk(), *sorted(name.rpartition(".")[2] for name in modules - set(sys.modules)))
loading.load(modules)
print(modules <= set(sys.modules))
DingNotifier("env:DING_URL")
print(walk())
"""


def test_it_can_be_put_off() -> None:
    """By a process that has something to do first; what a notifier takes to send is told, and the walk is not needed."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd="/")
    assert done.stdout.splitlines() == ["False ding_robot", "True", "True"], done.stderr
