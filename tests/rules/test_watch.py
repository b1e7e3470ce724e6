"""When a rule fires and when that is over; NaN and infinity; what is read of what a trainer logs, and what that costs."""

from __future__ import annotations

import copy
import logging
import math
import pickle
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speed import best, slowness

from twinkle_notifier import Progress, TrainingRun
from twinkle_notifier.isolation.background import background
from twinkle_notifier.messages.message import level_of
from twinkle_notifier.rules.rule import rules_of
from twinkle_notifier.rules.watch import RuleSet
from twinkle_notifier.testing import RecordingNotifier

Log = tuple[int, dict[str, float]]  # a step, and what was logged there


def changes(rules: Sequence[object], logs: Sequence[Log], seconds: float = 1.0) -> list[tuple[str, float | None, str]]:
    """What would be sent: each log comes so many `seconds` after the last."""
    rule_set = RuleSet(rules_of(rules), 0.0)
    found = []
    for number, (step, numbers) in enumerate(logs):
        for change in rule_set.changes(numbers, step, number * seconds):
            found.append((change.kind, change.step, change.rule or f"{change.not_finite}"))
    return found


def losses(*values: float) -> list[Log]:
    return [(step, {"loss": value}) for step, value in enumerate(values, 1)]


def started(rules: Any = None, **options: Any) -> tuple[TrainingRun, RecordingNotifier]:
    told = RecordingNotifier()
    run = TrainingRun(told, name="sft", on_end=False, rules=rules, **options)
    run.started()
    return run, told


def titles(told: RecordingNotifier) -> list[str]:
    assert background.flush(30)
    return [message.splitlines()[0].removeprefix("### ") for message in told.messages]


# When a rule fires


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("loss > 10", [1, 20, 30, 2, 1], [("fired", 2), ("resolved", 4)]),
        ("loss > 10, for_steps=2", [20, 1, 20, 20, 20, 1], [("fired", 4), ("resolved", 6)]),
        ("loss > 10", [20], [("fired", 1)]),
        ("loss > 10", [1, 2], []),
        ("increasing(loss[3])", [1, 2, 3, 4, 4], [("fired", 3), ("resolved", 5)]),
        ("has(loss)", [1, 1], [("fired", 1)]),
    ],
)
def test_once_when_it_holds_and_once_when_it_is_over(rule: str, values: list[float], expected: Any) -> None:
    """However long that takes."""
    assert [(kind, step) for kind, step, _ in changes([rule], losses(*values))] == expected


def test_while_it_cannot_be_said_nothing_changes() -> None:
    """A loss that is no number is neither above nor below; that it is none is another message."""
    found = changes(["loss > 10"], losses(20, math.nan, 20, 1))
    assert found == [
        ("fired", 1, "loss > 10"),
        ("fired", 2, f"('loss', {math.nan})"),
        ("resolved", 3, f"('loss', {math.nan})"),
        ("resolved", 4, "loss > 10"),
    ]


def test_a_rule_waits_before_it_says_the_same_again() -> None:
    """Twice as long each time, up to an hour; what still holds then is said. Its end is said if the begin was."""
    flapping = losses(*[20, 1] * 5_000)
    found = changes(["loss > 10, cooldown=5m"], flapping, seconds=10)
    fired = [step * 10 - 10 for kind, step, _ in found if kind == "fired"]
    assert fired[:5] == [0, 300, 900, 2100, 4500]
    assert {later - earlier for earlier, later in pairwise(fired[6:])} == {3600}
    assert len(found) == 2 * len(fired)


def test_without_a_cooldown_each_is_said() -> None:
    """As asked."""
    assert len(changes(["loss > 10, cooldown=0"], losses(*[20, 1] * 10))) == 20


def test_a_rule_is_looked_at_when_one_of_its_metrics_is_logged() -> None:
    """Else an evaluation that is logged every 100 steps would count as often in a row."""
    logs = [(1, {"eval_loss": 3.0}), (2, {"loss": 1.0}), (3, {"loss": 1.0}), (4, {"eval_loss": 3.0})]
    assert changes(["eval_loss > 2, for_steps=2"], logs) == [("fired", 4, "eval_loss > 2, for_steps=2"[:13])]


def test_a_rule_of_time_is_looked_at_with_each_log() -> None:
    """As its metric is what is missing."""
    logs = [(step, {"eval_loss": 1.0} if step == 1 else {"loss": 1.0}) for step in range(1, 9)]
    found = changes(["age(eval_loss) > 1m"], logs, seconds=20)
    assert found == [("fired", 5, "age(eval_loss) > 1m")]


