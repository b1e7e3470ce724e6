"""What is around a run, as people read it."""

from __future__ import annotations

import pytest

from twinkle_notifier.messages.around import lines
from twinkle_notifier.surroundings import Surroundings
from twinkle_notifier.surroundings.devices import Gpus


@pytest.mark.parametrize(
    ("gpus", "language", "wanted"),
    [
        (Gpus(), "en", []),
        (Gpus("4 × A100"), "en", ["- Visible GPUs: 4 × A100"]),
        (Gpus("4 × A100, 4 × H100", 2), "en", ["- Visible GPUs: 2 of these: 4 × A100, 4 × H100"]),
        (Gpus("4 × A100"), "zh", ["- 可见 GPU: 4 × A100"]),
        (Gpus("4 × A100, 4 × H100", 2), "zh", ["- 可见 GPU: 以下 GPU 中的 2 张: 4 × A100, 4 × H100"]),
    ],
)
def test_the_gpus(gpus: Gpus, language: str, wanted: list[str]) -> None:
    """Where only some of two models are visible, the number is no factor of the first model's."""
    assert lines(Surroundings(gpus=gpus), language) == wanted


def test_a_tracker_that_is_offline() -> None:
    """Which is a word; the names of a tracker's own things are not translated."""
    links = ("W&B, offline: /x/wandb/run-1", "trackio: project llm, run sft")
    assert lines(Surroundings(links=links), "en") == [f"- {link}" for link in links]
    assert lines(Surroundings(links=links), "zh") == [
        "- W&B（离线）: /x/wandb/run-1",
        "- trackio: project llm, run sft",
    ]
