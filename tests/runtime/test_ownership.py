"""Files of this user: that they can be read at the interpreter's end, and what a probe leaves."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from twinkle_notifier.runtime import ownership

AT_THE_END = """
import os, sys
from twinkle_notifier.runtime.ownership import contents

class Last:
    def __init__(self):
        self.contents, self.write, self.path = contents, os.write, sys.argv[1]

    def __del__(self):
        self.write(1, self.contents(self.path, 100))

last = Last()
"""


def test_a_file_can_be_read_at_the_interpreters_end(tmp_path: Path) -> None:
    """When nothing can be imported any more."""
    (tmp_path / "file").write_text("what it holds")
    command = [sys.executable, "-c", AT_THE_END, str(tmp_path / "file")]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("what it holds", "")


def test_a_probe_leaves_nothing_where_closing_a_file_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system over a network says there that the disk is full."""
    close, folder = os.close, tmp_path / "probed"
    folder.mkdir()

    def full(handle: int) -> None:
        close(handle)
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(ownership.os, "close", full)
    with pytest.raises(OSError, match="quota"):
        ownership.probed(folder)
    assert list(folder.iterdir()) == []
