"""ms-swift's callbacks, loaded and called as it does; the real one is driven by `make trainers`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from stand_ins import SWIFT, SWIFT_MEGATRON, Names, scripts_here

from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background

Run = Callable[..., Any]
Script = Callable[[str], Names]
SECRET = "SEC0123456789abcdef"
CRASH = "def happens(step):\n    if step == 7: raise ValueError('the loss is lost')\n"
LOADED = "import_external_file(PLUGIN)\n"
TRAIN = "BaseMegatronTrainer(['twinkle_notifier']).train([], [])\n"


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file whose path our command prints."""
    command = [sys.executable, "-m", "twinkle_notifier", "swift-plugin"]
    folder = tmp_path_factory.mktemp("swift")
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
    assert printed.endswith("\n")
    assert Path(printed[:-1]).is_file()
    return f"PLUGIN = {printed[:-1]!r}\n"


@pytest.fixture
def megatron(plugin: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """Runs a script for Megatron trainers; what is set up leads to the inbox."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", f"{inbox.url}&secret={SECRET}")
    monkeypatch.setenv("TWINKLE_NOTIFIER_NAME", "sft")
    with scripts_here() as run:

        def told(source: str) -> Names:
            names = run(SWIFT_MEGATRON + plugin + LOADED + source)
            assert background.flush(60)
            return names

        yield told


def test_the_folder_of_the_plug_in_hides_no_package(plugin: str) -> None:
    """ms-swift puts it first in `sys.path`."""
    shown = """
from importlib.machinery import PathFinder
found = [PathFinder.find_spec(name).origin for name in ("transformers", "lightning", "pathlib")]
"""
    with scripts_here() as run:
        assert "twinkle_notifier" not in str(run(SWIFT + plugin + LOADED + shown)["found"])


def test_its_trainers_make_the_callback(run: Run, plugin: str, inbox: Inbox) -> None:
    """By `(args, trainer)`; it sends by the notifier that is set up."""
    train = """
import torch, transformers
from swift.callbacks import callbacks_map

class Trainer(transformers.Trainer):
    def __init__(self, model, args, **options):
        super().__init__(model, args, callbacks=[callbacks_map["twinkle_notifier"](args, self)], **options)

class Model(torch.nn.Module):
    def forward(self, x):
        raise ValueError("the loss is lost")

args = transformers.TrainingArguments("out", use_cpu=True, report_to="none", disable_tqdm=True)
Trainer(Model(), args, train_dataset=[{"x": torch.ones(1)}] * 4).train()
"""
    done = run(
        SWIFT + plugin + LOADED + train,
        TWINKLE_NOTIFIER_URL=f"{inbox.url}&secret={SECRET}",
        TWINKLE_NOTIFIER_NAME="sft",
    )
    assert done.returncode == 1
    assert [message.title for message in inbox.messages] == ["sft failed: ValueError: the loss is lost"], done.stderr


def test_a_megatron_trainer_s_exception_is_reported(megatron: Script, inbox: Inbox) -> None:
    """With step, loss and last checkpoint, though these trainers have no hook for it. It goes on as it was."""
    with pytest.raises(ValueError, match=r"^the loss is lost$"):
        megatron(CRASH + TRAIN)
    (message,) = inbox.messages
    assert message.title == "sft failed: ValueError: the loss is lost"
    for line in (
        "Progress: step 7 of 12",
        "loss.* 0.5",
        "Last checkpoint: out/checkpoint-6",
        "Lost since .*: .* 1 step",
    ):
        assert re.search(f"(?m)^- {line}", message.text), message.text


def test_a_megatron_trainer_s_end_is_reported(megatron: Script, inbox: Inbox) -> None:
    """Once. An event that a later version adds is no error."""
    megatron("def happens(step): pass\n" + TRAIN)
    (message,) = inbox.messages
    assert message.title.startswith("sft ended after ")
    assert "- Progress: step 12 of 12" in message.text


def test_a_megatron_trainer_is_attached_unless_the_user_has_a_callback(megatron: Script) -> None:
    """As below `twinkle-notifier run`."""
    train = """
from twinkle_notifier.attach.swift_megatron import Attached, attach
found = []
for names in ([], ["twinkle_notifier"]):
    trainer = BaseMegatronTrainer(names)
    attach(trainer)
    found.append([type(callback).__name__ for callback in trainer.callbacks])
"""
    assert megatron(train)["found"] == [["Attached"], ["NotifierMegatronCallback"]]


@pytest.mark.parametrize(
    ("happens", "told"),
    [("def happens(step): pass\n", "sft ended after "), (CRASH, "sft failed: ValueError: the loss is lost")],
)
def test_a_callback_that_the_user_adds_later_takes_the_place_of_the_attached(
    megatron: Script, inbox: Inbox, happens: str, told: str
) -> None:
    """Whatever ends the training, one message: that of the user's callback."""
    train = """
from twinkle_notifier.attach.swift_megatron import attach
from twinkle_notifier.integrations.swift_megatron import NotifierMegatronCallback
own = []
trainer = BaseMegatronTrainer([])
attach(trainer)
trainer.callbacks.append(NotifierMegatronCallback(trainer, notifier=own.append))
try:
    trainer.train([], [])
except ValueError:
    pass
"""
    (own,) = megatron(happens + train)["own"]
    assert re.sub(r"\d+ s$", "", own.splitlines()[0]) == f"### {told}"
    assert inbox.messages == []
