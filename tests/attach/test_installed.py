"""What Lightning asks for callbacks: for whom it does anything, and that it breaks no trainer."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

LOOK = """
import sys
from importlib.metadata import entry_points
[found] = entry_points(group="lightning.pytorch.callbacks_factory", name="twinkle_notifier")
print(found.load()(), "twinkle_notifier" in sys.modules, flush=True)
"""


def looked(folder: Path, home: Path | None = None, **env: str) -> str:
    """What a Python prints that asks as Lightning does; modules of `folder` go before others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TWINKLE_"))}
    more = {"PYTHONPATH": str(folder), "XDG_CONFIG_HOME": str(home or folder / "no-home")}
    done = subprocess.run([sys.executable, "-c", LOOK], env=kept | more | env, capture_output=True, text=True, cwd="/")
    assert done.stderr == ""
    return done.stdout.strip()


def test_each_copy_of_lightning_finds_it() -> None:
    """They read groups of different names."""
    for group in ("lightning.pytorch.callbacks_factory", "pytorch_lightning.callbacks_factory"):
        assert [one.value for one in entry_points(group=group)] == ["_twinkle_notifier_lightning:callbacks"]


def test_where_no_notifier_is_set_up_the_package_is_not_loaded(tmp_path: Path) -> None:
    """An environment has it for one of its programs; it costs the others next to nothing."""
    assert looked(tmp_path) == "[] False"


@pytest.mark.parametrize("where", ["variable", "file"])
def test_a_package_that_cannot_be_loaded_breaks_no_trainer(tmp_path: Path, where: str) -> None:
    """Whatever is missing of it."""
    (tmp_path / "twinkle_notifier.py").write_text("import a_module_that_is_not_there")
    home = tmp_path / "home" / "twinkle-notifier"
    home.mkdir(parents=True)
    if where == "file":
        (home / "config.toml").write_text("")
    env = {"TWINKLE_NOTIFIER_URL": "env:DING_URL"} if where == "variable" else {}
    assert looked(tmp_path, home.parent, **env) == "[] False"
    # It was asked for: a package that can be loaded, here one without Lightning, would be there.
    (tmp_path / "twinkle_notifier.py").write_text("")
    assert looked(tmp_path, home.parent, **env) == "[] True"
