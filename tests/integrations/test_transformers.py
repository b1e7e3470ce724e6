"""The HF Trainer callback in real runs: every way in, every way out, and what its checkpoints hold."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import re
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_callback import CallbackHandler
from twinkle_notifier.integrations.transformers import NotifierCallback, guard

from twinkle_notifier import DingNotifier, Notifier, resolve
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.testing import RecordingNotifier

pytestmark = pytest.mark.filterwarnings("default")
PARSERS = ("axolotl", "transformers.hf_argparser", "trl.scripts._hf_argparser")


@pytest.fixture(autouse=True)
def _no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test before has loaded the parser of a script's options."""
    for name in PARSERS:
        monkeypatch.delitem(sys.modules, name, raising=False)


def model() -> BertForSequenceClassification:
    config = BertConfig(vocab_size=32, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    return BertForSequenceClassification(config)


class Data(torch.utils.data.Dataset[Any]):
    """Sixteen examples; asking for `bad` raises `error`."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        if self.error is not None:
            raise self.error
        return {"input_ids": torch.arange(8), "labels": torch.tensor(1)}


def trainer(
    folder: Path,
    *callbacks: TrainerCallback,
    error: BaseException | None = None,
    cls: type[Trainer] = Trainer,
    **options: Any,
) -> Trainer:
    quiet = {"use_cpu": True, "disable_tqdm": True, "report_to": "none", "logging_steps": 1, "save_strategy": "no"}
    options = {"max_steps": 2, "per_device_train_batch_size": 2, **quiet, **options}
    data = Data(error)
    return cls(
        model=model(),
        args=TrainingArguments(str(folder), **options),
        train_dataset=data,
        eval_dataset=data,
        callbacks=list(callbacks),
    )


def headlines(told: RecordingNotifier) -> list[str]:
    assert background.flush(10)
    return [message.splitlines()[0] for message in told.messages]


@pytest.mark.parametrize("entry", ["train", "evaluate", "predict"])
def test_tells_of_exceptions(entry: str, tmp_path: Path) -> None:
    """Each of the trainer's entries, by its name."""
    told, error = RecordingNotifier(), ValueError("bad example")
    failing = trainer(tmp_path, NotifierCallback(told, name="sft"), error=error)
    with pytest.raises(ValueError) as caught:
        getattr(failing, entry)(*([failing.eval_dataset] if entry == "predict" else []))
    assert (caught.value, caught.value.__context__) == (error, None)
    [message] = told.messages
    assert message.startswith("### sft failed: ValueError: bad example\n")
    assert (f"- Context: {entry}\n" in message) is (entry != "train")


@pytest.mark.parametrize(
    ("error", "headline"),
    [(KeyboardInterrupt(), "### sft was interrupted"), (SystemExit(3), "### sft exited: SystemExit: 3")],
)
def test_tells_other_ends_by_their_names(error: BaseException, headline: str, tmp_path: Path) -> None:
    """Ctrl-C is an interruption, not a failure."""
    told = RecordingNotifier()
    with pytest.raises(type(error)):
        trainer(tmp_path, NotifierCallback(told, name="sft"), error=error).train()
    assert headlines(told) == [headline]


def test_no_thread_of_ours_outlives_a_training(tmp_path: Path) -> None:
    """Whether it ends well or not; nothing waits to be sent again."""
    for error in (None, ValueError("bad example")):
        told = RecordingNotifier()
        with contextlib.suppress(ValueError):
            trainer(tmp_path, NotifierCallback(told, name="sft", on_start=True), error=error).train()
        assert len(headlines(told)) == 2
    until = time.monotonic() + 30
    while (ours := [one for one in threading.enumerate() if "twinkle" in one.name]) and time.monotonic() < until:
        time.sleep(0.05)
    assert ours == []


def test_a_callback_added_later_tells(tmp_path: Path) -> None:
    """Though the trainer was made before it."""
    told = RecordingNotifier()
    failing = trainer(tmp_path, error=ValueError("later"))
    failing.add_callback(NotifierCallback(told, name="sft"))
    with pytest.raises(ValueError, match="later"):
        failing.train()
    assert headlines(told) == ["### sft failed: ValueError: later"]


def test_a_removed_callback_is_silent(tmp_path: Path) -> None:
    """The live list of callbacks decides."""
    told = RecordingNotifier()
    callback = NotifierCallback(told)
    failing = trainer(tmp_path, callback, error=ValueError("removed"))
    failing.remove_callback(callback)
    with pytest.raises(ValueError, match="removed"):
        failing.train()
    assert told.messages == []


def test_subclasses_tell_before_and_inside_super(tmp_path: Path) -> None:
    """A subclass that was made before or after the callback."""
    told = RecordingNotifier()
    callback = NotifierCallback(told, name="sft")

    class Late(Trainer):
        def train(self, *args: Any, **kwargs: Any) -> Any:
            if self.args.seed == 1:
                raise ValueError("before super")
            return super().train(*args, **kwargs)

    with pytest.raises(ValueError, match="before super"):
        trainer(tmp_path, callback, cls=Late, seed=1).train()
    with pytest.raises(ValueError, match="inside super"):
        trainer(tmp_path, callback, cls=Late, error=ValueError("inside super")).train()
    assert headlines(told) == ["### sft failed: ValueError: before super", "### sft failed: ValueError: inside super"]


def test_a_bad_checkpoint_is_told(tmp_path: Path) -> None:
    """Though it raises before the training begins."""
    told = RecordingNotifier()
    with pytest.raises(Exception, match="nowhere"):
        trainer(tmp_path, NotifierCallback(told)).train(resume_from_checkpoint=str(tmp_path / "nowhere"))
    assert len(told.messages) == 1


def test_auto_find_batch_size_is_silent_on_what_it_swallows(tmp_path: Path) -> None:
    """An out-of-memory error after which the trainer tries a smaller batch is nobody's business; the end is."""
    told = RecordingNotifier()
    sizes = []

    class Hungry(Trainer):
        def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            sizes.append(len(inputs["labels"]))
            if len(inputs["labels"]) > 2:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return super().training_step(model, inputs, *args, **kwargs)

    trainer(
        tmp_path,
        NotifierCallback(told, name="sft"),
        cls=Hungry,
        auto_find_batch_size=True,
        per_device_train_batch_size=4,
    ).train()
    assert max(sizes) == 4
    assert [line.split(" after")[0] for line in headlines(told)] == ["### sft ended"]


def test_a_search_is_silent_on_trials_that_it_swallows(tmp_path: Path) -> None:
    """hyperparameter_search is the outermost entry: only what leaves it is reported."""
    told = RecordingNotifier()

    class Searching(Trainer):
        def hyperparameter_search(self, swallow: bool) -> str:
            try:
                self.train()
            except ValueError:
                if not swallow:
                    raise
            return "best"

    searching = trainer(tmp_path, NotifierCallback(told, name="sft"), cls=Searching, error=ValueError("trial"))
    assert searching.hyperparameter_search(swallow=True) == "best"
    assert [headline.split(" after ")[0] for headline in headlines(told)] == ["### sft: search ended"]
    assert "- Search: 1 trials, 1 failed\n" in told.messages[0]
    with pytest.raises(ValueError, match="trial"):
        searching.hyperparameter_search(swallow=False)
    assert headlines(told)[1:] == ["### sft failed: ValueError: trial"]


def test_guard_tells_of_what_is_around_the_trainer(tmp_path: Path) -> None:
    """And not again of what was reported inside."""
    told = RecordingNotifier()
    guarded = trainer(tmp_path, NotifierCallback(told, name="sft"), error=ValueError("inside"))
    with pytest.raises(ZeroDivisionError), guard(guarded):
        _ = 1 / 0
    with pytest.raises(ValueError, match="inside"), guard(guarded):
        guarded.train()
    assert headlines(told) == [
        "### sft failed: ZeroDivisionError: division by zero",
        "### sft failed: ValueError: inside",
    ]


def test_in_a_thread(tmp_path: Path) -> None:
    """Where neither excepthook nor signals help."""
    told = RecordingNotifier()
    failing = trainer(tmp_path, NotifierCallback(told, name="sft"), error=ValueError("threaded"))
    thread = threading.Thread(target=lambda: pytest.raises(ValueError, failing.train))
    thread.start()
    thread.join()
    assert headlines(told) == ["### sft failed: ValueError: threaded"]


def test_tells_of_start_and_end(tmp_path: Path) -> None:
    """Duration, epochs, steps, metrics, and why it ended."""
    told = RecordingNotifier()
    trainer(tmp_path, NotifierCallback(told, name="sft", on_start=True)).train()
    assert [line.split(" after")[0] for line in headlines(told)] == ["### sft started", "### sft ended"]
    for fact in (
        "- Progress: step 2 of 2, epoch 0.25\n",
        "train_loss 0.",
        "- Ended because: all 2 steps are done",
    ):
        assert fact in told.messages[1]


def test_tells_of_an_early_stop_and_the_best_checkpoint(tmp_path: Path) -> None:
    """As the trainer's state has it."""
    told = RecordingNotifier()
    trainer(
        tmp_path,
        NotifierCallback(told),
        EarlyStoppingCallback(1, early_stopping_threshold=100.0),
        max_steps=50,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
    ).train()
    assert background.flush(10)
    assert "- Ended because: a callback stopped it" in told.messages[0]
    assert f"- Best checkpoint: {tmp_path}/checkpoint-" in told.messages[0]


class FailAt(TrainerCallback):
    """Raises before a step."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 2:
            raise self.error

    def __init__(self, error: BaseException) -> None:
        self.error = error


@pytest.mark.parametrize(
    ("error", "headline", "says"),
    [
        (ValueError("lost"), "sft failed: ValueError: lost", "To go on: resume_from_checkpoint="),
        (SystemExit(143), "sft was preempted", "Last checkpoint: "),
    ],
)
def test_tells_of_the_last_checkpoint(error: BaseException, headline: str, says: str, tmp_path: Path) -> None:
    """Of this training: that of the last step is left by an earlier one. 143 is what a handler of SIGTERM leaves."""
    (tmp_path / "checkpoint-9").mkdir()
    told = RecordingNotifier()
    saving = {"save_strategy": "steps", "save_steps": 1, "max_steps": 4}
    with pytest.raises(type(error)):
        trainer(tmp_path, NotifierCallback(told, name="sft"), FailAt(error), **saving).train()
    assert headlines(told) == [f"### {headline}"]
    assert f"- {says}{tmp_path}/checkpoint-2\n" in told.messages[0]


@pytest.mark.parametrize("parser", PARSERS)
def test_a_script_that_reads_options_goes_on_by_one(
    parser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where transformers' parser is loaded, too, Axolotl's option counts. Without a parser it is an argument of `train`."""
    monkeypatch.setitem(sys.modules, parser, types.ModuleType(parser))
    option = "--resume_from_checkpoint"
    if parser == "axolotl":
        option = "--resume-from-checkpoint"
        monkeypatch.setitem(sys.modules, PARSERS[1], types.ModuleType(PARSERS[1]))
    told = RecordingNotifier()
    saving = {"save_strategy": "steps", "save_steps": 1, "max_steps": 4}
    with pytest.raises(ValueError, match="lost"):
        trainer(tmp_path, NotifierCallback(told), FailAt(ValueError("lost")), **saving).train()
    assert f"- To go on: {option} {tmp_path}/checkpoint-2\n" in told.messages[0]


def test_tells_of_the_checkpoint_that_was_resumed(tmp_path: Path) -> None:
    """As long as nothing else is saved; a training from the start has none."""
    saved, told = save(tmp_path), RecordingNotifier()
    callback = NotifierCallback(told)
    for path in (str(saved), None):
        with pytest.raises(ValueError, match="lost"):
            trainer(tmp_path, callback, FailAt(ValueError("lost")), max_steps=4).train(resume_from_checkpoint=path)
    assert f"- To go on: resume_from_checkpoint={saved}\n" in told.messages[0]
    assert ("To go on" in told.messages[1], "Last checkpoint" in told.messages[1]) == (False, False)


def test_the_end_tells_of_the_last_checkpoint(tmp_path: Path) -> None:
    """Which the trainer writes before it calls its end."""
    told = RecordingNotifier()
    trainer(tmp_path, NotifierCallback(told), save_strategy="epoch", max_steps=8).train()
    assert background.flush(10)
    assert f"- Last checkpoint: {tmp_path}/checkpoint-8\n" in told.messages[0]


class Bad(Notifier):
    """A notifier that does what it should not."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __call__(self, message: str) -> None:
        if self.how == "raise":
            raise RuntimeError("the notifier is broken")
        if self.how == "exit":
            raise SystemExit(7)
        time.sleep(12)  # longer than the budget of a send in a crash

    def to_dict(self) -> dict[str, Any]:
        self("")
        return {}


@pytest.mark.parametrize("how", ["raise", "exit", "hang"])
def test_a_bad_notifier_changes_nothing(how: str, tmp_path: Path) -> None:
    """The user sees their own exception within the budget, and a good run ends well, with its checkpoints."""
    began, error = time.monotonic(), ValueError("mine")
    with pytest.raises(ValueError) as caught:
        trainer(tmp_path, NotifierCallback(Bad(how)), error=error).train()
    assert (caught.value, caught.value.__context__, caught.value.__cause__) == (error, None, None)
    assert time.monotonic() - began < 8 + 12
    assert (save(tmp_path, NotifierCallback(Bad(how))) / "trainer_state.json").exists()
    assert background.flush(60)


def test_trainer_still_pickles_and_copies(tmp_path: Path) -> None:
    """What is put around the class's methods is in no instance."""
    callback = NotifierCallback(RecordingNotifier(), name="sft")
    assert pickle.loads(pickle.dumps(callback)).run.name == "sft"
    assert copy.deepcopy(callback).run.name == "sft"
    assert isinstance(trainer(tmp_path, callback).train, types.MethodType)
    assert Trainer.train.__name__ == "train"
    pickle.dumps(Trainer.train)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda callback: pickle.loads(pickle.dumps(callback))])
