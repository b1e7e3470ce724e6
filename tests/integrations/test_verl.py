"""What a `Tracking` of verl's, here a class of that form, tells us. The real one: tests/trainers/test_verl.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stand_ins import MODULES
from twinkle_notifier.integrations.verl import Tracker, track

from twinkle_notifier import TrainingRun
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.testing import RecordingNotifier


def tracking(told: RecordingNotifier) -> Any:
    """A class as verl's, of which each object has a tracker."""

    class Tracking:
        def __init__(self, project_name: str, experiment_name: str, default_backend: str = "", config: Any = None):
            self.logger: dict[str, Any] = {}
            self.finished: list[int] = []

        def log(self, data: dict[str, Any], step: int) -> None:
            for backend in self.logger.values():
                backend.log(data=data, step=step)

        def finish(self, exit_code: int = 0) -> None:
            self.finished.append(exit_code)

        def __del__(self) -> None:
            self.finish()

    track(Tracking, lambda name: TrainingRun(told, name=name))
    track(Tracking, lambda name: TrainingRun(told, name="once more"))  # verl may load its plug-ins twice
    return Tracking


def train(kind: Any, folder: Path, fails: bool) -> Any:
    """As verl's trainer does; what it has made."""
    (folder / "latest_checkpointed_iteration.txt").write_text("2")
    made = kind("rl", "lines", "console", config={"trainer": {"default_local_dir": str(folder)}})
    succeeded = False
    try:
        for step in (1, 2, 3):
            made.log({"actor/pg_loss": 1 / step, "training/epoch": 1, "perf/mfu": 0.4}, step)
        if fails:
            raise ValueError("the loss is lost")
        succeeded = True
    finally:
        made.finish(exit_code=0 if succeeded else 1)
    return made


def test_an_exception_that_ends_it(tmp_path: Path) -> None:
    """It is on its way while `finish` is called. It is reported once, with the step and the checkpoint."""
    told = RecordingNotifier()
    with pytest.raises(ValueError, match="lost"):
        train(tracking(told), tmp_path, fails=True)
    [message] = told.messages
    assert message.splitlines()[0] == "### lines failed: ValueError: the loss is lost"
    assert f"Last checkpoint: {tmp_path}/global_step_2" in message
    assert "- Progress: step 3, epoch 1" in message
    assert "mfu" not in message


def test_a_good_end(tmp_path: Path) -> None:
    """It is reported when `finish` returns, and verl's own backends are finished, too."""
    told = RecordingNotifier()
    made = train(tracking(told), tmp_path, fails=False)
    [message] = told.messages
    assert message.startswith("### lines ended after ")
    assert made.finished == [0]


def test_a_bad_end_without_an_exception(tmp_path: Path) -> None:
    """Nobody can say what happened; no stall is looked for any more."""
    told = RecordingNotifier()
    run = TrainingRun(told, name="lines", stall_after=600)
    tracker = Tracker(run)
    tracker.log({"actor/pg_loss": 1.0}, 1)
    assert run.watcher is not None
    tracker.finish(1)
    assert (run.watcher, run.is_underway, told.messages) == (None, False, [])


DRIVER = """
class Tracking:
    def __init__(self, project_name, experiment_name): pass
    def finish(self, exit_code=0): pass
    def __del__(self): pass
module("verl")
module("verl.utils")
module("verl.utils.tracking", Tracking=Tracking)
import twinkle_notifier.attach.verl
"""


@pytest.mark.parametrize(("options", "expected"), [(["-i"], []), ([], ["sft failed: ValueError: no such thing"])])
def test_what_somebody_types_is_no_end_of_the_driver(
    inbox: Inbox, tmp_path: Path, options: list[str], expected: list[str]
) -> None:
    """At a prompt an error ends nothing; in a script it is what the driver ends by."""
    (tmp_path / "driver.py").write_text(MODULES + DRIVER + ("" if options else "raise ValueError('no such thing')\n"))
    env = {"TWINKLE_NOTIFIER_URL": f"{inbox.url}&secret=SEC0123456789abcdef", "TWINKLE_NOTIFIER_NAME": "sft"}
    done = subprocess.run(
        [sys.executable, *options, "driver.py"],
        input="raise ValueError('no such thing')\n",
        cwd=tmp_path,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "ValueError: no such thing" in done.stderr
    assert [message.title for message in inbox.messages] == expected, done.stderr


MAIN = """
import hydra, os
@hydra.main(version_base=None, config_path=None)
def main(config):
    raise ValueError('no such thing')
main()
"""


@pytest.mark.parametrize("full", ["0", "1"])
def test_an_error_of_the_driver_below_hydra(inbox: Inbox, tmp_path: Path, full: str) -> None:
    """As in ``main_ppo``: Hydra prints the error and exits, or lets it pass on. It is one message, and none by `ATTACH=0`."""
    pytest.importorskip("hydra")
    (tmp_path / "driver.py").write_text(MODULES + DRIVER + MAIN)
    env = {"TWINKLE_NOTIFIER_URL": f"{inbox.url}&secret=SEC0123456789abcdef", "TWINKLE_NOTIFIER_NAME": "sft"}
    for attach in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "driver.py"],
            cwd=tmp_path,
            env=os.environ | env | {"HYDRA_FULL_ERROR": full, "TWINKLE_NOTIFIER_ATTACH": attach},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, "ValueError: no such thing" in done.stderr) == (1, True)
        expected = ["sft failed: ValueError: no such thing"] * int(attach)
        assert [message.title for message in inbox.messages] == expected, done.stderr


def test_an_end_of_which_nobody_says_how(tmp_path: Path) -> None:
    """A trainer that calls no `finish`: the object is deleted after a crash, too."""
    told = RecordingNotifier()
    made = tracking(told)("rl", "lines")
    made.log({"actor/pg_loss": 1.0}, 1)
    del made
    assert background.flush(10)
    assert told.messages == []
