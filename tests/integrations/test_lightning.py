"""The Lightning callback in real runs: one process, and all of Lightning's launchers."""

from __future__ import annotations

import contextlib
import copy
import gc
import inspect
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, OnExceptionCheckpoint
from lightning.pytorch.tuner import Tuner
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier.integrations.lightning import NotifierCallback

from twinkle_notifier import DingNotifier, Notifier, resolve
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.mailbox.mailbox import VARIABLE, Mailbox
from twinkle_notifier.testing import RecordingNotifier

pytestmark = pytest.mark.filterwarnings("default")
STRESS = pytest.mark.stress
OLD = lightning.__version__.startswith("2.2.")
NOT_OLD = pytest.mark.skipif(OLD, reason="Lightning 2.2 accepts no callback of the other copy")
SAFELY: Any = {"weights_only": True} if "weights_only" in inspect.signature(Trainer.fit).parameters else {}


class Model(LightningModule):
    """Raises `error` in the hook named `where`."""

    def __init__(self, error: BaseException | None = None, where: str = "training_step") -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.error, self.where = error, where

    def _step(self, batch: Any, where: str) -> torch.Tensor:
        if self.error is not None and self.where == where:
            raise self.error
        loss = self.layer(batch[0]).square().mean()
        if where != "predict_step":
            self.log("loss", loss)
        return loss

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        return self._step(batch, "training_step")

    def validation_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        return self._step(batch, "validation_step")

    def test_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        return self._step(batch, "test_step")

    def predict_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        return self._step(batch, "predict_step")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def data() -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.randn(8, 4)), batch_size=2)


def trainer(folder: Path, *callbacks: Callback, **options: Any) -> Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return Trainer(default_root_dir=folder, callbacks=list(callbacks), **{"max_epochs": 1, **quiet, **options})


@pytest.mark.parametrize("method", ["fit", "validate", "test", "predict"])
def test_tells_of_exceptions(method: str, tmp_path: Path) -> None:
    """Each of the trainer's entries, by its name, with the step and the user's own error."""
    told = RecordingNotifier()
    error = ValueError("the loss is lost")
    step = {"fit": "training", "validate": "validation"}.get(method, method)
    with pytest.raises(ValueError) as caught:
        getattr(trainer(tmp_path, NotifierCallback(told, name="sft")), method)(Model(error, f"{step}_step"), data())
    assert caught.value is error
    [message] = told.messages
    assert message.startswith("### sft failed: ValueError: the loss is lost\n")
    reached = "step 0 of 4, epoch 0" if method == "fit" else "step 0, epoch 0"
    context = "" if method == "fit" else rf"- Context: {method}\n"
    assert re.search(rf"\n{context}- Progress: {reached}, after \d+ s\n", message)


@pytest.mark.parametrize(
    ("error", "outcome", "headline"),
    [
        (KeyboardInterrupt(), None if OLD else SystemExit, "sft was interrupted"),
        (SystemExit(3), SystemExit, "sft exited: SystemExit: 3"),
    ],
)
def test_tells_other_ends_by_their_names(
    error: BaseException, outcome: type[BaseException] | None, headline: str, tmp_path: Path
) -> None:
    """Ctrl-C is an interruption, not a failure; Lightning 2.2 ends well after it."""
    told = RecordingNotifier()
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(outcome) if outcome is not None else contextlib.nullcontext():
            trainer(tmp_path, NotifierCallback(told, name="sft")).fit(Model(error), data())
    finally:
        signal.signal(signal.SIGINT, before)  # Lightning leaves it ignored
    assert [message.splitlines()[0] for message in told.messages] == [f"### {headline}"]


def test_tells_of_the_end(tmp_path: Path) -> None:
    """After the last checkpoint: duration, epochs, steps, metrics, best checkpoint, and why it ended."""
    told = RecordingNotifier()
    checkpoint = ModelCheckpoint(tmp_path, monitor="loss", filename="best")
    trainer(tmp_path, NotifierCallback(told, name="sft"), checkpoint, max_epochs=2).fit(Model(), data())
    assert background.flush(10)
    [message] = told.messages
    assert message.startswith("### sft ended after ")
    for fact in (
        "- Progress: step 8 of 8, epoch 2\n",
        "- Metrics: loss ",
        "- Ended because: max_epochs=2 reached",
    ):
        assert fact in message
    assert f"- Best checkpoint: {tmp_path / 'best'}" in message
    assert " (also the last)\n" in message


@pytest.mark.parametrize(
    ("options", "callbacks", "why"),
    [
        ({"max_steps": 3}, [], "max_steps=3 reached"),
        pytest.param(
            {"max_epochs": 9},
            [EarlyStopping("loss", stopping_threshold=1e9)],
            "Stopping threshold reached",
            marks=pytest.mark.skipif(OLD, reason="Lightning 2.2 does not keep why it stopped"),
        ),
        ({"max_epochs": 10**6, "max_time": {"seconds": 1}}, [], "max_time reached"),
    ],
)
def test_tells_why_it_ended(options: dict[str, Any], callbacks: list[Callback], why: str, tmp_path: Path) -> None:
    """Each of the ways in which a fit ends well."""
    told = RecordingNotifier()
    trainer(tmp_path, NotifierCallback(told), *callbacks, **options).fit(Model(), data())
    assert background.flush(10)
    assert f"- Ended because: {why}" in told.messages[0]


def test_tells_of_the_start_if_asked(tmp_path: Path) -> None:
    """And not of the end, if not asked."""
    told = RecordingNotifier()
    trainer(tmp_path, NotifierCallback(told, name="sft", on_start=True, on_end=False)).fit(Model(), data())
    assert background.flush(10)
    assert [message.splitlines()[0] for message in told.messages] == ["### sft started"]


