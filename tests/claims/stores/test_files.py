"""Claims as files, by real processes on a real file system."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bare
import pytest

from twinkle_notifier.claims.stores.files import FileStore


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "claims")


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.name.startswith("draft")]


# Records


def test_records_are_read_in_order(store: FileStore) -> None:
    """From any number on; a log that nobody began is empty."""
    assert store.read("incident", 0) == []
    assert [store.append("incident", index, f"{index}".encode()) for index in range(12)] == [True] * 12
    assert store.read("incident", 0) == [f"{index}".encode() for index in range(12)]
    assert store.read("incident", 10) == [b"10", b"11"]
    assert store.read("incident", 12) == store.read("other", 0) == []


def test_a_record_never_changes(store: FileStore) -> None:
    """The first one stays."""
    assert store.append("incident", 0, b"first")
    assert not store.append("incident", 0, b"second")
    assert store.read("incident", 0) == [b"first"]


def test_two_stores_in_one_folder_are_one(store: FileStore, tmp_path: Path) -> None:
    """As those of two ranks are."""
    store.append("incident", 0, b"first")
    other = FileStore(tmp_path / "claims")
    assert not other.append("incident", 0, b"second")
    assert other.read("incident", 0) == [b"first"]


def test_no_draft_is_left(store: FileStore, tmp_path: Path) -> None:
    """Neither by who wins nor by who loses; and each file is the user's alone."""
    for _ in range(2):
        store.append("incident", 0, b"x")
    store.join("incident", "0@host")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.name for path in files if path.name[0] != "m") == ["0"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_who_has_joined_is_a_set(store: FileStore) -> None:
    """Of its own for each key, and no part of the log."""
    assert store.members("incident") == set()
    for member in ("0@host", "1@host", "1@host", "~2@host"):
        store.join("incident", member)
    assert store.members("incident") == {"0@host", "1@host", "~2@host"}
    assert store.members("other") == set()
    assert store.read("incident", 0) == []


NO_LINKS = """
import os
def refused(*_):
    raise OSError({number}, os.strerror({number}))
os.link = refused
"""


@pytest.mark.parametrize(
    "without", [(), range(8), range(0, 8, 2)], ids=["links", "no links", "no links for every second one"]
)
def test_one_process_wins_each_record(without: Sequence[int], tmp_path: Path) -> None:
    """Eight race for two records of each of fifty logs: one winner each, no gap, every record whole."""
    code = f"""
import os, pathlib, sys, time
from twinkle_notifier.claims.stores.files import FileStore
store, me = FileStore(pathlib.Path({str(tmp_path / "claims")!r})), sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
for key in map(str, range(50)):
    won = [index for index in (0, 1) if store.append(key, index, me.encode() * 500)]
    seen = store.read(key, 0)
    print(key, won, len(seen), set(map(len, seen)))
"""
    numbers = [errno.EOPNOTSUPP, errno.EPERM, errno.ENOSYS, errno.EACCES] * 2
    codes = [(NO_LINKS.format(number=numbers[n]) if n in without else "") + code for n in range(8)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers: list[Any] = [subprocess.Popen([sys.executable, "-c", codes[n], str(n)], cwd="/", **pipes) for n in range(8)]
    try:
        for racer in racers:
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            racer.stdin.write("go\n")
            racer.stdin.flush()
        lines = [line.split(" ", 1) for racer in racers for line in racer.communicate(timeout=180)[0].splitlines()]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    for key in map(str, range(50)):
        results = [result for of, result in lines if of == key]
        assert len(results) == 8
        assert [sum(f"{index}" in result.split("]")[0] for result in results) for index in (0, 1)] == [1, 1]
        assert {result.split("] ")[1] for result in results} == {"2 {500}"}
    assert left_over(tmp_path) == []


def test_a_full_disk_makes_no_half_record(tmp_path: Path) -> None:
    """A record is whole or there is none, and the store says that it does not work."""
    code = f"""
import pathlib, resource
from twinkle_notifier.claims.stores.files import FileStore
store = FileStore(pathlib.Path({str(tmp_path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
store.append("incident", 0, b"x" * 100)
"""
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, timeout=180, cwd="/")
    assert FileStore(tmp_path).read("incident", 0) == []
    assert "OSError" in done.stderr
    assert left_over(tmp_path) == []


# Records that are written in place, where there are no links


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "link", refused)


@pytest.mark.usefixtures("no_links")
def test_a_log_without_links_is_like_any_other(store: FileStore) -> None:
    """Also for binary records, and one that looks like the mark of another."""
    records = [b"first", b"\x02", b"\x02\x03", b"x" * 100_000, b""]
    assert [store.append("incident", index, record) for index, record in enumerate(records)] == [True] * 5
    assert not store.append("incident", 1, b"second")
    assert store.read("incident", 0) == records
    assert store.read("incident", 3) == records[3:]


