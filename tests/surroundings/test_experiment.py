"""Where an experiment is tracked, as real libraries know it, and stand-ins with the same attributes.

Each case is a process of its own, which asks in another thread than the one that began the run, as in a crash. CI needs
none of the libraries.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from twinkle_notifier.surroundings.experiment import links, without_access

# What happens in the threads of `links`, and nowhere else, is noted.
ASK = """
import json, os, sys, threading
from twinkle_notifier.surroundings import experiment
{begin}
before, done = {{thread.ident for thread in threading.enumerate()}}, []
FORBIDDEN = ("import", "subprocess.Popen", "os.fork", "os.posix_spawn", "socket.connect", "socket.getaddrinfo")
def audit(event, arguments):
    if event in FORBIDDEN and threading.get_ident() not in before:
        done.append([event, str(arguments)])
sys.addaudithook(audit)
found = []
thread = threading.Thread(target=lambda: found.extend(experiment.links()))
thread.start(); thread.join()
with open("told.json", "w") as file:
    json.dump([found, done], file)
os._exit(0)  # no run is sent anywhere
"""
QUIET = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "MLFLOW_ALLOW_FILE_STORE": "true", "GIT_PYTHON_REFRESH": "0"}


def told(begin: str, folder: Path, modules: dict[str, str] | None = None, **env: str) -> list[str]:
    """The links in a process in `folder` that has run `begin`. It may import `modules`, which are sources."""
    for name, source in (modules or {}).items():
        path = folder / (name.replace(".", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    env = {**os.environ, **QUIET, "TRACKIO_DIR": str(folder / "trackio"), "PYTHONPATH": str(folder), **env}
    command = [sys.executable, "-c", ASK.format(begin=begin)]
    with (folder / "stderr").open("wb") as file:  # no pipe: a library's own process may hold it open
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=file, stderr=file, start_new_session=True)
        code = process.wait(120)
    with suppress(ProcessLookupError, AttributeError):  # not every machine has groups
        os.killpg(process.pid, signal.SIGKILL)
    assert code == 0, (folder / "stderr").read_text()
    found, forbidden = json.loads((folder / "told.json").read_text())
    assert forbidden == []
    return [str(link).replace(str(folder), "HERE") for link in found]


# Real ones

REAL = {
    "wandb": (
        "import wandb; wandb.init(project='p', entity='me')",
        r"W&B, offline: HERE/wandb/offline-run-\w+-\w+",
    ),
    "swanlab": (
        "import swanlab; swanlab.init(project='p', mode='offline')",
        r"SwanLab, offline: HERE/swanlog/run-\w+-\w+",
    ),
    "trackio": (
        "import trackio; trackio.init(project='p', name='r')",
        r"trackio: project p, run r",
    ),
    "mlflow": (
        "import mlflow; mlflow.set_tracking_uri('file:' + os.path.abspath('m')); mlflow.start_run()",
        r"MLflow: run [0-9a-f]{32}, HERE/m",
    ),
    "mlflow with a server": (
        "import mlflow; mlflow.set_tracking_uri('file:' + os.path.abspath('m')); mlflow.start_run()\n"
        "mlflow.set_tracking_uri('https://me:pw@mlflow.example:5000/?token=t')",
        r"MLflow: https://mlflow\.example:5000/#/experiments/\d+/runs/[0-9a-f]{32}",
    ),
    "tensorboard": (
        "from tensorboard.summary.writer.event_file_writer import EventFileWriter as W; w = W('runs/a')",
        r"TensorBoard: HERE/runs/a",
    ),
    "tensorboardX": (
        "from tensorboardX import SummaryWriter; w = SummaryWriter('runs/a'); w.add_scalar('x', 1, 1)",
        r"TensorBoard: HERE/runs/a",
    ),
}
ENDED = {
    "wandb": "import wandb; wandb.init(project='p', mode='offline'); wandb.finish()",
    "swanlab": "import swanlab; swanlab.init(project='p', mode='offline'); swanlab.finish()",
    "trackio": "import trackio; trackio.init(project='p', name='r'); trackio.finish()",
    "mlflow": f"{REAL['mlflow'][0]}; mlflow.end_run()",
    "tensorboard": f"{REAL['tensorboard'][0]}; w.close()",
    "tensorboardX": f"{REAL['tensorboardX'][0]}; w.close()",
}


def needs(case: str) -> str:
    if find_spec(case.split()[0]) is None:
        pytest.skip(f"{case} is not installed")
    return case


@pytest.mark.parametrize("case", REAL)
def test_a_run_of_the_library_is_found(case: str, tmp_path: Path) -> None:
    """Without a server, and without an import."""
    begin, wanted = REAL[needs(case)]
    (found,) = told(begin, tmp_path)
    assert re.fullmatch(wanted, found)


@pytest.mark.parametrize("case", ENDED)
def test_a_run_that_has_ended_is_none(case: str, tmp_path: Path) -> None:
    """The library is loaded all the same."""
    assert told(ENDED[needs(case)], tmp_path) == []


@pytest.mark.parametrize("case", ["wandb", "swanlab"])
def test_a_run_that_is_tracked_nowhere_has_no_place(case: str, tmp_path: Path) -> None:
    """Though the library has an object for it."""
    assert told(f"import {needs(case)}; {case}.init(project='p', mode='disabled')", tmp_path) == []


# Stand-ins

WANDB = """
class Settings:
    mode, _offline, run_id, sync_dir, run_url = {mode!r}, {offline}, "x1", "wandb/run-x1", {url!r}
