"""ms-swift: `swift sft` below `run`, and with our callback by its plug-in file alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

from programs import (
    ALONE,
    CASES,
    NEEDED,
    PYTHON,
    STEPS,
    Case,
    Start,
    robot,
    runs,
    start,
    tiny,
)

from twinkle_notifier.inbox import Inbox

__all__ = ["robot", "start", "tiny"]
pytestmark = NEEDED

RANKS = {"NPROC_PER_NODE": "2"}


def sft(tiny: Path) -> list[str]:
    model = ["--model", str(tiny / "model"), "--model_type", "qwen2", "--template", "qwen2_5", "--tuner_type", "full"]
    steps = [
        "--max_steps",
        str(STEPS),
        "--save_steps",
        "3",
        "--logging_steps",
        "1",
        "--gradient_accumulation_steps",
        "1",
    ]
    data = ["--dataset", str(tiny / "messages" / "train.jsonl"), "--per_device_train_batch_size", "1"]
    few = ["--use_cpu", "true", "--torch_dtype", "float32", "--report_to", "none", "--output_dir", "out"]
    return ["swift", "sft", *model, *data, *steps, *few, "--dataset_num_proc", "1", "--dataloader_num_workers", "0"]


@CASES
def test_sft(start: Start, robot: Inbox, tiny: Path, case: Case) -> None:
    """By its documentation `NPROC_PER_NODE` is how many ranks it starts."""
    runs(case, robot, start, sft(tiny), **RANKS)


@ALONE
def test_the_callback_alone(start: Start, robot: Inbox, tiny: Path, case: Case) -> None:
    """From the file whose path our command prints."""
    command = [str(Path(PYTHON).with_name("twinkle-notifier")), "swift-plugin"]
    plugin = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    ours = ["--external_plugins", plugin, "--callbacks", "twinkle_notifier"]
    runs(case, robot, start, [*sft(tiny), *ours], run=False, launch="swift sft --callbacks twinkle_notifier", **RANKS)
