"""git's index, as git writes it, and as nobody should."""

from __future__ import annotations

import hashlib
import math
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.surroundings import git_index

NEVER = math.inf
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git makes the repositories")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=me", "-c", "user.email=me@x.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout


NAMES = ["a", "a.c", "a/b", "a/b.c", "a0", "ä/ö ü", "x/" * 30 + "y", "n" * 200, "z/1", "z/10", "z/2"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    for name in NAMES:
        path = tmp_path / name
        if not path.is_dir() and not any(parent.is_file() for parent in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    (tmp_path / "tmp").rmdir()
    git(tmp_path, "add", "-A")
    return tmp_path


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_it_is_read_as_git_reads_it(version: str, folder: Path) -> None:
    """Paths, modes and hashes."""
    git(folder, "update-index", "--index-version", version)
    wanted = [line.split("\t") for line in git(folder, "ls-files", "-sz").split("\0") if line]
    found = git_index.read(str(folder / ".git" / "index"), NEVER)
    shown = [[f"{entry.mode:o} {entry.hash.hex()} 0", entry.path.decode()] for entry in found.entries]
    assert shown == wanted


def test_its_tree_is_that_of_a_commit(folder: Path) -> None:
    """Whether git has noted it, or it has to be computed."""
    path = str(folder / ".git" / "index")
    computed = git_index.read(path, NEVER)
    tree = git(folder, "write-tree").strip()
    noted = git_index.read(path, NEVER)
    assert (computed.root, computed.tree(NEVER).hex(), noted.root and noted.root.hex()) == (None, tree, tree)


def test_it_may_have_no_checksum(folder: Path) -> None:
    """Newer versions of git write none if they are told so."""
    path = folder / ".git" / "index"
    count = len(git_index.read(str(path), NEVER).entries)
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))
    assert len(git_index.read(str(path), NEVER).entries) == count > 5


def with_checksum(data: bytes) -> bytes:
    return data + hashlib.sha1(data).digest()


def entry(path: bytes, *, flags: int = 0, mode: int = 0o100644) -> bytes:
    fixed = struct.pack(">10I20sH", 0, 0, 0, 0, 0, 0, mode, 0, 0, 0, bytes(20), flags | min(len(path), 0xFFF))
    return fixed + path + bytes(8 - (len(fixed) + len(path)) % 8)


def index(*entries: bytes, version: int = 2, count: int | None = None, more: bytes = b"") -> bytes:
    count = len(entries) if count is None else count
    return with_checksum(b"DIRC" + struct.pack(">II", version, count) + b"".join(entries) + more)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"DIRC",
        with_checksum(b"DIRC"),
        index(version=5),
        index(count=20_001),
        index(count=3),
        index(entry(b"../../etc/passwd")),
        index(entry(b"/etc/passwd")),
        index(entry(b"a/../b")),
        index(entry(b"x" * 5000)),
        index(entry(b"a"), more=b"link\0\0\0\x00"),
        index(entry(b"a"))[:-1] + b"x",
        index(entry(b"a"), version=4),
    ],
)
def test_what_git_would_not_write_is_refused(data: bytes, tmp_path: Path) -> None:
    """By an error that the caller expects."""
    (tmp_path / "index").write_bytes(data)
    with pytest.raises((ValueError, IndexError, struct.error)):
        git_index.read(str(tmp_path / "index"), NEVER)


def test_paths_that_grow(tmp_path: Path) -> None:
    """In version 4 a path takes its beginning from the one before it: a small file could fill the memory."""
    fixed = struct.pack(">10I20sH", *[0] * 10, bytes(20), 0)
    (tmp_path / "index").write_bytes(index(*[fixed + b"\0" + b"x" * 300 + b"\0"] * 20_000, version=4))
    with pytest.raises(ValueError, match="path"):
        git_index.read(str(tmp_path / "index"), NEVER)


@pytest.mark.parametrize("end", [b"\x80" * 8_000_000, b"\x80" * 8_000_000 + b"\0"])
def test_a_number_without_an_end(end: bytes, tmp_path: Path) -> None:
    """To compute it would take for ever."""
    fixed = struct.pack(">10I20sH", *[0] * 10, bytes(20), 0)
    (tmp_path / "index").write_bytes(index(fixed + end, version=4))
    with pytest.raises(ValueError, match="number"):
        git_index.read(str(tmp_path / "index"), NEVER)


def test_extensions_without_an_end(tmp_path: Path) -> None:
    """They are read as long as there is time."""
    (tmp_path / "index").write_bytes(index(more=b"AAAA\0\0\0\0" * 1_000_000))
    with pytest.raises(ValueError, match="too long"):
        git_index.read(str(tmp_path / "index"), time.monotonic() + 0.05)


def test_deep_folders_end_in_time(tmp_path: Path) -> None:
    """Though each path has two thousand of them."""
    paths = sorted(b"%d/" % number + b"x/" * 2000 + b"y" for number in range(2000))
    (tmp_path / "index").write_bytes(index(*map(entry, paths)))
    since = time.monotonic()
    with pytest.raises(ValueError, match="too long"):
        git_index.read(str(tmp_path / "index"), since + 0.3).tree(since + 0.3)
    assert time.monotonic() - since < 1.5


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_ends_soon_and_in_an_expected_error(data: st.DataObject) -> None:
    """Where the checksum is right, as somebody computed it."""
    good = index(*[entry(b"a/%d" % number) for number in range(20)], more=b"TREE\0\0\0\x06\0-1 0\n")[:-20]
    at = data.draw(st.integers(0, len(good)))
    bad = good[:at] + data.draw(st.binary(max_size=40)) + good[at + data.draw(st.integers(0, 40)) :]
    since = time.monotonic()
    try:
        found = git_index._parsed(bad, data.draw(st.sampled_from([2, 3, 4])), 20, 0, since + 1)
        git_index.differs(found, b"/nowhere", b"/nowhere", since + 1)
    except (ValueError, IndexError, OSError, struct.error):
        pass
    assert time.monotonic() - since < 2
