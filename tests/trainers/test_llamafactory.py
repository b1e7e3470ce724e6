"""LLaMA-Factory: `llamafactory-cli train` below `run`; its trainers are HF's, and take no callback from a file."""

from __future__ import annotations

import json
from pathlib import Path

from programs import CASES, CRASHED_ALONE, NEEDED, STEPS, Case, Start, robot, runs, start, tiny

from twinkle_notifier.inbox import Inbox

__all__ = ["robot", "start", "tiny"]
pytestmark = NEEDED

RANKS = {"FORCE_TORCHRUN": "1", "NPROC_PER_NODE": "2"}


def train(tiny: Path, folder: Path) -> list[str]:
    """A file of settings; JSON is YAML, too."""
    settings = {
        "model_name_or_path": str(tiny / "model"),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "full",
        "dataset": "tiny",
        "dataset_dir": str(tiny),
        "template": "qwen",
        "cutoff_len": 128,
        "output_dir": "out",
        "overwrite_cache": True,
        "preprocessing_num_workers": 1,
        "logging_steps": 1,
        "save_steps": 3,
        "max_steps": STEPS,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "report_to": "none",
        "use_cpu": True,
    }
    (folder / "tiny.yaml").write_text(json.dumps(settings))
    return ["llamafactory-cli", "train", str(folder / "tiny.yaml")]


@CASES
def test_sft(start: Start, robot: Inbox, tiny: Path, tmp_path: Path, case: Case) -> None:
    """It starts itself again by torchrun."""
    runs(case, robot, start, train(tiny, tmp_path), **RANKS)


def test_one_process(start: Start, robot: Inbox, tiny: Path, tmp_path: Path) -> None:
    """Without torchrun."""
    runs(CRASHED_ALONE, robot, start, train(tiny, tmp_path))
