"""What a rule may be, and what people read of one that is wrong."""

from __future__ import annotations

import copy
import pickle
import string
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier import ArgumentError, TrainingRun
from twinkle_notifier.rules import functions
from twinkle_notifier.rules.grammar import parsed
from twinkle_notifier.rules.rule import Rule, rule_of, rules_of
from twinkle_notifier.testing import RecordingNotifier


def said(rule: object) -> str:
    """What is wrong with it."""
    with pytest.raises(ArgumentError) as caught:
        rule_of(rule)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "level", "title"),
    [
        ("loss > 10", "warning", ""),
        ("loss is nan", "warning", ""),
        ("loss > 10 => error", "error", ""),
        ("loss > 10 => warn: spike", "warning", "spike"),
        ("loss > 10 => ERROR : loss: spike", "error", "loss: spike"),
        ("loss > 10 => critical", "error", ""),
        ("loss > 10 => it is much too large", "warning", "it is much too large"),
        ("loss > 10 => : eror", "warning", "eror"),
        ("loss > 10 => see this: now", "warning", "see this: now"),
        ("loss > 10 => a => b", "warning", "a => b"),
        ("loss > 10=>error:" + "x" * 200, "error", "x" * 119 + "…"),
    ],
)
def test_level_and_title(text: str, level: str, title: str) -> None:
    """As expr_tracker spells them; a title may hold anything."""
    rule = rule_of(text)
    assert (rule.text in ("loss > 10", "loss is nan"), rule.level, rule.title) == (True, level, title)


@pytest.mark.parametrize(
    ("text", "for_steps", "cooldown"),
    [
        ("loss > 10", 1, 300),
        ("loss > 10, for_steps=3 => error", 3, 300),
        ("loss > 10, cooldown=10m, for_steps = 2 => error: x", 2, 600),
        ("max(loss, 3) > 10,cooldown=0", 1, 0),
        ("loss > 10, cooldown=1.5", 1, 1.5),
    ],
)
def test_options(text: str, for_steps: int, cooldown: float) -> None:
    """In a text behind commas, before the arrow."""
    rule = rule_of(text)
    assert (rule.for_steps, rule.cooldown, rule.text.endswith("10")) == (for_steps, cooldown, True)


@pytest.mark.parametrize("end", ["", " => error: x => y", ", for_steps=2 => error"])
def test_an_arrow_in_quotes_is_none(end: str) -> None:
    """A name may hold anything."""
    assert rule_of(f'"a=>b" > 3{end}').text == '"a=>b" > 3'


def test_a_dict_says_the_same() -> None:
    """With the names that expr_tracker gives them."""
    given = {"condition": "loss > 10", "level": "ERROR", "title": "spike", "for_steps": 3, "cooldown": 60}
    assert rule_of(given) == rule_of("loss > 10, for_steps=3, cooldown=60 => error: spike")
    assert rule_of({"condition": "loss > 10 => error"}).level == "error"


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("eval/loss > 1", {"eval/loss": 1}),
        ("val/m1/acc@16 > .5", {"val/m1/acc@16": 1}),
        ("a.b_c / d > 1", {"a.b_c": 1, "d": 1}),
        ("\"lr-AdamW\" > 1 and `x y` < 2 or '=>' > 0", {"lr-AdamW": 1, "x y": 1, "=>": 1}),
        ("验证/损失 > 1", {"验证/损失": 1}),
        ("'nan' == 1 or \"inf\" == 1", {"nan": 1, "inf": 1}),
        ("zscore(loss[50]) > 3 and mean(loss[9]) > 1 and diff(lr) < 0", {"loss": 50, "lr": 2}),
        ('mean("step"[5]) > step()', {"step": 5}),
        ("mean > 3", {"mean": 1}),
    ],
)
def test_metrics_and_windows(text: str, windows: dict[str, int]) -> None:
    """A name takes a slash where no space is around it, and anything in quotes."""
    assert dict(rule_of(text).windows) == windows


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("loss > 10", ["loss"]),
        ("tps < 0.5 * median(tps[100])", ["tps", "median(tps[100])"]),
        ("stalled(eval_loss[5], 0.1)", ["eval_loss"]),
        ("zscore( loss [50] ) > 3 or isnan(loss)", ["zscore( loss [50] )", "loss"]),
    ],
)
def test_what_people_see_of_it(text: str, shown: list[str]) -> None:
    """The values of the metrics, or of what a function makes of them."""
    assert [one.text for one in rule_of(text).shown] == shown


