"""Small files are read, and what is no file, or too long, is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from twinkle_notifier.surroundings import files


def test_a_file_is_read(tmp_path: Path) -> None:
    """As bytes, or as a text without white space around it."""
    path = tmp_path / "HEAD"
    path.write_bytes(b" ref: x\xff\n")
    assert (files.read(str(path), 9), files.text(str(path), 9)) == (b" ref: x\xff\n", "ref: x\ufffd")


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """By one byte."""
    path = tmp_path / "HEAD"
    path.write_bytes(bytes(10))
    with pytest.raises(ValueError, match="too long"):
        files.read(str(path), 9)


@pytest.mark.linux
@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "loop", "none"])
def test_what_is_no_file_is_refused(kind: str, tmp_path: Path) -> None:
    """At once."""
    path = tmp_path / "HEAD"
    make = {
        "fifo": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "folder": path.mkdir,
        "loop": lambda: path.symlink_to(path),
        "none": lambda: None,
    }
    make[kind]()
    with pytest.raises(OSError, match=r".+"):
        files.read(str(path), 9)