class Run:
    _settings = Settings()
    @property
    def url(self): raise SystemExit("it prints, and may start a service")
run = Run()
"""
SWANLAB = """
class Run:
    id, mode = "x1", "online"
    url = "https://swanlab.example/@me/p/runs/x1?key=K"
    @property
    def dir(self): raise AssertionError("Run dir is not set.")
def get_run(): return Run()
"""
OLD_SWANLAB = """
class Run:
    class public:
        run_dir = None
        class cloud:
            experiment_url = "https://swanlab.example/@me/p/runs/x1"
def get_run(): return Run()
"""
TRACKIO_RUN = """
import threading
class Run:
    def __init__(self, url, project, name, space_id=None):
        self.url, self.project, self.name, self._space_id = url, project, name, space_id
        threading.Thread(target=self._batch_sender, daemon=True).start()
    def _batch_sender(self): threading.Event().wait()
"""
MLFLOW = """
class Info:
    run_id, experiment_id = "r1", "7"
class Run:
    info = Info()
_active_run_stack = [Run()]
"""
URL = "https://wandb.example/me/p/runs/x1"
STAND_INS: list[tuple[str, dict[str, str], list[str]]] = [
    ("import wandb", {"wandb": WANDB.format(mode="online", offline=False, url=URL)}, [f"W&B: {URL}"]),
    ("import wandb", {"wandb": WANDB.format(mode="online", offline=False, url=f"{URL}?apiKey=K")}, [f"W&B: {URL}"]),
    ("import wandb", {"wandb": WANDB.format(mode="online", offline=False, url="")}, ["W&B: run x1"]),
    ("import wandb", {"wandb": WANDB.format(mode="offline", offline=True, url=URL)}, []),  # its folder is gone
    ("import wandb", {"wandb": "run = None"}, []),
    ("import wandb", {"wandb": ""}, []),  # a user's own module
    ("import wandb", {"wandb": "import time\ndef __getattr__(name): time.sleep(60)"}, []),
    ("import swanlab", {"swanlab": SWANLAB}, ["SwanLab: https://swanlab.example/@me/p/runs/x1"]),
    ("import swanlab", {"swanlab": OLD_SWANLAB}, ["SwanLab: https://swanlab.example/@me/p/runs/x1"]),
    ("import swanlab", {"swanlab": "def get_run(): raise RuntimeError"}, []),
    (
        "import trackio.run; r = trackio.run.Run('me/board', 'p', 'r', 'me/board')",
        {"trackio.__init__": "", "trackio.run": TRACKIO_RUN},
        ["trackio: https://huggingface.co/spaces/me/board (project p, run r)"],
    ),
    (
        "import trackio.run; r = trackio.run.Run('https://t.example/?write_token=K', 'p', 'r')",
        {"trackio.__init__": "", "trackio.run": TRACKIO_RUN},
        ["trackio: https://t.example (project p, run r)"],
    ),
    (
        "import trackio.run; r = trackio.run.Run('http://127.0.0.1:7860/', 'p', 'r')",
        {"trackio.__init__": "", "trackio.run": TRACKIO_RUN},
        ["trackio: project p, run r"],
    ),
    (
        "import mlflow.tracking.fluent; os.environ['MLFLOW_TRACKING_URI'] = 'http://me:pw@m.example/'",
        {"mlflow.__init__": "", "mlflow.tracking.__init__": "", "mlflow.tracking.fluent": MLFLOW},
        ["MLflow: http://m.example/#/experiments/7/runs/r1"],
    ),
    (
        "import mlflow.tracking.fluent; os.environ['MLFLOW_TRACKING_URI'] = 'databricks://profile'",
        {"mlflow.__init__": "", "mlflow.tracking.__init__": "", "mlflow.tracking.fluent": MLFLOW},
        ["MLflow: run r1, Databricks"],
    ),
    (
        "import mlflow.tracking.fluent; os.environ['MLFLOW_TRACKING_URI'] = 'postgresql://me:pw@db.example/m'",
        {"mlflow.__init__": "", "mlflow.tracking.__init__": "", "mlflow.tracking.fluent": MLFLOW},
        ["MLflow: run r1, db.example"],
    ),
    (
        "import mlflow.tracking.fluent; os.environ['MLFLOW_TRACKING_URI'] = 'sqlite:////x/m.db'",
        {"mlflow.__init__": "", "mlflow.tracking.__init__": "", "mlflow.tracking.fluent": MLFLOW},
        ["MLflow: run r1, /x/m.db"],
    ),
]


@pytest.mark.parametrize(("begin", "modules", "wanted"), STAND_INS)
def test_a_run_with_the_same_attributes_is_found(
    begin: str, modules: dict[str, str], wanted: list[str], tmp_path: Path
) -> None:
    """Its link has neither user, password nor query."""
    assert told(begin, tmp_path, modules) == wanted


def test_a_library_that_is_not_loaded_has_none() -> None:
    """Though it may be installed, and is not imported now."""
    assert links() == ()


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://me:pw@h.example:8080/a/b/?token=t#k", "https://h.example:8080/a/b"),
        ("http://[::1]:5000/", "http://[::1]:5000"),
        ("https://TOKEN@h.example", "https://h.example"),
        ("ftp://h.example/a", ""),
        ("javascript:alert(1)", ""),
        ("https://", ""),
        ("", ""),
    ],
)
def test_what_grants_access_leaves_a_url(url: str, wanted: str) -> None:
    """And only addresses of the web stay."""
    assert without_access(url) == wanted
