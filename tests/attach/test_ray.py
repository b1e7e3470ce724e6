"""What is put around the start of Ray Train's controller: here one of that form; the real one by `make trainers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
TRAINER = """
from types import SimpleNamespace
from twinkle_notifier.attach.trainers import attach

class Trainer:
    error = None
    def _initialize_and_run_controller(self, **given):
        self.given = given
        return SimpleNamespace(error=self.error)
    def fit(self, **given):
        attach("ray", self)
        return self._initialize_and_run_controller(**given)

trainer = Trainer()
"""
ENV = {"TWINKLE_NOTIFIER_URL": "https://robot.invalid/send?access_token=tok"}


@pytest.fixture(autouse=True, scope="module")
def _ray_train() -> None:
    """Not where this file is collected: loading Ray takes seconds, which only who runs these tests needs."""
    pytest.importorskip("ray.train", exc_type=ImportError)


def test_each_fit_has_one_callback_and_one_wrapper(run: Run) -> None:
    """Also the second of one trainer."""
    fits = """
for _ in range(3):
    trainer.fit(callbacks=[])
    print([type(callback).__name__ for callback in trainer.given["callbacks"]], end=" ")
wrapped = vars(trainer)["_initialize_and_run_controller"]
print([cell.cell_contents.__name__ for cell in wrapped.__closure__])
"""
    done = run(TRAINER + fits, **ENV)
    assert done.stdout == "['Attached'] " * 3 + "['_initialize_and_run_controller']\n", done.stderr


@pytest.mark.parametrize("given", ["hooks=[]", "callbacks=None", "callbacks=()"])
def test_another_version_of_ray_breaks_no_training(run: Run, given: str) -> None:
    """The log says that it is not attached, whether it ends well or not."""
    fits = f"""
print(trainer.fit({given}).error)
Trainer.error = ValueError("lost")
print(trainer.fit({given}).error)
"""
    done = run(TRAINER + fits, **ENV)
    assert done.stdout == "None\nlost\n", done.stderr
    assert "this training is not attached: " in done.stderr