def test_a_callback_is_copied_in_the_midst_of_a_training(tmp_path: Path, copied: Callable[[Any], Any]) -> None:
    """As a search copies it for its next trial."""
    callback, copies = NotifierCallback(RecordingNotifier(), name="sft", stall_after=600), list[Any]()
    trainer(tmp_path, callback, At(2, lambda: copies.append(copied(callback)))).train()
    [other] = copies
    assert (other.run.name, other.run.is_underway, other.run.watcher) == ("sft", False, None)


# State in checkpoints


def save(folder: Path, *callbacks: TrainerCallback) -> Path:
    trainer(folder, *callbacks, save_strategy="steps", save_steps=1).train()
    return folder / "checkpoint-2"


def resume(folder: Path, path: Path, *callbacks: TrainerCallback, **options: Any) -> Trainer:
    resumed = trainer(folder, *callbacks, max_steps=4, save_strategy="steps", save_steps=1, **options)
    resumed.train(resume_from_checkpoint=str(path))
    return resumed


def saved_state(path: Path) -> Any:
    states = json.loads((path / "trainer_state.json").read_text())["stateful_callbacks"]
    return next(states[key] for key in sorted(states) if key.startswith("twinkle_notifier"))


class Other(Notifier):
    """Another class than that of the checkpoint."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def __call__(self, message: str) -> None:
        self.messages.append(message)


def test_state_holds_no_secret(tmp_path: Path, ding: DingNotifier) -> None:
    """Neither token nor signing secret is among the bytes of any file of the checkpoint."""
    path = save(tmp_path, NotifierCallback(ding, name="sft", on_start=True))
    state = saved_state(path)
    assert state["notifier"] == {"class": "DingNotifier", "ding_url": "***", "secret": "***", "timeout": 5.0}
    assert state["sent"] == []
    for file in filter(Path.is_file, tmp_path.rglob("*")):
        assert b"tok-0123456789" not in file.read_bytes()
        assert b"SEC0123456789" not in file.read_bytes()


def note(path: Path, what: str) -> None:
    """Let the checkpoint hold that a failure was reported."""
    file = path / "trainer_state.json"
    state = json.loads(file.read_text())
    for key, saved in state["stateful_callbacks"].items():
        if key.startswith("twinkle_notifier"):
            saved["sent"] = [{"what": f"{what} {key}", "time": "now"}]
    file.write_text(json.dumps(state))


@pytest.mark.parametrize("restore", [True, False])
def test_resume_keeps_the_object_and_the_past(restore: bool, tmp_path: Path) -> None:
    """With and without HF's own restoring of callbacks, with two instances, over several saves."""
    path = save(tmp_path, NotifierCallback(RecordingNotifier(), on_start=True), NotifierCallback(Other()))
    assert background.flush(10)
    note(path, "failed")
    told, other = RecordingNotifier(), Other()
    first, second = NotifierCallback(told, on_start=True), NotifierCallback(other)
    resume(tmp_path, path, first, second, restore_callback_states_from_checkpoint=restore)
    assert background.flush(10)
    assert (len(told.messages), len(other.messages)) == (2, 1)
    states = json.loads((tmp_path / "checkpoint-4" / "trainer_state.json").read_text())["stateful_callbacks"]
    ours = {key: [sent["what"] for sent in saved["sent"]] for key, saved in states.items() if key != "TrainerControl"}
    assert ours == {key: [f"failed {key}"] for key in ("twinkle_notifier", "twinkle_notifier.2")}