def test_two_thousand_steps_with_noise_are_clean() -> None:
    """Rules as the page has them, on a loss that falls, and gradients that spike now and then."""
    noise, logs = random.Random(7), list[Log]()
    for step in range(1, 2_001):
        loss = 2.5 + 8 * math.exp(-step / 200) + noise.gauss(0, 0.15)
        logs.append(
            (
                step,
                {
                    "loss": loss,
                    "grad_norm": math.exp(noise.gauss(0, 0.4)),
                    "train_samples_per_second": noise.gauss(90, 6),
                },
            )
        )
        if not step % 100:
            logs.append((step, {"eval_loss": 2.4 + 8 * math.exp(-step / 200) + noise.gauss(0, 0.02)}))
    rules = [
        "loss > 3 * median(loss[50])",
        "zscore(loss[100]) > 6 => error: spike",
        "stalled(eval_loss[5], 0.001) => warning: plateau",
        "train_samples_per_second < 0.5 * median(train_samples_per_second[100])",
        "grad_norm > 1000",
    ]
    assert changes(rules, logs) == []


def flat_and_spiking() -> list[Log]:
    noise = random.Random(7)
    logs = [(step, {"loss": 2.0 + noise.gauss(0, 0.1)}) for step in range(1, 301)]
    logs[200] = (201, {"loss": 9.0})
    return logs + [(step, {"loss": 2.0}) for step in range(301, 351)]


def test_a_spike_and_a_plateau_are_found() -> None:
    """Each once, at its step."""
    rules = ["zscore(loss[100]) > 6", "stalled(loss[20])"]
    assert [(kind, step) for kind, step, _ in changes(rules, flat_and_spiking())] == [
        ("fired", 201),
        ("resolved", 202),
        ("fired", 320),
    ]


# NaN and infinity


@pytest.mark.parametrize(
    ("metrics", "title", "level"),
    [
        ({"loss": math.nan}, "sft: loss is nan at step 1,180", "error"),
        ({"train/loss": -math.inf}, "sft: train/loss is inf at step 1,180", "error"),
        ({"eval_loss": math.inf}, "sft: eval_loss is inf at step 1,180", "error"),
        ({"grad_norm": math.nan, "loss": 0.0}, "sft: grad_norm is nan at step 1,180", "error"),
        ({"grad_norm": math.inf, "x": math.nan, "loss": math.nan}, "sft: loss is nan at step 1,180", "error"),
    ],
)
def test_what_is_no_number_is_reported_without_a_rule(metrics: dict[str, float], title: str, level: str) -> None:
    """Once for all that is logged together; the loss of the training first."""
    run, told = started()
    run.log({"loss": 1.0, "grad_norm": 1.0}, 1170)
    run.log(metrics, 1180)
    run.log(metrics, 1190)
    assert titles(told) == [title]
    assert level_of(told.messages[0]) == level


def test_the_end_of_it() -> None:
    """Once, when the metric in the heading is a number again; what still is none is named."""
    run, told = started()
    for step, value in ((1, math.nan), (2, math.nan), (3, 1.0), (4, 1.0)):
        run.log({"loss": value, "a_loss": value, "b_loss": math.nan if step < 4 else 2.0}, step)
    assert titles(told) == ["sft: loss is nan at step 1", "sft: resolved at step 3: loss is nan"]
    assert "\n- Other metrics that are not numbers: a_loss, b_loss\n" in told.messages[0]
    assert "\n- Lasted: 2 steps, 0 s\n- Still not numbers: b_loss\n" in told.messages[1]
    assert [level_of(message) for message in told.messages] == ["error", "success"]


def named(logs: Sequence[dict[str, float]], rules: Sequence[object] = (), seconds: float = 1.0) -> list[Any]:
    """The alerts about what is no number, from step 0 on: the step, the metric in the heading."""
    found = []
    rule_set = RuleSet(rules_of(rules), 0.0)
    for step, numbers in enumerate(logs):
        for change in rule_set.changes(numbers, step, step * seconds):
            if change.kind == "fired" and change.not_finite:
                found.append((step, change.not_finite[0]))
    return found


LOST: list[dict[str, float]] = [{"loss": math.nan}]


