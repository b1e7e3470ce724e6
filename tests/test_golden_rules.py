"""What people read of rules, and of alerts by hand: scenes as those of `test_golden`, in ``golden/rules/``."""

from __future__ import annotations

import os

import pytest
from test_golden import GOLDEN, How, Scene, rendered, scene

FOLDER = GOLDEN / "rules"
HOW = {
    "rule": How(),
    "rule_zh": How(language="zh"),
    "alert": How(),
    "alert_zh": How(language="zh"),
}
__all__ = ["scene"]  # the fixture


@pytest.mark.parametrize(("name", "how"), HOW.items(), ids=HOW)
def test_people_read_the_same_as_before(name: str, how: How, scene: Scene) -> None:
    """The whole text of all messages, as the robot has accepted them."""
    (scene.folder / "train.py").write_text((FOLDER / f"{name.removesuffix('_zh')}.py").read_text())
    scene.play()
    golden, found = FOLDER / f"{name}.md", rendered(scene)
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(found)
    assert found == golden.read_text(), scene.output.read_text(errors="replace")[-2000:]


def test_each_file_has_a_test() -> None:
    """None is left over."""
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == sorted(HOW)
    assert {path.stem for path in FOLDER.glob("*.py")} <= set(HOW)
