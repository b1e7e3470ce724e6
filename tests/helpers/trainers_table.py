"""The table of docs/trainers.md: what the tests of the trainers have learned, in English and in Chinese."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests" / "trainers" / "table.jsonl"  # the rows that the pages show, as `programs.check` writes them
BEGIN, END = "<!-- made by make trainers -->\n", "<!-- up to here -->\n"
HEADS = {
    "en": "| trainer | launch | what happens | messages | what the first one held |",
    "zh": "| 训练框架 | 启动方式 | 发生了什么 | 消息数 | 第一条消息里有什么 |",
}
PAGES = {"en": ROOT / "docs" / "trainers.md", "zh": ROOT / "docs" / "trainers.zh.md"}
CHINESE = {
    "an exception in rank 1 of 2": "2 个 rank 中的 rank 1 抛出异常",
    "an exception in a step": "一步里抛出异常",
    "an exception in job 2 of 4": "4 个作业中的作业 2 抛出异常",
    "SIGKILL in job 2 of 4": "4 个作业中的作业 2 被 SIGKILL 杀掉",
    "job 2 of 4 stalls, and goes on": "4 个作业中的作业 2 卡住后恢复",
    "a clean end": "正常结束",
    "a restart, and a clean end": "重启后正常结束",
    "SIGKILL of rank 1 of 2": "2 个 rank 中的 rank 1 被 SIGKILL 杀掉",
    "rank 1 of 2 stalls": "2 个 rank 中的 rank 1 卡住",
    "rank 1 of 2 stalls, and goes on": "2 个 rank 中的 rank 1 卡住后恢复",
    "Ctrl-C": "Ctrl-C",
    "type and words": "类型和文字",
    "place": "位置",
    "rank": "rank",
    "rank and step": "rank 和 step",
    "step": "step",
    "epoch": "epoch",
    "loss": "loss",
    "checkpoint": "checkpoint",
    "duration": "用时",
    "metrics": "指标",
    "stack": "堆栈",
    "interrupted": "“被中断”",
    "likely cause": "可能的原因",
    "class and PID": "类名和 PID",
    "name": "名称",
    "nothing": "没有",
}

Row = dict[str, Any]


def rows(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def lines(of: list[Row]) -> str:
    """The rows as a file of them."""
    return "".join(json.dumps(row) + "\n" for row in of)


def merged(old: list[Row], new: list[Row]) -> list[Row]:
    """`old` with `new` in the place of the rows of the same trainers, which come first."""
    return [*new, *(row for row in old if _trainer(row) not in set(map(_trainer, new)))]


def _trainer(row: Row) -> str:
    return str(row["trainer"]).partition(" ")[0]


def table(of: list[Row], language: str) -> str:
    """The rows as a table, with the trainers in the order of their names."""
    ordered = sorted(of, key=lambda row: _trainer(row).lower())
    return "\n".join([HEADS[language], "|---|---|---|---|---|", *(_line(row, language) for row in ordered)]) + "\n"


def _line(row: Row, language: str) -> str:
    def said(*words: str) -> str:
        return "、".join(CHINESE[word] for word in words) if language == "zh" else ", ".join(words)

    lacks = (
        (f"；没有{said(*row['lacks'])}" if language == "zh" else f"; not {said(*row['lacks'])}") if row["lacks"] else ""
    )
    held = said(*(row["held"] or ["nothing"]))
    return f"| {row['trainer']} | `{row['launch']}` | {said(row['what'])} | {row['messages']} | {held}{lacks} |"


def put(page: str, made: str) -> str:
    """The text of a page with the table `made` between its marks."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + made + "\n" + END + rest.partition(END)[2]