@pytest.mark.parametrize(
    "before",
    [
        [{"mask_loss": math.nan, "loss": 1.2}] * 50,
        [{"best_val_loss": math.inf, "loss": 1.2}] * 50,
        [{"val_loss": math.nan}, *[{"loss": 1.2}] * 50],
        [{"loss": 1.2, **{f"iou_{number}": math.nan for number in range(150)}}] * 50,
        [{"loss": 1.2, **{f"{number}_loss": math.nan for number in range(950)}}] * 50,
        [{"loss": 1.2, **{f"grad_{number}": math.nan for number in range(950)}}] * 50,
        [{"loss": 1.2, f"{step // 2}_loss": math.nan if step % 2 else 1.0} for step in range(200)],
        [{"loss": 1.2, f"{step}_loss": math.nan} for step in range(2_000)],
        [{"loss": 1.2, f"metric {step}": math.nan} for step in range(2_000)],
    ],
    ids=[
        "a part",
        "a best one",
        "a validation",
        "150 classes",
        "950 losses",
        "950 gradients",
        "come",
        "losses",
        "names",
    ],
)
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "with the others"])
def test_a_lost_loss_is_news_whatever_else_is_no_number(before: list[dict[str, float]], beside: bool) -> None:
    """It has a memory and a number of alerts of its own."""
    last = {**before[-1], **LOST[0]} if beside else LOST[0]
    assert named([*before, last], seconds=1e4)[-1] == (len(before), "loss")


@pytest.mark.parametrize(
    "name",
    ["train_loss", "train/loss", "Loss", "train_loss_step", "loss_epoch", "total_loss", "Loss/train", "trainLoss"],
)
def test_the_loss_of_the_training_has_many_names(name: str) -> None:
    assert named([{name: math.nan}, {name: math.nan, "eval_loss": math.nan}]) == [(0, name)]


def test_a_lost_loss_is_news_however_often_it_was_lost() -> None:
    """At most once an hour."""
    logs: list[dict[str, float]] = [{"loss": 1.0}, {"loss": math.nan}] * 500
    assert len(named(logs, seconds=3_600)) == 500
    assert len(named(logs, seconds=60)) < 25


@pytest.mark.parametrize("name", ["actor/pg_loss", "val_loss/dataloader_idx_0", "loss/val", "loss_3", "evalLoss"])
def test_any_other_loss_is_news_at_once(name: str) -> None:
    """By itself, and not beside a lost one of the training."""
    assert named([{name: math.inf}]) == [(0, name)]
    assert named([*LOST, {name: math.inf}]) == [(0, "loss")]


@pytest.mark.parametrize("name", ["loss_scale", "lossless", "bestLoss", "train/best", "epoch", "1", ""])
def test_what_is_no_loss(name: str) -> None:
    """A loss scale overflows by design."""
    assert named([{name: math.inf}] * 50) == []


def test_what_follows_from_a_lost_loss_is_no_news() -> None:
    """The evaluation of a lost model, also while the loss itself waits before it is said again."""
    follows = [{"eval_loss": math.nan}, {"kl_loss": math.inf, "grad_norm": math.nan}, {"train_loss": math.nan}]
    assert named([{"loss": 1.0}, *LOST, *follows]) == [(1, "loss")]
    assert named([*LOST, {"loss": 1.0}, {**LOST[0], "b_loss": math.nan}, *follows]) == [(0, "loss")]


def test_what_is_still_lost_afterwards_is_news() -> None:
    """As nobody has read of it."""
    assert named([*LOST, {"eval_loss": math.nan}, {"loss": 1.0}, {"eval_loss": math.nan}]) == [
        (0, "loss"),
        (3, "eval_loss"),
    ]


def test_what_waits_before_it_is_said_again_hides_no_other() -> None:
    """Another metric gets its alert meanwhile."""
    logs = [{"a_loss": math.nan}, {"a_loss": 1.0}, {"a_loss": math.nan, "b_loss": math.nan}]
    assert named(logs) == [(0, "a_loss"), (2, "b_loss")]


@pytest.mark.parametrize(
    ("values", "at"),
    [
        ([2.0, *[math.inf] * 4, 2.0], None),
        ([2.0, *[math.inf] * 5], 5),
        ([*[math.inf] * 19, 2.0], None),
        ([*[math.inf] * 20], 19),
        ([*[math.nan] * 5], 4),
    ],
)
def test_a_gradient_may_be_infinite_now_and_then(values: list[float], at: int | None) -> None:
    """While a loss scaler finds its scale: longer at first. A part of the loss that is 0 says nothing."""
    logs = [{"kl_loss": 0.0, "loss": 2.1, "grad_norm": value} for value in values]
    assert named(logs) == ([] if at is None else [(at, "grad_norm")])