@pytest.mark.parametrize("half", [b"", b"\x02", b"\x02{"])
def test_who_dies_while_it_writes_holds_up_nobody_for_long(half: bytes, store: FileStore, tmp_path: Path) -> None:
    """What it left is no record for anybody, and the next one comes behind it."""
    store.append("incident", 0, b"first")
    (tmp_path / "claims" / "incident" / "1").write_bytes(half)
    assert store.read("incident", 0) == [b"first"]
    assert not store.append("incident", 1, b"second")
    assert store.read("incident", 1) == [b""]
    assert store.append("incident", 2, b"third")
    assert FileStore(tmp_path / "claims").read("incident", 2) == [b"third"]


def test_a_record_that_is_being_written_is_waited_for(store: FileStore, tmp_path: Path) -> None:
    """Who was second reads it, as soon as it is whole."""
    path = tmp_path / "claims" / "incident" / "0"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x02fir")
    writer = threading.Timer(0.2, path.write_bytes, [b"\x02first\x03"])
    writer.start()
    assert not store.append("incident", 0, b"second")
    assert store.read("incident", 0) == [b"first"]
    writer.join()


@pytest.mark.parametrize("kind", ["fifo", "folder", "loop", "foreign"])
def test_what_is_no_record_is_an_error(kind: str, store: FileStore, tmp_path: Path) -> None:
    """And hangs nobody: the next store has to decide."""
    store.append("incident", 0, b"first")
    path = tmp_path / "claims" / "incident" / "1"
    if kind == "foreign" and not bare.IS_ROOT:
        pytest.skip("only root gives files away")
    make = {"fifo": os.mkfifo, "folder": os.mkdir, "loop": lambda path: path.symlink_to(path), "foreign": Path.touch}
    make[kind](path)  # type: ignore[operator]
    os.chown(path, 12345 if kind == "foreign" else -1, -1, follow_symlinks=False)
    began = time.monotonic()
    with pytest.raises(OSError, match=r"regular file|symbolic link|another user"):
        store.read("incident", 0)
    assert time.monotonic() - began < 30


# Folders


def kept(*roots: Path) -> list[bool]:
    """In which of `roots` a record of the run is."""
    assert FileStore.of_run("run").append("incident", 0, b"x")
    return [bool(list(root.rglob("incident/0"))) for root in roots]


def test_the_temporary_folder_is_the_default(tmp_path: Path) -> None:
    """In a folder of the user's own, whose parts are open to nobody else."""
    assert kept(tmp_path / "tmp") == [True]
    [mine] = (tmp_path / "tmp").iterdir()
    folders = [mine, *(path for path in mine.rglob("*") if path.is_dir())]
    assert mine.name == f"twinkle-notifier-{os.getuid()}"
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    assert len(folders) == 4


def test_a_chosen_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its parents; `~` is the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", "~/shared/claims")
    assert kept(tmp_path / "shared" / "claims", tmp_path / "tmp") == [True, False]
    assert left_over(tmp_path) == []


def test_runs_have_folders_of_their_own() -> None:
    """Whatever their keys hold."""
    stores = [FileStore.of_run(key) for key in ("a", "b", "a/../b", "\ud800", "")]
    assert [store.append("incident", 0, b"x") for store in stores] == [True] * 5
    assert not FileStore.of_run("a").append("incident", 0, b"x")


@pytest.mark.parametrize("chosen", ["a file", "below a file", "/proc/nowhere", "/proc/self"])
def test_a_folder_that_cannot_be_used_is_passed_over(
    chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the temporary one."""
    (tmp_path / "file").touch()
    places = {"a file": str(tmp_path / "file"), "below a file": str(tmp_path / "file" / "x")}
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", places.get(chosen, chosen))
    assert kept(tmp_path / "tmp") == [True]


@pytest.mark.skipif(not bare.IS_ROOT, reason="only root gives files away")
def test_a_chosen_folder_may_be_anybodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over NFS, files may belong to somebody else altogether."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "chosen"))
    assert kept(tmp_path / "chosen", tmp_path / "tmp") == [True, False]
    for path in (tmp_path / "chosen").rglob("*"):
        os.chown(path, 12345, 12345)
    FileStore.of_run("another run")
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.skipif(not bare.IS_ROOT, reason="only root gives files away")
def test_a_folder_in_another_users_is_passed_over(tmp_path: Path) -> None:
    """In the machine's temporary folder somebody else may have made it first."""
    (tmp_path / "tmp" / f"twinkle-notifier-{os.getuid()}").mkdir()
    os.chown(tmp_path / "tmp" / f"twinkle-notifier-{os.getuid()}", 12345, 12345)
    FileStore.of_run(f"test {tmp_path}")
    assert list((tmp_path / "tmp").rglob("claims/*")) == []


def test_a_link_whose_reply_is_lost_was_made(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """As over NFS: the link is there, and the call fails. No NFS here, so the reply is lost by hand."""
    link = os.link

    def lost_reply(source: Path, target: Path) -> None:
        link(source, target)
        raise OSError(errno.EIO, "the server did not answer")

    monkeypatch.setattr(os, "link", lost_reply)
    assert store.append("incident", 0, b"first")
    assert store.read("incident", 0) == [b"first"]


def test_a_link_that_was_not_made_is_an_error(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither won nor lost: the next store has to decide."""

    def refused(source: Path, target: Path) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(os, "link", refused)
    with pytest.raises(OSError, match="broken"):
        store.append("incident", 0, b"first")
    assert store.read("incident", 0) == []
