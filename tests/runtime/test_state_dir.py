"""Where this package keeps files."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from disks import disk_of

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.runtime import locks, state_dir
from twinkle_notifier.runtime.host import host_key

SCRIPT = """
import tempfile
from pathlib import Path
from twinkle_notifier.runtime import state_dir as folders
print(folders.folder("room").parent.parent == Path(tempfile.gettempdir()))
"""


@pytest.mark.parametrize("chosen", ["there", "missing", ""])
def test_the_temporary_folder_is_python_s(tmp_path: Path, chosen: str) -> None:
    """What `tempfile` chooses, which leaves nothing behind."""
    (tmp_path / "there").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / chosen) if chosen else ""}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd="/", env=env)
    assert done.stdout == "True\n", done.stderr
    assert list((tmp_path / "there").glob("draft-*")) == []


# One folder after the other


def seen_by(code: str, *arguments: str, **env: str) -> str:
    """What a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd="/", env={**os.environ, **env}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


RANK = """
import os, sys
from twinkle_notifier import Notifier, notify_exception
class Printer(Notifier):
    def __call__(self, message):
        print("SENT", flush=True)
notifier = Printer()
{before}
sys.stdin.readline()
try:
    1 / 0
except ZeroDivisionError as e:
    notify_exception(notifier, "step", e, "sft")
"""


