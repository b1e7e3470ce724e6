"""A Chinese message is Chinese: its words of other letters are names, code, or somebody else's text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinkle_notifier.messages.chinese import CHINESE

GOLDEN = sorted((Path(__file__).parents[1] / "golden").rglob("*_zh.md"))
# What a Chinese engineer says, and searches for in logs, as it is.
TERMS = """
    Bark DingTalk Feishu WeCom callback cgroup checkpoint CPU Ctrl-C dev epoch GIL GPU killer kill KeyboardInterrupt
    local NaN NCCL OOM PID py-spy dump Python rank Rank shm SIGKILL --signal SIGTERM SLURM step submitit supervisor
    traceback trainer trial twinkle-notifier watchdog worker
    C ECC GSP I O kernel NFS NVLink power brake swap Xid
    access app bug chat_id HTTP id IP key SEC token twinkle_notifier URL webhook
"""
# What a scheduler and a tracker call their own things, in their commands, pages and URLs.
THEIRS = "partition queue pod project run"
# Of the runs, their machines and libraries.
NAMES = """
    sft loss nan inf SIGTERMException max_epochs max_steps gpu main NVIDIA H100 GB GiB HBM3 W&B Parameters B
    micro-batch gradient checkpointing bf16 FSDP ZeRO PYTORCH_CUDA_ALLOC_CONF expandable_segments True
    Slurm --mem Kubernetes resources.limits.memory docker m DataLoader num_workers prefetch_factor loss.item
    SwanLab trackio MLflow TensorBoard llm sft-7b sft-1000 sft-4000 train.py eval_loss ls
"""
ALLOWED = frozenset(f"{TERMS} {THEIRS} {NAMES}".split())
WORD = re.compile(r"[A-Za-z-]*[A-Za-z][\w.&-]*")
OTHERS = (
    r"```.*?```",  # code blocks
    r"(?m)^>.*$",  # quotations, which are code blocks, too
    r"`[^`\n]*`",
    r"<\w+>[^\s，、：]*",  # what differs each time, and paths below it
    r"https?://\S+",
    r"(?<![\w<])/[\w./-]+",  # a path
    r"\w+\.py:\d+ in \w+",
    r"\b[0-9a-f]{8}\b",  # a commit
    r"(?<=：)\w*(?:Error|Exception|Group|Exit)\b: .*",  # an error in a heading
    r"(?m)^(?:- )?(?:\*\*)?(?:位置|阶段|指标|命令|恢复训练|最新 checkpoint|最佳 checkpoint|规则|当前值|同时异常)\b.*$",  # the user's words
    r"(?m)^### (?:sft|train\.py)(?:：| 已恢复：).*$",  # a rule, or what a script says
    r"(?:DingTalk 300001|Feishu 19001|WeCom 93000): .*",  # the robot's
    r"</?font[^>]*>",  # WeCom's marks of colour
)


def words(text: str) -> set[str]:
    return {word.strip(".-") if not word.startswith("--") else word for word in WORD.findall(text)}


def shown(golden: Path) -> Iterator[str]:
    """Its messages, without what is somebody else's; of those that show code without marks the others say the same."""
    by_hand = golden.stem.startswith("alert")
    for message in golden.read_text("utf-8").split("\n---\n\n"):
        if not message.startswith(("[Slack: ", "[Feishu: ]")):
            # What a script says by hand.
            text = re.sub(r"(?s)(\n### [^\n]+\n\n).*?\n\n(?=- )", r"\1", message) if by_hand else message
            for others in OTHERS:
                text = re.sub(others, "", text, flags=re.DOTALL if others.startswith("```") else 0)
            yield text.partition("\n\n")[2]  # the first line is a beginning of the heading


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.stem)
def test_messages_hold_no_english(golden: Path) -> None:
    """Those that people get: see `test_golden`."""
    assert set().union(*map(words, shown(golden))) <= ALLOWED


def test_the_catalog_holds_no_english() -> None:
    """Whether a golden message shows it or not."""
    said = {text: words(re.sub(r"\{\w+\}|`[^`]*`|__str__", "", text)) - ALLOWED for text in CHINESE.values()}
    assert {text: left for text, left in said.items() if left} == {}