def test_each_fit_of_a_notebook_is_told(tmp_path: Path) -> None:
    """The same error in the next fit of the same process is reported again, with the callback kept or made anew."""
    told = RecordingNotifier()
    kept = NotifierCallback(told)
    for callback in (kept, kept, NotifierCallback(told)):
        with pytest.raises(ValueError, match="again"):
            trainer(tmp_path, callback).fit(Model(ValueError("again")), data())
    assert len(told.messages) == 3


def test_two_channels_both_tell_and_keep_their_states_apart(tmp_path: Path, ding: DingNotifier, inbox: Inbox) -> None:
    """Two callbacks in one trainer are no duplicates of each other."""
    told = RecordingNotifier()
    if "save_on_exception" not in inspect.signature(ModelCheckpoint).parameters:
        pytest.skip("this Lightning's ModelCheckpoint saves nothing after an exception")
    checkpoint = ModelCheckpoint(tmp_path, filename="last", save_on_exception=True)
    with pytest.raises(ValueError, match="twice"):
        trainer(tmp_path, NotifierCallback(told), NotifierCallback(ding), checkpoint).fit(
            Model(ValueError("twice")), data()
        )
    assert (len(told.messages), len(inbox.messages)) == (1, 1)


def save(folder: Path, *callbacks: Callback) -> Path:
    path = folder / "saved.ckpt"
    fitted = trainer(folder, *callbacks)
    fitted.fit(Model(), data())
    fitted.save_checkpoint(path)
    return path


def resume(folder: Path, path: Path, *callbacks: Callback) -> None:
    trainer(folder, *callbacks, max_epochs=2).fit(Model(), data(), ckpt_path=path, **SAFELY)


def test_a_resume_on_another_machine_knows_the_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the checkpoint alone: the first machine's folders are not there."""
    told, path = RecordingNotifier(), None
    for machine in ("one", "two"):
        monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / machine))
        saving = OnExceptionCheckpoint(tmp_path / machine, "saved")
        fitted = trainer(tmp_path, NotifierCallback(told, name="sft"), saving)
        with pytest.raises(ValueError, match="the same"):
            fitted.fit(Model(ValueError("the same")), data(), ckpt_path=path)
        path = saving.ckpt_path
    assert ["- Again: 2nd time, first at " in message for message in told.messages] == [False, True]


class Other(Notifier):
    """Another class than that of the checkpoint."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def __call__(self, message: str) -> None:
        self.messages.append(message)


def test_state_is_plain_and_holds_no_secret(tmp_path: Path, ding: DingNotifier, ours: Any) -> None:
    """It loads under `weights_only`, and neither token nor signing secret is among the bytes."""
    path = save(tmp_path, NotifierCallback(ding, name="sft"))
    states = torch.load(path, weights_only=True)["callbacks"]
    state = states[ours(states)]
    assert json.loads(json.dumps(state)) == state
    assert state["notifier"] == {"class": "DingNotifier", "ding_url": "***", "secret": "***", "timeout": 5.0}
    assert state["sent"] == []
    assert b"tok-0123456789" not in path.read_bytes()
    assert b"SEC0123456789" not in path.read_bytes()


def test_resume_with_the_same_class_keeps_the_past(tmp_path: Path) -> None:
    """The user's own notifier is used, and the failures that were reported before are still known."""
    saving = OnExceptionCheckpoint(tmp_path, "saved")
    with pytest.raises(ValueError, match="lost"):
        trainer(tmp_path, NotifierCallback(RecordingNotifier()), saving).fit(Model(ValueError("lost")), data())
    told = RecordingNotifier()
    callback = NotifierCallback(told)
    resume(tmp_path, Path(saving.ckpt_path), callback)
    assert background.flush(10)
    assert (len(told.messages), len(callback.state_dict()["sent"])) == (1, 1)


def test_resume_with_another_class_uses_the_users(tmp_path: Path) -> None:
    """A checkpoint from elsewhere does not redirect alerts."""
    path = save(tmp_path, NotifierCallback(RecordingNotifier()))
    other = Other()
    resume(tmp_path, path, NotifierCallback(other))
    assert background.flush(10)
    assert len(other.messages) == 1


class CorpNotifier(Notifier):
    """A user's own, with a place and a token."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token

    def __call__(self, message: str) -> None:
        DingNotifier(f"{resolve(self.url)}&stolen={resolve(self.token)}")(message)

    def to_dict(self) -> dict[str, Any]:
        return {"class": "CorpNotifier", "url": self.url, "token": self.token}


def attacked(path: Path, url: str, token: str) -> None:
    """Let the checkpoint have a notifier that leads to `url`."""
    described = {"class": "DingNotifier", "ding_url": url}
    if token:
        described = {"class": "CorpNotifier", "url": url, "token": token}
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["callbacks"] = {"twinkle_notifier": {"version": 1, "notifier": described, "sent": []}}
    torch.save(checkpoint, path)


@pytest.mark.parametrize("token", ["", "env:AWS_SECRET_ACCESS_KEY", "file:/etc/hostname"])
@pytest.mark.parametrize("configured", [True, False])
def test_an_attackers_checkpoint_redirects_nothing(
    configured: bool, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither alerts nor secrets: an alert goes where the environment says, without a warning."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret")
    path = save(tmp_path)
    with Inbox() as own, Inbox() as evil:
        attacked(path, evil.url, token)
        if configured:
            monkeypatch.setenv("TWINKLE_NOTIFIER", own.url)
        resume(tmp_path, path, NotifierCallback(name="sft"))
        assert background.flush(10)
        assert (len(own.messages), evil.requests) == (int(configured), 0)
    assert ("holds a literal text" in caplog.text) is not configured
    assert ("no alert will be sent" in caplog.text) is not configured


@pytest.mark.parametrize(("wanted", "count"), [("all", 1), ("failure_only", 0)])
def test_a_good_end_is_sent_where_it_is_wanted(wanted: Any, count: int, tmp_path: Path) -> None:
    """As docs/settings.md says."""
    told = RecordingNotifier()
    trainer(tmp_path, NotifierCallback(told, notifications=wanted)).fit(Model(), data())
    assert background.flush(10)
    assert len(told.messages) == count


def test_resume_without_a_notifier_restores_it(
    tmp_path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By its references, looked up at the resume; a line in the log names class and host."""
    monkeypatch.setenv("DING_URL", inbox.url)
    monkeypatch.setenv("DING_SECRET", "SEC0123456789abcdef")
    path = save(tmp_path, NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="first"))
    assert background.flush(10)
    resume(tmp_path, path, NotifierCallback(name="second"))
    assert background.flush(10)
    assert [message.title.split()[0] for message in inbox.messages] == ["first", "second"]
    assert caplog.text.count("comes from its checkpoint: DingNotifier at 127.0.0.1") == 1


