"""What a run's processes and the supervisor leave each other to read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from twinkle_notifier import Message, meeting, supervision
from twinkle_notifier.runtime import Holder
from twinkle_notifier.supervision import Beat, Leave, Supervision


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Supervision:
    """That of a supervisor, which this process is."""
    begun = Supervision.begun()
    monkeypatch.setenv(supervision.VARIABLE, str(begun.folder))
    return begun


def test_words_are_read_as_they_were_left(folder: Supervision) -> None:
    """The last word of a process on an incident counts."""
    first = supervision.word("sending", "incident", "failed", Message("### a\n\n- b", "id"), {"class": "X"})
    supervision.tell(lambda to: to.say(first))
    assert folder.words() == [first]
    last = supervision.word("told", "incident", "failed")
    supervision.tell(lambda to: to.say(last))
    assert folder.words() == [last]
    supervision.tell(lambda to: to.leave(Leave("it", 1.0)))
    assert folder.leaves() == {os.getpid(): Leave("it", 1.0)}
    supervision.tell(lambda to: to.beat(Beat(0, 1, 2.0, False, 3.0, 4.0)))
    assert folder.beats() == [Beat(0, 1, 2.0, False, 3.0, 4.0)]


def test_nobody_else_can_read_them(folder: Supervision) -> None:
    """A message may hold what is private."""
    supervision.tell(lambda to: to.say(supervision.word("told", "incident", "failed")))
    assert {path.stat().st_mode & 0o777 for path in folder.folder.iterdir()} == {0o600}
    assert folder.folder.stat().st_mode & 0o777 == 0o700


def test_without_a_supervisor_nothing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither where there is none, nor where its folder cannot be seen (another container), nor where it is gone."""
    assert supervision.tell(lambda _: True) is None
    monkeypatch.setenv(supervision.VARIABLE, str(tmp_path / "elsewhere"))
    assert supervision.tell(lambda _: True) is None
    script = "from twinkle_notifier.supervision import Supervision; print(Supervision.begun().folder)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    monkeypatch.setenv(supervision.VARIABLE, done.stdout.strip())
    assert supervision.tell(lambda _: True) is None


def test_what_is_damaged_is_left_out(folder: Supervision) -> None:
    """Of another version, or cut off."""
    supervision.tell(lambda to: to.say(supervision.word("told", "incident", "failed")))
    for name, text in (
        ("1-a.word", "{"),
        ("2-b.word", "[]"),
        ("3-c.word", '{"state": "told"}'),
        ("4.leave", '{"x": 1}'),
    ):
        (folder.folder / name).write_text(text)
    assert len(folder.words()) == 1
    assert folder.leaves() == {}


def test_a_folder_that_hangs_holds_nobody_up(folder: Supervision) -> None:
    """A pipe that nobody writes to, in place of the file that is read first."""
    path = folder.folder / "supervisor.json"
    path.unlink()
    os.mkfifo(path)
    assert supervision.tell(lambda _: True) is None
    os.close(os.open(path, os.O_RDWR))  # lets the thread go that reads it


def test_the_supervisor_says_who_it_is(folder: Supervision) -> None:
    """As a `Holder`, which it cannot load before its command starts."""
    assert json.loads((folder.folder / meeting.HOLDER).read_bytes()) == asdict(Holder.me())
