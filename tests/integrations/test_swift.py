"""ms-swift's callbacks, loaded and called as it does; the real one is driven by `make trainers`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from stand_ins import SWIFT, SWIFT_MEGATRON

from twinkle_notifier.inbox import Inbox

Run = Callable[..., Any]
SECRET = "SEC0123456789abcdef"
CRASH = "def happens(step):\n    if step == 7: raise ValueError('the loss is lost')\n"
LOADED = "import_external_file(PLUGIN)\n"


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    """The file whose path our command prints."""
    command = [sys.executable, "-m", "twinkle_notifier", "swift-plugin"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert printed.endswith("\n")
    assert Path(printed[:-1]).is_file()
    return f"PLUGIN = {printed[:-1]!r}\n"


def test_the_folder_of_the_plug_in_hides_no_package(run: Run, plugin: str) -> None:
    """ms-swift puts it first in `sys.path`."""
    shown = "import transformers, lightning, pathlib; print(*(m.__file__ for m in (transformers, lightning, pathlib)))"
    done = run(SWIFT + plugin + LOADED + shown)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 3
    assert "twinkle_notifier" not in done.stdout


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


def _megatron(run: Run, plugin: str, inbox: Inbox, happens: str, names: str = "['twinkle_notifier']") -> Any:
    train = f"BaseMegatronTrainer({names}).train([], [])\n"
    env = {"TWINKLE_NOTIFIER_URL": f"{inbox.url}&secret={SECRET}", "TWINKLE_NOTIFIER_NAME": "sft"}
    return run(SWIFT_MEGATRON + plugin + LOADED + happens + train, **env)


def test_a_megatron_trainer_s_exception_is_reported(run: Run, plugin: str, inbox: Inbox) -> None:
    """With step, loss and last checkpoint, though these trainers have no hook for it. It goes on as it was."""
    done = _megatron(run, plugin, inbox, CRASH)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("ValueError: the loss is lost")
    (message,) = inbox.messages
    assert message.title == "sft failed: ValueError: the loss is lost"
    for line in (
        "Progress: step 7 of 12",
        "loss.* 0.5",
        "Last checkpoint: out/checkpoint-6",
        "Lost since .*: .* 1 step",
    ):
        assert re.search(f"(?m)^- {line}", message.text), message.text


def test_a_megatron_trainer_s_end_is_reported(run: Run, plugin: str, inbox: Inbox) -> None:
    """Once. An event that a later version adds is no error."""
    done = _megatron(run, plugin, inbox, "def happens(step): pass\n")
    assert done.returncode == 0, done.stderr
    (message,) = inbox.messages
    assert message.title.startswith("sft ended after ")
    assert "- Progress: step 12 of 12" in message.text


def test_a_megatron_trainer_is_attached_unless_the_user_has_a_callback(run: Run, plugin: str, inbox: Inbox) -> None:
    """As below `twinkle-notifier run`."""
    train = """
from twinkle_notifier.attach.swift_megatron import Attached, attach
for names in ([], ["twinkle_notifier"]):
    trainer = BaseMegatronTrainer(names)
    attach(trainer)
    print([type(callback).__name__ for callback in trainer.callbacks])
"""
    done = run(SWIFT_MEGATRON + plugin + LOADED + train, TWINKLE_NOTIFIER_URL=f"{inbox.url}&secret={SECRET}")
    assert done.stdout.splitlines() == ["['Attached']", "['NotifierMegatronCallback']"], done.stderr


def test_a_callback_that_the_user_adds_later_takes_the_place_of_the_attached(
    run: Run, plugin: str, inbox: Inbox
) -> None:
    """Whatever ends the training, one message: that of the user's callback."""
    train = """
from twinkle_notifier.attach.swift_megatron import attach
from twinkle_notifier.integrations.swift_megatron import NotifierMegatronCallback
for fails in (False, True):
    def happens(step):
        if fails and step == 7:
            raise ValueError("the loss is lost")
    trainer = BaseMegatronTrainer([])
    attach(trainer)
    trainer.callbacks.append(NotifierMegatronCallback(trainer, notifier=lambda text: print("own:", text.splitlines()[0])))
    trainer.train([], [])
"""
    env = {"TWINKLE_NOTIFIER_URL": f"{inbox.url}&secret={SECRET}", "TWINKLE_NOTIFIER_NAME": "sft"}
    done = run(SWIFT_MEGATRON + plugin + LOADED + train, **env)
    assert [re.sub(r"\d+ s$", "", line) for line in done.stdout.splitlines()] == [
        "own: ### sft ended after ",
        "own: ### sft failed: ValueError: the loss is lost",
    ], done.stderr
    assert inbox.messages == []