@pytest.mark.parametrize("tune", ["lr_find", "scale_batch_size"])
def test_a_tuner_is_no_resume_to_warn_of(
    tune: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It restores a checkpoint of its own, in which the environment's notifier is redacted."""

    class Tuned(Model):
        def __init__(self) -> None:
            super().__init__()
            self.lr, self.batch_size = 0.1, 2

        def train_dataloader(self) -> DataLoader[Any]:
            return DataLoader(TensorDataset(torch.ones(8, 4)), batch_size=self.batch_size)

        val_dataloader = train_dataloader

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), self.lr)

    options: dict[str, Any] = {"num_training": 3} if tune == "lr_find" else {"max_trials": 1, "steps_per_trial": 1}
    with Inbox() as inbox:
        monkeypatch.setenv("TWINKLE_NOTIFIER", inbox.url)
        tuned = trainer(tmp_path, NotifierCallback(name="sft"))
        getattr(Tuner(tuned), tune)(Tuned(), **options)
        tuned.fit(Tuned())
        assert background.flush(10)
        assert "sft ended after" in inbox.messages[-1].title
    assert [record.getMessage() for record in caplog.records if record.name == "twinkle_notifier"] == []


@pytest.mark.parametrize("notifier", [RecordingNotifier(), None])
def test_a_state_that_cannot_be_copied_hinders_no_resume(notifier: Notifier | None, tmp_path: Path) -> None:
    """Lightning copies each callback's state, and fails for what is nested deeply."""
    path, deep = save(tmp_path), "x"
    for _ in range(900):
        deep = {"class": deep}  # type: ignore[assignment]
    checkpoint = torch.load(path, weights_only=True)
    callback = NotifierCallback(notifier)
    checkpoint["callbacks"] = {
        callback.run.key: {"version": 1, "notifier": {"class": "DingNotifier", "x": deep}, "sent": []}
    }
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    torch.save(checkpoint, path)
    sys.setrecursionlimit(limit)
    resume(tmp_path, path, callback)


def test_resume_without_a_notifier_or_its_secrets_warns(
    tmp_path: Path, ding: DingNotifier, caplog: pytest.LogCaptureFixture
) -> None:
    """And goes on with the environment's, here none."""
    path = save(tmp_path, NotifierCallback(ding))
    resume(tmp_path, path, NotifierCallback())
    assert "checkpoints hold no secrets" in caplog.text
    assert "no alert will be sent for this run" in caplog.text


@pytest.mark.parametrize(
    "state",
    [
        None,
        "damaged",
        {},
        {"version": "1"},
        {"version": 1, "notifier": 5, "sent": "x"},
        {"version": 1, "notifier": {"class": "NoSuchNotifier"}, "sent": [1, {"what": 2}]},
        {"version": 1, "notifier": {"class": "DingNotifier"}},
        {"version": 99, "notifier": {"class": "RecordingNotifier"}, "sent": [], "more": 1},
    ],
)
def test_resume_never_fails_for_our_state(state: object, tmp_path: Path, ours: Any) -> None:
    """Without our state, damaged, of a newer version."""
    path = save(tmp_path, NotifierCallback(RecordingNotifier()))
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["callbacks"].pop(ours(checkpoint["callbacks"]))
    if state is not None:
        checkpoint["callbacks"]["twinkle_notifier"] = state
    torch.save(checkpoint, path)
    for notifier in (RecordingNotifier(), None):
        resume(tmp_path, path, NotifierCallback(notifier))


class Bad(Notifier):
    """A notifier that does what it should not."""

    def __init__(self, how: str) -> None:
        self.how = how

    def _misbehave(self) -> None:
        if self.how == "raise":
            raise RuntimeError("the notifier is broken")
        if self.how == "exit":
            raise SystemExit(7)
        time.sleep(12)  # longer than the budget of a send in a crash

    def __call__(self, message: str) -> None:
        self._misbehave()

    def to_dict(self) -> dict[str, Any]:
        self._misbehave()
        return {}


