"""The tracker of Accelerate: what it knows of a loop, and what people learn of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("accelerate")

import torch
from accelerate import Accelerator, tracking
from accelerate.optimizer import AcceleratedOptimizer
from accelerate.state import AcceleratorState, GradientState
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier.integrations import accelerate as adapter
from twinkle_notifier.integrations.accelerate import NotifierTracker

from twinkle_notifier import watch
from twinkle_notifier.isolation.background import background
from twinkle_notifier.testing import RecordingNotifier

pytestmark = pytest.mark.filterwarnings("default")
BY_NAME = pytest.mark.skipif(
    not hasattr(tracking, "register_tracker_class"), reason="accelerate before 1.15 knows no names of others"
)


@pytest.fixture
def told() -> RecordingNotifier:
    return RecordingNotifier()


@pytest.fixture(autouse=True, scope="module")
def _unhooked() -> Iterator[None]:
    """Other tests of this process count the calls of a step."""
    before = [(cls, dict(vars(cls))) for cls in (Accelerator, AcceleratedOptimizer)]
    yield
    for cls, methods in before:
        for name in (*adapter._HOOKS, "step"):
            if name in methods:
                setattr(cls, name, methods[name])


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    """A process has one state of Accelerate."""
    yield
    adapter._active.tracker = None
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def nothing(step: int) -> None:
    pass


def crash(step: int) -> None:
    if step == 13:
        raise ValueError("the loss is lost")


def train(folder: Path, log_with: Any, happens: Callable[[int], None] = nothing, **more: Any) -> Accelerator:
    """Two passes of 8 batches."""
    accelerator = Accelerator(cpu=True, log_with=log_with, **more)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    model, optimizer, loader = accelerator.prepare(model, optimizer, DataLoader(TensorDataset(torch.ones(8, 4))))
    accelerator.init_trackers("line-fit", init_kwargs={"twinkle_notifier": {"notifier": more.get("to")}})
    step = 0
    for _ in range(2):
        for [x] in loader:
            happens(step)
            with accelerator.accumulate(model):
                loss = model(x).square().mean()
                accelerator.backward(loss)
                optimizer.step()
                optimizer.zero_grad()
            step += 1
            accelerator.log({"loss": loss.detach() * 0 + 0.5, "lr": 0.01, "stage": "warm-up"}, step)
            if step % 3 == 0:
                accelerator.save_state(str(folder / f"step-{step}"))
    accelerator.end_training()
    return accelerator


def test_a_crash_says_how_far_it_got(told: RecordingNotifier, tmp_path: Path) -> None:
    """Where `watch` is around it: step, pass, loss and checkpoint. Nothing else is sent."""
    with pytest.raises(ValueError, match="lost"), watch(told, name="line-fit"):
        train(tmp_path, NotifierTracker("line-fit", told), crash)
    assert background.flush(30)
    [text] = told.messages
    assert text.startswith("### line-fit failed: ValueError: the loss is lost\n")
    assert re.search(r"\n- Progress: step 13, epoch 2, after \d+ s\n", text), text
    assert re.search(r"\n- Lost since the last checkpoint: \d+ s, 1 step\n", text), text
    assert f"\n- To go on: accelerator.load_state('{tmp_path}/step-12')\n" in text
    assert re.search(r"\n- loss: .* last 0.5\n", text), text


def test_the_end_is_one_message(told: RecordingNotifier, tmp_path: Path) -> None:
    """With the last value of each metric."""
    train(tmp_path, [NotifierTracker("line-fit", told)])
    assert background.flush(30)
    [text] = told.messages
    for line in ("### line-fit ended after ", "- Progress: step 16, epoch 2\n", "- Metrics: lr 0.01\n"):
        assert f"\n{line}" in f"\n{text}", text
    assert f"\n- Last checkpoint: {tmp_path}/step-15\n" in text


@BY_NAME
def test_its_name_is_enough(inbox: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The run is called as the project; the notifier is the one that is set up."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", inbox.url + "&secret=SEC0123456789abcdef")
    train(tmp_path, "twinkle_notifier")
    assert background.flush(30)
    assert [message.title.partition(" after ")[0] for message in inbox.messages] == ["line-fit ended"]


def test_steps_are_those_of_one_optimizer(told: RecordingNotifier, tmp_path: Path) -> None:
    """Where gradients are gathered over several batches, each that changes the model; another optimizer adds none."""
    tracker = NotifierTracker("line-fit", told)
    accelerator = train(tmp_path, tracker, gradient_accumulation_steps=4)
    assert (tracker.step, tracker.epoch) == (4, 2)
    adapter._active.tracker = tracker
    other = accelerator.prepare(torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), 0.1))
    accelerator.sync_gradients = True
    other.step()
    assert tracker.step == 4


def test_each_call_is_a_beat(told: RecordingNotifier, tmp_path: Path) -> None:
    """Of a loop that trains, evaluates or saves; a checkpoint's write may take longer."""
    tracker = NotifierTracker("line-fit", told, stall_after=600, on_end=False)
    seen: list[int] = []
    accelerator = train(tmp_path, tracker, lambda _: seen.append(tracker.run._watch.beats))
    assert all(later - earlier >= 2 for earlier, later in pairwise(seen)), seen
    assert tracker.run.watcher is None  # it has ended
    adapter._active.tracker = tracker
    before = tracker.run._watch.beats
    accelerator.gather_for_metrics(torch.ones(1))
    assert (tracker.run._watch.beats, tracker.run._watch.lull) == (before + 1, before + 1)


