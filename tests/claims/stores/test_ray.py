"""Claims in a Ray actor, in a real local cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.inbox import Inbox

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")

SCRIPT = """
import logging, os, ray, time
import twinkle_notifier as t
from twinkle_notifier.testing import RecordingNotifier
ding = t.DingNotifier("env:DING_URL", "env:DING_SECRET")
ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)

@ray.remote(num_cpus=1)
class Worker:
    def work(self, rank):
        try:
            raise ValueError(f"lost on {rank}")
        except ValueError as e:
            return t.notify_exception(ding, context="work", exc=e, name="workers").status

@ray.remote
def unnamed():
    told = RecordingNotifier()
    t.notify_exception(told, exc=ValueError("x"))
    return told.messages[0].splitlines()[0]

@ray.remote
def task():
    raise KeyError("the remote cause")

workers = [Worker.remote() for _ in range(3)]
print(sorted(ray.get([worker.work.remote(rank) for rank, worker in enumerate(workers)])))
print(ray.get(unnamed.remote()))
try:
    ray.get(task.remote())
except Exception as e:
    t.notify_exception(ding, context="driver", exc=e, name="driver")
ray.shutdown()
"""


def test_actors_tell_once_and_a_wrapped_cause_is_shown(run: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> None:
    """Three actors meet one error; the driver meets a task's, as text, and shows its cause. In two jobs, so twice."""
    for _ in range(2):
        with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as short:  # its sockets' paths have a limit
            done = run(SCRIPT, RAY_TMPDIR=short, TMPDIR=short, TWINKLE_NOTIFIER_DIR=str(tmp_path))
        assert done.returncode == 0, done.stderr
        told, unnamed = done.stdout.splitlines()
        assert told == "['duplicate', 'duplicate', 'sent']"
        assert unnamed == "### train.py failed: ValueError: x"  # as its driver is called
    titles = [message.title for message in inbox.messages]
    assert [title.split(" on ")[0] for title in titles[::2]] == ["workers failed: ValueError: lost"] * 2
    assert titles[1::2] == ["driver failed: KeyError: 'the remote cause'"] * 2
    assert "in task" in inbox.messages[1].text