@pytest.mark.parametrize("how", ["raise", "exit", "hang"])
def test_a_bad_notifier_changes_nothing(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user sees their own exception within the budget, and a good run ends well, with its checkpoints."""
    began = time.monotonic()
    error = ValueError("mine")
    with pytest.raises(ValueError) as caught:
        trainer(tmp_path, NotifierCallback(Bad(how))).fit(Model(error), data())
    assert (caught.value, caught.value.__context__, caught.value.__cause__) == (error, None, None)
    assert time.monotonic() - began < 8 + 10
    assert save(tmp_path, NotifierCallback(Bad(how))).exists()
    assert background.flush(60)


def test_a_trained_callback_and_a_new_one_meet_in_one_trainer(tmp_path: Path) -> None:
    """Their states have two keys, without which Lightning makes no such trainer."""
    told, other = RecordingNotifier(), Other()
    first = NotifierCallback(told)
    trainer(tmp_path, first).fit(Model(), data())
    trainer(tmp_path, first, NotifierCallback(other)).fit(Model(), data())
    assert background.flush(10)
    assert (len(told.messages), len(other.messages)) == (2, 1)


class Stalling(Model):
    """Waits in its third epoch until `told` holds a message; its validations take their time."""

    def __init__(self, told: RecordingNotifier) -> None:
        super().__init__()
        self.told = told

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        deadline = time.monotonic() + 60
        while self.current_epoch == 2 and not self.told.messages and time.monotonic() < deadline:
            time.sleep(0.02)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        time.sleep(1.25 if self.current_epoch == 0 else 0)
        return super().validation_step(batch, batch_idx)


def test_tells_of_a_stall(tmp_path: Path) -> None:
    """Of a batch, with the step, and when it resumes; a validation takes as long, but moves."""
    told = RecordingNotifier()
    callback = NotifierCallback(told, name="sft", on_end=False, stall_after=4)
    trainer(tmp_path, callback, max_epochs=4, num_sanity_val_steps=0).fit(Stalling(told), data(), data())
    assert background.flush(10)
    assert [message.splitlines()[0].split(" for ")[0].split(" after ")[0] for message in told.messages] == [
        "### sft has made no progress",
        "### sft resumed",
    ]
    assert "in training_step\n- Progress: step 8 of 16, epoch 2\n" in told.messages[0]


class Slow(Model):
    """After its validation, and in the end."""

    def on_validation_epoch_end(self) -> None:
        time.sleep(0 if self.trainer.sanity_checking else 4)

    def on_train_end(self) -> None:
        time.sleep(4)


class SlowCheckpoint(ModelCheckpoint):
    """Its writes take their time."""

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        super()._save_checkpoint(trainer, filepath)
        time.sleep(4)


def test_what_is_slow_between_the_steps_is_no_stall(tmp_path: Path) -> None:
    """A checkpoint's write, what a model makes of an epoch, and what follows the last step."""
    callback = NotifierCallback(told := RecordingNotifier(), on_end=False, stall_after=3)
    checkpoint = SlowCheckpoint(tmp_path, every_n_train_steps=3)
    trainer(tmp_path, callback, checkpoint).fit(Slow(), data(), data())
    assert background.flush(10)
    assert told.messages == []
    assert callback.run.watcher is None


def test_a_subclass_keeps_its_hooks(tmp_path: Path) -> None:
    """Beside the beats."""

    class Own(NotifierCallback):
        validations = 0

        def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            self.validations += 1

        def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
            checkpoint["own"] = self.run._watch.beats

    callback = Own(RecordingNotifier(), stall_after=600)
    fitting = trainer(tmp_path, callback, num_sanity_val_steps=0)
    fitting.fit(Model(), data(), data())
    [path] = tmp_path.rglob("*.ckpt")
    assert callback.validations == 1
    assert torch.load(path, weights_only=False)["own"] > 8


def test_a_watch_ends_with_its_trainer(tmp_path: Path) -> None:
    """Though nobody ended it."""

    def begin() -> weakref.ref[object]:
        callback = NotifierCallback(RecordingNotifier(), stall_after=600)
        callback.on_fit_start(trainer(tmp_path, callback), Model())
        assert callback.run.watcher is not None
        return weakref.ref(callback.run)

    run = begin()
    gc.collect()
    assert run() is None


def test_the_supervisor_learns_of_each_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is written, for it cannot ask when all is over."""
    supervision = Mailbox.begun()
    monkeypatch.setenv(VARIABLE, str(supervision.folder))
    seen = []

    class Looking(Callback):
        def on_train_batch_start(self, *_: Any) -> None:
            background.flush(10)
            seen.append(supervision.checkpoint().rpartition("/")[2])

    checkpoint = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    callback = NotifierCallback(RecordingNotifier(), on_end=False)
    trainer(tmp_path, callback, Looking(), checkpoint).fit(Model(), data())
    background.flush(10)
    assert seen == ["", "step=1.ckpt", "step=2.ckpt", "step=3.ckpt"]
    assert supervision.checkpoint().endswith("step=4.ckpt")


def test_a_step_costs_calls_that_return_at_once(tmp_path: Path, calls: Any) -> None:
    """Where no stall is looked for and nothing is logged, a hook of a step is one call of ours, which calls nothing."""
    callback = NotifierCallback(RecordingNotifier())
    first, last = At(1, lambda _: calls.begin()), At(51, lambda _: calls.end())  # the first step is logged
    examples = DataLoader(TensorDataset(torch.randn(52, 4)))
    trainer(tmp_path, first, callback, last, max_epochs=1, log_every_n_steps=52).fit(Model(), examples)
    del calls.counts["state_key"]  # Lightning asks for it before each hook, of each callback
    assert (calls.nested, calls.counts) == ([], {"_report_saved": 51, "on_train_batch_end": 50})


def test_a_copy_beats_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """As does a pickle; the environment asks for it here."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_STALL_AFTER", "600")
    callback = NotifierCallback()
    for copied in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
        copied.on_train_batch_end(None, None, None, None, 1)
        assert (copied.run._watch.beats, callback.run._watch.beats) == (1, 0)


def test_pickles(ding: DingNotifier) -> None:
    """As spawn needs it."""
    copy = pickle.loads(pickle.dumps(NotifierCallback(ding, name="sft")))
    assert copy.run.name == "sft"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda callback: pickle.loads(pickle.dumps(callback))])
def test_is_copied_in_the_midst_of_a_fit(tmp_path: Path, copied: Callable[[Any], Any]) -> None:
    """As a user's callback that sends the trainer's to another process."""
    callback, copies = NotifierCallback(RecordingNotifier(), name="sft", stall_after=600), list[Any]()
    trainer(tmp_path, callback, At(2, lambda _: copies.append(copied(callback)))).fit(Model(), data())
    [other] = copies
    assert (other.run.name, other.run.is_underway, other.run.watcher) == ("sft", False, None)


