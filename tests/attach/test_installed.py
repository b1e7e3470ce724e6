"""What Lightning asks for callbacks: for whom it does anything, and that it breaks no trainer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from scripts import script
from supervised import robot

from twinkle_notifier.inbox import Inbox

__all__ = ["robot"]

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


# What people learn of a real training without a line of ours, and without `run`

Train = Callable[..., "subprocess.CompletedProcess[str]"]
STRESS = pytest.mark.stress
HAPPENS = "\ndef happens(step, rank):\n    "
LOST = "raise ValueError('the loss is lost')"
CALL = {"lightning": "train()", "pytorch_lightning": "train()", "transformers": "train(report_to=['twinkle_notifier'])"}
ALL = [pytest.param(name, marks=STRESS) for name in ("pytorch_lightning", "transformers")]


@pytest.fixture
def train(robot: Inbox, tmp_path: Path) -> Train:
    """Run a script of two ranks, or of one process, as a user does who has set up the robot."""

    def trained(framework: str, happens: str, ranks: int = 2, **env: str) -> subprocess.CompletedProcess[str]:
        imported = "import twinkle_notifier.integrations.transformers\n" if framework == "transformers" else ""
        path = tmp_path / "train.py"
        path.write_text(script(framework) + HAPPENS + happens + "\n" + imported + CALL[framework])
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"] if ranks else []
        more = {"TWINKLE_NOTIFIER_NAME": "sft", **env}
        command = [sys.executable, *torchrun, str(path)]
        return subprocess.run(command, cwd=tmp_path, env=os.environ | more, capture_output=True, text=True, timeout=300)

    return trained


@STRESS  # test_lightning has one process of it
@pytest.mark.parametrize("framework", ["lightning", *ALL])
def test_the_crash_of_one_rank_is_reported_once_as_its_own(train: Train, robot: Inbox, framework: str) -> None:
    """With how far it got."""
    done = train(framework, f"if step == 7 and rank == 1: {LOST}")
    assert done.returncode != 0
    assert [message.title for message in robot.messages] == ["sft failed: ValueError: the loss is lost"], done.stderr
    text = robot.messages[0].text
    for fact in (
        r"At: train\.py:",
        r"Progress: step 7 of 16, epoch",
        "To go on: .*checkpoints/",
        "(loss: .*last|Metrics: loss) 0.5",
    ):
        assert re.search(rf"\n- {fact}", text), (fact, text)


@STRESS
@pytest.mark.parametrize("framework", ["lightning", *ALL])
def test_a_clean_end_is_reported_with_its_metrics(train: Train, robot: Inbox, framework: str) -> None:
    """Once, by rank 0."""
    done = train(framework, "pass")
    assert done.returncode == 0, done.stderr
    [message] = robot.messages
    assert message.title.startswith("sft ended after ")
    assert re.search(r"\n- (loss: .*last|Metrics: .*loss) 0.5", message.text), message.text


@STRESS
@pytest.mark.parametrize("framework", ["lightning", *ALL])
def test_a_stalled_rank_is_reported_with_its_stack(train: Train, robot: Inbox, framework: str) -> None:
    """And that it goes on."""
    done = train(framework, "if step == 7 and rank == 1: time.sleep(9)", TWINKLE_NOTIFIER_STALL_AFTER="3")
    assert done.returncode == 0, done.stderr
    stalled = [message for message in robot.messages if "has made no progress for" in message.title]
    assert len(stalled) == 1, [message.title for message in robot.messages]
    assert re.search(r"train\.py.*in happens", stalled[0].text), stalled[0].text


@STRESS
@pytest.mark.parametrize("framework", ["lightning", *ALL])
def test_ctrl_c_is_reported_as_such(train: Train, robot: Inbox, framework: str) -> None:
    """Once."""
    done = train(framework, "if step == 7: os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", ranks=0)
    assert [message.title for message in robot.messages] == ["sft was interrupted"], done.stderr