def test_a_checkpoint_has_one_key_for_each_callback_of_its_trainer(tmp_path: Path) -> None:
    """Not for those that this process has made before, or that the resumed training had."""
    before = [NotifierCallback(RecordingNotifier()) for _ in range(2)]
    path = save(tmp_path, before[1], NotifierCallback(Other()))
    note(path, "failed")
    resume(tmp_path, path, NotifierCallback(RecordingNotifier()))
    states = json.loads((tmp_path / "checkpoint-4" / "trainer_state.json").read_text())["stateful_callbacks"]
    assert {key: saved["sent"] for key, saved in states.items() if key != "TrainerControl"} == {
        "twinkle_notifier": [{"what": "failed twinkle_notifier", "time": "now"}]
    }


def test_the_state_of_a_run_is_that_of_the_same_run_again(tmp_path: Path) -> None:
    """As long as nothing goes wrong: no time of a start or an end is in it."""
    states = []
    for _ in range(2):
        saving = {"save_strategy": "steps", "save_steps": 1}
        trained = trainer(tmp_path, NotifierCallback(RecordingNotifier(), on_start=True), **saving)
        trained.train()
        assert background.flush(10)
        states.append((saved_state(tmp_path / "checkpoint-2"), trained.state.stateful_callbacks["twinkle_notifier"]))  # type: ignore[call-overload]
    assert states[0] == states[1]


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
    trainer_state = json.loads((path / "trainer_state.json").read_text())
    trainer_state["stateful_callbacks"]["twinkle_notifier"] = {"version": 1, "notifier": described, "sent": []}
    (path / "trainer_state.json").write_text(json.dumps(trainer_state))


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


