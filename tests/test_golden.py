"""What people read: each script of ``golden/`` runs, and what the robot accepted is the file beside it.

``GOLDEN=write`` writes the files anew; their diff is then what changes for people.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest
from scenes import How, Scene, control_group

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Received

GOLDEN = Path(__file__).parent / "golden"
HOW = {
    "again": How(times=3),
    "call": How(),
    "chained": How(),
    "command_exit_code": How(run=()),
    "command_interrupted": How(run=(), ended_by=signal.SIGINT),
    "command_killed": How(run=()),
    "command_not_found": How(run=(), command=("no-such-command", "--lr", "1e-3")),
    "command_out_of_memory": How(run=(), memory=200 << 20),
    "command_preempted": How(run=(), ended_by=signal.SIGTERM),
    "command_raised": How(run=()),
    "command_restarts": How(run=(), torchrun=("--nproc-per-node=2", "--max-restarts=1"), needs="torch"),
    "command_silent": How(run=("--stall-after", "2s"), go=("go-0", "go-1")),
    "command_succeeded": How(run=("--on-success",)),
    "crash": How(),
    "cut": How(),
    "crash_loop": How(),
    "delayed": How(refused=1),
    "digest": How(refused=12),
    "group": How(),
    "interrupted": How(),
    "lightning": How(needs="lightning", unordered=True),
    "lightning_resume": How(needs="lightning"),
    "long": How(),
    "preempted": How(),
    "ranks_different": How(ranks=2, unordered=True),
    "ranks_same": How(ranks=4),
    "secondary": How(ranks=2),
    "secondary_only": How(ranks=2),
    "secret": How(),
    "stall": How(go=("go-0",)),
    "stall_ranks": How(ranks=3, go=("go-0", "go-1", "go-2")),
    "trackers": How(),
    "training": How(),
    "progress": How(),
    "transformers": How(needs="transformers", unordered=True),
    "out_of_memory": How(),
    "channels": How(unordered=True),
    # What docs/pictures shows.
    "chats_crash": How(unordered=True),
    "chats_digest": How(refused=12, unordered=True, is_set_up=False),
    "chats_end": How(unordered=True),
    "chats_stall": How(go=("go-0", "go-1", "go-2", "go-3"), unordered=True),
    "everything": How(ranks=2, times=2, last=True, unordered=True),
    "everything_plain": How(ranks=2, times=2, last=True, plain=True),
    # The same scripts in Chinese.
    **{
        f"{name}_zh": How(language="zh", **more)
        for name, more in {
            "again": {"times": 3},
            "channels": {"unordered": True},
            "chats_crash": {"unordered": True},
            "chats_digest": {"refused": 12, "unordered": True, "is_set_up": False},
            "chats_end": {"unordered": True},
            "chats_stall": {"go": ("go-0", "go-1", "go-2", "go-3"), "unordered": True},
            "progress": {},
            "command_out_of_memory": {"run": (), "memory": 200 << 20},
            "command_preempted": {"run": (), "ended_by": signal.SIGTERM},
            "command_silent": {"run": ("--stall-after", "2s"), "go": ("go-0", "go-1")},
            "crash_loop": {},
            "cut": {},
            "digest": {"refused": 12},
            "everything": {"ranks": 2, "times": 2, "last": True, "unordered": True},
            "everything_plain": {"ranks": 2, "times": 2, "last": True, "plain": True},
            "lightning": {"needs": "lightning", "unordered": True},
            "lightning_resume": {"needs": "lightning"},
            "long": {},
            "out_of_memory": {},
            "secondary_only": {"ranks": 2},
            "stall_ranks": {"ranks": 3, "go": ("go-0", "go-1", "go-2")},
            "trackers": {},
            "training": {},
            "transformers": {"needs": "transformers", "unordered": True},
        }.items()
    },
}


@pytest.fixture
def scene(request: pytest.FixtureRequest, inbox: Inbox, tmp_path: Path) -> Iterator[Scene]:
    how: How = request.getfixturevalue("how")
    with ExitStack() as stack:
        group = stack.enter_context(control_group(how.memory)) if how.memory else None
        folder = tmp_path / "work"
        folder.mkdir()
        (folder / "state").mkdir(mode=0o700)
        playing = Scene(how, folder, inbox, group)
        stack.callback(playing.close)
        yield playing


VARIES = [
    (r"[^\s\"]*/(?:site|dist)-packages/", "<packages>/"),
    (r"[^\s\"]*/lib/python3[.\d]+/", "<python>/"),
    (r'(File "<(?:packages|python)>[^"]*", line) \d+', r"\1 <line>"),
    (r"((?:torch|lightning|transformers|accelerate)/[\w/]+\.py):\d+", r"\1:<line>"),
    (r"Python \d+\.\d+\.\d+\w*", "Python <version>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( [+-]\d{4} \(\w+\))?", "<time>"),
    (r"\b(\d+ h \d\d min|\d+ min \d\d s|\d+ s)\b", "<duration>"),
    (r"\d+ 小时 \d\d 分|\d+ 分 \d\d 秒|\d+ 秒", "<duration>"),
    (r"(Host|主机)(:|\*\*|:\*|</font>) [^\n,，]+", r"\1\2 <host>"),
    (r"(?m)^(Rank \d+)(, |，).*\2PID", r"\1\2<host>\2PID"),
    (
        r"(?i)(rank \d+(?: of \d+)?(?: \(local rank \d+\))? on|- Rank: \d+(?: \(local rank \d+\))? on) [\w.-]+",
        r"\1 <host>",
    ),
    (r"位于 [\w.-]+|(?<=[ ：])[\w.-]+(?= 上的 rank)", "位于 <host>"),
    (r"PID \d+", "PID <pid>"),
    (r"(Processes|进程): \d+", r"\1: <pid>"),
    (r"[\d.]+ (steps a second|s a step)|(?:每秒|每个 step) [\d.]+ (个 step|秒)", r"<number> \1\2"),
    (r"(_runtime|_per_second|grad_norm)([ =])[\d.e+-]+", r"\1\2<number>"),
]
CARETS = re.compile(r"(?m)^>(?:[^\S\n]|[\u200b~^])*\n")  # which each Python sets in its own way
GOLDEN_PYTHON = (3, 11)


def normal(text: str, folder: Path) -> str:
    """`text` without what is another each time, or on another machine."""
    text = text.replace(str(folder.resolve()), "<folder>").replace(sys.executable, "python")
    for pattern, placeholder in VARIES:
        text = re.sub(pattern, placeholder, text)
    # A title of which a longer name of the host would leave less.
    return re.sub(r"(?m)^\[.*(?:<host>.*|<duration>.*…)\]$", "[<the heading's beginning>…]", text)


def _chat(message: Received) -> str:
    return "" if message.service == "DingTalk" else f"{message.service}: "


def rendered(scene: Scene) -> str:
    """All messages that the robot has accepted: what a phone shows of each, and its text."""
    # Entities as a phone shows them.
    shown = [
        f"[{_chat(message)}{message.title}]\n\n{unescape(message.text)}"
        for message in scene.robot.messages[scene.first :]
    ]
    texts = [normal(text, scene.folder) for text in shown]
    return "\n\n---\n\n".join(sorted(texts) if scene.how.unordered else texts).rstrip() + "\n"


# A framework takes ten seconds to load: these are the same scenes, in Chinese.
_SLOW = {name for name, how in HOW.items() if how.needs and name.endswith("_zh")}


@pytest.mark.parametrize(
    ("name", "how"),
    [pytest.param(name, how, id=name, marks=[pytest.mark.stress] * (name in _SLOW)) for name, how in HOW.items()],
)
def test_people_read_the_same_as_before(name: str, how: How, scene: Scene) -> None:
    """The whole text of all messages, as the robot has accepted them."""
    if how.needs and find_spec(how.needs) is None:
        pytest.skip(f"{how.needs} is not installed")
    if name == "group" and sys.version_info < (3, 11):
        pytest.skip("this Python has no exception groups")
    if name.startswith("cut") and sys.version_info[:2] != GOLDEN_PYTHON:
        pytest.skip("what is left out depends on its carets")
    if name.startswith("everything") and which("git") is None:
        pytest.skip("git is not installed")
    if (script := GOLDEN / f"{name.removesuffix('_zh').removesuffix('_plain')}.py").exists():
        (scene.folder / "train.py").write_text(script.read_text())
    scene.play()
    golden, found = GOLDEN / f"{name}.md", rendered(scene)
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(found)
    expected = golden.read_text()
    if sys.version_info[:2] != GOLDEN_PYTHON:
        found, expected = CARETS.sub("", found), CARETS.sub("", expected)
    assert found == expected, scene.output.read_text(errors="replace")[-2000:]


def test_each_file_has_a_test() -> None:
    """None is left over."""
    assert sorted(path.stem for path in GOLDEN.glob("*.md")) == sorted(HOW)
    assert {path.stem for path in GOLDEN.glob("*.py")} <= set(HOW)


def test_the_page_shows_what_is_sent() -> None:
    """The facts of its example are those of a crash of which all is known, in their order; each is explained."""
    page = (GOLDEN.parents[1] / "docs" / "messages.md").read_text("utf-8")
    _, example, explained = page.partition("## A message")[2].split("```", 2)
    sent = (GOLDEN / "everything.md").read_text("utf-8").rpartition("\n---\n")[2]
    assert _facts(example) == _facts(sent)
    table = re.findall(r"(?m)^\| ([^|]+) \|", explained.partition("## Languages")[0])
    names = {name for row in table for name in row.split(", ")} | {"W&B"}
    assert {name.partition(" since")[0] for name in _facts(example)} <= names


def _facts(message: str) -> list[str]:
    """The names of its facts, each once."""
    return list(dict.fromkeys(re.findall(r"(?m)^- ([^:`]+): ", message)))
