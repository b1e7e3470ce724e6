"""What a run's processes and the supervisor leave each other to read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from twinkle_notifier import Message, isolation
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.mailbox.mailbox import Mailbox
from twinkle_notifier.mailbox.notes import Beat, Leave
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.runtime.stored import fields_of


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    """That of a supervisor, which this process is."""
    begun = Mailbox.begun()
    monkeypatch.setenv(mailbox.VARIABLE, str(begun.folder))
    return begun


def test_words_are_read_as_they_were_left(folder: Mailbox) -> None:
    """The last word of a process on an incident counts."""
    first = mailbox.note("sending", "incident", "failed", Message("### a\n\n- b", "id"), {"class": "X"})
    mailbox.report(lambda to: to.record(first))
    assert folder.notes() == [first]
    last = mailbox.note("told", "incident", "failed")
    mailbox.report(lambda to: to.record(last))
    assert folder.notes() == [last]
    mailbox.report(lambda to: to.leave(Leave("it", 1.0)))
    assert folder.leaves() == {os.getpid(): Leave("it", 1.0)}
    mailbox.report(lambda to: to.beat(Beat(0, 1, 2.0, False, 3.0, 4.0)))
    assert folder.beats() == [Beat(0, 1, 2.0, False, 3.0, 4.0)]


@pytest.mark.linux  # modes
def test_nobody_else_can_read_them(folder: Mailbox) -> None:
    """A message may hold what is private."""
    mailbox.report(lambda to: to.record(mailbox.note("told", "incident", "failed")))
    assert {path.stat().st_mode & 0o777 for path in folder.folder.iterdir()} == {0o600}
    assert folder.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.linux  # the death of a process
def test_without_a_supervisor_nothing_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither where there is none, nor where its folder cannot be seen (another container), nor where it is gone."""
    assert mailbox.report(lambda _: True) is None
    monkeypatch.setenv(mailbox.VARIABLE, str(tmp_path / "elsewhere"))
    assert mailbox.report(lambda _: True) is None
    script = "from twinkle_notifier.mailbox.mailbox import Mailbox; print(Mailbox.begun().folder)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    monkeypatch.setenv(mailbox.VARIABLE, done.stdout.strip())
    assert mailbox.report(lambda _: True) is None


def test_what_is_damaged_is_left_out(folder: Mailbox) -> None:
    """Of another version, or cut off."""
    mailbox.report(lambda to: to.record(mailbox.note("told", "incident", "failed")))
    for name, text in (
        ("1-a.word", "{"),
        ("2-b.word", "[]"),
        ("3-c.word", '{"state": "told"}'),
        ("4.leave", '{"x": 1}'),
    ):
        (folder.folder / name).write_text(text)
    assert len(folder.notes()) == 1
    assert folder.leaves() == {}


HOLDER = {"host": "h", "pid": 1, "started": 1.0}
WORD = {
    "state": "told", "incident": "i", "kind": "failed", "holder": HOLDER, "rank": 0, "at": 1.0, "run": None,
    "text": "", "id": "", "notifier": None, "level": "info", "calls": True,
}  # fmt: skip
BEAT = {"rank": 0, "steps": 1, "idle": 1.0, "stalled": False, "slowest": 1.0, "at": 1.0}
LEAVE = {"by": "it", "at": 1.0}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, text) for name in ("1.word", "1.leave", "1.beat") for text in ("5", "[" * 100_000, '"x"', "\x00", "{}")),
        *(
            ("1.word", json.dumps({**WORD, **wrong}))
            for wrong in (
                *({"at": at} for at in ("now", None, float("nan"), 1e300)),
                *({"holder": holder} for holder in (5, None, {}, {**HOLDER, "pid": "1"}, {**HOLDER, "started": "x"})),
                *({"state": state} for state in ("x", 5, None)),
                {"rank": "0"}, {"rank": -1}, {"text": 5}, {"id": 5}, {"notifier": "x"}, {"run": 5}, {"incident": None},
            )
        ),
        *(("1.beat", json.dumps({**BEAT, name: "x"})) for name in BEAT),
        *(("1.leave", json.dumps({**LEAVE, name: []})) for name in LEAVE),
        ("abc.leave", json.dumps(LEAVE)),
    ],
)  # fmt: skip
def test_what_is_of_another_type_is_left_out(name: str, text: str, folder: Mailbox) -> None:
    """The rest is read."""
    for good, fields in (("7.word", WORD), ("7.beat", BEAT), ("7.leave", LEAVE)):
        (folder.folder / good).write_text(json.dumps(fields))
    (folder.folder / name).write_text(text)
    [word], [beat] = folder.notes(), folder.beats()
    assert (fields_of(word), fields_of(beat), folder.leaves()) == (WORD, BEAT, {7: Leave("it", 1.0)})


@pytest.mark.parametrize("text", ["5", "[]", "[" * 100_000, '{"path": 5}', '{"key": 5, "notifier": 5}', "", "\xff"])
def test_a_damaged_file_says_nothing(text: str, folder: Mailbox) -> None:
    """Of the run, or of its last checkpoint."""
    for name in ("run.json", "checkpoint.json"):
        (folder.folder / name).write_bytes(text.encode("latin-1"))
    assert (folder.run(), folder.checkpoint()) in (({}, ""), ({"key": None, "notifier": None}, ""))


def test_a_file_that_cannot_be_read_is_not_waited_for(folder: Mailbox) -> None:
    """A pipe, or one without end, in place of any."""
    for name in ("1.word", "1.leave", "1.beat", "run.json"):
        os.mkfifo(folder.folder / name)
    with (folder.folder / "checkpoint.json").open("wb") as file:
        file.truncate(8 << 30)
    read = isolation.call(
        lambda: (folder.notes(), folder.leaves(), folder.beats(), folder.run(), folder.checkpoint()), 20
    )
    assert read.value == ([], {}, [], {}, "")


def test_a_supervisor_of_another_version_lives(folder: Mailbox) -> None:
    """It says more of itself than this one knows."""
    path = folder.folder / mailbox.HOLDER
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": "red"}))
    assert mailbox.report(lambda _: True) is True


def test_a_folder_that_hangs_holds_nobody_up(folder: Mailbox) -> None:
    """A pipe that nobody writes to, in place of the file that is read first."""
    path = folder.folder / "supervisor.json"
    path.unlink()
    os.mkfifo(path)
    assert mailbox.report(lambda _: True) is None
    os.close(os.open(path, os.O_RDWR))  # lets the thread go that reads it


def test_a_folder_that_hangs_keeps_one_thread_of_what_is_told_again_and_again(
    folder: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it works again, so does that."""
    monkeypatch.setattr(mailbox, "_BUDGET", 0.05)
    turn, free, told = threading.Lock(), threading.Event(), list[int]()

    def tell(number: int) -> None:
        told.append(number)
        free.wait(30)

    for number in range(5):
        mailbox.report(lambda _, number=number: tell(number), turn)  # type: ignore[misc]
    assert told == [0]
    free.set()
    assert turn.acquire(timeout=10)
    turn.release()
    monkeypatch.setattr(mailbox, "_BUDGET", 10.0)
    assert mailbox.report(lambda _: "told", turn) == mailbox.report(lambda _: "told", turn) == "told"


def test_the_supervisor_says_who_it_is(folder: Mailbox) -> None:
    """As a `Holder`."""
    assert json.loads((folder.folder / mailbox.HOLDER).read_bytes()) == fields_of(Holder.me())