def test_resume_of_a_checkpoint_without_us(tmp_path: Path) -> None:
    """Saves go on, and hold our state from then on."""
    path = save(tmp_path)
    resume(tmp_path, path, NotifierCallback(RecordingNotifier()))
    assert saved_state(tmp_path / "checkpoint-4")["notifier"] == {"class": "RecordingNotifier"}


def test_resume_without_us_of_a_checkpoint_with_us(tmp_path: Path) -> None:
    """Who takes the callback out again can still resume."""
    resume(tmp_path, save(tmp_path, NotifierCallback(RecordingNotifier())))


@pytest.mark.parametrize(
    "state",
    [
        "damaged",
        {},
        [{"args": {}}],
        {"version": 1, "notifier": {"class": "NoSuchNotifier"}, "sent": [1, {"what": 2}]},
        {"version": 99, "notifier": {"class": "RecordingNotifier"}, "sent": [], "more": 1},
    ],
)
def test_resume_never_fails_for_our_state(state: object, tmp_path: Path) -> None:
    """Damaged, or of a newer version, with and without a notifier of the user's."""
    path = save(tmp_path, NotifierCallback(RecordingNotifier()))
    file = path / "trainer_state.json"
    data = json.loads(file.read_text())
    data["stateful_callbacks"] = {
        **dict.fromkeys(data["stateful_callbacks"], state),
        "TrainerControl": data["stateful_callbacks"]["TrainerControl"],
    }
    file.write_text(json.dumps(data))
    for notifier in (RecordingNotifier(), None):
        resume(tmp_path, path, NotifierCallback(notifier))


