"""A crash of which all is known. Stand-ins, in the form of the real ones, are what this machine may lack."""

import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

from twinkle_notifier import Notifier, Progress, TrainingRun
from twinkle_notifier.surroundings import devices

GIB = 2**30
STATS = {"allocated_bytes.all.current": 60 * GIB, "allocated_bytes.all.peak": 61 * GIB}


class OutOfMemoryError(RuntimeError):
    """As torch's."""


def step(batch):
    raise OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 80.00 GiB of which 1.00 GiB is "
        "free. Including non-PyTorch memory, this process has 77.20 GiB memory in use. Of the allocated memory 60.00 "
        "GiB is allocated by PyTorch, and 16.00 GiB is reserved by PyTorch but unallocated. If reserved but unallocated "
        "memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
    )


def train():
    json.loads('{"text": "训练 <数据> & more"}', object_hook=step)  # as a library that calls the user's code


def a_repository_with_changes():
    def git(*words):
        subprocess.run(["git", *words], check=True, stdout=subprocess.DEVNULL)

    where = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    dates = {f"GIT_{who}_DATE": "2026-11-27T03:12:44+08:00" for who in ("AUTHOR", "COMMITTER")}
    names = {f"GIT_{who}_{what}": "me@x.y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    os.environ.update({**where, **dates, **names})
    Path("sft.yaml").write_text("lr: 1e-4\n")
    git("init", "-q")
    git("symbolic-ref", "HEAD", "refs/heads/main")
    git("add", "sft.yaml")
    git("commit", "-q", "-m", "one")
    Path("sft.yaml").write_text("lr: 1e-3\n")


def eight_gpus():
    for number in range(8):
        place = Path("gpus", f"0000:{number:02x}:00.0")
        place.mkdir(parents=True)
        (place / "information").write_text("Model: \t\t NVIDIA H100 80GB HBM3\n")


rank = int(os.environ["RANK"])
claims = Path(os.environ["TWINKLE_NOTIFIER_DIR"], "claims")
fresh = Path("no-claims-of-an-earlier-run")
if rank:
    while not fresh.exists():
        time.sleep(0.002)
else:
    shutil.rmtree(claims, ignore_errors=True)
    fresh.touch()
    if not Path("gpus").exists():
        a_repository_with_changes()
        eight_gpus()
devices._DRIVER = "gpus"
torch = ModuleType("torch")
torch.cuda = SimpleNamespace(
    is_initialized=lambda: True,
    memory_stats=lambda device: {**STATS, "reserved_bytes.all.current": 76 * GIB},
    mem_get_info=lambda device: (GIB, 80 * GIB),
    list_gpu_processes=lambda device: (
        f"GPU:0\nprocess {os.getpid()} uses 79052.800 MB GPU memory\nprocess 4242 uses 1843.200 MB GPU memory"
    ),
)
settings = SimpleNamespace(mode="online", run_url="https://wandb.ai/me/llm/runs/x1", run_id="x1", _offline=False)
sys.modules |= {"torch": torch, "wandb": SimpleNamespace(run=SimpleNamespace(_settings=settings))}
os.environ |= {"SLURM_JOB_ID": "4711", "SLURM_JOB_NAME": "sft", "SLURM_JOB_PARTITION": "gpu"}

run = TrainingRun(
    Notifier.from_url(os.environ["CHATS"]), name="sft", rules=[]
)  # the loss that is NaN has an alert of its own
run.started()
for number in range(60):
    run.log({"loss": 2.5 / (number + 1) if number < 57 else math.nan}, number)
reached = Progress(
    epoch=1.5,
    step=2180,
    of_steps=3000,
    seconds=11_520,
    metrics={"loss": math.nan, "lr": 1e-4},
    resume="--resume_from_checkpoint out/checkpoint-1000",
    saved_seconds=2530,
    saved_steps=1180,
)
if rank:
    fresh.unlink()
while not any(claims.glob("*/*/0")) if rank else fresh.exists():  # the first rank sends, when both are ready
    time.sleep(0.002)
try:
    train()
except OutOfMemoryError as error:
    run.failed(error, "train", lambda: reached)
