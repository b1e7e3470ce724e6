"""The Hydra callback in real programs, each in a process of its own, as Hydra's documentation starts them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.arrivals import Arrival

pytest.importorskip("hydra")

LIMIT = 120  # seconds for what is waited for
TARGET = "_target_=twinkle_notifier.integrations.hydra.NotifierCallback"
CONFIG = """
    lr: 0.1
    then: ""
    net: {_target_: net.Net, width: 0}
    hydra:
      callbacks:
        notify:
          _target_: twinkle_notifier.integrations.hydra.NotifierCallback
          name: sft
"""
NET = """
    class Net:
        def __init__(self, width):
            raise RuntimeError(f"a net needs a width, not {width}")
"""
APP = """
    import os, signal, sys, time
    import hydra


    def train(cfg):
        if cfg.lr >= 10:
            raise FloatingPointError("the loss is nan")
        if cfg.lr >= 1:
            raise ValueError(f"lr {cfg.lr} is too large")
        if cfg.then == "net":
            hydra.utils.instantiate(cfg.net)
        if cfg.then == "wait" and cfg.lr > 0.1:
            print("it waits:", os.getpid(), flush=True)
            for _ in range(60_000):  # not one long sleep: a signal may come just before it begins
                time.sleep(0.01)
        if cfg.then == "die":
            os.kill(os.getpid(), 9)
        if cfg.then.startswith("exit"):
            sys.exit(int(cfg.then[4:]))
        if cfg.then == "term":
            signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
            signal.raise_signal(signal.SIGTERM)
        return cfg.lr * 2


    @hydra.main(version_base=None, config_path="conf", config_name="config")
    def main(cfg):
        return train(cfg)


    if __name__ == "__main__":
        main()
