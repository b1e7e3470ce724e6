"""trl: its command line below `run`, and its trainers with our callback."""

from __future__ import annotations

from pathlib import Path

from programs import (
    ALONE,
    CASES,
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

RANKS = ["torchrun", "--nproc-per-node=2"]
QUIET = ["--use_cpu", "--report_to", "none", "--bf16", "false", "--output_dir", "out"]
STEPPED = ["--max_steps", str(STEPS), "--save_steps", "3", "--logging_steps", "1", "--gradient_accumulation_steps", "1"]


def sft(tiny: Path) -> list[str]:
    data = ["--dataset_name", str(tiny / "messages"), "--per_device_train_batch_size", "1"]
    return ["--model_name_or_path", str(tiny / "model"), *data, *QUIET, *STEPPED]


def grpo(tiny: Path) -> list[str]:
    data = ["--dataset_name", str(tiny / "prompts"), "--per_device_train_batch_size", "2"]
    few = ["--num_generations", "2", "--max_completion_length", "4", "--reward_funcs", "rewards.length"]
    return ["--model_name_or_path", str(tiny / "model"), *data, *few, *QUIET, *STEPPED]


@CASES
def test_sft(start: Start, robot: Inbox, tiny: Path, case: Case) -> None:
    """The script that `trl sft` starts, by torchrun: on a CPU accelerate starts one process, whatever it is asked for."""
    runs(case, robot, start, [*RANKS, "-m", "trl.scripts.sft", *sft(tiny)])


SCRIPT = f"""
import sys
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
from twinkle_notifier.integrations.transformers import NotifierCallback

tiny = sys.argv[1]
args = SFTConfig(
    "out", max_steps={STEPS}, save_steps=3, logging_steps=1, per_device_train_batch_size=1, use_cpu=True, bf16=False,
    report_to="none",
)
data = load_dataset("json", data_files=f"{{tiny}}/messages/train.jsonl", split="train")
SFTTrainer(f"{{tiny}}/model", args, train_dataset=data, callbacks=[NotifierCallback(name="sft")]).train()
"""


@ALONE
def test_the_callback_alone(start: Start, robot: Inbox, tiny: Path, tmp_path: Path, case: Case) -> None:
    """In a script of the user's own."""
    (tmp_path / "train.py").write_text(SCRIPT)
    command = [*RANKS, str(tmp_path / "train.py"), str(tiny)]
    runs(case, robot, start, command, run=False, launch="torchrun train.py, with the callback")


@CASES
def test_grpo(start: Start, robot: Inbox, tiny: Path, case: Case) -> None:
    """The same of `trl grpo`."""
    runs(case, robot, start, [*RANKS, "-m", "trl.scripts.grpo", *grpo(tiny)])
