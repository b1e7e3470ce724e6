"""Training programs of others: started as their documentation says, and broken in a step, without a change of theirs.

Each is in an environment of its own, which `make trainers` makes and names by `TRAINERS_PYTHON`. The model and the data
are made on the spot, and nothing is fetched. What a test learns is a row of the table that `make trainers` prints.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from supervised import robot

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Received

__all__ = ["robot"]

PYTHON = os.environ.get("TRAINERS_PYTHON", "")
NEEDED = pytest.mark.skipif(not PYTHON, reason="`make trainers` makes the environment, and names it")
TABLE = os.environ.get("TRAINERS_TABLE", "")  # a file, a line of JSON for each row
TRAINERS = Path(__file__).parents[1] / "trainers"
LIMIT = 300  # seconds for one program; loading one takes a minute on a busy machine
STEPS = 12  # it saves each third, and logs each

HAPPENS = "import os, signal, time\n\ndef happens(step, rank):\n    "
NOTHING = HAPPENS + "pass\n"
CRASH = HAPPENS + "if step == 7 and rank == 1:\n        raise ValueError('the loss is lost')\n"
CRASH_ALONE = CRASH.replace(" and rank == 1", "")
KILL = HAPPENS + "if step == 7 and rank == 1:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
# Until it may go on: the alert is out by then, however long that takes.
STALL = HAPPENS + (
    "while step == 7 and rank == 1 and not os.path.exists(os.environ['GO_ON']):\n        time.sleep(0.1)\n"
)
REACHED = (
    HAPPENS + "if step == 7:\n        open(os.environ['GO_ON'], 'w').close()\n    if step > 7:\n        time.sleep(1)\n"
)


class Program:
    """A running command with its output in a file."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str], go_on: Path) -> None:
        self.log, self.go_on = folder / "output.log", go_on
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def result(self) -> tuple[int, str]:
        """Its exit code and its output, once it has ended."""
        try:
            self.process.wait(LIMIT)
        finally:
            self.kill()
        return self.process.returncode, self.log.read_text(errors="replace")

    def wait_for_step(self) -> None:
        """Until it has done some steps."""
        deadline = time.monotonic() + LIMIT
        while not self.go_on.exists():
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")
            time.sleep(0.1)

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal gives it to all processes in the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


