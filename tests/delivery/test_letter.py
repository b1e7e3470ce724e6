"""What else may lie in a spool folder: none of it stops the letters, is followed, or is waited for."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import Message, Outcome, isolation
from twinkle_notifier.delivery.spool import Flushed, Spool

DAY = 86400.0
STRANGER = 12345  # the id of another user


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


def add(folder: Path, name: str, notifier: dict[str, Any] | None = None, why: str = "no network") -> Path:
    Spool(folder).add(Message(f"### {name}\n\n- Run: sft", name), why, notifier)
    return folder / f"{name}.json"


def flush(folder: Path, outcome: Outcome | None = None, **options: bool) -> tuple[list[str], Flushed]:
    """The ids of what went out, unless `outcome` says otherwise, and what the flush says; it may not hang."""
    sent: list[str] = []

    def deliver(_letter: object, message: Message) -> Outcome:
        sent.append(message.id)
        return outcome or Outcome("sent")

    flushed = isolation.call(lambda: Spool(folder).flush(deliver, **options), 40).result()
    return sorted(sent), flushed


def changed(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def is_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # a socket's name is short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def is_full_folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").touch()


def is_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(8 << 30)


def is_a_letter_elsewhere(path: Path) -> None:
    (path.parent.parent / "elsewhere").mkdir()
    path.symlink_to(add(path.parent.parent / "elsewhere", "c"))


NO_LETTERS: dict[str, Callable[[Path], object]] = {
    "a folder": lambda path: path.mkdir(),
    "a folder with a file": is_full_folder,
    "a pipe": os.mkfifo,
    "a socket": is_socket,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a letter": is_a_letter_elsewhere,
    "8 GB": is_sparse,
    "deep lists": lambda path: path.write_text("[" * 100_000),
    "deep objects": lambda path: path.write_text('{"a":' * 100_000),
    "a text": lambda path: path.write_text('"a letter"'),
}


@pytest.mark.parametrize("kind", NO_LETTERS)
def test_what_is_no_letter_is_put_aside(kind: str, folder: Path) -> None:
    """It is named and counted, once, and is not lost; all letters go out."""
    path = folder / "ab.json"
    NO_LETTERS[kind](path)
    add(folder, "a")
    add(folder, "b")
    problem = f"{path} holds no message; it is put aside as ab.json.damaged"
    assert flush(folder) == (["a", "b"], Flushed(sent=2, skipped=1, problems=(problem,)))
    assert os.path.lexists(folder / "ab.json.damaged")
    assert flush(folder) == ([], Flushed())


DEEP: Any = None
for _ in range(60):
    DEEP = {"class": DEEP}
EVENT = {"headline": "x", "at": 1.0, "count": 1}


@pytest.mark.parametrize(
    "fields",
    [
        *({"at": at} for at in (1e300, -1e300, -1.0, float("nan"), float("inf"), "now", None, True, [1.0], 10**400)),
        *({"text": text} for text in (5, None, ["### x"])),
        *({"why": why} for why in (5, None)),
        *({"notifier": notifier} for notifier in ([], "DingNotifier", 5, DEEP)),
        *({"events": events} for events in (5, None, {}, [5], [{}], ["x"])),
        *({"events": [{**EVENT, "count": count}]} for count in (1e30, 10**30, -1, 0, "1", None, True, 1.5)),
        *({"events": [{**EVENT, **wrong}]} for wrong in ({"at": 1e300}, {"at": "x"}, {"headline": 5})),
        *({"covers": covers} for covers in (5, "a", ["../x"], [5], [None])),
        *({"id": name} for name in ("../../x", "/etc/x", "", "A", "a" * 65, "a.b", 5, None, "a\n")),
        {"tried": "yes"},
    ],
    ids=str,
)
def test_a_letter_of_wrong_types_is_put_aside(fields: dict[str, Any], folder: Path) -> None:
    """Whichever field it is."""
    add(folder, "a")
    changed(add(folder, "b"), **fields)
    sent, flushed = flush(folder)
    assert (sent, flushed.sent, flushed.skipped) == (["a"], 1, 1)
    assert (folder / "b.json.damaged").exists()


def test_what_was_put_aside_is_not_overwritten(folder: Path) -> None:
    """By the next that is called the same."""
    for text in ("one", "two"):
        (folder / "a.json").write_text(text)
        assert flush(folder)[1].skipped == 1
    assert sorted(path.read_text() for path in folder.glob("*.damaged")) == ["one", "two"]


def test_problems_without_number_are_counted(folder: Path) -> None:
    """Not all are named."""
    for number in range(100):
        (folder / f"{number}.json").write_text("{")
    _, flushed = flush(folder)
    assert (flushed.skipped, len(flushed.problems)) == (100, 21)
    assert flushed.problems[-1] == f"{folder} holds 80 more that cannot be sent"


@pytest.mark.parametrize("kind", ["id", "covers"])
def test_no_letter_reaches_another_file(kind: str, folder: Path) -> None:
    """By an id that is a path."""
    victim = folder.parent / "config.json"
    victim.write_text("{}")
    changed(add(folder, "a"), **{kind: "../config" if kind == "id" else ["../config"]})
    flush(folder)
    assert victim.read_text() == "{}"


def test_a_message_whose_id_is_a_path_stays_in_the_folder(folder: Path) -> None:
    """As a word of a supervised process may have it; it can be removed, too."""
    message = Message("### x", "../../x")
    Spool(folder).add(message, "why", None)
    Spool(folder).add(message, "why", None)
    [path] = folder.iterdir()
    assert [letter.id for letter in Spool(folder).letters()] == [path.stem]
    Spool(folder).remove(message)
    assert list(folder.iterdir()) == []


# Copies


def test_a_letter_of_another_name_goes_out_once(folder: Path) -> None:
    """As cp and backups leave it."""
    for number in range(3):
        add(folder, f"a{number}").rename(folder / f"copy of {number}.json")
    assert flush(folder) == (["a0", "a1", "a2"], Flushed(sent=3))
    assert flush(folder) == ([], Flushed())


def test_a_copy_of_a_letter_is_not_sent_beside_it(folder: Path) -> None:
    """Both are gone then; alone, and in a digest."""
    for count in (3, 12):
        for number in range(count):
            shutil.copy(add(folder, f"a{number}"), folder / f"b{number}.json")
        sent, flushed = flush(folder)
        assert flushed == Flushed(sent=count)
        assert len(sent) == (3 if count == 3 else 1)
        assert list(folder.glob("*.json")) == []


def test_a_letter_that_covers_itself_goes_out(folder: Path) -> None:
    """It is no part of another."""
    changed(add(folder, "a"), covers=["a"])
    assert flush(folder) == (["a"], Flushed(sent=1))


# Clocks


@pytest.mark.parametrize("days", [None, -30, 3650])
def test_a_letter_of_a_wrong_clock_is_tried(days: int | None, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its time is one that the machine believed in when it was kept: 1970, a month ago, in ten years."""
    path, at = add(folder, "a"), 0.0 if days is None else time.time() + days * DAY
    changed(path, at=at, events=[{**EVENT, "at": at}])
    os.utime(path, (at, at))
    assert flush(folder) == (["a"], Flushed(sent=1))
    assert "dropped" not in caplog.text