class StallingData(Data):
    """Waits at one of its examples until `told` holds a message."""

    def __init__(self, told: RecordingNotifier) -> None:
        super().__init__()
        self.told, self.asked = told, 0

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        self.asked += 1
        deadline = time.monotonic() + 60
        while self.asked >= 20 and not self.told.messages and time.monotonic() < deadline:
            time.sleep(0.02)
        return super().__getitem__(index)


def test_tells_of_a_stall(tmp_path: Path) -> None:
    """Of a batch, with the step, and when it resumes; evaluations move."""
    told = RecordingNotifier()
    callback = NotifierCallback(told, name="sft", on_end=False, stall_after=5)  # no other step takes as long
    stalling = trainer(tmp_path, callback, max_steps=12, eval_strategy="steps", eval_steps=4)
    stalling.train_dataset = StallingData(told)
    stalling.train()
    assert [headline.split(" for ")[0].split(" after ")[0] for headline in headlines(told)] == [
        "### sft has made no progress",
        "### sft resumed",
    ]
    assert "in __getitem__\n" in told.messages[0] or "in __getitem__, then" in told.messages[0]
    assert re.search(r"\n- Progress: step [89] of 12, epoch 1(\.125)?\n", told.messages[0])
    assert callback.run.watcher is None


class At(TrainerCallback):
    """Does `work` at the end of a step."""

    def __init__(self, step: int, work: Callable[[], object]) -> None:
        self.step, self.work = step, work

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            self.work()


def test_a_step_costs_a_call_that_returns_at_once(tmp_path: Path, calls: Any) -> None:
    """Where no stall is looked for, nothing logged; so does the end of an epoch, of which there are six here."""
    steps = {"max_steps": 52, "logging_strategy": "no"}
    trainer(tmp_path, NotifierCallback(RecordingNotifier()), At(1, calls.begin), At(51, calls.end), **steps).train()
    assert (calls.nested, calls.counts) == ([], {"_end_step": 50 + 6})


def test_a_copy_beats_for_itself() -> None:
    """As does a pickle."""
    callback = NotifierCallback(stall_after=600)
    for copied in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
        copied.on_substep_end(None, None, None)
        assert (copied.run._watch.beats, callback.run._watch.beats) == (1, 0)


def test_an_inner_trainer_leaves_the_watch_alone(tmp_path: Path) -> None:
    """It shares the callback, and evaluates while the outer trains."""
    callback = NotifierCallback(RecordingNotifier(), stall_after=600)
    inner, seen = trainer(tmp_path, callback), []
    outer = trainer(tmp_path, callback, At(1, inner.evaluate), At(2, lambda: seen.append(callback.run.watcher)))
    outer.train()
    assert seen != [None]
    assert callback.run.watcher is None


