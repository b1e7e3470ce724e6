"""Where this package keeps files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from twinkle_notifier import folders
ours = folders.folder("room").parent.parent
light = "tempfile" not in sys.modules
import tempfile
print(ours == __import__("pathlib").Path(tempfile.gettempdir()), light)
"""


@pytest.mark.parametrize(("chosen", "light"), [("there", True), ("missing", False), ("", True)])
def test_the_temporary_folder_is_python_s(tmp_path: Path, chosen: str, light: bool) -> None:
    """What `tempfile` would choose; that is loaded only where its first choice will not do."""
    (tmp_path / "there").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / chosen) if chosen else ""}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd="/", env=env)
    assert done.stdout.split() == ["True", str(light)], done.stderr
    assert list((tmp_path / "there").glob("draft-*")) == []