class Unreadable:
    """A metric that does `how` when it is read."""

    def __init__(self, how: Callable[[], Any]) -> None:
        self.how = how

    def __float__(self) -> float:
        return float(self.how())


class At(Callback):
    """Does `work` before a batch."""

    def __init__(self, step: int, work: Callable[[Trainer], object]) -> None:
        self.step, self.work = step, work

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            self.work(trainer)


@pytest.mark.parametrize(
    "metric",
    [
        torch.empty((), device="meta"),  # as on a device that is lost
        torch.zeros(2),
        Unreadable(lambda: 1 / 0),
        Unreadable(lambda: time.sleep(30)),
        {"a": 1},
        1 + 2j,
        None,
    ],
    ids=["meta", "two values", "raises", "hangs", "dict", "complex", "None"],
)
def test_a_metric_that_cannot_be_read_costs_nothing_else(metric: Any, tmp_path: Path) -> None:
    """Steps, epochs, the checkpoints and the other metrics are shown."""
    told = RecordingNotifier()
    checkpoint = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=1)

    def fail(trainer: Trainer) -> None:
        trainer.callback_metrics.update({"bad": metric, "good": torch.tensor(0.5)})
        raise ValueError("lost")

    with pytest.raises(Exception):  # noqa: B017  after us, Lightning itself fails to copy the meta tensor
        trainer(tmp_path, NotifierCallback(told, name="sft"), At(2, fail), checkpoint).fit(Model(), data())
    assert told.messages[0].startswith("### sft failed: ValueError: lost\n")
    assert re.search(r"\n- Progress: step 2 of 4, epoch 0, after \d+ s\n- Metrics: loss \d", told.messages[0])
    lost = r"- Lost since the last checkpoint: \d+ s, 0 steps"
    go_on = f"- To go on: ckpt_path={tmp_path}/step=2.ckpt"
    assert re.search(rf", bad unreadable, good 0.5\n{lost}\n{re.escape(go_on)}\n", told.messages[0])


@pytest.mark.parametrize("every", [None, 1])
def test_a_checkpoint_callback_that_raises_when_asked_costs_only_what_it_knows(
    every: int | None, tmp_path: Path
) -> None:
    """As one of the user's own may."""

    class Odd(ModelCheckpoint):
        _last_checkpoint_saved = property(lambda self: 1 / 0, lambda self, value: None)  # type: ignore[assignment]

    told = RecordingNotifier()
    with pytest.raises(ValueError, match="lost"):
        trainer(tmp_path, NotifierCallback(told), Odd(tmp_path, every_n_train_steps=every), FailAt(2)).fit(
            Model(), data()
        )
    assert re.search(r"\n- Progress: step 2 of 4, epoch 0, after \d+ s\n- Metrics: loss \d", told.messages[0])


def test_a_pruned_trial_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A callback of Optuna raises it out of `fit`, for the study to see."""
    pruned = type("TrialPruned", (Exception,), {"__module__": "optuna.exceptions"})
    told = RecordingNotifier()
    with pytest.raises(pruned):
        trainer(tmp_path, NotifierCallback(told)).fit(Model(type("Own", (pruned,), {})()), data())
    assert background.flush(10)
    assert (told.messages, [record for record in caplog.records if record.name == "twinkle_notifier"]) == ([], [])


def keys(path: Path) -> list[str]:
    """Of our states in a checkpoint."""
    states = torch.load(path, weights_only=True)["callbacks"]
    return sorted(key for key in states if key.startswith("twinkle_notifier"))


def test_a_checkpoint_has_a_key_for_each_callback_of_its_trainer(tmp_path: Path) -> None:
    """Not for those that this process has made before, as when a notebook's cell is run again."""
    before = [NotifierCallback(RecordingNotifier()) for _ in range(3)]
    assert keys(save(tmp_path, NotifierCallback(RecordingNotifier()))) == ["twinkle_notifier"]
    assert keys(save(tmp_path, before[2], before[0])) == ["twinkle_notifier", "twinkle_notifier.2"]
    assert keys(save(tmp_path, before[0], NotifierCallback(Other()))) == ["twinkle_notifier", "twinkle_notifier.2"]