def test_the_week_of_a_letter_begins_when_it_is_tried(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not when its machine's clock said; and it is tried once more before it is given up."""
    path = add(folder, "a")
    changed(path, at=1.0, events=[{**EVENT, "at": 1.0}])
    os.utime(path, (1.0, 1.0))
    for age in (0.0, 6 * DAY):
        os.utime(path, (time.time() - age,) * 2) if age else None
        assert flush(folder, Outcome("failed", "no network")) == (["a"], Flushed(0, 1, "no network"))
    assert path.exists()
    os.utime(path, (time.time() - 8 * DAY,) * 2)
    assert flush(folder, Outcome("failed", "no network"))[0] == ["a"]
    assert not path.exists()
    assert "1 messages that could not be sent were dropped" in caplog.text


def test_a_letter_that_nobody_was_handed_is_not_given_up(folder: Path) -> None:
    """Its week begins when a robot is asked, not when there is none: a person may name one a month later."""
    path = add(folder, "a1")
    for _ in range(2):
        _, flushed = flush(folder, Outcome("skipped", "no notifier is known for it"), apart=True)
        assert (flushed.skipped, flushed.left) == (1, 0)
        os.utime(path, (time.time() - 30 * 86400, time.time() - 30 * 86400))
    assert flush(folder)[0] == ["a1"]


def test_a_folder_that_is_just_gone_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process takes it away between the listing and the look at it."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path))
    for channel in ("aaaa", "bbbb"):
        Spool.put(channel, Message("### x", "a1"), "no network", None)
    listed = os.listdir

    def gone_meanwhile(path: Any) -> list[str]:
        return [*listed(path), "0000"] if str(path).endswith("spool") else listed(path)

    monkeypatch.setattr("twinkle_notifier.delivery.spool.os.listdir", gone_meanwhile)
    ours = [Path(spool.name) for spool in Spool.everyone() if spool.name.startswith(str(tmp_path))]
    assert [path.name for path in ours] == ["aaaa", "bbbb"]


def test_an_old_letter_goes_out_when_it_can(folder: Path) -> None:
    """A message that waited a month for a network is still sent."""
    path = add(folder, "a")
    flush(folder, Outcome("failed", "no network"))
    os.utime(path, (time.time() - 30 * DAY,) * 2)
    assert flush(folder) == (["a"], Flushed(sent=1))


def test_a_letter_behind_another_has_its_week_too(folder: Path) -> None:
    """Though it was not asked about itself: its robot was."""
    for name in ("a", "b"):
        add(folder, name)
    flush(folder, Outcome("failed", "no network"))
    for path in folder.glob("*.json"):
        os.utime(path, (time.time() - 8 * DAY,) * 2)
    assert flush(folder, Outcome("failed", "no network"))[0] == ["a"]
    assert list(folder.glob("*.json")) == []


def test_a_letter_that_another_process_delivers_meanwhile_does_not_come_back(folder: Path) -> None:
    """Though this one could not send it."""
    path = add(folder, "a")

    def deliver(_letter: object, message: Message) -> Outcome:
        Spool(folder).remove(message)
        return Outcome("failed", "no network")

    Spool(folder).flush(deliver)
    assert not path.exists()


# Notifiers


def test_a_digest_is_of_one_notifier_s_letters(folder: Path) -> None:
    """The latest letter does not decide where the others go."""
    ours, theirs = {"class": "DingNotifier", "ding_url": "env:OURS"}, {"class": "DingNotifier", "ding_url": "env:X"}
    for number in range(12):
        add(folder, f"a{number}", ours)
    add(folder, "b", theirs)
    sent: list[tuple[Any, str]] = []

    def deliver(letter: Any, message: Message) -> Outcome:
        sent.append((letter.notifier, message.partition("\n")[0]))
        return Outcome("sent")

    assert Spool(folder).flush(deliver) == Flushed(sent=13)
    assert sent == [(ours, "### 12 messages that had to wait"), (theirs, "### b")]


@pytest.mark.parametrize("outcome", [Outcome("skipped", "nobody"), Outcome("failed", "no network")])
def test_apart_one_notifier_holds_up_no_other(outcome: Outcome, folder: Path) -> None:
    """Neither one that cannot be had, nor one that is down."""
    for number, name in enumerate(("down", "up", "down", "up")):
        add(folder, f"a{number}", {"class": name})

    def deliver(letter: Any, message: Message) -> Outcome:
        return Outcome("sent") if letter.notifier == {"class": "up"} else outcome

    flushed = Spool(folder).flush(deliver, apart=True)
    assert (flushed.sent, flushed.left + flushed.skipped) == (2, 2)
    assert sorted(path.stem for path in folder.glob("*.json")) == ["a0", "a2"]


def test_together_one_that_is_down_is_asked_once(folder: Path) -> None:
    """All go to the same."""
    for number in range(3):
        add(folder, f"a{number}", {"class": str(number)})
    assert flush(folder, Outcome("failed", "no network")) == (["a0"], Flushed(0, 3, "no network"))


# Words that are not ours


def test_the_reason_is_one_harmless_line(folder: Path) -> None:
    """A robot or a proxy chose its words."""
    add(folder, "a", why="\x1b[31m bad\n\n# Heading\n@all [click](http://evil)" + "x" * 5000)
    texts: list[str] = []
    Spool(folder).flush(lambda _, message: texts.append(str(message)) or Outcome("sent"))  # type: ignore[func-returns-value]
    heading, _, delayed, run = texts[0].split("\n")
    assert (heading, run) == ("### a", "- Run: sft")
    assert "\x1b" not in delayed
    assert "@all" not in delayed
    assert "](http" not in delayed
    assert len(delayed) < 500


# The disk


def test_a_full_disk_sends_one_by_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a digest cannot be written."""
    for number in range(12):
        add(folder, f"a{number}")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("twinkle_notifier.runtime.state_dir.write", full)
    sent, flushed = flush(folder)
    assert (len(sent), flushed) == (12, Flushed(sent=12))


def test_a_folder_that_is_gone_or_none_is_no_error(folder: Path, tmp_path: Path) -> None:
    """The first was emptied by somebody, the second is named."""
    assert flush(tmp_path / "gone") == ([], Flushed())
    (tmp_path / "file").touch()
    assert flush(tmp_path / "file") == (
        [],
        Flushed(skipped=1, problems=(f"{tmp_path / 'file'} cannot be used: it is no folder",)),
    )


# Other users

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users can reach, and which is theirs."""
    path = Path(tempfile.mkdtemp(dir="/tmp"))
    path.chmod(0o755)
    os.chown(path, STRANGER, STRANGER)
    yield path
    shutil.rmtree(path)


def flush_as_stranger(folder: Path) -> Any:
    """What the other user's process sends from `folder`, and what it says."""
    code = f"""
import json, os
from pathlib import Path
from twinkle_notifier import Outcome
from twinkle_notifier.delivery.spool import Spool
os.setgroups([]), os.setgid({STRANGER}), os.setuid({STRANGER})
sent = []
flushed = Spool(Path({str(folder)!r})).flush(lambda letter, message: sent.append(message.id) or Outcome("sent"))
print(json.dumps([sent, flushed]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, cwd="/")
    assert done.returncode == 0, done.stderr
    sent, flushed = json.loads(done.stdout)
    return sent, Flushed(*flushed[:-1], tuple(flushed[-1]))


@root
def test_another_user_s_letter_is_left_to_them(folder: Path) -> None:
    """It is named at each flush, and stays; one's own go out."""
    path = add(folder, "a")
    os.chown(path, STRANGER, STRANGER)
    add(folder, "b")
    problem = f"{path} cannot be read: it belongs to another user, uid {STRANGER}"
    assert flush(folder) == (["b"], Flushed(sent=1, skipped=1, problems=(problem,)))
    assert flush(folder) == ([], Flushed(skipped=1, problems=(problem,)))
    assert path.exists()


@root
def test_what_root_keeps_in_a_user_s_folder_holds_up_nobody(shared: Path) -> None:
    """As a container does, which leaves a letter and a lock there."""
    os.chown(add(shared, "a"), STRANGER, STRANGER)
    path = add(shared, "b")
    os.close(os.open(shared / "lock", os.O_CREAT, 0o600))
    problem = f"{path} cannot be read: Permission denied"
    assert flush_as_stranger(shared) == (["a"], Flushed(sent=1, skipped=1, problems=(problem,)))
    assert path.exists()


@root
@pytest.mark.parametrize("mode", [0o700, 0o744, 0o755])
def test_a_folder_of_another_user_is_named(mode: int, shared: Path) -> None:
    """Whether it can be listed, or not changed: what is sent from it could not be taken away."""
    add(shared, "a")
    os.chown(shared, 0, 0)
    shared.chmod(mode)
    problem = f"{shared} cannot be used: Permission denied"
    assert flush_as_stranger(shared) == ([], Flushed(skipped=1, problems=(problem,)))