@pytest.mark.parametrize(
    "first",
    [{"best_loss": math.inf}, {"best_val_loss": math.inf}, {"min_loss": -math.inf}, {"val/loss_min": math.inf}],
)
def test_the_best_loss_so_far_is_infinite_at_first(first: dict[str, float]) -> None:
    assert named([first] * 50) == []


def flickering(seed: int, share: float) -> list[dict[str, float]]:
    noise = random.Random(seed)
    return [{"rewards/format/mean": math.nan if noise.random() < share else 0.5} for _ in range(2_000)]


@pytest.mark.parametrize(
    "logs",
    [
        [{"accuracy": math.nan}],
        [{"loss": 1.2, "eval_iou_zebra": math.nan}] * 500,
        [{"speed": math.nan}, *[{"speed": 3.0}] * 500],
        [*[{"pearson": 0.5}] * 19, *[{"pearson": math.nan}] * 500],
        [*[{"pearson": 0.5}] * 500, *[{"pearson": math.nan}] * 9, {"pearson": 0.5}],
        [{f"metric {step % 50}": math.nan if step % 100 < 50 else 1.0} for step in range(1_000)],
        *(flickering(seed, share) for seed in range(5) for share in (0.1, 0.3, 0.5, 0.8)),
    ],
)
def test_what_may_be_nan_by_design_is_no_news(logs: list[dict[str, float]]) -> None:
    """A first value, a class that is absent, a reward without samples, names that come and go."""
    assert named(logs, seconds=1e4) == []


def test_a_metric_that_was_a_number_for_long_and_then_stays_none_is_news() -> None:
    """As a warning."""
    run, told = started()
    for step in range(40):
        run.log({"accuracy": 0.5 if step < 20 else math.nan, "loss": 1.0}, step)
    assert titles(told) == ["sft: accuracy is nan at step 29"]
    assert level_of(told.messages[0]) == "warning"


def test_metrics_that_are_lost_are_reported_a_few_times() -> None:
    """Ten in one training."""
    logs = [{f"metric {step // 30}": 1.0 if step % 30 < 20 else math.nan} for step in range(900)]
    assert len(named(logs, seconds=1e5)) == 10


@pytest.mark.parametrize(
    ("rule", "value", "said"),
    [
        ("loss is nan", math.nan, ["loss is nan"]),
        ("isnan(loss) => error: lost", math.nan, ["lost"]),
        ("loss is not finite", math.inf, ["loss is not finite"]),
        ("not isfinite(loss)", math.nan, ["not isfinite(loss)"]),
        ("loss is nan", math.inf, ["loss is inf"]),
        ("loss is nan, for_steps=2", math.nan, []),
        ("other is nan", math.nan, ["loss is nan"]),
    ],
)
def test_what_a_rule_asks_for_is_left_to_it(rule: str, value: float, said: list[str]) -> None:
    """One message, and what follows from a lost loss is none."""
    run, told = started([rule])
    run.log({"loss": value, "grad_norm": math.nan, "kl_loss": math.nan}, 3)
    assert titles(told) == [f"sft: {one} at step 3" for one in said]


def test_without_steps_each_time_is_a_message_and_has_its_end() -> None:
    """Also where all have the same step."""
    for step in (None, 0):
        run, told = started(["loss > 10, cooldown=0 => spike", "loss is nan, cooldown=0 => lost"])
        for value in (20.0, 1.0, 20.0, 1.0, math.nan, 1.0, math.nan, 1.0):
            run.log({"loss": value}, step)
        at = "" if step is None else " at step 0"
        found = [title.removeprefix("sft: ") for title in titles(told)]
        assert found == [f"spike{at}", f"resolved{at}: spike"] * 2 + [f"lost{at}", f"resolved{at}: lost"] * 2


