"""What a training of 2,000 tiny steps costs with the callback and without: by calls of functions, and by time.

What Python calls is counted, which is exact; and the time of the processor is measured over many runs in turn, of all
threads. See also instructions.py.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

from lab import Options, environment, progress, spread, table

_COUNTED = (10, 110)  # steps of the two runs whose calls are compared
_LIMIT = 1800.0  # seconds for one framework
Train = Callable[[int, str], float]
WAYS = ("nothing", "an empty callback", "our callback", "our callback, stall_after=600")


def lightning() -> Train:
    """A fit of one number."""
    import logging

    import torch
    from lightning.pytorch import Callback, LightningModule, Trainer
    from twinkle_notifier.integrations.lightning import NotifierCallback

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Tiny(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch: torch.Tensor, _number: int) -> torch.Tensor:
            return self.layer(batch).sum()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.001)

    def train(steps: int, way: str) -> float:
        callbacks = _callbacks(way, Callback, NotifierCallback)
        data = torch.utils.data.DataLoader(torch.zeros(steps, 1), batch_size=1)
        off = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
        trainer = Trainer(max_steps=steps, callbacks=callbacks, accelerator="cpu", **off)
        model = Tiny()
        began = time.process_time()
        trainer.fit(model, data)
        return time.process_time() - began

    return train


def transformers() -> Train:
    """A training of one number."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments
    from twinkle_notifier.integrations.transformers import NotifierCallback

    class Tiny(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
            return {"loss": self.layer(x).sum()}

    folder = tempfile.mkdtemp()

    def train(steps: int, way: str) -> float:
        data = [{"x": torch.zeros(1), "labels": torch.zeros(1)}] * steps
        arguments = TrainingArguments(
            folder, max_steps=steps, per_device_train_batch_size=1, save_strategy="no", logging_strategy="no",
            report_to=[], disable_tqdm=True, use_cpu=True,
        )  # fmt: skip
        callbacks = _callbacks(way, TrainerCallback, NotifierCallback)
        trainer = Trainer(Tiny(), arguments, train_dataset=data, callbacks=callbacks)
        began = time.process_time()
        trainer.train()
        return time.process_time() - began

    return train


def _callbacks(way: str, empty: Callable[[], Any], own: Callable[..., Any]) -> list[Any]:
    if way == WAYS[0]:
        return []
    return [empty()] if way == WAYS[1] else [own(_quiet, stall_after=600.0) if "stall" in way else own(_quiet)]


def _quiet(_message: str) -> None:
    """A notifier that costs nothing: what it costs to send is told elsewhere."""


FRAMEWORKS = {"Lightning": lightning, "HF Trainer": transformers}


def calls_per_step(train: Train, way: str) -> float:
    """Functions called in each further step, Python's and C's, by this thread."""

    def counted(steps: int) -> int:
        count = 0

        def seen(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(seen)
        try:
            train(steps, way)
        finally:
            sys.setprofile(None)
        return count

    counted(_COUNTED[0])
    short, long = map(counted, _COUNTED)
    return (long - short) / (_COUNTED[1] - _COUNTED[0])


def beat_nanoseconds() -> float | None:
    """Of one beat of a watched training, which the stall detection asks for each step; None where there is none."""
    from twinkle_notifier import TrainingRun

    if not hasattr(TrainingRun, "beat"):
        return None
    import timeit

    run = TrainingRun(_quiet, name="bench", on_end=False, stall_after=3600.0)
    run.started()
    try:
        beat = run.beat
        return min(timeit.repeat("beat(1, 2, 3)", globals={"beat": beat}, number=100_000, repeat=7)) / 100_000 * 1e9
    finally:
        run.ended()


def once(framework: str, steps: int, times: int) -> None:
    """The rows of one framework."""
    warnings.simplefilter("ignore")
    train = FRAMEWORKS[framework]()
    train(steps, WAYS[-1])
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(times):
        for way in WAYS[number % 4 :] + WAYS[: number % 4]:  # so that no way has the advantage of being first
            seconds[way].append(train(steps, way))
    for way in WAYS:
        more = [(one - bare) / bare * 100 for one, bare in zip(seconds[way], seconds[WAYS[1]], strict=True)]
        print(
            f"| {framework} | {way} | {calls_per_step(train, way):.2f} | {spread(seconds[way], digits=2)} | {_interval(more)} |"
        )


def _interval(values: list[float]) -> str:
    """The median, and between which values it is with 95 % certainty, by their order: outliers do not count."""
    if not any(values):
        return ""
    ordered = sorted(values)
    rank = max(math.floor((len(ordered) - 1.96 * math.sqrt(len(ordered))) / 2), 1)
    return f"{statistics.median(ordered):+.1f} % ({ordered[rank - 1]:+.1f} to {ordered[-rank]:+.1f})"


def run(options: Options, steps: int = 2000) -> str:
    """The table of both frameworks, and of a beat."""
    rows = []
    for framework in FRAMEWORKS:
        progress(f"training: {framework}, {len(WAYS) * options.times} runs of {steps} steps")
        command = [sys.executable, __file__, framework, str(steps), str(options.times)]
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                command, env=environment(), cwd=folder, check=True, capture_output=True, text=True, timeout=_LIMIT
            )
        rows += [
            [cell.strip() for cell in line.strip("| ").split(" | ")]
            for line in done.stdout.splitlines()
            if line.startswith("| ")
        ]
    header = ("trainer", "with", "calls a step", f"s for {steps:,} steps", "more time than with an empty one")
    for row in rows:
        row += [""] * (len(header) - len(row))
    beat = subprocess.run(
        [sys.executable, __file__], env=environment(), check=True, capture_output=True, text=True
    ).stdout
    return f"{table(header, rows)}\n\nStall detection, a beat: {beat.strip()}."


if __name__ == "__main__":
    if sys.argv[1:]:
        once(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        nanoseconds = beat_nanoseconds()
        print("there is none in this version" if nanoseconds is None else f"{nanoseconds:.0f} ns")
