"""The callbacks that Lightning's trainers get without a line of code: where they stand, and when they give way.

One is attached below `run`, here without a supervisor; the other is there by being installed.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("lightning")

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier.integrations.lightning import NotifierCallback

from twinkle_notifier.attach import trainers
from twinkle_notifier.attach.lightning import Attached
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.mailbox.mailbox import RUN_NAME
from twinkle_notifier.testing import RecordingNotifier

pytestmark = pytest.mark.filterwarnings("default")
TRUSTING: Any = {"weights_only": False} if "weights_only" in inspect.signature(Trainer.fit).parameters else {}


class Model(LightningModule):
    """Raises in its first step, if `fails`."""

    def __init__(self, fails: bool = False, own: Callback | None = None) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.fails, self.own = fails, own

    def configure_callbacks(self) -> list[Callback]:
        return [self.own] if self.own is not None else []

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        if self.fails:
            raise ValueError("the loss is lost")
        return self.layer(batch[0]).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.ones(4, 4)))


@pytest.fixture
def installed(tmp_path: Path) -> Callable[..., Trainer]:
    """Makes a trainer."""

    def made(**options: Any) -> Trainer:
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
        return Trainer(**{"default_root_dir": tmp_path, "max_epochs": 1, **quiet, **options})

    return made


@pytest.fixture
def attached(installed: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trainer]:
    """Makes a trainer as in an attached process."""

    def made(**options: Any) -> Trainer:
        monkeypatch.setitem(sys.modules, "_twinkle_notifier_attach", ModuleType("it is attached"))
        trainer = installed(**options)
        trainers.attach("lightning", trainer)
        return trainer

    return made


@pytest.fixture
def robot(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """The environment's."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", inbox.url + "&secret=SEC0123456789abcdef")
    return inbox


def ours(trainer: Any) -> list[NotifierCallback]:
    return [callback for callback in trainer.callbacks if isinstance(callback, NotifierCallback)]


class Other(Callback):
    pass


other = Other()


@pytest.mark.parametrize("callbacks", [None, other, [], [other], [other, ModelCheckpoint()]])
def test_it_is_among_the_callbacks_of_each_trainer(attached: Callable[..., Trainer], callbacks: Any) -> None:
    """Where all others keep their places, counted from the front or, for those that save, from the back."""
    trainer = attached(callbacks=callbacks)
    given = [other] if callbacks is not None and callbacks != [] else []
    kinds = [type(callback) for callback in trainer.callbacks]
    assert kinds == [*map(type, given), Attached, ModelCheckpoint]
    assert callbacks is None or Attached not in map(type, callbacks if isinstance(callbacks, list) else [callbacks])


@pytest.fixture(params=["attached", "installed"])
def made(request: pytest.FixtureRequest) -> Callable[..., Trainer]:
    """Makes a trainer that has a callback by either way."""
    found: Callable[..., Trainer] = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("how", ["given", "appended", "of the model"])
def test_it_gives_way(made: Callable[..., Trainer], robot: Inbox, how: str) -> None:
    """To a callback of the user's, wherever that comes from."""
    told = RecordingNotifier()
    own = NotifierCallback(told, name="mine")
    trainer = made(callbacks=[own] if how == "given" else None)
    if how == "appended":
        trainer.callbacks.append(own)
    with pytest.raises(ValueError, match="lost"):
        trainer.fit(Model(fails=True, own=own if how == "of the model" else None))
    assert [message.splitlines()[0] for message in told.messages] == ["### mine failed: ValueError: the loss is lost"]
    assert (robot.messages, ours(trainer)) == ([], [own])


def test_one_is_there_by_being_installed(installed: Callable[..., Trainer], robot: Inbox) -> None:
    """It sends by itself; one list of the user's, to which Lightning adds it, may serve for several trainers."""
    callbacks: list[Callback] = [other]
    for number in (1, 2):
        with pytest.raises(ValueError, match="lost"):
            installed(callbacks=callbacks).fit(Model(fails=True))
        assert [message.title for message in robot.messages][-1].endswith(" failed: ValueError: the loss is lost")
        assert len(robot.messages) == number


LATER = """
import sys
from lightning.pytorch import Trainer
callback = "twinkle_notifier.attach.lightning"
options = dict(logger=False, enable_checkpointing=False, accelerator="cpu", barebones=False)
def kinds(trainer):
    return [type(one).__name__ for one in trainer.callbacks if type(one).__module__ == callback]
first = kinds(Trainer(**options))
import pytorch_lightning
from twinkle_notifier.integrations.lightning import NotifierCallback
other = pytorch_lightning.Trainer(**options)
print(first, kinds(other), kinds(Trainer(**options)), isinstance(other.callbacks[-1], pytorch_lightning.Callback))
import pickle
print([type(one).__name__ for one in pickle.loads(pickle.dumps(other.callbacks)) if isinstance(one, NotifierCallback)])
"""