"""
Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., str]


@pytest.fixture
def start(inbox: Inbox, tmp_path: Path) -> Iterator[Start]:
    """Start ``python app.py ARGUMENTS``, under `twinkle-notifier run` if `supervised`."""
    running: list[subprocess.Popen[str]] = []
    (tmp_path / "conf").mkdir()
    for name, text in {"app.py": APP, "net.py": NET, "conf/config.yaml": CONFIG}.items():
        (tmp_path / name).write_text(textwrap.dedent(text))

    def start_one(*arguments: str, supervised: bool = False, **env: str) -> subprocess.Popen[str]:
        around = [str(Path(sys.executable).with_name("twinkle-notifier")), "run", "--name", "sft", "--"]
        process = subprocess.Popen(
            [*(around if supervised else []), sys.executable, "app.py", *arguments],
            cwd=tmp_path,
            env={**os.environ, "TWINKLE_NOTIFIER_URL": f"{inbox.url}&secret=SEC0123456789abcdef", **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start_one
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def run(start: Start) -> Run:
    """The same, to its end with this exit `code`; gives what it printed."""

    def run_one(*arguments: str, code: int, supervised: bool = False, **env: str) -> str:
        process = start(*arguments, supervised=supervised, **env)
        output, _ = process.communicate(timeout=LIMIT)
        assert process.returncode == code, output
        assert "Callback NotifierCallback" not in output  # as Hydra says it when a callback raises
        return output

    return run_one


def of(messages: list[Arrival], title: str) -> Arrival:
    """The only message with this title."""
    [found] = [message for message in messages if message.title == title]
    return found


def has(message: Arrival, *lines: str) -> bool:
    return all(f"\n{line}" in message.text for line in lines)


@pytest.mark.parametrize("supervised", [False, True], ids=["alone", "under run"])
def test_a_job_that_fails_is_told_once(run: Run, inbox: Inbox, tmp_path: Path, supervised: bool) -> None:
    """With the user's own place, the job's overrides and its folder; Hydra prints what it prints without us."""
    printed = run("lr=1", "hydra.run.dir=out", code=1, supervised=supervised)
    [message] = inbox.messages
    assert message.title == "sft failed: ValueError: lr 1 is too large"
    assert has(message, "- At: app.py:10 in train: ", "- Overrides: lr=1\n", f"- Output folder: {tmp_path}/out\n")
    assert re.search(r'^Traceback .*\n  File "\S+app.py", line 2\d, in main\n', printed, re.MULTILINE)
    assert printed.count("Error executing job") == 1


def test_what_instantiate_wraps_is_told_as_it_was_raised(run: Run, inbox: Inbox) -> None:
    """Hydra raises an InstantiationException from the error of a class that the configuration names."""
    run("then=net", code=1)
    [message] = inbox.messages
    assert message.title == "sft failed: RuntimeError: a net needs a width, not 0"
    assert has(message, "- At: net.py:4 in ")


def test_a_good_end_is_told(run: Run, inbox: Inbox) -> None:
    """By a callback that the command line adds to a program which has none."""
    run("~hydra.callbacks.notify", f"+hydra.callbacks.other.{TARGET}", code=0)
    [message] = inbox.messages
    assert re.fullmatch(r"app.py ended after \d+ s", message.title)
    assert has(message, "- Output folder: ")


def test_what_is_left_out(run: Run, inbox: Inbox) -> None:
    """A good end is left out, and so is what an override hides."""
    run("+hydra.callbacks.notify.on_end=false", code=0)
    assert inbox.messages == []
    run("lr=1", "+api_key=sk-0123456789abcdef0123456789abcdef", code=1)
    assert "sk-0123456789abcdef" not in inbox.messages[0].text


@pytest.mark.parametrize(("code", "title"), [(3, "sft exited: SystemExit: 3"), (0, r"sft ended after \d+ s")])
def test_sys_exit_in_a_job(run: Run, inbox: Inbox, code: int, title: str) -> None:
    """Hydra calls no callback for it."""
    run(f"then=exit{code}", code=code)
    [message] = inbox.messages
    assert re.fullmatch(title, message.title)
    assert has(message, f"- Overrides: then=exit{code}\n")


@pytest.mark.parametrize("sweep", [[], ["--multirun"]], ids=["job", "multirun"])
def test_a_handler_that_exits_with_0_is_no_good_end(run: Run, inbox: Inbox, sweep: list[str]) -> None:
    """A program that saves at SIGTERM may exit with 0; it was preempted all the same."""
    run("then=term", *sweep, code=0)
    [message] = inbox.messages
    assert message.title == "sft was preempted"


@pytest.mark.parametrize("supervised", [False, True], ids=["alone", "under run"])
@pytest.mark.parametrize("sweep", [[], ["--multirun"]], ids=["job", "multirun"])
def test_ctrl_c_is_an_interruption(start: Start, inbox: Inbox, sweep: list[str], supervised: bool) -> None:
    """Also the one of a multirun, which tells how far that got."""
    process = start("lr=0.1,0.2" if sweep else "lr=0.2", "then=wait", *sweep, supervised=supervised)
    assert process.stdout is not None
    printed = iter(process.stdout)
    assert any("it waits" in line for line in printed)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    assert process.wait(LIMIT) != 0
    [message] = inbox.messages
    assert message.title == "sft was interrupted"
    expected = "- Jobs: 2 in all, 1 fine, 1 without an end\n" if sweep else "- Overrides: lr=0.2, then=wait\n"
    assert has(message, expected)


@pytest.mark.parametrize("sweep", [[], ["--multirun"]], ids=["job", "multirun"])
def test_sigkill_is_told_by_run(run: Run, inbox: Inbox, sweep: list[str]) -> None:
    """By it alone: the callback is gone with its process."""
    run("then=die", *sweep, code=-signal.SIGKILL, supervised=True)
    [message] = inbox.messages
    assert message.title == "sft failed: killed by SIGKILL"


FOUR = ("--multirun", "lr=0.1,1,2,10", "hydra.sweep.dir=sweep")


@pytest.mark.parametrize("supervised", [False, True], ids=["alone", "under run"])
def test_a_multirun_of_four(run: Run, inbox: Inbox, tmp_path: Path, supervised: bool) -> None:
    """Two fail in one way and one in another: each way is told as it comes, and all of it at the end."""
    run(*FOUR, code=1, supervised=supervised)
    assert len(inbox.messages) == 3
    first = of(inbox.messages, "sft: job 1 failed: ValueError: lr 1 is too large")
    assert has(first, "- At: app.py:10 in train: ", "- Overrides: lr=1\n", f"- Output folder: {tmp_path}/sweep/1\n")
    of(inbox.messages, "sft: job 3 failed: FloatingPointError: the loss is nan")
    assert inbox.messages[-1].title == "sft: 3 of 4 jobs failed"
    assert has(
        inbox.messages[-1],
        "- Jobs: 4 in all, 1 fine, 3 failed\n",
        "- Value: 0.2, by job 0: lr=0.1\n",
        "- Error: 2 × ValueError: lr 1 is too large, at app.py:10 in train; first in job 1: lr=1\n",
        "- Error: 1 × FloatingPointError: the loss is nan, at app.py:8 in train; first in job 3: lr=10\n",
        f"- Output folder: {tmp_path}/sweep\n",
    )


joblib = pytest.mark.skipif(find_spec("joblib") is None, reason="there is no hydra-joblib-launcher")
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=sweep")


@pytest.mark.parametrize("launcher", [(), pytest.param(JOBLIB, marks=joblib)], ids=["in turn", "in processes"])
def test_what_instantiate_wraps_is_no_second_failure_of_a_multirun(
    run: Run, inbox: Inbox, launcher: tuple[str, ...]
) -> None:
    """Hydra's own error, which leaves the sweep, is that of the job: the end is the digest."""
    run("-m", "lr=0.1", "then='',net", *launcher, code=1)
    first, end = inbox.messages
    assert first.title == "sft: job 1 failed: RuntimeError: a net needs a width, not 0"
    assert end.title == "sft: 1 of 2 jobs failed"
    assert has(end, "- Error: 1 × RuntimeError: a net needs a width, not 0, at net.py:4 in ")