WRONG = {
    "": "here the condition ends too early: write a metric, a number or a function\n  \n  ^",
    "zscor(loss[50]) > 3": "there is no function 'zscor': did you mean zscore?\n  zscor(loss[50]) > 3\n  ^^^^^",
    "(loss > 3 and (lr > 1": "the bracket ( is not closed: a ) is missing\n  (loss > 3 and (lr > 1\n                ^",
    "loss > 3)": "the condition is over before ')': is an operator missing?\n  loss > 3)\n          ^",
    "loss > 10 => eror: spike": (
        "there is no level 'eror': did you mean error?; there are info, success, warning, error; "
        "a title alone is => : eror\n  loss > 10 => eror: spike\n               ^^^^"
    ),
    "loss > 10 => errror": (
        "there is no level 'errror': did you mean error?; there are info, success, warning, error; "
        "a title alone is => : errror\n  loss > 10 => errror\n               ^^^^^^"
    ),
    "loss > 10 =>": ("after => comes a level, a title, or both: => error: spike\n  loss > 10 =>\n            ^^"),
    "loss is nun": "after `is` comes nan, inf or finite: did you mean nan?\n  loss is nun\n          ^^^",
    "2 is nan": "before `is` comes the name of a metric: loss is nan\n  2 is nan\n    ^^",
    "mean(loss) > 3": "mean() needs a window: mean(loss[50])\n  mean(loss) > 3\n       ^^^^",
    "std(loss[1]) > 3": "std() needs 2 values or more: loss[50]\n  std(loss[1]) > 3\n      ^^^^",
    "loss[50] > 3": "a window belongs into a function: mean(loss[50])\n  loss[50] > 3\n      ^",
    "mean(loss[30s]) > 3": "a window is a number of values: loss[50]\n  mean(loss[30s]) > 3\n            ^^^",
    "mean(loss[10001]) > 3": "a window has 1 to 10000 values\n  mean(loss[10001]) > 3\n            ^^^^^",
    "mean(loss[5) > 3": "the bracket [ is not closed: a ] is missing\n  mean(loss[5) > 3\n             ^",
    "stalled(loss[5], 1, 2)": "stalled() takes 1 to 2 arguments\n  stalled(loss[5], 1, 2)\n                      ^",
    "max(1) > 2": "max() takes 2 to 10 arguments, or a window: max(loss[50])\n  max(1) > 2\n  ^^^",
    "isnan(3)": "isnan() takes the name of a metric: isnan(loss)\n  isnan(3)\n        ^",
    "step > 5": 'step is a function: step(). A metric of that name is in quotes: "step"\n  step > 5\n  ^^^^',
    "no_data(600)": (
        "no_data is not known here: give stall_after to learn of a training that logs nothing\n"
        "  no_data(600)\n  ^^^^^^^"
    ),
    "loss > 10, warn, spike": "after a comma comes an option: , for_steps=3\n  loss > 10, warn, spike\n             ^^^^",
    "loss > 10, for_step=3": (
        "there is no option 'for_step': did you mean for_steps?; there are for_steps and cooldown\n"
        "  loss > 10, for_step=3\n             ^^^^^^^^^^"
    ),
    "loss > 10, for_steps=0": (
        "for_steps is '0': write a whole number, 1 or more\n  loss > 10, for_steps=0\n                       ^"
    ),
    "loss > 10, cooldown=x": ("cooldown is a number: , cooldown=10m\n  loss > 10, cooldown=x\n                      ^"),
    "loss == nan": (
        "nothing is compared with nan: write loss is nan; a metric of that name is in quotes\n  loss == nan\n          ^^^"
    ),
    "loss > -Inf": (
        "nothing is compared with Inf: write loss is inf; a metric of that name is in quotes\n  loss > -Inf\n          ^^^"
    ),
    "loss != loss": (
        "both sides are the same metric; whether it is NaN is asked so: loss is nan\n  loss != loss\n       ^^"
    ),
    "loss": "'loss' is a number: compare it: loss > 10\n  loss\n  ^^^^",
    "loss - 10 => error": "'loss - 10' is a number: compare it: loss > 10\n  loss - 10 => error\n  ^^^^^^^^^",
    "loss => error": "'loss' is a number: compare it: loss > 10\n  loss => error\n  ^^^^",
    "lr > 1 and loss - 10 or x > 2": (
        "'loss - 10' is a number: compare it: loss > 10\n  lr > 1 and loss - 10 or x > 2\n             ^^^^^^^^^"
    ),
    "mean(loss[5]) or x > 2": (
        "'mean(loss[5])' is a number: compare it: loss > 10\n  mean(loss[5]) or x > 2\n  ^^^^^^^^^^^^^"
    ),
    "not (age(loss))": "'(age(loss))' is a number: compare it: loss > 10\n  not (age(loss))\n      ^^^^^^^^^^^",
    "(5)": "'(5)' is a number: compare it: loss > 10\n  (5)\n  ^^^",
    "loss # 3": "'#' is not known here; if it is part of a metric's name, put that into quotes: \"eval-loss\"\n"
    "  loss # 3\n       ^",
    "3rd_loss > 1": 'this is no number; if it is a metric, put its name into quotes: "1st_loss"\n  3rd_loss > 1\n  ^',
    "loss > 1e999": "this number is too large: write one below 1e308\n  loss > 1e999\n         ^^^^^",
    '"loss > 1': 'the quote " is not closed: write one behind the name\n  "loss > 1\n  ^',
    "'' > 1": "the name of a metric has 1 to 200 characters\n  '' > 1\n  ^^",
    "损失 > 1 3": "the condition is over before '3': is an operator missing?\n  损失 > 1 3\n           ^",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_rule(text: str) -> None:
    """The error says what is wrong, shows where, and how to mend it."""
    assert said(text) == WRONG[text]


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        (5, "a rule is a text"),
        ({}, "has a condition"),
        ({"condition": 3}, "has a condition"),
        ({"condition": "loss > 1", "levle": "error"}, "a rule has no 'levle': did you mean level?; it has condition"),
        ({"condition": "loss > 1", "level": "loud"}, "there is no level 'loud'"),
        ({"condition": "loss > 1", "title": 3}, "the title of a rule is a text"),
        ({"condition": "loss > 1", "for_steps": 1.5}, "for_steps is '1.5'"),
        ({"condition": "loss > 1", "for_steps": True}, "for_steps is 'True'"),
        ({"condition": "loss > 1", "cooldown": -1}, "cooldown is '-1'"),
        ({"condition": "loss > 1", 3: 4}, "a rule has no '3'"),
    ],
)
def test_a_wrong_dict(rule: object, part: str) -> None:
    assert part in said(rule)


