"""Disks of a test's own, in memory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def disk_of(path: Path, options: str) -> Iterator[Path]:
    """A small disk at `path`, which is made. Skips the test where this user may mount nothing."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
    if os.getuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may mount nothing")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)
