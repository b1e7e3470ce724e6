"""Progress messages of real trainings by real trainers."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier.testing import RecordingNotifier

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinkle_notifier.progress.watch.POLL", 0.02)


def told_of(told: RecordingNotifier) -> str:
    [message] = told.messages
    assert re.search(r"^- Time left: \d+ s, until \d{4}-", message, re.MULTILINE)
    assert re.search(r"^- Speed: [\d.]+ (steps a second|s a step)$", message, re.MULTILINE)
    assert re.search(r"^- loss: .+ first .+, lowest .+, last ", message, re.MULTILINE)
    return message.splitlines()[0]


def test_the_hf_trainer_tells(tmp_path: Path) -> None:
    """It knows how many steps there are."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")

    from twinkle_notifier.integrations.transformers import NotifierCallback

    class Model(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(4))

        def forward(self, x: Any, labels: Any) -> dict[str, Any]:
            time.sleep(0.1)
            return {"loss": self.weight.square().sum()}

    told = RecordingNotifier()
    callback = NotifierCallback(told, name="sft", on_end=False, progress_every="50%")
    args = transformers.TrainingArguments(
        str(tmp_path),
        max_steps=20,
        logging_steps=1,
        save_strategy="no",
        per_device_train_batch_size=1,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    data = [{"x": torch.ones(4), "labels": torch.zeros(1)}] * 20
    transformers.Trainer(Model(), args, train_dataset=data, callbacks=[callback]).train()
    assert re.fullmatch(r"### sft: step 1\d of 20 \([56]\d %\)", told_of(told))


@pytest.mark.parametrize("copy", ["lightning.pytorch", "pytorch_lightning"])
def test_lightning_tells(copy: str, tmp_path: Path) -> None:
    """From its batches, epochs and accumulation."""
    torch, pl = pytest.importorskip("torch"), pytest.importorskip(copy)
    from twinkle_notifier.integrations.lightning import NotifierCallback, follow_loaded

    follow_loaded()

    class Model(pl.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            time.sleep(0.1)
            loss = self.layer(batch).square().mean()
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.01)

    told = RecordingNotifier()
    callback = NotifierCallback(told, name="sft", on_end=False, progress_every="50%")
    made = pl.Trainer(
        default_root_dir=tmp_path,
        max_epochs=2,
        log_every_n_steps=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        callbacks=[callback],
    )
    made.fit(Model(), torch.utils.data.DataLoader(torch.ones(10, 1)))
    assert re.fullmatch(r"### sft: step 1\d of 20 \([56]\d %\)", told_of(told))