def test_a_copy_of_lightning_that_is_loaded_later_gets_one_too(robot: Inbox, tmp_path: Path) -> None:
    """No trainer goes without, whichever of the two packages a program has imported first."""
    pytest.importorskip("pytorch_lightning")
    done = subprocess.run([sys.executable, "-c", LATER], cwd=tmp_path, capture_output=True, text=True, timeout=180)
    each = "['Installed']"
    assert done.stdout.splitlines()[-2:] == [f"{each} {each} {each} True", each], done.stderr


@pytest.mark.parametrize("value", ["0", "off", "False", " no "])
def test_a_variable_switches_it_off(
    made: Callable[..., Trainer], robot: Inbox, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Also that of a process which is attached already."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_ATTACH", value)
    trainer = made()
    with pytest.raises(ValueError, match="lost"):
        trainer.fit(Model(fails=True))
    assert robot.messages == []


def test_where_no_notifier_is_set_up_there_is_none(
    installed: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests have a home folder of their own, without a file."""
    assert ours(installed()) == []


@pytest.mark.parametrize("place", [0, 1])
def test_a_state_of_the_users_callback_is_where_it_would_be_without_ours(
    attached: Callable[..., Trainer], robot: Inbox, tmp_path: Path, place: int
) -> None:
    """Also in a checkpoint that is saved before a fit, when ours stands there yet: a resume finds it by its place."""
    states = []
    for with_ours in (False, True):
        trainer = attached(callbacks=[NotifierCallback(RecordingNotifier())] if not with_ours else None)
        if with_ours:
            trainer.callbacks.insert(place, NotifierCallback(RecordingNotifier()))
        trainer.strategy.connect(Model())
        trainer.save_checkpoint(tmp_path / "early.ckpt")
        states.append(torch.load(tmp_path / "early.ckpt", weights_only=True)["callbacks"])
    assert sorted(states[0]) == sorted(states[1])


def test_without_a_supervisor_it_reports_by_itself(
    attached: Callable[..., Trainer], robot: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when that is killed; by the name that it was given there."""
    monkeypatch.setenv(RUN_NAME, "sft")
    with pytest.raises(ValueError, match="lost"):
        attached().fit(Model(fails=True))
    assert [message.title for message in robot.messages] == ["sft failed: ValueError: the loss is lost"]


def test_a_checkpoint_holds_nothing_of_it(
    made: Callable[..., Trainer], robot: Inbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is resumed without it, and one without it is resumed with it, and nobody warns."""
    made(callbacks=[ModelCheckpoint(tmp_path, filename="first")]).fit(Model())
    states = torch.load(tmp_path / "first.ckpt", weights_only=True)["callbacks"]
    assert [key for key in states if "twinkle" in key] == []
    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always")
        monkeypatch.setenv("TWINKLE_NOTIFIER_ATTACH", "0")
        bare = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "default_root_dir": tmp_path}
        second = Trainer(callbacks=[ModelCheckpoint(tmp_path, filename="second")], max_epochs=2, **bare)
        second.fit(Model(), ckpt_path=tmp_path / "first.ckpt", **TRUSTING)
        monkeypatch.delenv("TWINKLE_NOTIFIER_ATTACH")
        third = made(callbacks=[ModelCheckpoint(tmp_path, filename="third")], max_epochs=3)
        third.fit(Model(), ckpt_path=tmp_path / "second.ckpt", **TRUSTING)
    assert (second.global_step, third.global_step) == (8, 12)
    assert [str(one.message) for one in met if "add the following callbacks" in str(one.message)] == []


def test_what_cannot_be_attached_costs_a_line(
    monkeypatch: pytest.MonkeyPatch, attached: Callable[..., Trainer], caplog: pytest.LogCaptureFixture
) -> None:
    """The trainer is the one that the user made."""

    def breaks(_: object) -> None:
        raise RuntimeError("it is of another version")

    monkeypatch.setattr("twinkle_notifier.attach.lightning.attach", breaks)
    trainer = attached()
    assert [type(callback) for callback in trainer.callbacks] == [ModelCheckpoint]
    assert caplog.messages[-1] == "this training is not attached: RuntimeError"


def test_ctrl_c_while_it_is_attached_is_the_users(
    monkeypatch: pytest.MonkeyPatch, attached: Callable[..., Trainer]
) -> None:
    """As is whatever a handler of a signal raises."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("twinkle_notifier.attach.lightning.attach", interrupted)
    with pytest.raises(KeyboardInterrupt):
        attached()
