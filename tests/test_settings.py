"""The notifier of the environment: what is kept of it, and how often it is asked for."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from twinkle_notifier import Notifier, TrainingRun, watch
from twinkle_notifier.channels import VARIABLE

URL = "https://oapi.dingtalk.com/robot/send?access_token=tok-0123456789abcdef&secret=SEC0123456789abcdef"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> TrainingRun:
    """A run that has found its notifier there."""
    monkeypatch.setenv(VARIABLE, URL)
    run = TrainingRun(on_end=False)
    run.started()
    return run


def test_no_secret_of_the_environment_is_pickled_or_shown(begun: TrainingRun) -> None:
    """With a run, or with what holds one, such as a callback."""
    for text in (pickle.dumps(begun), repr(vars(begun._configured)).encode()):
        assert b"tok-0123" not in text
        assert b"SEC0123" not in text


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))])
def test_a_copy_asks_the_environment_itself(copied: Callable[[TrainingRun], TrainingRun], begun: TrainingRun) -> None:
    """What it has there is whole."""
    found: Any = copied(begun)._notifier()
    assert found.ding_url == URL.partition("&")[0]
    assert found.secret == "SEC0123456789abcdef"


def test_a_checkpoint_s_literal_secret_is_not_pickled() -> None:
    """One that was saved with it, and is resumed without."""
    run = TrainingRun(on_end=False)
    run.load_state_dict({"version": 1, "notifier": {"class": "DingNotifier", "ding_url": URL}, "sent": []})
    assert b"tok-0123" not in pickle.dumps(run)


class Counted(Notifier):
    """It counts how often it was made, each time in vain."""

    made = 0

    def __init__(self) -> None:
        Counted.made += 1
        raise RuntimeError("its service is away")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    monkeypatch.setattr(Counted, "made", 0)
    monkeypatch.setenv(VARIABLE, '{"class": "Counted"}')
    return Counted


def test_what_cannot_be_made_is_not_made_for_each_block(counted: type[Counted]) -> None:
    """But once more for each alert."""
    for _ in range(20):
        with watch():
            pass
    assert counted.made == 1
    with pytest.raises(ValueError), watch():
        raise ValueError("x")
    assert counted.made == 2


def test_what_cannot_be_made_is_not_made_for_each_checkpoint(counted: type[Counted]) -> None:
    """Nor when the run ends well."""
    run = TrainingRun(name="sft")
    run.started()
    for _ in range(5):
        run.state_dict()
    run.ended()
    assert counted.made == 1
    run.failed(ValueError("x"))
    assert counted.made == 2
