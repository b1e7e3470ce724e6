"""Axolotl: `axolotl train` below `run`, and with our plug-in alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from programs import (
    ALONE,
    CASES,
    CRASHED,
    NEEDED,
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

CPU = {"ACCELERATE_USE_CPU": "true"}  # as `accelerate launch --cpu` has it
ON_CPU = "on_cpu.Plugin"
OURS = {
    "plugins": [ON_CPU, "twinkle_notifier.integrations.axolotl.NotifierPlugin"],
    "twinkle_notifier": {"name": "sft"},
}


def train(tiny: Path, folder: Path, **more: Any) -> list[str]:
    """A file of settings; JSON is YAML, too."""
    columns = {"field_messages": "messages", "message_property_mappings": {"role": "role", "content": "content"}}
    data = {"path": str(tiny / "messages" / "train.jsonl"), "ds_type": "json", "type": "chat_template", **columns}
    settings = {
        "base_model": str(tiny / "model"),
        "use_cpu": True,
        "datasets": [data],
        "sequence_len": 128,
        "dataset_prepared_path": "out/prepared",
        "plugins": [ON_CPU],
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "learning_rate": 1e-5,
        "optimizer": "adamw_torch",
        "lr_scheduler": "constant",
        "attn_implementation": "eager",
        "max_steps": STEPS,
        "save_steps": 3,
        "logging_steps": 1,
        "output_dir": "out",
        "bf16": False,
        "fp16": False,
        "tf32": False,
        **more,
    }
    (folder / "tiny.yaml").write_text(json.dumps(settings))
    return ["axolotl", "train", str(folder / "tiny.yaml"), "--launcher", "torchrun", "--", "--nproc-per-node", "2"]


@CASES
def test_train(start: Start, robot: Inbox, tiny: Path, tmp_path: Path, case: Case) -> None:
    """By torchrun: on a CPU accelerate starts one process, whatever it is asked for."""
    runs(case, robot, start, train(tiny, tmp_path), **CPU)
    if case is CRASHED:
        assert "- To go on: --resume-from-checkpoint " in robot.messages[0].text


@ALONE
def test_the_plug_in_alone(start: Start, robot: Inbox, tiny: Path, tmp_path: Path, case: Case) -> None:
    """By two lines of the file."""
    runs(case, robot, start, train(tiny, tmp_path, **OURS), run=False, launch="axolotl train, with the plug-in", **CPU)
