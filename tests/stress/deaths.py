"""The cases of `twinkle-notifier run`: every way to die, and how many messages are right."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cases import Case
from lab import CRASH, WITH_TORCH, Lab

RUN = [sys.executable, "-m", "twinkle_notifier", "run", "--name", "sft"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
# The ranks wait for each other: a start takes a second of a core, and in a training it is long over.
TOGETHER = f'{WITH_TORCH}\ndist.init_process_group("gloo")\ndist.barrier()\n'
READY = "open('ready', 'w').close()\ntime.sleep(100)\n"
WORKING = (
    """
import threading
up = threading.Event()  # on a busy machine the import of torch takes longer than a stall
threading.Thread(target=lambda: [print(flush=True) for _ in iter(lambda: up.wait(0.5), True)], daemon=True).start()
"""
    + WITH_TORCH
    + """
dist.init_process_group("gloo")
run = t.TrainingRun(t.DingNotifier("env:DING_URL", timeout=5.0), name="sft", on_end=False)
run.started()
up.set()
def load(step):
    {load}
try:
    for step in range({steps}):
        load(step)
        dist.all_reduce(torch.ones(1))
        run.beat()
        time.sleep(0.05)
    run.ended()
except Exception as e:
    run.failed(e)
    raise
"""
)


def supervised(lab: Lab, command: list[str], *options: str) -> None:
    """`command` below the supervisor, to its end."""
    lab.run([*RUN, *options, "--", *command], TWINKLE_NOTIFIER=lab.inbox.url)


def dies(source: str, ranks: int = 0, *options: str) -> Callable[[Lab], None]:
    """An act: a script below the supervisor, with `ranks` below torchrun."""

    def act(lab: Lab) -> None:
        launcher = [*TORCHRUN, f"--nproc-per-node={ranks}"] if ranks else [sys.executable]
        supervised(lab, [*launcher, str(lab.script(source))], *options)

    return act


def asked(number: signal.Signals, *, agent: bool = False) -> Callable[[Lab], None]:
    """An act: a signal to the supervisor, or to torchrun's agent below it."""

    def act(lab: Lab) -> None:
        launcher = [*TORCHRUN, "--nproc-per-node=2"] if agent else [sys.executable]
        process = lab.start([*RUN, "--", *launcher, str(lab.script(READY))], TWINKLE_NOTIFIER=lab.inbox.url)
        deadline = time.monotonic() + 60
        while not (lab.folder / "ready").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(_agent(process.pid) if agent else process.pid, number)
        lab.finish(process)

    return act


def _agent(supervisor: int) -> int:
    """torchrun's agent below `supervisor`, beside which is a fork of that, with the same command line."""
    below = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return next(int(pid) for pid in below if b"twinkle_notifier" not in Path(f"/proc/{pid}/cmdline").read_bytes())


def restarted(lab: Lab) -> None:
    """Twice the same end, under an agent that may start the ranks once more."""
    source = "time.sleep(1)\nif rank == 1: os.kill(os.getpid(), 9)\ntime.sleep(100)"
    supervised(lab, [*TORCHRUN, "--max-restarts=1", "--nproc-per-node=2", str(lab.script(source))])


DEATHS = [
    Case("exit code 0", 0, dies("")),
    Case("SIGKILL", 1, dies("os.kill(os.getpid(), 9)"), says="killed by SIGKILL"),
    Case("SIGSEGV", 1, dies("os.kill(os.getpid(), 11)"), says="killed by SIGSEGV"),
    Case("os._exit(9)", 1, dies("os._exit(9)"), says="exit code 9"),
    Case("exit code 1", 1, dies("sys.exit(1)"), says="exit code 1"),
    Case("an exception that is not told inside", 1, dies("raise ValueError('lost')"), says="failed: ValueError: lost"),
    Case("an exception that is told inside", 1, dies(CRASH), says="failed: ValueError: the loss is lost"),
    Case("the same, 8 ranks", 1, dies(f"{TOGETHER}{CRASH}", 8), says="- Ranks: 0-7 of 8\n"),
    Case(
        "killed while it was telling",
        1,
        dies(f"t.DingNotifier.__call__ = lambda *_: os.kill(os.getpid(), 9)\n{CRASH}"),
        says="failed: ValueError: the loss is lost",
    ),
    Case("SIGKILL of 1 rank of 4", 1, dies("if rank == 3: os.kill(os.getpid(), 9)\ntime.sleep(100)", 4), says="rank 3"),
    Case(
        "the same, in a collective",
        1,
        dies(WORKING.format(load="if step == 20 and rank == 3: os.kill(os.getpid(), 9)", steps=1000), 4),
        says="rank 3 on .* was killed by SIGKILL",
    ),
    Case(
        "1 rank of 4 makes no progress; resumes",
        2,
        dies(WORKING.format(load="time.sleep(9 * (step == 20 and rank == 3))", steps=30), 4, "--stall-after", "4s"),
        says="has made no progress for .*: rank 3 has not entered .*|resumed",
    ),
    Case(
        "steps that are slow but move",
        0,
        dies(WORKING.format(load="time.sleep(3)", steps=6), 4, "--stall-after", "10s"),  # to load torch takes long, too
    ),
    Case("SIGTERM to torchrun's agent", 1, asked(signal.SIGTERM, agent=True), says="was preempted"),
    Case("SIGTERM to the supervisor", 1, asked(signal.SIGTERM), says="was preempted"),
    Case("SIGUSR1 to the supervisor", 1, asked(signal.SIGUSR1), says="was preempted"),
    Case("SIGINT to the supervisor", 1, asked(signal.SIGINT), says="was interrupted"),
    Case(
        "a killed rank, restarted, and killed again",
        2,
        restarted,
        says="restarts after attempt 1 of 2|failed for good in attempt 2 of 2",
    ),
]