def sent_by_ranks(before: str, count: int = 4, **env: str) -> tuple[int, str]:
    """How many of the ranks of a run send, all of which meet one error; and what their logs say."""
    ranks = []
    for rank in range(count):
        own = {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": 29500}
        launcher = {name: str(value) for name, value in own.items()} | {"TORCHELASTIC_RUN_ID": "run"}
        command = [sys.executable, "-c", RANK.format(before=before)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        ranks.append(subprocess.Popen(command, env={**os.environ, **launcher, **env}, **pipes))  # type: ignore[call-overload]
    try:
        ends = [rank.communicate("go\n", timeout=120) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()
    return sum(out.count("SENT") for out, _ in ends), "".join(err for _, err in ends)


def test_a_relative_folder_is_the_same_wherever_a_rank_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is meant from where the process began."""
    monkeypatch.chdir(tmp_path)
    before = "os.mkdir(os.environ['RANK']); os.chdir(os.environ['RANK'])"
    sent, _ = sent_by_ranks(before, TWINKLE_NOTIFIER_DIR="notifier", PYTHONSAFEPATH="1")
    assert sent == 1
    assert [path.parent for path in tmp_path.rglob("notifier")] == [tmp_path]


def test_a_relative_folder_is_the_same_for_a_supervised_command(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which goes to another folder before it loads anything of ours."""
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "train.py").write_text(
        RANK.format(before="notifier = __import__('twinkle_notifier').DingNotifier('env:DING_URL', 'env:DING_SECRET')")
    )
    described = '{"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET"}'
    robot = {"DING_URL": inbox.url, "DING_SECRET": "SEC0123456789abcdef", "TWINKLE_NOTIFIER": described}
    own = {"TWINKLE_NOTIFIER_DIR": "notifier", **robot}
    command = ["sh", "-c", f"cd elsewhere && {sys.executable} train.py"]
    supervised = [sys.executable, "-m", "twinkle_notifier", "run", "--name", "sft", "--", *command]
    done = subprocess.run(
        supervised, env={**os.environ, **own}, capture_output=True, text=True, input="go\n", timeout=120
    )
    assert [message.title for message in inbox.messages] == ["sft failed: ZeroDivisionError: division by zero"], (
        done.stderr
    )
    assert [path.parent for path in tmp_path.rglob("notifier")] == [tmp_path]


@pytest.mark.parametrize(
    "number",
    [
        errno.EPERM,
        *(pytest.param(number, marks=pytest.mark.stress) for number in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES)),
    ],
)
def test_without_links_one_rank_sends(number: int) -> None:
    """As on CIFS and many a FUSE."""
    sent, said = sent_by_ranks(f"def refused(*_): raise OSError({number}, 'no links')\nos.link = refused")
    assert sent == 1, said


def test_without_links_on_some_ranks_one_rank_sends() -> None:
    """As where the clients of one server differ."""
    before = "def refused(*_): raise OSError(95, 'no links')\nif int(os.environ['RANK']) % 2: os.link = refused"
    sent, said = sent_by_ranks(before)
    assert sent == 1, said


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system with 4 KB free: it takes a probe, and little more."""
    with disk_of(tmp_path / "small", "size=64k,nr_inodes=200") as path:
        (path / "filler").write_bytes(b"x" * (15 * 4096))
        yield path


def test_work_that_does_not_fit_is_done_in_the_next_folder(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though a few bytes could be written to the first."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(small))
    place = state_dir.within(["room"], lambda room: [state_dir.replace(room / "file", b"x" * 17_000), room][1])
    assert place.parent.parent == tmp_path / "tmp"
    assert state_dir.kept("room", "file") == []  # larger than what is kept
    assert [path.name for path in small.rglob("*") if path.is_file()] == ["filler"]


def test_ranks_whose_disk_takes_a_claim_and_no_more_lose_no_alert(small: Path) -> None:
    """Whoever sends cannot say so there: the others agree in the next folder, and one of them sends again."""
    sent, said = sent_by_ranks("", TWINKLE_NOTIFIER_DIR=str(small))
    assert sent in (1, 2), said


def test_a_rank_whose_disk_is_full_loses_no_alert(tmp_path: Path) -> None:
    """While the others' is not: in doubt it sends, too."""
    before = """
from twinkle_notifier.runtime import state_dir as folders
def full(*_, **__): raise OSError(28, "No space left on device")
if os.environ["RANK"] == "0": folders.write = full
"""
    sent, said = sent_by_ranks(before, 2, TWINKLE_NOTIFIER_DIR=str(tmp_path / "chosen"))
    assert sent in (1, 2), said


# What the file system does not do


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_is_written_where_nothing_can_be_synced(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some FUSE."""
    monkeypatch.setattr(os, "fsync", failing(number))
    state_dir.replace(tmp_path / "file", b"data")
    assert (tmp_path / "file").read_bytes() == b"data"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fails_is_no_place(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it did not take is not there."""
    monkeypatch.setattr(os, "fsync", failing(number))
    with pytest.raises(OSError, match=re.escape(os.strerror(number))):
        state_dir.replace(tmp_path / "file", b"data")
    assert list(tmp_path.glob("[!t]*")) == []


def failing(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


NO_FLOCK = """
import fcntl, os, sys, time
from pathlib import Path
from twinkle_notifier.runtime import state_dir as folders
flock = fcntl.flock
def refused(*_): raise OSError({number}, os.strerror({number}))
fcntl.flock = refused
lock = Path({lock!r})
"""
LOCKS = [
    errno.ENOLCK,
    *(pytest.param(number, marks=pytest.mark.stress) for number in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)),
]


@pytest.mark.parametrize("number", LOCKS)
def test_without_locks_one_process_is_in_at_a_time(number: int, tmp_path: Path) -> None:
    """Six of them count to thirty, by reading and writing."""
    (tmp_path / "count").write_text("0")
    code = (
        NO_FLOCK.format(number=number, lock=str(tmp_path / "lock"))
        + f"""
count = Path({str(tmp_path / "count")!r})
for _ in range(5):
    with folders.locked(lock, 60.0) as handle:
        assert handle is not None
        before = int(count.read_text())
        time.sleep(0.002)
        count.write_text(str(before + 1))
"""
    )
    running = [subprocess.Popen([sys.executable, "-c", code], cwd="/") for _ in range(6)]
    assert [process.wait(120) for process in running] == [0] * 6
    assert (tmp_path / "count").read_text() == "30"
    assert sorted(path.name for path in tmp_path.glob("*lock*")) == ["lock"]


@pytest.mark.parametrize("number", LOCKS)
def test_without_locks_a_lock_of_the_dead_is_free(number: int, tmp_path: Path) -> None:
    """At once, on the same machine; held by one that lives it is not."""
    code = NO_FLOCK.format(number=number, lock=str(tmp_path / "lock"))
    holder = subprocess.Popen(
        [sys.executable, "-c", f"{code}with folders.locked(lock, 0.0):\n print('held', flush=True)\n time.sleep(600)"],
        stdout=subprocess.PIPE,
        cwd="/",
    )
    get = f"{code}with folders.locked(lock, 0.0) as handle:\n print(handle is not None)"
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert seen_by(get) == "False"
    finally:
        holder.kill()
        holder.communicate()
    assert [seen_by(get), seen_by(get)] == ["True", "True"]


def test_without_locks_a_lock_that_was_just_taken_is_not_stolen(tmp_path: Path) -> None:
    """Two see that the holder is dead; the slower one does not take away what the quicker one has made meanwhile."""
    held = tmp_path / "lock.held"
    held.write_text(json.dumps({"host": host_key(), "pid": 4194303, "started": 0.5}))
    guard = locks._Guard(tmp_path / "lock", 900.0)
    abandoned = guard._abandoned()
    assert abandoned is not None
    assert locks._Guard(tmp_path / "lock", 900.0).take()
    of_the_quicker = held.read_bytes()
    assert not guard._removed(abandoned)
    assert held.read_bytes() == of_the_quicker
    assert [path.name for path in tmp_path.glob("[!t]*")] == ["lock.held"]


@pytest.mark.parametrize(("age", "free"), [(-2000, "True"), (-100, "False"), (100, "False"), (2000, "True")])
def test_without_locks_another_machine_s_lock_ends(age: int, free: str, tmp_path: Path) -> None:
    """Whether its holder lives cannot be seen from here."""
    code = NO_FLOCK.format(number=errno.ENOSYS, lock=str(tmp_path / "lock"))
    held = tmp_path / "lock.held"
    held.write_text('{"host": "another", "pid": 1, "started": 0.5}')
    os.utime(held, (time.time() + age, time.time() + age))
    assert seen_by(f"{code}with folders.locked(lock, 0.0) as handle:\n print(handle is not None)") == free


def test_without_locks_a_child_does_not_let_its_parent_s_lock_go(tmp_path: Path) -> None:
    """A forked one, which leaves the block too."""
    code = (
        NO_FLOCK.format(number=errno.ENOSYS, lock=str(tmp_path / "lock"))
        + """
with folders.locked(lock, 0.0):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print(lock.with_name("lock.held").exists(), end=" ")
if child:
    print(lock.with_name("lock.held").exists())
"""
    )
    assert seen_by(code) == "True False"


def test_a_rate_is_counted_without_locks(tmp_path: Path) -> None:
    """By all processes together."""
    code = (
        NO_FLOCK.format(number=errno.ENOSYS, lock="")
        + """
from twinkle_notifier.channels.rate_limit import Rate
print(Rate("https://robot.example", 2, 600.0).take() == 0)
"""
    )
    assert [seen_by(code) for _ in range(4)] == ["True", "True", "False", "False"]
