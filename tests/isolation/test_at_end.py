"""What is done at the end of a process, whoever has started it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = """
import os, sys, time
{before}
from twinkle_notifier.isolation.at_end import at_end
{after}
def say(what):
    os.write(1, f"{{what}} {{os.getpid() == parent}}\\n".encode())
def fail():
    raise ValueError("one that fails holds up no other")
def work():
    pass
at_end(7, lambda: say("second"))
at_end(6, fail)
at_end(5, lambda: say("first"))
if __name__ == "__main__":
    parent = os.getpid()
    {then}
else:
    parent = None
"""
HERE = "first True\nsecond True\n"
CHILD = "first False\nsecond False\n"
PROCESS = """import multiprocessing
    child = multiprocessing.get_context({method!r}).Process(target=work)
    child.start()
    child.join()
    assert child.exitcode == 0"""


def said(folder: Path, *, before: str = "", after: str = "", then: str = "pass") -> str:
    script = folder / "train.py"
    script.write_text(SOURCE.format(before=before, after=after, then=then))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("loads", ["before", "after", "then", "never"])
def test_all_is_done_in_order(loads: str, tmp_path: Path) -> None:
    """Once or twice, wherever multiprocessing is loaded."""
    at = {loads: "import multiprocessing.util"} if loads != "never" else {}
    assert said(tmp_path, **at) in (HERE, 2 * HERE)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("loads", ["before", "later"])
def test_children_of_multiprocessing_do_it(method: str, loads: str, tmp_path: Path) -> None:
    """They run nothing of atexit. It may have been loaded by this package's user only."""
    before = "import multiprocessing.util" if loads == "before" else ""
    lines = said(tmp_path, before=before, then=PROCESS.format(method=method))
    assert CHILD in lines
    assert lines.endswith(HERE)


def test_a_plain_fork_does_not(tmp_path: Path) -> None:
    """`os._exit` ends it."""
    assert said(tmp_path, then="os.fork() or os._exit(0); os.wait()") == HERE