def test_a_multirun_with_one_message(run: Run, inbox: Inbox) -> None:
    """That is what `end_only` means. `run` knows by that one why the program ended."""
    run(*FOUR, "+hydra.callbacks.notify.notifications=end_only", code=1, supervised=True)
    [message] = inbox.messages
    assert message.title == "sft: 3 of 4 jobs failed"


def test_a_multirun_without_a_failure(run: Run, inbox: Inbox) -> None:
    """Each job's return value counts; which is the best only a sweeper that optimizes knows."""
    run("lr=0.3,0.1,0.2", "-m", code=0)
    [message] = inbox.messages
    assert re.fullmatch(r"sft: sweep ended after \d+ s", message.title)
    assert has(message, "- Jobs: 3 in all, 3 fine\n", "- Lowest value: 0.2, by job 1: lr=0.1\n")
    assert has(message, "- Highest value: 0.6, by job 0: lr=0.3\n")


@joblib
@pytest.mark.parametrize(
    "supervised", [False, pytest.param(True, marks=pytest.mark.stress)], ids=["alone", "under run"]
)
def test_a_multirun_in_several_processes(run: Run, inbox: Inbox, tmp_path: Path, supervised: bool) -> None:
    """They tell each way to fail once, whoever meets it, and the process that started them tells of all jobs."""
    run("-m", "lr=0.1,1,2,10", *JOBLIB, code=1, supervised=supervised)
    assert len(inbox.messages) == 3
    assert inbox.messages[-1].title == "sft: 3 of 4 jobs failed"
    assert has(inbox.messages[-1], "- Jobs: 4 in all, 1 fine, 3 failed\n", "- Error: 2 × ValueError: lr ")
    assert not list((tmp_path / "sweep").glob(".twinkle*"))


@joblib
def test_a_process_of_a_multirun_that_is_killed(start: Start, inbox: Inbox) -> None:
    """What the others have done is not lost, though joblib gives nothing back."""
    process = start("-m", "lr=1,0.2", "then=wait", *JOBLIB)
    assert process.stdout is not None
    pid = next(int(line.split()[-1]) for line in process.stdout if line.startswith("it waits"))
    inbox.wait(1, LIMIT)
    os.kill(pid, signal.SIGKILL)
    assert process.wait(LIMIT) == 1
    told, end = inbox.messages
    assert told.title == "sft: job 0 failed: ValueError: lr 1 is too large"
    assert end.title.startswith("sft failed: TerminatedWorkerError: ")
    assert has(end, "- Jobs: 2 in all, 1 failed, 1 without an end\n", "- Error: 1 × ValueError: lr 1 is too large")
