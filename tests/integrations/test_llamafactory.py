"""The callback for LLaMA-Factory's v1 trainers, on one of the same shape."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stand_ins import LLAMAFACTORY

from twinkle_notifier.inbox import Inbox

Run = Callable[..., Any]
CRASH = "def happens(step):\n    if step == 7: raise ValueError('the loss is lost')\n"
NOTHING = "def happens(step): pass\n"
OURS = """
from twinkle_notifier.integrations.llamafactory import NotifierCallback
trainer = BaseTrainer()
trainer.callback_handler.add_callback(NotifierCallback(trainer, name="sft"))
trainer.fit()
"""


def _env(inbox: Inbox) -> dict[str, str]:
    return {"TWINKLE_NOTIFIER_URL": f"{inbox.url}&secret=SEC0123456789abcdef"}


def test_an_exception_is_reported(run: Run, inbox: Inbox) -> None:
    """With step, loss and last checkpoint, though these trainers have hooks for neither."""
    done = run(LLAMAFACTORY + CRASH + OURS, **_env(inbox))
    assert done.stderr.rstrip().endswith("ValueError: the loss is lost")
    (message,) = inbox.messages
    assert message.title == "sft failed: ValueError: the loss is lost"
    for line in ("Progress: step 8 of 12", "loss.* 0.5", "To go on: resume_from_checkpoint: out/checkpoint-6"):
        assert re.search(f"(?m)^- {line}", message.text), message.text


def test_an_end_is_reported(run: Run, inbox: Inbox) -> None:
    """Once, with its last checkpoint."""
    done = run(LLAMAFACTORY + NOTHING + OURS, **_env(inbox))
    assert done.returncode == 0, done.stderr
    (message,) = inbox.messages
    assert message.title.startswith("sft ended after ")
    assert "checkpoint-12" in message.text


def test_a_trainer_is_attached_unless_the_user_has_a_callback(run: Run, inbox: Inbox) -> None:
    """As below `twinkle-notifier run`."""
    train = """
from twinkle_notifier.attach.llamafactory import attach
from twinkle_notifier.integrations.llamafactory import NotifierCallback
for own in (False, True):
    trainer = BaseTrainer()
    if own:
        trainer.callback_handler.add_callback(NotifierCallback(trainer))
    attach(trainer)
    print([type(callback).__name__ for callback in trainer.callback_handler.callbacks])
"""
    done = run(LLAMAFACTORY + train, **_env(inbox))
    assert done.stdout.splitlines() == ["['Attached']", "['NotifierCallback']"], done.stderr


def test_a_callback_that_the_user_adds_later_takes_the_place_of_the_attached(run: Run, inbox: Inbox) -> None:
    """Whatever ends the training, one message: that of the user's callback."""
    train = """
from twinkle_notifier.attach.llamafactory import attach
from twinkle_notifier.integrations.llamafactory import NotifierCallback
for fails in (False, True):
    def happens(step):
        if fails and step == 7:
            raise ValueError("the loss is lost")
    trainer = BaseTrainer()
    attach(trainer)
    trainer.callback_handler.add_callback(NotifierCallback(trainer, notifier=lambda text: print("own:", text.splitlines()[0])))
    trainer.fit()
"""
    done = run(LLAMAFACTORY + train, **_env(inbox), TWINKLE_NOTIFIER_NAME="sft")
    assert [re.sub(r"\d+ s$", "", line) for line in done.stdout.splitlines()] == [
        "own: ### sft ended after ",
        "own: ### sft failed: ValueError: the loss is lost",
    ], done.stderr
    assert inbox.messages == []
