"""Folders that others can write to: what they put there is neither read, nor followed, nor written to."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinkle_notifier.alerts import crash_loop
from twinkle_notifier.channels.rate_limit import Rate
from twinkle_notifier.claims.stores.files import FileStore
from twinkle_notifier.runtime import ownership, state_dir

STRANGER = 12345
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to another user")


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chosen folder of another user's, in which everybody may write."""
    path = tmp_path / "shared"
    path.mkdir()
    path.chmod(0o1777)
    os.chown(path, STRANGER, STRANGER)
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(path))
    monkeypatch.setattr(state_dir, "_warned", set())
    return path


def stranger_s(path: Path, mode: int = 0o777) -> Path:
    path.mkdir(parents=True)
    path.chmod(mode)
    os.chown(path, STRANGER, STRANGER)
    return path


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


# A chosen folder


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("mode", [0o700, 0o777, 0o1777])
def test_what_a_stranger_made_first_is_left(
    mode: int, depth: int, shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """For a folder of the user's own in the same chosen one, where who shares it looks; the log names the owner."""
    theirs = stranger_s(shared / "room" / "one" if depth == 2 else shared / "room", mode)
    if depth == 2:
        theirs.parent.chmod(0o700)
    place = state_dir.within(["room", "one"], lambda room: [state_dir.write(room / "file", b"x"), room][1])
    assert place == shared / f"twinkle-notifier-{os.getuid()}" / "room" / "one"
    assert files(theirs) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    said = f"TWINKLE_NOTIFIER_DIR={shared} cannot be used: {theirs}: it belongs to another user, uid {STRANGER}"
    assert [record.getMessage() for record in caplog.records] == [said]
    assert state_dir.everywhere("room", "one") == [place]
    assert state_dir.kept("room", "one", "file") == [b"x"]


def test_the_way_into_a_chosen_folder_may_be_a_link(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user made it; in the folder no link is followed."""
    (tmp_path / "link").symlink_to(shared)
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "link"))
    assert state_dir.within(["room"], lambda room: room) == tmp_path / "link" / "room"
    (shared / "other").symlink_to(tmp_path)
    place = state_dir.within(["other"], lambda room: room)
    assert place == tmp_path / "link" / f"twinkle-notifier-{os.getuid()}" / "other"


def test_a_folder_of_ours_is_closed_to_others(shared: Path) -> None:
    """It may have been made by a careless hand."""
    (shared / "room").mkdir()
    (shared / "room").chmod(0o777)
    assert state_dir.within(["room"], lambda room: room) == shared / "room"
    assert stat.S_IMODE((shared / "room").stat().st_mode) == 0o700


def test_a_stranger_s_history_silences_nobody(shared: Path) -> None:
    """A forged crash loop; nor does what they write become ours."""
    now = time.time()
    forged = stranger_s(shared / "history" / crash_loop._room()[1]) / "error"
    forged.write_text(json.dumps({"count": 9, "first": now, "last": now, "loop": 99_999}))
    os.chown(forged.parents[1], STRANGER, STRANGER)
    past = crash_loop.look("error", now + 1)
    assert (past.count, past.loop) == (1, 1)
    crash_loop.keep("error", past)
    assert json.loads(forged.read_text())["loop"] == 99_999
    assert crash_loop.look("error", now + 1).count == 2


def test_a_stranger_s_rate_throttles_nobody(shared: Path) -> None:
    """Nor is it written to."""
    rate = Rate("https://robot.example", 3, 600.0)
    assert rate.take() == 0.0
    [path] = (shared / "rate").iterdir()
    path.write_text(json.dumps({"sent": [], "closed_until": time.time() + 599}))
    os.chown(path, STRANGER, STRANGER)
    before = path.read_bytes()
    assert rate.take() == 0.0
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_a_rate_that_is_no_file_throttles_nobody(kind: str, shared: Path, tmp_path: Path) -> None:
    """And what a link leads to stays as it is."""
    rate = Rate("https://robot.example", 3, 600.0)
    assert rate.take() == 0.0
    [path] = (shared / "rate").iterdir()
    path.unlink()
    target = tmp_path / "precious"
    target.write_text("precious")
    {"fifo": os.mkfifo, "link": lambda path: path.symlink_to(target), "folder": os.mkdir}[kind](path)  # type: ignore[operator]
    assert rate.take() == 0.0
    assert target.read_text() == "precious"


def test_a_stranger_s_claims_silence_nobody(shared: Path) -> None:
    """Two stores of one run still meet."""
    FileStore.of_run("run")
    [run] = (shared / "claims").iterdir()
    shutil.rmtree(shared / "claims")
    stranger_s(shared / "claims" / run.name / "incident")
    for path in (shared / "claims", shared / "claims" / run.name):
        os.chown(path, STRANGER, STRANGER)
    assert [FileStore.of_run("run").append("incident", 0, b"x") for _ in range(2)] == [True, False]
    assert files(shared / "claims") == []


# A file system on which everything belongs to somebody else


def test_a_file_system_that_gives_away_what_we_make_works(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As NFS with root squash. None is here, so the owner of a new file is changed by hand."""
    opened, made = os.open, os.mkdir

    def squashed(path: str, flags: int, *rest: int, **more: int) -> int:
        handle = opened(path, flags, *rest, **more)
        if flags & os.O_CREAT and str(path).startswith(str(shared)):
            os.fchown(handle, 65534, 65534)
        return handle

    def squashed_folder(path: str, *rest: int, **more: int) -> None:
        made(path, *rest, **more)
        if str(path).startswith(str(shared)):
            os.chown(path, 65534, 65534)

    monkeypatch.setattr(os, "open", squashed)
    monkeypatch.setattr(os, "mkdir", squashed_folder)
    monkeypatch.setattr(ownership, "_created", {})
    place = state_dir.within(["room"], lambda room: [state_dir.replace(room / "file", b"x"), room][1])
    assert place == shared / "room"
    assert (place / "file").stat().st_uid == 65534
    assert state_dir.kept("room", "file") == [b"x"]
    with state_dir.locked(place / "lock", 0.0) as handle:
        assert handle is not None
    os.chown(place / "file", STRANGER, STRANGER)
    assert state_dir.kept("room", "file") == []


# The temporary folder


def test_a_link_for_the_temporary_folder_is_not_followed(tmp_path: Path) -> None:
    """To the user's own work, where nothing protects a folder such as /tmp from it."""
    work = tmp_path / "work"
    (work / "room").mkdir(parents=True)
    (work / "room" / "file").write_text("precious")
    link = tmp_path / "tmp" / f"twinkle-notifier-{os.getuid()}"
    link.symlink_to(work)
    assert not state_dir.within(["room"], lambda room: room).is_relative_to(tmp_path / "tmp")
    assert state_dir.kept("room", "file") == []
    assert tmp_path / "tmp" / link.name not in state_dir.roots()


RANK = """
import os, sys
import codecs, tempfile, multiprocessing.util, linecache, uuid, tokenize, traceback, ast, shutil, glob
for name in ("ascii", "latin-1", "idna", "unicode_escape", "raw_unicode_escape", "utf-8-sig", "punycode"):
    codecs.lookup(name)  # the interpreter may lie where this user cannot read
import twinkle_notifier as t
from twinkle_notifier import claims, checkpoint as state; from twinkle_notifier.delivery import sender as delivery, spool; from twinkle_notifier.alerts import crash_loop as history, pipeline as incident; from twinkle_notifier.channels import rate_limit as rate
from twinkle_notifier.claims.stores import files
class Printer(t.Notifier):
    def __call__(self, message):
        if {works}:
            return print("SENT", flush=True)
        raise OSError("no way out")
os.setgroups([]), os.setgid({uid}), os.setuid({uid})
sys.stdin.readline()
try:
    1 / 0
except ZeroDivisionError as e:
    print(t.notify_exception(Printer(), "step", e, "sft").status)
"""


@pytest.fixture
def taken() -> Iterator[tuple[int, Path]]:
    """A user both of whose temporary folders a stranger has made first; and a folder that the user can go to."""
    uid, place = 30_000 + os.getpid() % 20_000, Path(tempfile.mkdtemp(dir="/tmp"))
    place.chmod(0o755)
    (place / "tmp").mkdir()
    (place / "tmp").chmod(0o1777)
    theirs = [place / "tmp" / f"twinkle-notifier-{uid}", Path(f"/dev/shm/twinkle-notifier-{uid}")]
    for path in theirs:
        stranger_s(path)
    for name in ("home", "runtime"):
        (place / name).mkdir(mode=0o700)
        os.chown(place / name, uid, uid)
    yield uid, place
    assert files(theirs[0]) + files(theirs[1]) == []
    shutil.rmtree(place)
    shutil.rmtree(theirs[1])


def told_by_ranks(uid: int, works: bool, count: int, **env: str) -> list[tuple[str, str]]:
    ranks = []
    for rank in range(count):
        own = {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": 29500}
        launcher = {name: str(value) for name, value in own.items()} | {"TORCHELASTIC_RUN_ID": "run"}
        command = [sys.executable, "-c", RANK.format(uid=uid, works=works)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        ranks.append(subprocess.Popen(command, env={**os.environ, **launcher, **env}, cwd="/", **pipes))  # type: ignore[call-overload]
    try:
        return [rank.communicate("go\n", timeout=120) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()


@pytest.mark.parametrize("runtime", ["runtime", "missing"])
def test_there_is_a_place_that_no_stranger_can_take(runtime: str, taken: tuple[int, Path]) -> None:
    """Eight ranks send one message; the log says who has taken the others."""
    uid, place = taken
    env = {"TMPDIR": str(place / "tmp"), "HOME": str(place / "home"), "XDG_RUNTIME_DIR": str(place / runtime)}
    ends = told_by_ranks(uid, True, 8, **env, XDG_STATE_HOME="")
    said = "".join(err for _, err in ends)
    assert sum(out.count("SENT") for out, _ in ends) == 1, said
    for path in (place / "tmp", Path("/dev/shm")):
        known = path / f"twinkle-notifier-{uid}"
        assert f"{known} cannot be used: {known}: it belongs to another user, uid {STRANGER}" in said
    own = place / {"runtime": "runtime/twinkle-notifier", "missing": "home/.local/state/twinkle-notifier"}[runtime]
    assert (stat.S_IMODE(own.stat().st_mode), own.stat().st_uid) == (0o700, uid)


def test_messages_are_kept_where_no_stranger_can_take_the_place(taken: tuple[int, Path]) -> None:
    """As they are elsewhere."""
    uid, place = taken
    env = {"TMPDIR": str(place / "tmp"), "HOME": str(place / "home"), "XDG_STATE_HOME": str(place / "home" / "state")}
    [(out, err)] = told_by_ranks(uid, False, 1, **env, XDG_RUNTIME_DIR="")
    assert out == "spooled\n", err
    assert len(list((place / "home" / "state" / "twinkle-notifier" / "spool").glob("*/*.json"))) == 1


# Files


def fill(path: Path, kind: str) -> None:
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            os.chdir(path.parent)  # its name may have about a hundred bytes
            listening.bind(path.name)
    elif kind == "sparse":
        path.touch()
        os.truncate(path, 8 << 30)
    elif kind == "device":
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero
    elif kind == "a byte too many":
        path.write_bytes(b"x" * 101)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "link":
        (path.parent / "target").write_bytes(b"x")
        path.symlink_to("target")
    elif kind == "stranger's":
        path.write_bytes(b"x")
        os.chown(path, STRANGER, STRANGER)
    else:
        {"fifo": os.mkfifo, "folder": os.mkdir}[kind](path)


KINDS = {
    "fifo": "no regular file",
    "folder": "no regular file",
    "socket": "No such device",
    "device": "no regular file",
    "loop": "symbolic link",
    "link": "symbolic link",
    "sparse": "more than 100 bytes",
    "a byte too many": "more than 100 bytes",
    "stranger's": f"another user, uid {STRANGER}",
}


@pytest.mark.parametrize(("kind", "why"), KINDS.items())
def test_only_a_file_of_ours_is_read(kind: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a bounded size; whatever else has its name hangs nobody."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file"
    fill(path, kind)
    with pytest.raises(OSError, match=why):
        state_dir.contents(path, 100)


def test_a_file_of_ours_is_read(tmp_path: Path) -> None:
    """Up to its last byte; one that is not there is said to be so."""
    (tmp_path / "file").write_bytes(b"x" * 100)
    assert state_dir.contents(tmp_path / "file", 100) == b"x" * 100
    with pytest.raises(FileNotFoundError):
        state_dir.contents(tmp_path / "other", 100)
    with pytest.raises(OSError, match="holds more than 99") as error:
        state_dir.contents(tmp_path / "file", 99)
    assert error.value.errno == errno.EFBIG


def test_what_is_trusted(tmp_path: Path) -> None:
    """Files and folders of ours, and nothing else."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "fifo")
    stranger_s(tmp_path / "strange")
    names = ("folder", "file", "link", "fifo", "strange", "missing")
    assert [state_dir.is_trusted(tmp_path / name) for name in names] == [True, True, False, False, False, False]