def test_a_resumed_run_names_the_checkpoint_that_it_came_from(told: RecordingNotifier, tmp_path: Path) -> None:
    """Until it has written one of its own."""
    train(tmp_path, None)
    path = str(tmp_path / "step-15")
    tracker = NotifierTracker("line-fit", told)
    accelerator = Accelerator(cpu=True, log_with=tracker)
    model = accelerator.prepare(torch.nn.Linear(4, 1))
    accelerator.prepare(torch.optim.SGD(model.parameters(), 0.01))
    with suppress(Exception):  # what it loads is not of interest here
        accelerator.load_state(path)
    assert tracker.run.last_checkpoint == path


def test_only_the_last_that_is_made_is_told(told: RecordingNotifier, tmp_path: Path) -> None:
    """One that was left behind, as by a loop that failed in a notebook, looks for no stall any more."""
    first = NotifierTracker("left", told, stall_after=600)
    first.start()
    train(tmp_path, NotifierTracker("line-fit", told, on_end=False))
    assert (first.step, first.run.watcher) == (0, None)
    first.finish()
    assert background.flush(30)
    assert told.messages == []


def test_without_a_tracker_accelerate_is_as_it_was(told: RecordingNotifier, tmp_path: Path) -> None:
    """Also where the hooks are there, as another training of this process had one."""
    tracker = NotifierTracker("line-fit", told)
    tracker.finish()
    train(tmp_path, None)
    assert background.flush(30)
    assert (tracker.step, told.messages) == (0, [])


@pytest.mark.parametrize("main", [True, False], ids=["main process", "another"])
def test_the_step_that_is_logged_is_the_one_that_a_rule_names(told: RecordingNotifier, main: bool) -> None:
    """On each process: Accelerate itself tells the trackers of the main process alone."""
    tracker = NotifierTracker("line-fit", told, on_end=False)
    accelerator = Accelerator(cpu=True, log_with=tracker if main else None)
    accelerator.init_trackers("line-fit")
    accelerator.log({"loss": float("nan")}, step=70)
    accelerator.log({"loss": 1.0}, 71)
    assert background.flush(30)
    assert [text.splitlines()[0] for text in told.messages] == [
        "### line-fit: loss is nan at step 70",
        "### line-fit: resolved at step 71: loss is nan",
    ]