Start = Callable[..., Program]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model and data for it."""
    folder = tmp_path_factory.mktemp("tiny")
    subprocess.run([PYTHON, str(TRAINERS / "tiny.py"), str(folder)], check=True, env=_env(), timeout=LIMIT)
    return folder


def _env(**more: str) -> dict[str, str]:
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"), "1")
    quiet = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}
    path = f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **offline, **quiet, "PATH": path, "DO_NOT_TRACK": "1", "AXOLOTL_DO_NOT_TRACK": "1", **more}


@pytest.fixture
def start(robot: Inbox, tmp_path: Path) -> Iterator[Start]:
    """Start a program, under `twinkle-notifier run` or without, in whose steps something `happens`."""
    running: list[Program] = []

    def one(
        command: list[str], happens: str, *, run: bool = True, options: tuple[str, ...] = (), **env: str
    ) -> Program:
        folder = tmp_path / f"run{len(running)}"
        site, go_on = folder / "site", folder / "go_on"
        shutil.copytree(TRAINERS / "breaks", site)
        (site / "happens.py").write_text(happens)
        supervisor = ["twinkle-notifier", "run", "--name", "sft", *options, "--"] if run else []
        named = {} if run else {"TWINKLE_NOTIFIER_NAME": "sft"}
        whole = _env(PYTHONPATH=str(site), GO_ON=str(go_on), HOME=str(folder), **named, **env)
        running.append(Program([*supervisor, *command], folder, whole, go_on))
        return running[-1]

    yield one
    for program in running:
        program.kill()


@dataclass(frozen=True)
class Case:
    """What a program is to meet, how many messages tell it, and what the first one has to hold, each by a pattern."""

    what: str
    messages: int
    holds: dict[str, str]
    happens: str = NOTHING


_REACHED = {
    "step": rf"Progress: step 7 of {STEPS}",
    "epoch": r"Progress: .*epoch [\d.]+",
    "loss": r"(?m)^- (Metrics: .*loss|loss: )",
    "checkpoint": r"checkpoint-6\b",
}
_CRASH = {
    "type and words": r"sft failed: ValueError: the loss is lost",
    "place": r"happens\.py.*\bhappens\b",
    **_REACHED,
}
CRASHED = Case("an exception in rank 1 of 2", 1, {**_CRASH, "rank": r"- Rank: 1 of 2"}, CRASH)
CRASHED_ALONE = Case("an exception in a step", 1, _CRASH, CRASH_ALONE)
ENDED = Case(
    "a clean end",
    1,
    {
        "duration": r"sft ended after \d",
        "metrics": r"(?m)^- (Metrics: .*loss|loss: )",
        "step": rf"step {STEPS} of {STEPS}",
    },
)
KILLED = Case(
    "SIGKILL of rank 1 of 2",
    1,
    {"rank": r"sft failed: rank 1 on .* was killed by SIGKILL", "checkpoint": r"checkpoint-6\b"},
    KILL,
)
STALLED = Case(
    "rank 1 of 2 stalls, and goes on",
    2,
    {"rank and step": r"sft has made no progress for ", "stack": r"happens\.py.*\bin happens"},
    STALL,
)
STALLED_ALONE = replace(STALLED, messages=3)  # an adapter reports the end, too
INTERRUPTED = Case("Ctrl-C", 1, {"interrupted": r"sft was interrupted"}, REACHED)

CASES = pytest.mark.parametrize(
    "case", [CRASHED, ENDED, KILLED, STALLED, INTERRUPTED], ids=lambda case: case.what.replace(" ", "-")
)
ALONE = pytest.mark.parametrize(
    "case", [CRASHED, ENDED, STALLED_ALONE, INTERRUPTED], ids=lambda case: case.what.replace(" ", "-")
)


def check(case: Case, robot: Inbox, launch: str, output: str, trainer: str = "") -> None:
    """Of `case` the robot has got what it should. It is a row of the table, whether it has or not.

    The environment has the name of its trainer, unless `trainer` is the one that ran.
    """
    told = robot.messages
    text = f"{told[0].title}\n{told[0].text}" if told else ""
    held = [name for name, pattern in case.holds.items() if re.search(pattern, text)]
    row = {"trainer": _version(trainer), "launch": launch, "what": case.what, "messages": len(told), "held": held}
    row["lacks"] = [name for name in case.holds if name not in held]
    if TABLE:
        with open(TABLE, "a") as table:
            table.write(json.dumps(row) + "\n")
    assert (len(told), row["lacks"]) == (case.messages, []), _shown(told) + output[-6000:]
    if case.happens == STALL:
        later = [re.sub(r" after .*", "", message.title) for message in told[1:]]
        assert later == ["sft resumed", "sft ended"][: case.messages - 1], later


def _version(trainer: str) -> str:
    """Its name and version."""
    name = trainer or Path(PYTHON).parents[1].name.replace("swift", "ms-swift")
    code = f"from importlib.metadata import version; print({name!r}, version({name!r}).partition('+')[0])"
    return subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _shown(told: list[Received]) -> str:
    return "\n\n".join(message.text for message in told) + "\n\n"


def met(case: Case, robot: Inbox, program: Program, launch: str, trainer: str = "") -> None:
    """Let `case` happen in `program`, whose model does it, and check what people learn."""
    if case.happens == STALL:
        robot.wait(1, LIMIT)
        program.go_on.touch()
    if case.happens == REACHED:
        program.wait_for_step()
        program.interrupt()
    code, output = program.result()
    assert (code == 0) == (case.happens in (NOTHING, STALL)), output[-6000:]
    check(case, robot, launch, output, trainer)


OPTIONS: dict[str, tuple[str, ...]] = {NOTHING: ("--on-success",), STALL: ("--stall-after", "5m")}
STALL_AFTER = {"TWINKLE_NOTIFIER_STALL_AFTER": "3"}  # in the program itself: loading it takes longer, and is no stall


def runs(
    case: Case,
    robot: Inbox,
    start: Start,
    command: list[str],
    *,
    run: bool = True,
    launch: str = "",
    trainer: str = "",
    options: tuple[str, ...] = (),
    **env: str,
) -> None:
    """Start `command` with `run` before it or without, let `case` happen, and check what people learn.

    The table shows the beginning of the command unless it is to show another `launch`.
    """
    options = options or OPTIONS.get(case.happens, ()) if run else ()
    more = {**env, **(STALL_AFTER if case.happens == STALL else {})}
    shown = ("run -- " if run else "") + (launch or _short(command))
    met(case, robot, start(command, case.happens, run=run, options=options, **more), shown, trainer)


def _short(command: list[str]) -> str:
    """The program and what it is to do, without its options."""
    words = [Path(word).name if os.sep in word else word for word in command]
    if "-m" in words:
        return f"{words[0]} -m {words[words.index('-m') + 1]}"
    return " ".join(words[: next((n for n, word in enumerate(words) if word.startswith("--")), len(words))])
