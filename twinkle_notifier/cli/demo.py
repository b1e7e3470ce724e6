"""``twinkle-notifier demo``: a small process fails, hangs or ends, and a robot on this machine gets the alert."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

from twinkle_notifier.channels import VARIABLE
from twinkle_notifier.cli.common import Commands, add_command, add_json, print_json
from twinkle_notifier.runtime import language

if TYPE_CHECKING:
    from twinkle_notifier.inbox.robot import Received

_LIMIT = 60.0  # seconds for the message; a busy machine takes long to start Python twice
_SECRET = "SEC-of-the-local-robot"  # noqa: S105  it protects nothing
_LINE = "─" * 72

_STEPS = """\
import time


def training_step(step):
    time.sleep(0.02)
"""
_FAIL = f"""import errno
import os
{_STEPS}

def save(step):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"out/checkpoint-{{step}}")


for step in range(10):
    training_step(step)
    if step == 3:
        save(step)
"""
_RUN = f"""from twinkle_notifier import Progress, TrainingRun

{_STEPS}

run = TrainingRun()
run.started()
for step in range(10):
    training_step(step)
    run.beat()
"""
# The training, and not `run --stall-after`: that counts from the start, and a busy machine takes long to start Python.
_HANG = f"""{_RUN.replace("TrainingRun()", "TrainingRun(stall_after=1)")}

def wait_for_a_rank_that_is_gone():
    time.sleep(600)


wait_for_a_rank_that_is_gone()
"""
_END = f"""{_RUN}run.ended(lambda: Progress(step=10, of_steps=10, metrics={{"loss": 0.42}}))
"""
_WATCHED = """\
import runpy
from twinkle_notifier import watch

with watch(context="demo"):
    runpy.run_path("train.py", run_name="__main__")
"""  # where `run` does not work
_KINDS: dict[str, tuple[str, str, tuple[str, ...]]] = {  # with options of `run`
    "fail": (_FAIL, "The disk is full in step 3. The script has no line of code for alerts", ()),
    "hang": (_HANG, "It hangs after step 9, and reports when it has made no step for a second", ()),
    "end": (_END, "It ends well", ("--on-success",)),
}


def add(commands: Commands) -> None:
    """Add the command."""
    demo = add_command(
        commands,
        "demo",
        "show an alert, without an account",
        "Run a small process below `twinkle-notifier run`, and a robot as strict as DingTalk's on this machine. Print "
        "the message as it arrived there. Nothing leaves this machine, and nothing stays on it.",
        "twinkle-notifier demo --fail",
        epilog="Exit codes: 0, the message arrived; 1, it did not.",
    )
    kinds = demo.add_mutually_exclusive_group()
    for kind, what in (("fail", "an exception (the default)"), ("hang", "no progress"), ("end", "a good end")):
        kinds.add_argument(f"--{kind}", action="store_const", dest="kind", const=kind, default="fail", help=what)
    add_json(demo)
    demo.set_defaults(do=_demo)


def _demo(given: argparse.Namespace) -> int:
    from twinkle_notifier.inbox import Inbox  # a server, which no other command needs

    script, what, options = _KINDS[given.kind]
    if not given.json:
        words = " ".join(("--name demo", *options, "--"))
        print(f"$ twinkle-notifier run {words} python train.py\n{what}.", flush=True)
    began = time.monotonic()
    with Inbox(secret=_SECRET) as inbox, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder, "train.py").write_text(script)
        process = _started(folder, f"{inbox.url}&secret={_SECRET}", options)
        try:
            while not inbox.wait(1, 0.2) and process.poll() is None and time.monotonic() - began < _LIMIT:
                pass
            found, took = inbox.wait(1, 1.0), time.monotonic() - began
            if found and not given.json:
                _show(found[0], took)
        finally:
            _end(process)
        printed = Path(folder, "output").read_text("utf-8", "replace")
    if not found:
        print(f"no message arrived:\n{printed}", file=sys.stderr)
        return 1
    if given.json:
        found_at = {"seconds": round(took, 3), "service": found[0].service}
        print_json({"title": found[0].title, "text": found[0].text, **found_at})
    return 0


def _show(message: Received, took: float) -> None:
    text = unescape(message.text)  # as a phone shows it
    print(f"After {took:.1f} s this arrived at a robot like {message.service}'s:\n{_LINE}\n{text}\n{_LINE}")
    print("The log and the folder that it names were temporary: they are deleted.")
    print("For your own chat: twinkle-notifier init", flush=True)


def _started(folder: str, url: str, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """The command, in a session of its own, with what it prints in a file of `folder`."""
    own = {
        VARIABLE: url,
        "TWINKLE_NOTIFIER_DIR": folder,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "TWINKLE_NOTIFIER_NOTIFICATIONS": "all",
        "TWINKLE_NOTIFIER_NAME": "demo",
        language.VARIABLE: language.language(),
    }
    env = {name: value for name, value in os.environ.items() if not name.startswith("TWINKLE")} | own
    run = [sys.executable, "-m", "twinkle_notifier", "run", "--name", "demo", *options, "--"]
    command = (
        [*run, sys.executable, "train.py"] if hasattr(signal, "sigtimedwait") else [sys.executable, "-c", _WATCHED]
    )
    with Path(folder, "output").open("wb") as output:
        return subprocess.Popen(  # noqa: S603  both are ours
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and what it started: the demonstration is over. What ends by itself does so in a second."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
    process.wait()
