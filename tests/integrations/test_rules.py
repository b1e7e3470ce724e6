"""Rules in real trainings: a loss that spikes, stands still, and is lost."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.isolation.background import background
from twinkle_notifier.testing import RecordingNotifier

pytestmark = pytest.mark.filterwarnings("default")
RULES = ["zscore(loss[50]) > 6 => error: spike", "stalled(loss[20]) => plateau"]
NOISE = random.Random(7)
LOSSES = [3.0 + NOISE.gauss(0, 0.1) for _ in range(70)] + [20.0] + [3.0 + NOISE.gauss(0, 0.1) for _ in range(9)]
LOSSES += [2.0] * 30 + [2.1] + [math.nan] * 9
SPIKE_AND_PLATEAU = [
    "sft: spike at step 71",
    "sft: resolved at step 72: spike",
    "sft: plateau at step 100",
    "sft: resolved at step 111: plateau",
]


def titles(told: RecordingNotifier) -> list[str]:
    assert background.flush(30)
    return [message.splitlines()[0].removeprefix("### ") for message in told.messages]


def train_hf(folder: Path, losses: list[float], callback: Any, **options: Any) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")

    class Model(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(4))
            self.left = list(losses)

        def forward(self, x: Any, labels: Any) -> dict[str, Any]:
            loss = self.left.pop(0)
            return {"loss": self.weight.sum() * (loss if math.isnan(loss) else 0.0) + loss}

    args = transformers.TrainingArguments(
        str(folder),
        max_steps=len(losses),
        logging_steps=1,
        save_strategy="no",
        per_device_train_batch_size=1,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        **options,
    )
    data = [{"x": torch.ones(4), "labels": torch.zeros(1)}] * len(losses)
    transformers.Trainer(Model(), args, train_dataset=data, callbacks=[callback]).train()


def train_lightning(package: str, folder: Path, losses: list[float], callback: Any, **more: Any) -> None:
    torch, pl = pytest.importorskip("torch"), pytest.importorskip(package)

    class Model(pl.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(4))

        def training_step(self, batch: Any, index: int) -> Any:
            loss = self.weight.sum() * 0.0 + losses[index]
            self.log("loss", loss)
            if index % 10 == 0:
                self.log("seldom", 0.5)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", 1.5, prog_bar=True)

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.01)

        def train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(torch.ones(len(losses), 4))

        def val_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(torch.ones(1, 4))

    options: dict[str, Any] = {
        "default_root_dir": folder,
        "max_epochs": 1,
        "val_check_interval": len(losses) // 3,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "accelerator": "cpu",
        "log_every_n_steps": 1,
        "callbacks": [callback],
    }
    pl.Trainer(**(options | more)).fit(Model())


def test_of_the_hf_trainer(tmp_path: Path) -> None:
    """By default it logs a loss of 0 where that is NaN. The norm of the gradient shows it at once all the same."""
    pytest.importorskip("transformers")
    from twinkle_notifier.integrations.transformers import NotifierCallback

    told = RecordingNotifier()
    train_hf(tmp_path, LOSSES, NotifierCallback(told, name="sft", on_end=False, rules=RULES))
    assert titles(told) == [*SPIKE_AND_PLATEAU, "sft: grad_norm is nan at step 112"]
    assert ", last 0\n" in told.messages[-1]
    assert f"\n- Progress: step 112 of {len(LOSSES)}, epoch" in told.messages[-1]


def test_of_lightning(tmp_path: Path) -> None:
    """The loss itself. A validation counts once, though the trainer shows its metrics until the next; the last, too."""
    pytest.importorskip("lightning")
    from twinkle_notifier.integrations.lightning import NotifierCallback

    told = RecordingNotifier()
    rules = [*RULES, "stalled(val_loss[3]) => third", "count(val_loss[9]) > 3 => stale"]
    callback = NotifierCallback(told, name="sft", on_end=False, rules=rules)
    train_lightning("lightning.pytorch", tmp_path, LOSSES, callback)
    assert len(LOSSES) == 120
    assert titles(told) == [*SPIKE_AND_PLATEAU, "sft: loss is nan at step 112", "sft: third at step 120"]


@pytest.mark.parametrize("epochs", [2, 3])
def test_a_value_of_lightning_counts_once_however_many_look_at_it(tmp_path: Path, epochs: int) -> None:
    """Other callbacks, such as those that choose checkpoints, ask the trainer for its metrics, too."""
    pytest.importorskip("lightning")
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
    from twinkle_notifier.integrations.lightning import NotifierCallback

    told = RecordingNotifier()
    rules = ["stalled(val_loss[5]) => fifth", "stalled(seldom[7]) => seventh"]
    callback = NotifierCallback(told, name="sft", on_end=False, rules=rules)
    others = [EarlyStopping("val_loss", patience=99), ModelCheckpoint(monitor="val_loss")]
    both = {"callbacks": [callback, *others], "enable_checkpointing": True}
    train_lightning(
        "lightning.pytorch", tmp_path, [1.0] * 24, callback, **both, max_epochs=epochs, val_check_interval=0.5
    )
    assert titles(told) == ([] if epochs == 2 else ["sft: seventh at step 49", "sft: fifth at step 60"])


@pytest.mark.parametrize("calls_ours", [False, True])
def test_a_log_counts_once_in_a_subclass(tmp_path: Path, calls_ours: bool) -> None:
    """Whether its own `on_log` calls ours or not. What it adds to the logs counts, if it gives it to ours."""
    pytest.importorskip("transformers")
    from twinkle_notifier.integrations.transformers import NotifierCallback

    class Own(NotifierCallback):
        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if calls_ours:
                kwargs["logs"] = {**kwargs["logs"], "own": 1.0}
                super().on_log(args, state, control, **kwargs)

    told = RecordingNotifier()
    rules = ["stalled(loss[5]) => fifth", "own > 0 => own"]
    train_hf(tmp_path, [1.5] * 9, Own(told, name="sft", on_end=False, rules=rules))
    assert titles(told) == [*(["sft: own at step 1"] if calls_ours else []), "sft: fifth at step 5"]


@pytest.mark.stress
def test_of_the_hf_trainer_that_hides_nothing(tmp_path: Path) -> None:
    """With `logging_nan_inf_filter=False`."""
    pytest.importorskip("transformers")
    from twinkle_notifier.integrations.transformers import NotifierCallback

    told = RecordingNotifier()
    callback = NotifierCallback(told, name="sft", on_end=False)
    train_hf(tmp_path, [1.0, math.nan, math.nan], callback, logging_nan_inf_filter=False)
    assert titles(told) == ["sft: loss is nan at step 2"]


@pytest.mark.stress
def test_of_two_thousand_clean_steps(tmp_path: Path) -> None:
    """No message, with the rules that everybody has and those of the page."""
    pytest.importorskip("transformers")
    from twinkle_notifier.integrations.transformers import NotifierCallback

    told = RecordingNotifier()
    losses = [2.5 + 8 * math.exp(-step / 200) + NOISE.gauss(0, 0.15) for step in range(2_000)]
    train_hf(tmp_path, losses, NotifierCallback(told, name="sft", on_end=False, rules=RULES))
    assert titles(told) == []


@pytest.mark.stress
def test_of_the_other_copy_of_lightning(tmp_path: Path) -> None:
    """`pytorch_lightning`, in a loss that is lost and comes back."""
    pytest.importorskip("pytorch_lightning")
    from twinkle_notifier.integrations.lightning import NotifierCallback

    told = RecordingNotifier()
    callback = NotifierCallback(told, name="sft", on_end=False)
    train_lightning("pytorch_lightning", tmp_path, [1.0, math.nan, 1.0, 1.0], callback)
    assert titles(told) == ["sft: loss is nan at step 2", "sft: resolved at step 3: loss is nan"]