@pytest.mark.parametrize("off", ["argument", "variable", "end_only"])
def test_it_can_be_switched_off(off: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all other rules."""
    if off == "variable":
        monkeypatch.setenv("TWINKLE_NOTIFIER_RULES", "off")
    run, told = started([] if off == "argument" else None, notifications="end_only" if off == "end_only" else None)
    run.log({"loss": math.nan}, 1)
    assert titles(told) == []


def test_only_failures_are_reported_where_only_they_are_wanted() -> None:
    """No end, and nothing that is only information."""
    run, told = started(["loss < 2 => info: good", "loss > 10"], notifications="failure_only")
    for step, loss in enumerate((20.0, 1.0, math.nan, 1.0)):
        run.log({"loss": loss}, step)
    assert titles(told) == ["sft: loss > 10 at step 0", "sft: loss is nan at step 2"]


def test_levels_are_for_the_chat_to_choose() -> None:
    """What is below its `min_level` is not sent, nor is its end."""
    run, told = started(["loss > 10 => error", "loss > 5 => warning", "loss > 2 => info"])
    told.min_level = "warning"
    run.log({"loss": 20.0}, 1)
    assert titles(told) == ["sft: loss > 10 at step 1", "sft: loss > 5 at step 1"]
    told.min_level = "success"
    run.log({"loss": 1.0}, 2)
    assert titles(told)[2:] == ["sft: resolved at step 2: loss > 10", "sft: resolved at step 2: loss > 5"]


def test_a_search_is_left_alone() -> None:
    """A trial that diverges is no news."""
    run, told = started()
    with run.parts("search"):
        run.started()
        run.log({"loss": math.nan}, 1)
    run.log({"loss": math.nan}, 2)
    assert titles(told) == ["sft: loss is nan at step 2"]


def test_a_training_begins_anew() -> None:
    """In a notebook: what the last one logged does not count, and its alerts silence none."""
    run, told = started(["count(lr[9]) > 1 => two"])
    for _ in range(2):
        run.log({"loss": 1.0, "lr": 1.0}, 1)
        run.log({"loss": math.nan, "lr": 1.0}, 2)
        run.ended()
        run.started()
    assert titles(told).count("sft: loss is nan at step 2") == 2
    assert titles(told).count("sft: two at step 2") == 2


def test_a_copy_begins_anew() -> None:
    """With the same rules, also from a pickle."""
    run = TrainingRun(None, name="sft", rules=["loss > 10"])
    run.log({"loss": 20.0}, 1)
    for other in (copy.deepcopy(run), pickle.loads(pickle.dumps(run))):
        other._given = told = RecordingNotifier()
        other.started()
        other.log({"loss": 20.0}, 1)
        assert titles(told) == ["sft: loss > 10 at step 1"]


def test_the_message_has_what_the_trainer_and_the_run_know() -> None:
    """The values, the course, how far it got, the last checkpoint."""
    told = RecordingNotifier()
    run = TrainingRun(told, name="sft", on_end=False, rules=["eval_loss > 2 * min(eval_loss[9]) => error: overfit"])
    run.started(progress=lambda: Progress(epoch=1.5, step=40, of_steps=100))
    run.saved("checkpoints/30", 30)
    for step, loss in ((10, 1.0), (20, 0.5), (30, 0.8), (40, 1.25)):
        run.log({"loss": 9.0}, step)
        run.log({"eval_loss": loss}, step)
    [title] = titles(told)
    lines = told.messages[0].splitlines()
    assert title == "sft: overfit at step 40"
    assert lines[2:8] == [
        "- Rule: `eval_loss > 2 * min(eval_loss[9])`",
        "- Values: eval_loss 1.25, min(eval_loss[9]) 0.5",
        "- eval_loss: ▅▁▃▇ first 1, lowest 0.5, last 1.25",
        "- Progress: step 40 of 100, epoch 1.5, after 0 s",
        "- Metrics: loss 9",
        "- Last checkpoint: checkpoints/30",
    ]


def test_where_the_facts_cannot_be_made_it_is_sent_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bare is better than not at all."""
    monkeypatch.setattr("twinkle_notifier.messages.progress.Progress.lines", lambda *_, **__: 1 / 0)
    run, told = started(["lr > 1"])
    run.log({"loss": math.nan, "lr": 2}, 7)
    assert sorted(titles(told)) == ["sft: loss is nan at step 7", "sft: lr > 1 at step 7"]
    assert all("- Host: " in message for message in told.messages)


def test_without_steps_that_count_each_time_is_a_message() -> None:
    """As NaN is no step by which ranks could agree on which one it is."""
    run, told = started(["loss > 10"])
    for value in (20.0, 1.0, 20.0, 1.0):
        run.log({"loss": value}, math.nan)  # type: ignore[arg-type]
    assert titles(told)[:2] == ["sft: loss > 10", "sft: resolved: loss > 10"]


def test_without_a_notifier_nothing_happens() -> None:
    run = TrainingRun(None)
    run.started()
    run.log({"loss": math.nan}, 1)
    assert background.flush(10)


# Where rules come from


@pytest.mark.parametrize(
    ("given", "variable", "file", "rules"),
    [
        (None, "", "", []),
        (["loss > 1"], "loss > 2", '["loss > 3"]', ["loss > 1"]),
        (None, "loss > 2; lr > 1 => error: a\nx is nan", '["loss > 3"]', ["loss > 2", "lr > 1", "x is nan"]),
        (None, "", '["loss > 3", "lr > 2"]', ["loss > 3", "lr > 2"]),
        (None, "off", '["loss > 3"]', None),
        (None, "", "[]", None),
        ([], "loss > 2", "", None),
    ],
)
def test_which_rules_count(
    given: Any, variable: str, file: str, rules: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Those in code, else of the variable, else of the file."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_RULES", variable)
    if file:
        folder = tmp_path / "config" / "twinkle-notifier"
        folder.mkdir(parents=True)
        (folder / "config.toml").touch(0o600)
        (folder / "config.toml").write_text(f"rules = {file}\n")
    found = TrainingRun(None, rules=given)._rules._rules
    assert (None if found is None else [rule.text for rule in found]) == rules


def test_a_wrong_rule_that_is_set_up_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning that shows the fault; the others count, and the training starts."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_RULES", "zscor(loss[50]) > 3; loss > 10")
    run, told = started()
    run.log({"loss": 20.0}, 1)
    assert titles(told) == ["sft: loss > 10 at step 1"]
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.getMessage() == (
        "TWINKLE_NOTIFIER_RULES: a rule is left out: there is no function 'zscor': did you mean zscore?\n"
        "  zscor(loss[50]) > 3\n  ^^^^^"
    )


