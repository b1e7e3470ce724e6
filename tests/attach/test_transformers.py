"""The callback that is attached to HF trainers, without a supervisor: where it stands, and when it gives way."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import MethodType
from typing import Any

import pytest

pytest.importorskip("transformers")

import torch
from transformers import Trainer, TrainingArguments
from twinkle_notifier.integrations.transformers import NotifierCallback

from twinkle_notifier.attach import trainers
from twinkle_notifier.attach.transformers import Attached
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.mailbox.mailbox import RUN_NAME
from twinkle_notifier.testing import RecordingNotifier

pytestmark = pytest.mark.filterwarnings("default")
MODULE = sys.modules["transformers.trainer"]


class Model(torch.nn.Module):
    """Raises in its first step, if it `fails`."""

    def __init__(self, fails: bool) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.fails = fails

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        if self.fails:
            raise ValueError("the loss is lost")
        return {"loss": (self.layer(x) - labels).square().mean()}


@pytest.fixture
def attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trainer]:
    """Makes a trainer as in an attached process."""
    monkeypatch.setattr(MODULE, "DEFAULT_CALLBACKS", list(MODULE.DEFAULT_CALLBACKS))

    def made(
        *callbacks: Any, fails: bool = False, cls: type[Trainer] = Trainer, bare: bool = False, **options: Any
    ) -> Trainer:
        quiet = {"use_cpu": True, "disable_tqdm": True, "report_to": "none", "max_steps": 2, "save_steps": 2}
        args = TrainingArguments(str(tmp_path), per_device_train_batch_size=1, **{**quiet, **options})
        data: Any = [{"x": torch.ones(4), "labels": torch.zeros(1)}] * 8
        trainer = cls.__new__(cls)

        def construct() -> None:
            given: dict[str, Any] = {"callbacks": list(callbacks)} if callbacks else {}
            cls.__init__(trainer, Model(fails), args, train_dataset=data, **given)

        if bare:
            monkeypatch.setattr(
                MODULE, "DEFAULT_CALLBACKS", [one for one in MODULE.DEFAULT_CALLBACKS if one is not Attached]
            )
            construct()
        else:
            trainers.attach("transformers", MODULE)
            construct()
        return trainer

    return made


@pytest.fixture
def robot(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """The environment's; the run is called by the supervisor's name."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", inbox.url + "&secret=SEC0123456789abcdef")
    monkeypatch.setenv(RUN_NAME, "sft")
    return inbox


def ours(trainer: Trainer) -> list[type]:
    return [type(one) for one in trainer.callback_handler.callbacks if isinstance(one, NotifierCallback)]


def test_it_is_among_the_default_callbacks_once(attached: Callable[..., Trainer], robot: Inbox) -> None:
    """However many trainers are made; without a supervisor it reports by itself."""
    first, second = attached(), attached(fails=True)
    with pytest.raises(ValueError, match="lost"):
        second.train()
    assert (ours(first), ours(second)) == ([Attached], [Attached])
    assert [message.title for message in robot.messages] == ["sft failed: ValueError: the loss is lost"]


@pytest.mark.parametrize("how", ["given", "added", "appended"])
def test_it_gives_way(attached: Callable[..., Trainer], robot: Inbox, how: str) -> None:
    """To a callback of the user's, whenever that comes, and past `add_callback`, too."""
    told = RecordingNotifier()
    own = NotifierCallback(told, name="mine")
    trainer = attached(*([own] if how == "given" else []), fails=True)
    if how == "added":
        trainer.add_callback(own)
    if how == "appended":
        trainer.callback_handler.callbacks.append(own)
    with pytest.raises(ValueError, match="lost"):
        trainer.train()
    assert [message.splitlines()[0] for message in told.messages] == ["### mine failed: ValueError: the loss is lost"]
    assert (robot.messages, ours(trainer)) == ([], [NotifierCallback])