@pytest.mark.parametrize("wrong", ["loss > 10", {"condition": "loss > 10"}, 5, [5], ["loss >"], ["loss > 1"] * 101])
def test_a_wrong_rule_is_an_error_when_the_run_is_made(wrong: Any) -> None:
    """Also one text in place of a list."""
    with pytest.raises(ArgumentError, match="rules"):
        TrainingRun(RecordingNotifier(), rules=wrong)


def test_the_error_names_the_rule() -> None:
    """Of several."""
    with pytest.raises(ArgumentError, match=r"rules, number 2: the bracket"):
        rules_of(["loss > 10", "(loss > 1"])


@pytest.mark.parametrize(
    "text",
    [
        "x > 1 " + "and x > 1 " * 1_200,
        "(" * 400 + "x",
        "not " * 200 + "x",
        "-" * 900 + "1 > x",
        "abs(" * 200,
        "x[" * 450,
    ],
    ids=["10 KB", "brackets", "nots", "signs", "calls", "windows"],
)
def test_a_rule_that_is_too_much(text: str) -> None:
    """Long, or deep: an error, and a short one."""
    assert len(said(text)) < 400


def test_a_long_rule_that_is_not_deep() -> None:
    """A chain nests nothing, so it can be evaluated on any stack."""
    rule = rule_of("+".join(["x"] * 480) + " > 1")
    assert len(rule.text) == 963


def test_a_rule_can_be_copied_and_pickled() -> None:
    """With the callback that has it."""
    rule = rule_of('zscore(loss[50]) > 3 and not (lr < 1 or age(x) > 2h) and "a b" is not finite => error: x')
    assert pickle.loads(pickle.dumps(rule)) == copy.deepcopy(rule) == rule


WORDS = [
    *sorted(functions.NAMES),
    *("loss", "eval/loss", "and", "or", "not", "is", "nan", "inf", "finite", "true", "for_steps", "cooldown"),
    *(
        "error",
        "0",
        "1.5",
        "50",
        "1e3",
        "10m",
        "1e400",
        '"',
        "'",
        "`",
        "=>",
        "=",
        ",",
        ";",
        "\n",
        "损失",
        "𝟙",
        "²",
        "\ud800",
    ),
    *"()[]+-*/%<>!&|~:.@_ ",
]
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=40).map("".join),
    st.text(st.sampled_from(string.printable), max_size=1_200),
)


@settings(max_examples=600, deadline=None)
@given(TEXTS)
def test_any_text_is_a_rule_or_an_argument_error(text: str) -> None:
    """Nothing else is raised; and it takes no time that anybody notices."""
    began = time.process_time()
    try:
        found: object = rule_of(text)
    except ArgumentError as error:
        found = error
    assert isinstance(found, Rule) or len(str(found)) < 600
    assert time.process_time() - began < 5


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_the_text_of_a_condition_is_the_condition(text: str) -> None:
    """What people read as the rule means the same."""
    try:
        rule = rule_of(text)
    except ArgumentError:
        return
    again = parsed(rule.text)
    assert (again.condition, again.windows) == (rule.condition, rule.windows)