def test_a_subclass_keeps_its_hooks(tmp_path: Path) -> None:
    """Beside the beats."""

    class Own(NotifierCallback):
        steps = 0

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
            self.steps += 1
            control.should_training_stop = True
            return control

    callback = Own(RecordingNotifier(), stall_after=600)
    beats: list[int] = []
    trainer(tmp_path, callback, At(1, lambda: beats.append(callback.run._watch.beats)), max_steps=4).train()
    assert (callback.steps, beats) == (1, [1])


def test_a_slow_compute_metrics_is_no_stall(tmp_path: Path) -> None:
    """Nor is what else an evaluation does before it has a hook."""
    callback = NotifierCallback(told := RecordingNotifier(), on_end=False, stall_after=8)
    slow = trainer(tmp_path, callback, eval_strategy="steps", eval_steps=1)
    slow.compute_metrics = lambda _: time.sleep(9) or {}  # type: ignore[func-returns-value]
    slow.train()
    assert headlines(told) == []


def test_a_checkpoint_that_was_taken_away_is_not_told(tmp_path: Path) -> None:
    """But the newest that is there."""
    saving = {"save_strategy": "steps", "save_steps": 1, "eval_strategy": "steps", "eval_steps": 1, "max_steps": 3}
    best = {"save_total_limit": 1, "load_best_model_at_end": True, "metric_for_best_model": "steps_per_second"}
    callback = NotifierCallback(told := RecordingNotifier())
    limited = trainer(tmp_path, callback, **saving, **best, greater_is_better=True)
    speeds = iter([3.0, 2.0, 1.0])
    evaluate = limited.evaluate
    limited.evaluate = lambda *a, **k: {**evaluate(*a, **k), "eval_steps_per_second": next(speeds)}  # type: ignore[method-assign]
    limited.train()
    headlines(told)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-1"]
    assert f"- Best checkpoint: {tmp_path}/checkpoint-1 (also the last)\n" in told.messages[0]


def test_what_is_resumed_from_elsewhere_is_told(tmp_path: Path) -> None:
    """Not what lies under its name in the folder of this training."""
    elsewhere = save(tmp_path / "a").rename(tmp_path / "elsewhere")
    (tmp_path / "b" / "checkpoint-1").mkdir(parents=True)
    (tmp_path / "b" / "checkpoint-2").mkdir(parents=True)
    callback = NotifierCallback(told := RecordingNotifier())
    with pytest.raises(ValueError, match="lost"):
        trainer(tmp_path / "b", callback, FailAt(ValueError("lost")), max_steps=4).train(str(elsewhere))
    assert f"- To go on: resume_from_checkpoint={elsewhere}\n" in told.messages[0]


def test_nothing_is_watched_once_the_trainer_is_left(tmp_path: Path) -> None:
    """Though it swallowed the error that ended the training, as a search does with its trials."""

    class Swallowing(Trainer):
        def hyperparameter_search(self, *args: Any, **kwargs: Any) -> Any:
            with contextlib.suppress(ValueError):
                self.train()
            return callback.run.watcher

    callback = NotifierCallback(told := RecordingNotifier(), stall_after=600, on_end=False)
    watcher = trainer(tmp_path, callback, error=ValueError("x"), cls=Swallowing).hyperparameter_search()
    assert watcher is not None
    assert (callback.run.watcher, told.messages) == (None, [])


class Unreadable:
    """A metric that does `how` when it is read."""

    def __init__(self, how: Callable[[], Any]) -> None:
        self.how = how

    def __float__(self) -> float:
        return float(self.how())


@pytest.mark.parametrize(
    "metric",
    [torch.empty((), device="meta"), Unreadable(lambda: 1 / 0), Unreadable(lambda: time.sleep(30)), 1 + 2j],
    ids=["meta", "raises", "hangs", "complex"],
)
def test_a_metric_that_cannot_be_read_costs_nothing_else(metric: Any, tmp_path: Path) -> None:
    """Steps, epochs, the checkpoint and the other metrics are shown; what is no number is none."""
    told = RecordingNotifier()
    callback = NotifierCallback(told)
    failing = trainer(tmp_path, callback, save_strategy="steps", save_steps=1, max_steps=4)

    def fail() -> None:
        failing.state.log_history.append({"bad": metric, "good": torch.tensor(0.5), "text": "x", "parts": [1]})  # type: ignore[dict-item]
        raise ValueError("lost")

    failing.add_callback(At(2, fail))
    with pytest.raises(ValueError, match="lost"):
        failing.train()
    [message] = told.messages
    reached = r"- Progress: step 2 of 4, epoch 0\.25, after \d+ s"
    assert re.search(rf"\n{reached}\n- Metrics: .*, bad unreadable, good 0.5\n", message)
    assert re.search(r"\n- Lost since the last checkpoint: \d+ s, 1 step\n", message)
    assert f"- To go on: resume_from_checkpoint={tmp_path}/checkpoint-1\n" in message


