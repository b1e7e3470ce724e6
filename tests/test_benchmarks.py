"""What the benchmarks measure with, in little: figures, tables, and the plot of the docs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from twinkle_notifier.inbox import Inbox

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(*arguments: str, stdin: str = "") -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=BENCHMARKS, input=stdin, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_point_can_be_named() -> None:
    """All are loaded by that."""
    said = run(".", "--help")
    assert all(
        point in said
        for point in ("import_cost", "delivery", "training", "instructions", "faults", "ranks", "rendering")
    )


@pytest.mark.parametrize("case", ["10,000 frames of 40 functions in turn", "a group of 1,000", "a message of 10 MB"])
def test_what_is_huge_is_rendered_within_bounds(case: str) -> None:
    """In less than the traceback alone takes, whatever the machine: by the characters and the memory."""
    _seconds, megabytes, characters = map(float, run("rendering.py", case, "twinkle_notifier").split())
    assert characters < 100_000
    assert megabytes < 60


def test_a_peer_tells_of_a_crash_at_each_line() -> None:
    """Seconds, and when they began; and the robot has the message."""
    with Inbox() as robot:
        lines = run("peers.py", "twinkle_notifier", robot.url, stdin="\n\n").splitlines()
        assert (lines[0], len(lines), len(robot.messages)) == ("ready", 3, 2)


def test_each_step_of_a_crash_is_found() -> None:
    """By its name, which may change; and takes a time."""
    with Inbox() as robot:
        said = json.loads(run("where.py", robot.url, "1"))
    assert {"all of the walk", "the claim", "one try, in a thread"} <= {step for step, (_, ms) in said.items() if ms}


def test_one_rank_claims_once() -> None:
    """On files, in its own process."""
    winners, silent, _seconds, _connections = run("ranks.py", "files", "4").strip("[]\n").split(", ")
    assert (winners, silent) == ("1", "0")
