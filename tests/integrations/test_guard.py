"""The guard around trainers without a hook for exceptions."""

from __future__ import annotations

import pytest
from twinkle_notifier.integrations import RunCallback

from twinkle_notifier.testing import RecordingNotifier


class Trainer:
    def train(self) -> None:
        raise ValueError("lost")

    @property
    def callbacks(self) -> list[object]:
        raise AttributeError("another version has no such list")


class Callback(RunCallback):
    """An adapter's."""


def test_the_user_s_exception_is_not_replaced() -> None:
    """Where the trainer cannot say its callbacks, the alert goes out and the exception goes on as it was."""
    told, trainer = RecordingNotifier(), Trainer()
    callback = Callback(told, name="sft")
    callback._guard(trainer, "train", lambda: trainer.callbacks, dict)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lost") as caught:
        trainer.train()
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    assert [message.splitlines()[0] for message in told.messages] == ["### sft failed: ValueError: lost"]