def test_a_log_that_cannot_be_read_costs_nothing_else(tmp_path: Path) -> None:
    """As when a user's code has put something else there."""
    told = RecordingNotifier()
    failing = trainer(tmp_path, NotifierCallback(told))

    def fail() -> None:
        failing.state.log_history = [5]  # type: ignore[list-item]
        raise ValueError("lost")

    failing.add_callback(At(2, fail))
    with pytest.raises(ValueError, match="lost"):
        failing.train()
    assert re.search(r"\n- Progress: step 2 of 2, epoch 0\.25, after \d+ s\n", told.messages[0])


def pruned() -> BaseException:
    """As Optuna's, which need not be installed."""
    return type("TrialPruned", (Exception,), {"__module__": "optuna.exceptions"})()  # type: ignore[no-any-return]


def test_a_pruned_trial_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A callback raises it out of `train`, for the study to see."""
    told, error = RecordingNotifier(), pruned()
    with pytest.raises(type(error)):
        trainer(tmp_path, NotifierCallback(told), error=error).train()
    assert (headlines(told), [record for record in caplog.records if record.name == "twinkle_notifier"]) == ([], [])


def optuna_search(folder: Path, *callbacks: TrainerCallback, error: Callable[[int], Any], **options: Any) -> Any:
    """Five trials, of which each does `error` by its number at its second step."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    numbers = iter(range(5))
    searching = trainer(folder, *callbacks, At(1, lambda: error(next(numbers))), eval_strategy="steps", eval_steps=2)
    searching.model_init = model
    return searching.hyperparameter_search(
        hp_space=lambda trial: {"learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-4)},
        compute_objective=lambda metrics: 5.0,
        n_trials=5,
        **options,
    )


def raise_it(error: BaseException) -> None:
    raise error


@pytest.mark.skipif(
    transformers.__version__.startswith("4.46."), reason="transformers 4.46 hands `catch` to another function"
)
def test_a_search_is_one_message_with_its_best_trial(tmp_path: Path) -> None:
    """And how many of its trials failed or were pruned."""
    optuna, told = pytest.importorskip("optuna"), RecordingNotifier()
    errors = {1: ValueError("lost"), 3: optuna.TrialPruned()}
    best = optuna_search(
        tmp_path,
        NotifierCallback(told, name="sft", on_start=True),
        error=lambda number: number in errors and raise_it(errors[number]),
        catch=(ValueError,),
    )
    assert [headline.split(" after ")[0] for headline in headlines(told)] == [
        "### sft: search started",
        "### sft: search ended",
    ]
    assert "- Search: 5 trials, 1 failed, 1 pruned\n" in told.messages[1]
    rate = f"{best.hyperparameters['learning_rate']:g}"
    assert f"- Best trial: {best.run_id}, objective 5, learning_rate {rate}\n" in told.messages[1]


def test_trials_in_threads_of_their_own_are_parts_of_the_search(tmp_path: Path) -> None:
    """Neither their errors nor their ends are reported; those of the search's subclass and class are one."""
    told = RecordingNotifier()
    errors: list[BaseException | None] = [None, ValueError("lost"), pruned(), None]

    class Searching(Trainer):
        def one_trial(self) -> None:
            self.train_dataset = Data(errors.pop())
            with contextlib.suppress(Exception):
                self.train()

        def hyperparameter_search(self) -> None:
            while errors:
                thread = threading.Thread(target=self.one_trial)
                thread.start()
                thread.join()

    class Deeper(Searching):
        def hyperparameter_search(self) -> None:
            super().hyperparameter_search()

    trainer(tmp_path, NotifierCallback(told, name="sft"), cls=Deeper).hyperparameter_search()
    assert [headline.split(" after ")[0] for headline in headlines(told)] == ["### sft: search ended"]
    assert "- Search: 4 trials, 1 failed, 1 pruned\n" in told.messages[0]


def test_a_trial_that_ends_its_search_is_a_failure(tmp_path: Path) -> None:
    """Reported once, and so is the end of the next training of the same callback."""
    callback = NotifierCallback(told := RecordingNotifier(), name="sft")
    with pytest.raises(ValueError, match="lost"):
        optuna_search(tmp_path, callback, error=lambda number: number and raise_it(ValueError("lost")))
    trainer(tmp_path, callback).train()
    first, second = headlines(told)
    assert first == "### sft failed: ValueError: lost"
    assert second.startswith("### sft ended after ")


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("shape", ["method", "function"])
def test_a_trainer_with_a_train_of_its_own(late: bool, shape: str, tmp_path: Path) -> None:
    """As Unsloth makes them: the callback may be given at the construction, or be added later."""

    class Own(Trainer):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            bound = types.MethodType(vars(Trainer)["train"], self)
            self.train = bound if shape == "method" else lambda *a, **k: bound(*a, **k)  # type: ignore[method-assign]

    told, error = RecordingNotifier(), ValueError("lost")
    with unwrapped():
        callbacks = [] if late else [NotifierCallback(told, name="sft")]
        failing = trainer(tmp_path, *callbacks, cls=Own, error=error)
        if late:
            failing.add_callback(NotifierCallback(told, name="sft"))
        with pytest.raises(ValueError, match="lost"):
            failing.train()
    assert headlines(told) == ["### sft failed: ValueError: lost"]


@contextlib.contextmanager
def unwrapped() -> Any:
    """The classes as they are before any callback is made: without our wrapper around their methods."""
    wrapped = [
        (cls, name, method)
        for cls in (Trainer, CallbackHandler)
        for name, method in vars(cls).items()
        if hasattr(method, "_twinkle_notifier_entry")
    ]
    for cls, name, method in wrapped:
        setattr(cls, name, method.__wrapped__)
    try:
        yield
    finally:
        for cls, name, method in wrapped:
            setattr(cls, name, method)


PREEMPTED = """
import os, signal
from transformers import TrainerCallback

class Terminate(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 3:
            manager.kill_wait = 0
            os.kill(os.getpid(), signal.SIGTERM)
            while not manager.is_checkpoint_requested:
                pass

args = TrainingArguments("out", max_steps=9, use_cpu=True, disable_tqdm=True, report_to="none", save_strategy="no",
    enable_jit_checkpoint=True, per_device_train_batch_size=2)
callback = NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
trainer = Trainer(model=BertForSequenceClassification(config), args=args, train_dataset=Data(), callbacks=[callback, Terminate()])
manager = next(c.jit_manager for c in trainer.callback_handler.callbacks if hasattr(c, "jit_manager"))
trainer.train()
"""


@pytest.mark.parametrize("supervised", [pytest.param(False, marks=pytest.mark.stress), True])
def test_a_preemption_that_the_trainer_saves_for(
    supervised: bool, run: Callable[..., Any], inbox: Inbox, tmp_path: Path
) -> None:
    """`enable_jit_checkpoint`: one message, with the checkpoint, also below ``twinkle-notifier run``."""
    pytest.importorskip("transformers.trainer_jit_checkpoint")
    script = SCRIPT.format(condition="False").partition("args = ")[0] + PREEMPTED
    (tmp_path / "work" / "inner.py").write_text(script)
    above = [sys.executable, "-m", "twinkle_notifier", "run", "--name", "sft", "--", sys.executable, "inner.py"]
    done = run(f"import subprocess, sys; sys.exit(subprocess.call({above!r}))" if supervised else script)
    assert done.returncode == 0, done.stderr
    assert [message.title for message in inbox.messages] == ["sft was preempted"], done.stderr
    assert re.search(r"\n- Progress: step [34] of 9, epoch [\d.]+, after \d+ s\n", inbox.messages[0].text)
    assert re.search(r"\n- Last checkpoint: out/checkpoint-[34]\n", inbox.messages[0].text)


SCRIPT = """
import os, sys, tempfile, torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from twinkle_notifier import DingNotifier
from transformers.trainer_callback import CallbackHandler
from twinkle_notifier.integrations.transformers import NotifierCallback

class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 16
    def __getitem__(self, index):
        if {condition}:
            raise ValueError("bad example")
        return {{"input_ids": torch.arange(8), "labels": torch.tensor(1)}}

config = BertConfig(vocab_size=32, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
args = TrainingArguments(tempfile.mkdtemp(), max_steps=2, use_cpu=True, disable_tqdm=True, report_to="none", save_strategy="no")
callback = NotifierCallback(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
Trainer(model=BertForSequenceClassification(config), args=args, train_dataset=Data(), callbacks=[callback]).train()
"""


@pytest.mark.parametrize(
    ("condition", "title"),
    [("True", "sft failed"), pytest.param("False", "sft ended", marks=pytest.mark.stress)],
)
def test_torchrun(condition: str, title: str, run: Callable[..., Any], inbox: Inbox) -> None:
    """Two processes; one message."""
    done = run(SCRIPT.format(condition=condition), ranks=2)
    assert done.returncode == (condition == "True"), done.stderr
    assert len(inbox.messages) == 1, done.stderr
    assert inbox.messages[0].title.startswith(title)


@pytest.mark.stress
def test_in_a_notebook(tmp_path: Path, inbox: Inbox, run: Callable[..., Any]) -> None:
    """IPython catches the exception itself; it is reported all the same, and again when the cell is run again."""
    pytest.importorskip("IPython")
    cell = SCRIPT.format(condition="True")
    done = run(
        f"""
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        for _ in range(2):
            assert isinstance(shell.run_cell({cell!r}).error_in_exec, ValueError)
        """
    )
    assert done.returncode == 0, done.stderr
    assert len(inbox.messages) == 2
