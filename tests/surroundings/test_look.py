"""All facts at once, in real processes: while a run crashes nothing may hang, raise, be loaded or give a secret away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import bare
import pytest

from twinkle_notifier.isolation import threads
from twinkle_notifier.surroundings import Surroundings, look
from twinkle_notifier.surroundings.devices import Gpus

SCRIPT = """
import json, os, sys, threading
from twinkle_notifier.surroundings import look
{before}
found = []
def crash():
    found.append(look())
thread = threading.Thread(target=crash)
thread.start(); thread.join()
with open(os.environ["TOLD"], "w") as file:
    json.dump([found[0]._asdict(), {after}], file)
os._exit(0)
"""
TOKEN = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"[:34]


def told(folder: Path, *arguments: str, before: str = "", after: str = "None", **env: str) -> tuple[Surroundings, Any]:
    """What `look` finds in a script in `folder`, whose output goes to `out.txt` there, and what `after` is then."""
    (folder / "train.py").write_text(SCRIPT.format(before=before, after=after))
    told = folder.parent / "told.json"
    command = [sys.executable, "train.py", *arguments]
    with (folder / "out.txt").open("w") as out:
        variables = {**os.environ, "TOLD": str(told), **env}
        done = subprocess.run(command, cwd=folder, env=variables, stdout=out, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0, done.stderr
    fields, more = json.loads(told.read_text())
    return Surroundings(**{**fields, "gpus": Gpus(*fields["gpus"]), "links": tuple(fields["links"])}), more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a repository whose one file is not committed."""
    path = tmp_path / "work"
    path.mkdir()
    who = ["-c", "user.name=me", "-c", "user.email=me@x.org"]
    for command in (["init", "-q", "-b", "main"], [*who, "commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run(["git", *command], cwd=path, check=True, timeout=60)
    return path


def commit(folder: Path) -> str:
    said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    return said.stdout[:8]


WANDB = """
import sys, types
sys.modules["wandb"] = types.ModuleType("wandb")
class Settings: mode, _offline, run_id, run_url = "online", False, "x1", "https://me:pw@wandb.example/p/x1?apiKey=K"
class Run: _settings = Settings
sys.modules["wandb"].run = Run
"""


@pytest.mark.linux
def test_the_facts_are_found(folder: Path) -> None:
    """As far as this machine has them."""
    variables = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "sft", "CUDA_VISIBLE_DEVICES": ""}
    found, _ = told(folder, "--lr", "1", before=WANDB, **variables)
    assert found == Surroundings(
        job="SLURM 7 (sft)",
        log=str(folder / "out.txt"),
        command=f"{os.path.basename(sys.executable)} train.py --lr 1",
        folder=str(folder),
        commit=f"{commit(folder)} (main)",
        links=("W&B: https://wandb.example/p/x1",),
    )


ANEW = """
import subprocess, time
from twinkle_notifier import surroundings
surroundings.ready()
until = time.monotonic() + 60
while not surroundings._commits and time.monotonic() < until:
    time.sleep(0.01)
who = ["git", "-c", "user.name=me", "-c", "user.email=me@x.org"]
subprocess.run([*who, "commit", "-q", "--allow-empty", "-m", "two"], check=True)
{then}
"""


def test_the_commit_is_that_of_the_code_that_runs(folder: Path) -> None:
    """Somebody may commit while it trains."""
    before = commit(folder)
    found, _ = told(folder, before=ANEW.format(then=""))
    assert found.commit == f"{before} (main)"
    assert commit(folder) != before


def test_a_training_in_a_notebook_has_the_commit_of_its_own_start(folder: Path) -> None:
    """Not that of the first."""
    again = """
known = dict(surroundings._commits)
surroundings.ready(anew=True)
while surroundings._commits == known and time.monotonic() < until:
    time.sleep(0.01)
"""
    found, _ = told(folder, before=ANEW.format(then=again))
    assert found.commit == f"{commit(folder)} (main)"


COMPILED = """
import re, threading, time
from twinkle_notifier import surroundings
{ready}
for thread in set(threading.enumerate()) - {{threading.current_thread()}}:
    thread.join(60)
compiler = getattr(re, "_compiler", None) or __import__("sre_compile")  # Python 3.10
compiled, one = [], compiler.compile
compiler.compile = lambda *given: compiled.append(given) or one(*given)
surroundings.look()
print(len(compiled))
"""


@pytest.mark.parametrize(("ready", "compiles"), [("surroundings.ready()", False), ("", True)])
def test_a_look_finds_its_patterns_compiled(tmp_path: Path, ready: str, compiles: bool) -> None:
    """Once it was made ready; they take as long as half an alert."""
    code = COMPILED.format(ready=ready)
    command = [sys.executable, "-c", code, "--model", "llama", "--api-base", "https://example.org/v1?key=abc"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=True)
    assert (int(done.stdout) > 0) == compiles, done.stdout


def test_it_works_on_a_bare_machine(folder: Path) -> None:
    """Without /proc: less is found, and the rest is right."""
    found, _ = told(folder, **bare.environment())
    python = os.path.basename(sys.executable)
    assert found == Surroundings(
        command=f"{python} train.py", folder=str(folder), commit=f"{commit(folder)} (main)", job=found.job
    )


AUDIT = (
    WANDB
    + """
done = []
STARTS = ("import", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec", "socket.connect", "os.mkdir", "ctypes.dlopen")
def audit(event, arguments):
    if event in STARTS or (event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
        done.append([event, str(arguments)])
    if event == "open" and str(arguments[0]).startswith("/dev"):
        done.append([event, str(arguments)])
sys.addaudithook(audit)
"""
)


def test_nothing_is_loaded_started_or_written(folder: Path) -> None:
    """And no device is opened: a disk may be gone, and a GPU may hang."""
    _, done = told(folder, "--token", "K", before=AUDIT, after="done[:-1]")  # the last is this file's own
    assert done == []


def test_no_secret_comes_in(tmp_path: Path) -> None:
    """Wherever it stood."""
    folder = tmp_path / f"work-{TOKEN}"
    (folder / ".git" / "refs" / "heads").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text(f"ref: refs/heads/{TOKEN}\n")
    (folder / ".git" / "refs" / "heads" / TOKEN).write_text("0123abcd" * 5)
    before = WANDB.replace("/p/x1", f"/p/{TOKEN}")
    variables = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": TOKEN, "CUDA_VISIBLE_DEVICES": TOKEN}
    found, _ = told(folder, "--hub", TOKEN, "--password", "hunter2", before=before, **variables)
    assert TOKEN[:12] not in repr(found)
    assert "hunter2" not in repr(found)
    assert (found.job, found.commit) == ("SLURM 7 (***)", "0123abcd (***)")


@pytest.mark.linux
def test_long_and_strange_names_are_one_short_line(tmp_path: Path) -> None:
    """Without controls of a terminal."""
    folder = tmp_path / ("a\n\x1b[31mb\u202e\udcff" + "x" * 180) / ("y" * 200) / ("z" * 200)
    folder.mkdir(parents=True)
    found, _ = told(folder, "\x1b]0;title\x07" + "w" * 5000, SLURM_JOB_ID="7", SLURM_JOB_NAME="a\nb")
    for fact in (found.job, found.command, found.folder):
        assert len(fact) <= 500
        assert fact.isprintable()


HANGS = """
import sys, time, types
class Hangs(types.ModuleType):
    def __getattr__(self, name):
        time.sleep(60)
for name in ("wandb", "swanlab", "trackio", "mlflow.tracking.fluent"):
    sys.modules[name] = Hangs(name)
began = time.monotonic()
"""


def test_what_hangs_takes_no_more_than_its_time(folder: Path) -> None:
    """And the other facts are found."""
    found, seconds = told(folder, before=HANGS, after="time.monotonic() - began")
    assert seconds < 1.6
    assert (found.folder, found.links) == (str(folder), ())
    assert found.commit


def test_it_works_where_no_thread_can_start() -> None:
    """As at the end of the interpreter."""
    with threads.no_new():
        assert look().folder == os.getcwd()


def test_it_works_in_a_deleted_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without that."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    found = look()
    assert (found.folder, found.commit) == ("", "")
    assert found.command


@pytest.mark.alone
def test_it_takes_little_time() -> None:
    """In the usual case: it is called while a run crashes."""
    since = time.monotonic()
    look()
    assert time.monotonic() - since < 0.6