def test_a_resume_takes_each_callbacks_own_state(tmp_path: Path) -> None:
    """By its place in the trainer, and Lightning misses no callback."""
    first = NotifierCallback(RecordingNotifier())
    path = save(tmp_path, NotifierCallback(RecordingNotifier()), NotifierCallback(Other()))
    checkpoint = torch.load(path, weights_only=True)
    for key in ("twinkle_notifier", "twinkle_notifier.2"):
        checkpoint["callbacks"][key]["sent"] = [{"what": key, "time": "now"}]
    torch.save(checkpoint, path)
    two = (first, NotifierCallback(Other()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        resume(tmp_path, path, *reversed(two))
    assert [callback.state_dict()["sent"][0]["what"] for callback in reversed(two)] == [
        "twinkle_notifier",
        "twinkle_notifier.2",
    ]
    assert [str(warning.message) for warning in caught if "add the following callbacks" in str(warning.message)] == []


def test_the_state_of_a_run_is_that_of_the_same_run_again(tmp_path: Path) -> None:
    """As long as nothing goes wrong: no time of a start or an end is in it."""
    states = []
    for _ in range(2):
        callback = NotifierCallback(RecordingNotifier(), on_start=True)
        path = save(tmp_path, callback)
        assert background.flush(10)
        states.append((torch.load(path, weights_only=True)["callbacks"]["twinkle_notifier"], callback.state_dict()))
    assert states[0] == states[1]


COPIES = """
import sys, warnings; warnings.simplefilter("ignore")
import torch
{first}
from twinkle_notifier import DingNotifier
from twinkle_notifier.integrations.lightning import NotifierCallback
from {trainer} import Trainer
from {trainer}.demos.boring_classes import BoringModel
callback = NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
trainer = Trainer(accelerator="cpu", max_epochs=10**6, max_time={{"seconds": 1}}, logger=False, default_root_dir=".",
    enable_progress_bar=False, enable_model_summary=False, callbacks={callbacks})
trainer.fit(BoringModel())
assert [key for key in torch.load(trainer.checkpoint_callback.best_model_path, weights_only=True)["callbacks"]
    if "twinkle" in key] == ["twinkle_notifier"]
print(*(name for name in ("lightning.pytorch", "pytorch_lightning") if sys.modules.get(name)))
"""


@pytest.mark.parametrize(
    ("first", "trainer", "callbacks", "loaded"),
    [
        pytest.param(
            "sys.modules['lightning'] = None", "pytorch_lightning", "callback", "pytorch_lightning", marks=STRESS
        ),
        pytest.param("import pytorch_lightning", "pytorch_lightning", "callback", "pytorch_lightning", marks=STRESS),
        pytest.param(
            "", "pytorch_lightning", "[callback]", "lightning.pytorch pytorch_lightning", marks=[STRESS, NOT_OLD]
        ),
        pytest.param(
            "import pytorch_lightning",
            "lightning.pytorch",
            "[callback]",
            "lightning.pytorch pytorch_lightning",
            marks=[STRESS, NOT_OLD],
        ),
    ],
    ids=["alone", "loaded first", "loaded later", "in the other's trainer"],
)
def test_either_copy_of_lightning(
    first: str, trainer: str, callbacks: str, loaded: str, run: Callable[..., Any], inbox: Inbox
) -> None:
    """`pytorch_lightning` without `lightning`; and with both, whichever is loaded, and no more than that."""
    done = run(COPIES.format(first=first, trainer=trainer, callbacks=callbacks))
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, [loaded]), done.stderr
    [message] = inbox.messages
    assert message.title.startswith("sft ended after")
    assert "- Ended because: max_time reached\n" in message.text


@pytest.mark.stress
def test_a_folder_of_the_user_s_that_is_called_lightning(run: Callable[..., Any], tmp_path: Path) -> None:
    """It hides the package of that name: the trainer is that of `pytorch_lightning`."""
    (tmp_path / "shadow" / "lightning").mkdir(parents=True)
    (tmp_path / "shadow" / "lightning" / "__init__.py").touch()
    source = "from twinkle_notifier.integrations.lightning import NotifierCallback as n; print(*[c.__module__ for c in n.__bases__])"
    done = run(source, PYTHONPATH=str(tmp_path / "shadow"))
    assert [base.partition(".")[0] for base in done.stdout.split()] == ["twinkle_notifier", "pytorch_lightning"], (
        done.stderr
    )


@pytest.mark.parametrize(
    ("folders", "says"),
    [
        ({}, "No module named 'lightning"),
        ({"lightning": "import libtorch_missing"}, "No module named 'libtorch_missing'"),
        ({"pytorch_lightning": "import libtorch_missing"}, "No module named 'libtorch_missing'"),
        ({"pytorch_lightning": "from pytorch_lightning import lost"}, "cannot import name 'lost'"),
        ({"lightning": "import libtorch_missing", "pytorch_lightning": "import another"}, "named 'libtorch_missing'"),
    ],
    ids=["neither is installed", "the first is broken", "the second is broken", "its import of itself", "both"],
)
def test_the_error_says_what_is_missing(folders: dict[str, str], says: str, tmp_path: Path) -> None:
    """The error is that of the installed copy, with no other traceback before it."""
    for name, source in folders.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(source)
    absent = [name for name in ("lightning", "pytorch_lightning") if name not in folders]
    source = f"import sys; sys.modules.update(dict.fromkeys({absent})); import twinkle_notifier.integrations.lightning"
    found = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, cwd=tmp_path)
    assert says in found.stderr.splitlines()[-1]
    assert found.stderr.count("Traceback") == 1


SCRIPT = """
import os, sys, time, torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier import DingNotifier
from twinkle_notifier.integrations.lightning import NotifierCallback

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, batch_idx):
        if batch_idx == 1 and {condition}:
            {action}
        return self.layer(batch[0]).square().mean()
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)

def main():
    callback = NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
    trainer = Trainer(accelerator="cpu", devices={devices}, strategy="{strategy}", max_epochs=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, callbacks=[callback])
    trainer.fit(Model(), DataLoader(TensorDataset(torch.randn(16, 4)), batch_size=2))

if __name__ == "__main__":
    main()
"""


def script(
    *, condition: str = "True", action: str = "raise ValueError('lost')", devices: int = 2, strategy: str = "ddp"
) -> str:
    return SCRIPT.format(condition=condition, action=action, devices=devices, strategy=strategy)


@STRESS  # the demo, which tests/examples runs, has two processes of ddp
@pytest.mark.parametrize("strategy", ["ddp", "ddp_spawn", "ddp_fork"])
def test_launchers_of_lightning(strategy: str, run: Callable[..., Any], inbox: Inbox) -> None:
    """Two processes raise; one message, with the error in it."""
    done = run(script(strategy=strategy))
    assert done.returncode != 0
    [message] = inbox.messages
    assert message.title == "sft failed: ValueError: lost"
    assert "- At: train.py:" in message.text
    assert "in training_step" in message.text
    assert "ValueError: lost" in done.stderr


@STRESS
def test_torchrun(run: Callable[..., Any], inbox: Inbox) -> None:
    """Two processes raise; one message."""
    assert run(script(), ranks=2).returncode == 1
    assert [message.title for message in inbox.messages] == ["sft failed: ValueError: lost"]


@STRESS
@pytest.mark.parametrize("strategy", ["ddp_fork", "ddp_spawn", "ddp"])
def test_the_end_is_told_once(strategy: str, run: Callable[..., Any], inbox: Inbox) -> None:
    """By rank 0, also from a worker process that is over at once."""
    done = run(script(condition="False", strategy=strategy))
    assert done.returncode == 0, done.stderr
    assert [message.title.split(" after ")[0] for message in inbox.messages] == ["sft ended"]