@pytest.mark.parametrize("beside", ["nothing", "attached", "own"])
def test_a_name_in_report_to_is_enough(
    attached: Callable[..., Trainer], robot: Inbox, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    """And one message is sent, whatever else is there: by the user's callback, else by that."""
    own = [NotifierCallback(name="mine")] if beside == "own" else []
    trainer = attached(*own, fails=True, bare=beside == "nothing", report_to=["twinkle_notifier"])
    with pytest.raises(ValueError, match="lost"):
        trainer.train()
    [message] = robot.messages
    assert message.title.endswith("failed: ValueError: the loss is lost")
    assert (message.title.startswith("mine"), ours(trainer) == [NotifierCallback]) == (beside == "own",) * 2
    assert len(ours(trainer)) == 1
    assert Attached not in ours(trainer)


@pytest.mark.parametrize("how", ["attached", "report_to"])
def test_a_variable_switches_it_off(
    attached: Callable[..., Trainer], robot: Inbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Also what the training's own arguments name, but no callback that the code makes."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_ATTACH", "off")
    options = {"bare": True, "report_to": ["twinkle_notifier"]} if how == "report_to" else {}
    with pytest.raises(ValueError, match="lost"):
        attached(fails=True, **options).train()
    assert robot.messages == []
    with pytest.raises(ValueError, match="lost"):
        attached(NotifierCallback(name="mine"), fails=True, **options).train()
    assert [message.title for message in robot.messages] == ["mine failed: ValueError: the loss is lost"]


class Bound(Trainer):
    """As Unsloth makes them: an instance has a method of its own, bound to the class's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.train = MethodType(type(self).train, self)  # type: ignore[method-assign]


def test_a_trainer_with_a_bound_train_of_its_own_reports(attached: Callable[..., Trainer], robot: Inbox) -> None:
    """Its method is that of the class when it is made."""
    with pytest.raises(ValueError, match="lost"):
        attached(cls=Bound, fails=True).train()
    assert [message.title for message in robot.messages] == ["sft failed: ValueError: the loss is lost"]


def test_the_first_trainer_of_a_process_reports_by_a_method_that_is_older(lab: Any, robot: Inbox) -> None:
    """It has the class's method of the time before it is constructed, when no callback of ours was ever made."""
    source = """
    import torch
    from transformers import Trainer, TrainingArguments
    class Early(Trainer):
        def __init__(self, *args, **kwargs):
            self.train = Trainer.train.__get__(self)
            super().__init__(*args, **kwargs)
    Early(torch.nn.Linear(1, 1), TrainingArguments("out", use_cpu=True, report_to="none", disable_tqdm=True)).train()
    """
    lab.run(sys.executable, lab.script(source), TWINKLE_NOTIFIER_URL=robot.url + "&secret=SEC0123456789abcdef")
    said = "### sft failed: ValueError: Trainer: training requires a train_dataset"
    assert [message.text.partition("\n")[0].startswith(said) for message in robot.messages] == [True]


def test_a_checkpoint_holds_nothing_of_it(
    attached: Callable[..., Trainer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is resumed without it, and one without it is resumed with it, and nobody warns."""
    attached().train()
    first = tmp_path / "checkpoint-2"
    assert [key for key in state(first)["stateful_callbacks"] if "twinkle" in key] == []
    assert "twinkle" not in "".join(path.read_text("latin-1") for path in first.glob("*"))
    second = attached(bare=True, max_steps=4, restore_callback_states_from_checkpoint=True)
    second.train(resume_from_checkpoint=str(first))
    third = attached(max_steps=6, restore_callback_states_from_checkpoint=True)
    third.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert (second.state.global_step, third.state.global_step) == (4, 6)
    assert state(first)["stateful_callbacks"] == state(tmp_path / "checkpoint-6")["stateful_callbacks"]
    assert [line for line in caplog.messages if "callback" in line.lower()] == []


def state(path: Path) -> Any:
    return json.loads((path / "trainer_state.json").read_text())


def test_what_cannot_be_attached_costs_a_line(
    monkeypatch: pytest.MonkeyPatch, attached: Callable[..., Trainer], caplog: pytest.LogCaptureFixture
) -> None:
    """The trainer is the one that the user made."""

    def breaks(*_: object) -> None:
        raise RuntimeError("it is of another version")

    monkeypatch.setattr("twinkle_notifier.attach.transformers.attach", breaks)
    assert ours(attached()) == []
    said = [record.message for record in caplog.records if record.name == "twinkle_notifier"]
    assert said == ["this training is not attached: RuntimeError"]