@pytest.mark.parametrize("source", ["variable", "file"])
def test_a_hundred_rules_that_are_set_up_count(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says that there are more."""
    rules = [f"loss > {number}" for number in range(150)]
    if source == "variable":
        monkeypatch.setenv("TWINKLE_NOTIFIER_RULES", "; ".join(rules))
    else:
        folder = tmp_path / "config" / "twinkle-notifier"
        folder.mkdir(parents=True)
        (folder / "config.toml").touch(0o600)
        (folder / "config.toml").write_text(f"rules = {rules}\n")
    found = TrainingRun(None)._rules._rules
    assert found is not None
    assert [rule.text for rule in found] == rules[:100]
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.getMessage().endswith(": there are 150 rules: only the first 100 count")


def test_a_metric_that_was_never_logged_is_named_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """Its rule could not fire: a mistyped name would stay unseen."""
    run, _ = started(["los > 10", "loss > 10"])
    run.log({"loss": 1.0}, 1)
    run.ended()
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.getMessage() == "rules name metrics that were never logged: los: did you mean loss?"


# What is read


class Held:
    """A number that only `float` gives, as a device does."""

    def __init__(self, how: Callable[[], Any]) -> None:
        self.how = how

    def __float__(self) -> float:
        assert threading.current_thread() is not threading.main_thread()
        return float(self.how())


def test_numbers_are_read_at_once() -> None:
    """Of Python, numpy and torch, in this machine's memory."""
    numpy, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")
    for number in (
        20,
        20.0,
        numpy.float32(20),
        numpy.float64(20),
        numpy.int64(20),
        numpy.array(20.0),
        torch.tensor(20),
        torch.tensor([20.0], requires_grad=True),
        torch.tensor(20.0, dtype=torch.bfloat16),
    ):
        looked = list[float]()
        run, told = started(["loss > 10"])
        run.log({"loss": number}, 1)
        looked.extend(run._rules._session.rules.series.course("loss"))  # type: ignore[union-attr]
        assert looked == [20.0], repr(number)
        assert titles(told) == ["sft: loss > 10 at step 1"]


def test_what_is_no_number_at_all_is_left_out() -> None:
    """Texts, lists, tensors of several numbers, numbers that no float holds, and tensors that are in several places."""
    numpy, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")

    class Distributed(torch.Tensor):  # type: ignore[misc]
        def item(self) -> Any:
            raise AssertionError("this would be a collective")

    run, told = started(["loss > 10"])
    others = [None, "20", b"20", [20], {}, 10**400, numpy.ones(1), numpy.ones(3), torch.ones(3), object()]
    for value in [*others, torch.ones(1).as_subclass(Distributed), numpy.array("x")]:
        run.log({"loss": value}, 1)
    assert run._rules._session.rules.series.missing() == ["loss"]  # type: ignore[union-attr]
    assert titles(told) == []


def test_what_a_device_holds_is_read_in_the_background_and_in_its_order() -> None:
    """The training's thread waits for none of it; what is logged later is looked at later."""
    go = threading.Event()
    run, told = started(["increasing(loss[3])"])
    run.log({"loss": Held(lambda: go.wait(30) and 1)}, 1)
    run.log({"loss": 2.0}, 2)
    run.log({"loss": Held(lambda: 3)}, 3)
    run.log({"loss": 2.5}, 4)
    assert told.messages == []
    go.set()
    assert titles(told) == ["sft: increasing(loss[3]) at step 3", "sft: resolved at step 4: increasing(loss[3])"]


def test_a_slow_device_takes_one_place_in_the_background(caplog: pytest.LogCaptureFixture) -> None:
    """So it pushes no alert out. Where too many logs wait, a warning says that some are left out."""
    go = threading.Event()
    run, told = started(["loss > 10"])
    background.post(lambda: go.wait(30))
    background.post(lambda: told("an alert"))
    dropped = background.dropped
    for step in range(300):
        run.log({"x": Held(lambda: 1), "loss": 20.0 if step == 299 else 1.0}, step)
    assert len(background._waiting) <= 4
    go.set()
    assert titles(told) == ["an alert", "sft: loss > 10 at step 299"]
    assert background.dropped == dropped
    left_out = [record for record in caplog.records if "rules leave out logs" in record.getMessage()]
    assert len(left_out) == 1


def test_what_is_logged_while_a_device_is_read_counts_once() -> None:
    """And in its order, however many logs come meanwhile."""
    reads, go = threading.Event(), threading.Event()
    run, told = started(["loss > 10, cooldown=0"])

    def slow() -> float:
        reads.set()
        go.wait(30)
        return 20.0

    run.log({"loss": Held(slow)}, 0)
    assert reads.wait(30)
    for step in range(1, 105):
        run.log({"loss": Held(lambda step=step: 20.0 if step == 50 else 1.0)}, step)
    go.set()
    # Four of those that waited were left out.
    assert titles(told) == [
        "sft: loss > 10 at step 0",
        "sft: resolved at step 5: loss > 10",
        "sft: loss > 10 at step 50",
        "sft: resolved at step 51: loss > 10",
    ]


def test_the_next_training_does_not_wait_for_the_last() -> None:
    """What a device of the last one still reads is not looked at."""
    reads, go = threading.Event(), threading.Event()
    run, told = started(["loss > 10"])
    run.log({"loss": Held(lambda: reads.set() or (go.wait(30) and 20.0))}, 0)
    assert reads.wait(30)
    run.started()
    run.log({"loss": 30.0}, 1)
    go.set()
    assert titles(told) == ["sft: loss > 10 at step 1"]


def test_a_device_that_does_not_answer_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says so; what is not on it is still looked at."""
    monkeypatch.setattr("twinkle_notifier.rules.watch._READING", 0.2)
    go, asked = threading.Event(), list[int]()
    run, told = started(["lr > 1"])
    for step in range(5):
        run.log({"x": Held(lambda step=step: asked.append(step) or go.wait(30)), "lr": float(step)}, step)
    assert titles(told) == ["sft: lr > 1 at step 2"]
    assert not {1, 2, 3} & set(asked[1:-1])  # the message itself asks for the last value, and does without
    go.set()
    assert "rules do not look at values on a device any more" in caplog.text


def test_a_value_that_cannot_be_read_hides_no_other() -> None:
    """As of a device that is gone."""

    def broken() -> Any:
        raise RuntimeError("CUDA error")

    run, told = started(["lr > 1"])
    run.log({"loss": Held(broken), "lr": 2.0}, 1)
    assert titles(told) == ["sft: lr > 1 at step 1"]


HOSTILE: list[Any] = [
    {"a\nb\n# The run ended well": math.nan},
    {"x" * 1_000_000: math.nan},
    {"**[x](evil.example)** @all <at id=all></at> `": math.nan},
    {"token=SEC0123456789abcdef loss": math.nan},
    {"\ud800\x1b[31m": math.nan},
]


@pytest.mark.parametrize("metrics", HOSTILE, ids=["lines", "1 MB", "marks", "secret", "surrogates"])
def test_a_hostile_name_is_harmless(metrics: Any, harm: Callable[[str], list[str]]) -> None:
    """It is one line, short, without live marks."""
    run, told = started()
    for step in range(40):
        run.log(metrics if step > 20 else dict.fromkeys(metrics, 1.0), step)
    [title] = titles(told)
    assert harm(title.replace(" at step", "")) == []
    assert len(title) < 130
    assert len(told.messages[0]) < 700


@pytest.mark.parametrize(
    "metrics",
    [None, 5, [], {5: math.nan}, {None: 1.0, ("a",): math.nan}, lambda: {}[0], {"loss": Held}],
    ids=["None", "5", "a list", "a number as name", "others as names", "raises", "a class"],
)
def test_what_is_no_log_is_left_alone(metrics: Any) -> None:
    """Nothing is raised, and later logs count."""
    run, told = started()
    run.log(metrics, 1)
    run.log({"loss": math.nan}, "x")  # type: ignore[arg-type]
    assert titles(told) == ["sft: loss is nan"]


def test_a_million_metrics() -> None:
    """A thousand are looked at, and those that rules name."""
    metrics = {f"metric {number}": 1.0 for number in range(1_000_000)} | {"last": 20.0}
    run, told = started(["last > 10"])
    began = time.process_time()
    for step in range(20):
        run.log(metrics, step)
    assert time.process_time() - began < 2
    assert titles(told) == ["sft: last > 10 at step 0"]
    assert len(run._rules._seen) <= 1_001


def test_many_bad_metrics_are_remembered_up_to_a_bound() -> None:
    """With another name each time."""
    run, told = started()
    for step in range(2_000):
        run.log({f"{step}_loss": math.nan}, step)
    assert len(titles(told)) == 10
    assert len(run._rules._session.rules._finite._metrics) == 1_000  # type: ignore[union-attr]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.one_of(st.floats(), st.integers(), st.text(max_size=3))), max_size=30
    )
)
def test_each_begin_has_at_most_one_end(logs: list[dict[str, Any]]) -> None:
    """Whatever is logged: an end follows its begin, and no begin comes twice before its end."""
    rule_set, open_ = RuleSet(rules_of(["has(a) and a > 1, cooldown=0", "count(b[3]) > 1"]), 0.0), set[Any]()
    for step, log in enumerate(logs):
        numbers = {
            name: float(value) for name, value in log.items() if not isinstance(value, str) and abs(value) < 1e300
        }
        numbers |= {name: value for name, value in log.items() if isinstance(value, float)}
        for change in rule_set.changes(numbers, step, step * 1e6):
            assert (change.firing in open_) is (change.kind == "resolved")
            (open_.add if change.kind == "fired" else open_.remove)(change.firing)


# What it costs

RULES = [
    "loss > 10",
    "zscore(loss[50]) > 6 => error: spike",
    "stalled(eval_loss[5], 0.001)",
    "train_samples_per_second < 0.5 * median(train_samples_per_second[100])",
    "grad_norm > 100 and not (loss < 1 or lr == 0)",
]


@pytest.mark.alone
def test_a_log_costs_less_than_50_microseconds() -> None:
    """With five rules, and eight metrics; the best of many short rounds, as others use this machine."""
    run, _ = started(RULES)
    metrics = {
        "loss": 2.5,
        "grad_norm": 1.5,
        "lr": 1e-3,
        "epoch": 1.0,
        "train_samples_per_second": 90.0,
        "eval_loss": 2.0,
        "a": 1.0,
        "b": 3.0,
    }
    for step in range(200):  # the windows are full
        run.log({**metrics, "loss": 2.5 + step % 7, "train_samples_per_second": 90.0 + step % 5}, step)
    log = best(lambda: [run.log(metrics, step) for step in range(10)]) / 10
    assert log < 50e-6 * slowness()


def test_a_step_without_a_log_costs_nothing() -> None:
    """No function of the rules is called, and no thread of them is there."""
    run, _ = started(RULES)
    called = list[str]()
    sys.setprofile(lambda frame, event, _: called.append(str(frame.f_globals.get("__name__"))))
    try:
        for _ in range(3):
            run.beat()
            run.lull()
    finally:
        sys.setprofile(None)
    assert [name for name in called if name.startswith("twinkle_notifier.rules")] == []