ENDED = """
import os, time, torch
from pathlib import Path
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from torch.utils.data import DataLoader, TensorDataset
from twinkle_notifier import DingNotifier
from twinkle_notifier.integrations.lightning import NotifierCallback
rank = os.environ.get("RANK", "0")

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, batch_idx):
        if batch_idx == 3:
            {action}
        return self.layer(batch[0]).square().mean()
    def wait(self):  # where no collective is under way: in one, Lightning's handler may hang
        Path(f"ready-{{rank}}").touch()
        deadline = time.monotonic() + 60
        while not self.trainer.received_sigterm and time.monotonic() < deadline:
            time.sleep(0.02)
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)

callback = NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
saving = ModelCheckpoint("saved", filename="{{step}}", every_n_train_steps={every}, save_top_k=-1)
trainer = Trainer(accelerator="cpu", devices={devices}, strategy={strategy}, max_epochs=1, logger=False,
    default_root_dir=".", enable_progress_bar=False, enable_model_summary=False, callbacks=[callback, saving])
trainer.fit(Model(), DataLoader(TensorDataset(torch.randn(32, 4)), batch_size=2))
"""


@STRESS
def test_a_preemption_of_two_ranks_is_one_message(start: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> None:
    """The scheduler ends torchrun's agent, which ends both ranks; with the step and the last checkpoint."""
    started = start(ENDED.format(action="self.wait()", devices=2, strategy="DDPStrategy()", every=1), ranks=2)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "work").glob("ready-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    started.process.send_signal(signal.SIGTERM)
    done = started.result()
    assert [message.title for message in inbox.messages] == ["sft was preempted"], done.stderr
    saved = re.escape(str(tmp_path.joinpath("work", "saved", "step=4.ckpt")))
    reached = r"- Progress: step 4 of 8, epoch 0, after \d+ s"
    assert re.search(rf"\n{reached}\n- Last checkpoint: {saved}\n", inbox.messages[0].text)


@STRESS
def test_a_sigterm_that_follows_from_another_ranks_error_is_not_told(run: Callable[..., Any], inbox: Inbox) -> None:
    """Two ranks without collectives; torchrun ends the one when the other has failed."""
    action = 'self.wait() if rank == "0" else exec("raise ValueError(1)")'
    done = run(ENDED.format(action=action, devices=1, strategy='SingleDeviceStrategy("cpu")', every=9), ranks=2)
    assert [message.title for message in inbox.messages] == ["sft failed: ValueError: 1"], done.stderr


@pytest.mark.stress
def test_slurms_warning_is_a_preemption(run: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> None:
    """Lightning saves and has the job requeued, for which SLURM ends it; here a script stands for its command."""
    (tmp_path / "scontrol").write_text("#!/bin/sh\nkill -TERM $PPID\n")
    (tmp_path / "scontrol").chmod(0o755)
    source = ENDED.format(action="os.kill(os.getpid(), 10)", devices=1, strategy='"auto"', every=3)
    names = {"JOB_ID": "7", "STEP_ID": "0", "NTASKS": "1", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
    slurm = {f"SLURM_{name}": value for name, value in {**names, "JOB_NAME": "sft", "RESTART_COUNT": "1"}.items()}
    done = run(source, PATH=f"{tmp_path}:{os.environ['PATH']}", **slurm)
    assert [message.title for message in inbox.messages] == ["sft was preempted"], done.stderr
    assert "- Run: sft, attempt 2\n" in inbox.messages[0].text
    saved = re.escape(str(tmp_path.joinpath("work", "hpc_ckpt_1.ckpt")))
    reached = r"- Progress: step 4 of 16, epoch 0, after \d+ s"
    assert re.search(rf"\n{reached}\n- Last checkpoint: {saved}\n", inbox.messages[0].text)


def test_the_last_checkpoint_is_the_newest_of_all(tmp_path: Path) -> None:
    """Over two callbacks; and after a resume, before anything is saved, the one that was resumed."""
    told = RecordingNotifier()
    best = ModelCheckpoint(tmp_path / "best", monitor="loss", mode="max", filename="{step}", every_n_train_steps=3)
    last = ModelCheckpoint(tmp_path / "last", filename="{step}", every_n_train_steps=2)
    with pytest.raises(ValueError, match="lost"):
        trainer(tmp_path, NotifierCallback(told, name="sft"), best, last, FailAt(5), max_epochs=2).fit(Model(), data())
    path = tmp_path / "last" / "step=4.ckpt"
    facts = told.messages[0].splitlines()
    at = facts.index(f"- Best checkpoint: {tmp_path}/best/step=3.ckpt")
    assert re.fullmatch(r"- Lost since the last checkpoint: \d+ s, 1 step", facts[at + 1])
    assert facts[at + 2] == f"- To go on: ckpt_path={path}"
    # With checkpoints Lightning 2.2 would end the first epoch once more, and save.
    resumed = trainer(tmp_path, NotifierCallback(told), FailAt(5), max_epochs=2, enable_checkpointing=False)
    with pytest.raises(ValueError, match="lost"):
        resumed.fit(Model(), data(), ckpt_path=path)
    assert f"- To go on: ckpt_path={path}\n" in told.messages[1]


def test_a_checkpoint_of_an_earlier_fit_is_not_the_last(tmp_path: Path) -> None:
    """Of a notebook, whose trainers share a callback: the second begins anew."""
    callback = NotifierCallback(told := RecordingNotifier(), on_end=False)
    trainer(tmp_path, callback, ModelCheckpoint(tmp_path / "first", every_n_train_steps=1)).fit(Model(), data())
    with pytest.raises(ValueError, match="lost"):
        trainer(tmp_path, callback, FailAt(1), enable_checkpointing=False).fit(Model(), data())
    assert re.search(r"\n- Progress: step 1 of 4, epoch 0, after \d+ s\n- Metrics: loss \d", told.messages[0])
    assert re.search(r"last checkpoint|To go on", told.messages[0], re.IGNORECASE) is None


def test_a_checkpoint_that_could_not_be_written_is_not_the_last(tmp_path: Path) -> None:
    """Though Lightning has noted its path."""
    told = RecordingNotifier()
    saving = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    with pytest.raises(OSError, match="full"):
        trainer(tmp_path, NotifierCallback(told), saving, FullAt(2)).fit(Model(), data())
    assert saving.best_model_path == f"{tmp_path}/step=2.ckpt"
    assert re.search(r"\n- Lost since the last checkpoint: \d+ s, 1 step\n", told.messages[0])
    assert f"- To go on: ckpt_path={tmp_path}/step=1.ckpt\n" in told.messages[0]


class FullAt(Callback):
    """As when the disk is full."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_save_checkpoint(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise OSError("full")


class FailAt(Callback):
    """Raises after a batch."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise ValueError("lost")


def test_a_stall_of_one_of_two_ranks_is_told_once(run: Callable[..., Any], inbox: Inbox) -> None:
    """With the rank that is elsewhere, from processes that hold copies of the callback."""
    source = script(condition="self.global_rank == 1", action="time.sleep(6)", strategy="ddp_fork")
    done = run(source.replace('name="sft"', 'name="sft", stall_after=2, on_end=False'))
    assert done.returncode == 0, done.stderr
    stall, moves = (message.text for message in inbox.messages)
    assert re.match(r"### sft has made no progress for \d+ s: rank 1 has not entered all_reduce no. \d+ of ", stall), (
        stall
    )
    assert "- Rank 1 of 2: train.py:14 in training_step\n" in stall
    assert moves.startswith("### sft resumed")


def test_sigterm_is_a_preemption(start: Callable[..., Any], inbox: Inbox) -> None:
    """As Lightning reports it at the next batch; the process exits as it would without us."""
    started = start(script(action="os.kill(os.getpid(), 15)", devices=1, strategy="auto"))
    assert started.result().returncode == 0
    assert [message.title for message in inbox.messages] == ["sft was preempted"]


@pytest.mark.stress
def test_from_a_yaml_file(run: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> None:
    """LightningCLI makes callback and notifier."""
    (tmp_path / "config.yaml").write_text(
        """
trainer:
  accelerator: cpu
  max_steps: 1
  logger: false
  enable_checkpointing: false
  enable_progress_bar: false
  callbacks:
    - class_path: twinkle_notifier.integrations.lightning.NotifierCallback
      init_args:
        name: from-yaml
        notifier:
          class_path: twinkle_notifier.DingNotifier
          init_args:
            ding_url: env:DING_URL
            secret: env:DING_SECRET
"""
    )
    done = run(
        f"""
        import warnings; warnings.simplefilter("ignore")
        from lightning.pytorch.cli import LightningCLI
        from lightning.pytorch.demos.boring_classes import BoringModel
        LightningCLI(BoringModel, args=["fit", "--config", {str(tmp_path / "config.yaml")!r}])
        """
    )
    assert done.returncode == 0, done.stderr
    assert [message.title.split(" after ")[0] for message in inbox.messages] == ["from-yaml ended"]


@pytest.fixture
def before() -> set[threading.Thread]:
    """The threads that are there; ours of other tests, which may wait to send again, are not."""
    background.flush(30)
    background.stop()
    for thread in threading.enumerate():
        if thread.name.startswith("twinkle-notifier"):
            thread.join(30)
    return set(threading.enumerate())


def police(before: set[threading.Thread]) -> list[str]:
    """What Lightning's own tests find left behind by a test, in their words (tests_pytorch/conftest.py)."""
    left = []
    for thread in set(threading.enumerate()) - before:
        stop = getattr(thread, "stop", None) or getattr(thread, "exit", None)
        if thread.daemon and callable(stop):
            stop()
            left += [thread.name] if thread.is_alive() else []
        else:
            left.append(thread.name)
    return left


@pytest.mark.parametrize("stall_after", [None, 60.0])
@pytest.mark.parametrize("error", [None, ValueError("x")])
@pytest.mark.parametrize("kind", ["recording", "refused", "slow"])
def test_no_thread_outlives_a_fit(
    kind: str,
    error: Exception | None,
    stall_after: float | None,
    before: set[threading.Thread],
    tmp_path: Path,
) -> None:
    """Neither idle ones, nor one that waits to try again what lies on the disk; one that sends is waited for."""

    class Slow(RecordingNotifier):
        def __call__(self, message: str) -> None:
            time.sleep(0.3)
            super().__call__(message)

    refusing = DingNotifier("http://127.0.0.1:9/robot/send?access_token=x")
    notifier = {"recording": RecordingNotifier(), "refused": refusing, "slow": Slow()}[kind]
    with contextlib.suppress(ValueError):
        trainer(tmp_path, NotifierCallback(notifier, stall_after=stall_after)).fit(Model(error), data())
    assert police(before) == []
    assert not isinstance(notifier, RecordingNotifier) or len(notifier.messages) == 1


def _join(thread: threading.Thread) -> None:
    """Wait for its end. One that is about to start cannot be joined."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(RuntimeError):
            thread.join(30)
            return
        time.sleep(0.01)


def test_threads_end_by_themselves_after_a_fit(before: set[threading.Thread], tmp_path: Path) -> None:
    """Nobody has to stop them."""
    told = RecordingNotifier()
    trainer(tmp_path, NotifierCallback(told, on_start=True, stall_after=60)).fit(Model(), data())
    left = set(threading.enumerate()) - before
    for thread in left:
        _join(thread)
    assert ([thread.name for thread in left if thread.is_alive()], len(told.messages)) == ([], 2)
