"""The command starts first; what tells of it is loaded beside it, and costs the command nothing when that fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import stalls
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.supervise import facts

Begin = Callable[..., Any]
TELLING = "twinkle_notifier.supervise.telling"
LATER = (TELLING, "twinkle_notifier.delivery", "twinkle_notifier.incident", "twinkle_notifier.channels.ding_robot")
LATER += ("dataclasses", "hashlib", "inspect", "logging", "requests", "ssl", "subprocess", "tempfile", "typing")

# Python runs it at its start. What is in LATER, it does not load before `act` returns.
GATE = """
import os, sys, time
class Gate:
    def find_spec(self, name, path=None, target=None):
        if name in {later}:
            act(name)
def act(name):
{act}
if "run" in sys.argv or "run" in sys.orig_argv:
    sys.meta_path.insert(0, Gate())
"""
FAILS = "    raise ImportError('no such disk')"
FAILS_ONCE = """
    if not os.path.exists("failed"):
        open("failed", "w")
        raise ImportError("no such disk")
"""
HANGS = "    open('hangs', 'w'); time.sleep(600)"
WAITS_FOR_THE_START = """
    end = time.monotonic() + 10
    while not os.path.exists("started"):
        if time.monotonic() > end:
            open("early", "a").write(name + " ")
            return
        time.sleep(0.01)
"""


@pytest.fixture
def gate(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The environment of a supervisor in which `act` is done before a module of `names` is loaded."""

    def made(act: str, names: tuple[str, ...] = (TELLING,)) -> dict[str, str]:
        (tmp_path / "gate").mkdir()
        (tmp_path / "gate" / "sitecustomize.py").write_text(GATE.format(later=names, act=act))
        return {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path / "gate"), os.environ.get("PYTHONPATH")]))}

    return made


def titles(robot: Inbox) -> list[str]:
    return [message.title for message in robot.messages]


def appears(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was never written"
        time.sleep(0.01)


@pytest.mark.parametrize("how", ["by reference", "a URL", "nobody", "--to"])
def test_the_command_starts_before_what_tells_is_loaded(
    begin: Begin, robot: Inbox, gate: Callable[..., dict[str, str]], tmp_path: Path, how: str
) -> None:
    """However people are to be told."""
    env = gate(WAITS_FOR_THE_START, LATER)
    env |= {"a URL": {"TWINKLE_NOTIFIER": robot.url}, "nobody": {"TWINKLE_NOTIFIER": ""}}.get(how, {})
    options = ("--to", robot.url) if how == "--to" else ()
    done = begin(["sh", "-c", "touch started; exit 3"], options=options, **env).result()
    early = tmp_path / "run" / "early"
    assert (done.returncode, early.exists() and early.read_text()) == (3, False), done.stderr


@pytest.mark.parametrize(("end", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", -9)])
def test_what_cannot_be_loaded_costs_a_line(
    begin: Begin, robot: Inbox, gate: Callable[..., dict[str, str]], end: str, code: int
) -> None:
    """And never the command's end, nor its output."""
    done = begin(["sh", "-c", f"echo out; {end}"], **gate(FAILS)).result()
    assert (done.returncode, done.stdout, robot.messages) == (code, "out\n", [])
    assert "twinkle-notifier: what tells people cannot be loaded: no such disk\n" in done.stderr
    assert done.stderr.endswith("it is not sure that people were told: no such disk\n")


def test_it_is_tried_once_more(begin: Begin, robot: Inbox, gate: Callable[..., dict[str, str]]) -> None:
    """When the command has ended: the disk may be back."""
    done = begin(["sh", "-c", "exit 3"], **gate(FAILS_ONCE)).result()
    assert (done.returncode, titles(robot)) == (3, ["sft failed: exit code 3"]), done.stderr


def test_what_hangs_can_be_left(
    begin: Begin, robot: Inbox, gate: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """The exit code is the command's all the same."""
    running = begin(["sh", "-c", "echo ready; exit 3"], **gate(HANGS))
    running.wait_for("ready")
    appears(tmp_path / "run" / "hangs")
    time.sleep(1)
    assert running.process.poll() is None
    os.kill(running.process.pid, signal.SIGINT)
    done = running.result()
    assert (done.returncode, "it is not sure that people were told" in done.stderr) == (3, True)


def test_a_signal_while_it_is_loaded(
    begin: Begin, robot: Inbox, gate: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """It reaches the command at once, and is told once."""
    waits = WAITS_FOR_THE_START.replace('"started"', '"ended"')
    script = "trap 'touch ended; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    running = begin(["sh", "-c", script], **gate(waits))
    running.wait_for("ready")
    os.kill(running.process.pid, signal.SIGTERM)
    done = running.result()
    assert (done.returncode, titles(robot)) == (5, ["sft was preempted (SIGTERM)"]), done.stderr
    assert not (tmp_path / "run" / "early").exists()


def test_the_command_s_signals_are_as_without_us() -> None:
    """What is blocked and ignored in it, but for two that glibc keeps for itself."""
    shows = ["grep", "Sig[BI]", "/proc/self/status"]
    run = [sys.executable, "-m", "twinkle_notifier", "run", "--", *shows]
    lines = [subprocess.run(command, stdout=subprocess.PIPE, cwd="/").stdout.split() for command in (shows, run)]
    bare, ours = ([int(mask, 16) & ~(3 << 31) for mask in line[1::2]] for line in lines)
    assert ours == bare


def test_the_variable_for_stalls_is_theirs() -> None:
    """It is named twice, as `stalls` takes long to load."""
    assert facts.STALL_AFTER == stalls.VARIABLE
