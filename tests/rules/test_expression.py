"""What conditions are worth: against a plain reference, and against what people expect."""

from __future__ import annotations

import itertools
import math
import random
import statistics
import time
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from twinkle_notifier.rules.rule import rule_of
from twinkle_notifier.rules.values import Series

Unknown = None
Tree = tuple[Any, ...]  # ("+", left, right), ("mean", "a", 5), 3.0, "a"
Log = list[dict[str, float]]
QUESTIONS = ("isnan", "isinf", "isfinite", "has")


def worth(text: str, logs: Log, began: float | None = None, is_truth: bool = True) -> float | None:
    """Of a rule, or of a number in one, after these logs."""
    rule = rule_of(text if is_truth else f"{text} == 0")
    series = Series(rule.windows, began)
    for step, numbers in enumerate(logs, 1):
        series.add(numbers, step * 10, float(step))
    part = rule.condition if is_truth else rule.condition.first  # type: ignore[attr-defined]
    return part.worth(series)


# The reference: written from the page docs/rules.md, without the classes of the package.


def finite(value: Any) -> Any:
    return value if value is not Unknown and math.isfinite(value) else Unknown


def last(logs: Log, name: str) -> Any:
    return next((log[name] for log in reversed(logs) if name in log), Unknown)


def values(logs: Log, name: str, count: int) -> tuple[list[float], list[float]]:
    both = [(log[name], step * 10.0) for step, log in enumerate(logs, 1) if finite(log.get(name)) is not Unknown]
    both = both[-count:]
    return [value for value, _ in both], [step for _, step in both]


def over_window(function: str, xs: list[float], steps: list[float], count: int) -> Any:
    if function == "count":
        return float(len(xs)) if xs else Unknown
    if not xs:
        return Unknown
    if function in ("increasing", "decreasing", "stalled") and len(xs) < count:
        return Unknown
    if function in ("std", "var", "diff", "rate", "pct_change", "slope", "zscore") and len(xs) < 2:
        return Unknown
    pairs = list(itertools.pairwise(xs))
    simple = {
        "mean": lambda: statistics.fmean(xs),
        "median": lambda: statistics.median(xs),
        "std": lambda: statistics.pstdev(xs),
        "var": lambda: statistics.pvariance(xs),
        "sum": lambda: math.fsum(xs),
        "min": lambda: min(xs),
        "max": lambda: max(xs),
        "first": lambda: xs[0],
        "last": lambda: xs[-1],
        "diff": lambda: xs[-1] - xs[0],
        "rate": lambda: (xs[-1] - xs[0]) / (steps[-1] - steps[0]),
        "pct_change": lambda: (xs[-1] - xs[0]) / abs(xs[0]) if xs[0] else Unknown,
        "slope": lambda: statistics.linear_regression(steps, xs).slope,
        "zscore": lambda: (xs[-1] - statistics.fmean(xs)) / statistics.pstdev(xs) if statistics.pstdev(xs) else Unknown,
        "increasing": lambda: float(all(b > a for a, b in pairs)),
        "decreasing": lambda: float(all(b < a for a, b in pairs)),
        "stalled": lambda: float(max(xs) == min(xs)),
    }
    return simple[function]()


COMPARED: dict[str, Any] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def reference(tree: Any, logs: Log) -> Any:
    if isinstance(tree, float):
        return tree
    if isinstance(tree, str):
        return finite(last(logs, tree))
    kind = tree[0]
    if kind in QUESTIONS:
        value = last(logs, tree[1])
        if kind == "has":
            return float(value is not Unknown)
        return float(getattr(math, kind)(value)) if value is not Unknown else Unknown
    if kind == "window":
        _, function, name, count = tree
        if function != "count" and finite(last(logs, name)) is Unknown:
            return Unknown
        return finite(over_window(function, *values(logs, name, count), count))
    parts = [reference(part, logs) for part in tree[1:]]
    if kind == "and":
        return 0.0 if 0.0 in parts else Unknown if Unknown in parts else 1.0
    if kind == "or":
        return 1.0 if any(parts) else Unknown if Unknown in parts else 0.0
    if Unknown in parts:
        return Unknown
    if kind == "not":
        return float(not parts[0])
    if kind == "minus":
        return -parts[0]
    if kind in COMPARED:
        return float(COMPARED[kind](*parts))
    left, right = parts
    if kind in "/%" and right == 0:
        return Unknown
    done = {"+": left + right, "-": left - right, "*": left * right}
    return finite(done[kind] if kind in done else left / right if kind == "/" else left % right)


def written(tree: Any) -> str:
    """The tree as a rule."""
    if isinstance(tree, float):
        return repr(tree) if tree >= 0 else f"({tree!r})"
    if isinstance(tree, str):
        return tree
    kind = tree[0]
    if kind in QUESTIONS:
        return f"{kind}({tree[1]})"
    if kind == "window":
        return f"{tree[1]}({tree[2]}[{tree[3]}])"
    if kind == "minus":
        return f"(- {written(tree[1])})"
    if kind == "not":
        return f"(not {compared(tree[1])})"
    parts = map(compared if kind in ("and", "or") else written, tree[1:])
    return f"({f' {kind} '.join(parts)})"


def is_truth(tree: Any) -> bool:
    if not isinstance(tree, tuple):
        return False
    if tree[0] == "window":
        return tree[1] in ("increasing", "decreasing", "stalled")
    return tree[0] in (*QUESTIONS, *COMPARED, "and", "or", "not")


def compared(tree: Any) -> str:
    """As a truth: a number alone is refused."""
    return written(tree) if is_truth(tree) else f"({written(tree)} != 0)"


def asks_for_nan(tree: Any) -> bool:
    """By ``loss != loss``, which is refused."""
    if not isinstance(tree, tuple) or tree[0] in ("window", *QUESTIONS):
        return False
    same = tree[0] in ("==", "!=") and tree[1] == tree[2] and isinstance(tree[1], str)
    return same or any(map(asks_for_nan, tree[1:]))


WINDOWED = [
    *("mean", "median", "std", "var", "sum", "min", "max", "first", "last", "count", "diff", "rate"),
    *("pct_change", "slope", "zscore", "increasing", "decreasing", "stalled"),
]
NAMES = st.sampled_from(["a", "b", "eval/c"])
NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6).map(lambda x: round(x, 3)))
LEAVES = st.one_of(
    NUMBERS,
    NAMES,
    st.tuples(st.sampled_from(QUESTIONS), NAMES),
    st.tuples(st.just("window"), st.sampled_from(WINDOWED), NAMES, st.integers(2, 6)),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from([*COMPARED, *"+-*/%"]), inner, inner),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner, inner),
        st.tuples(st.sampled_from(["not", "minus"]), inner),
    ),
    max_leaves=8,
)
LOGGED = st.one_of(NUMBERS, st.sampled_from([math.nan, math.inf, -math.inf]))
LOGS = st.lists(st.dictionaries(NAMES, LOGGED, max_size=3), min_size=1, max_size=12)


@settings(max_examples=500, deadline=None)
@given(TREES, LOGS)
@example(("and", ("isnan", "a"), ("/", 1.0, 0.0), 0.0), [{"a": math.nan}])
def test_a_condition_is_worth_what_the_reference_says(tree: Any, logs: Log) -> None:
    """Whatever is logged, and whatever is missing."""
    assume(not asks_for_nan(tree))
    found, expected = worth(written(tree), logs, is_truth=is_truth(tree)), reference(tree, logs)
    # Where a rounding of the last digits decides a comparison, both are right.
    assert (
        found == expected or found == pytest.approx(expected, rel=1e-6, abs=1e-6) or decided_by_a_rounding(tree, logs)
    )


def decided_by_a_rounding(tree: Any, logs: Log) -> bool:
    if not isinstance(tree, tuple) or tree[0] in ("window", *QUESTIONS):
        # A spread that is zero but for a rounding.
        return isinstance(tree, tuple) and tree[1] == "zscore" and _is_flat(values(logs, tree[2], tree[3])[0])
    parts = [reference(part, logs) for part in tree[1:]]
    near = (
        tree[0] in (*COMPARED, "%", "/", "and", "or", "not")
        and Unknown not in parts
        and (abs(parts[0] - parts[-1]) < 1e-6 * max(1.0, *map(abs, parts)) or min(map(abs, parts)) < 1e-6)
    )
    return near or tree[0] == "%" or any(decided_by_a_rounding(part, logs) for part in tree[1:])


def _is_flat(xs: list[float]) -> bool:
    return not xs or not all(map(math.isfinite, xs)) or max(xs) - min(xs) <= 1e-9 * max(1.0, *map(abs, xs))


@pytest.mark.parametrize("count", [2, 5, 20, 50])
@pytest.mark.parametrize("function", WINDOWED)
def test_each_function_of_a_window(function: str, count: int) -> None:
    """On usual values, to many digits."""
    noise = random.Random(count)
    logs = [{"a": noise.gauss(2, 1)} if at % 3 else {} for at in range(75)]
    tree = ("window", function, "a", count)
    found = worth(f"{function}(a[{count}])", logs, is_truth=is_truth(tree))
    assert found == pytest.approx(reference(tree, logs))


# What people expect, by hand


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 == 7", 1),
        ("10 - 2 - 3 == 5", 1),
        ("12 / 2 / 3 == 2", 1),
        ("7 % 4 == 3", 1),
        ("-2 < 1", 1),
        ("- - 2 == 2", 1),
        ("not 1 > 2 and 2 > 1", 1),
        ("not (1 > 2 or 2 > 1)", 0),
        ("1 > 2 or 2 > 1 and 1 > 2", 0),
        ("1 < 2 < 3", 1),
        ("1 < 3 < 2", 0),
        ("1 > 2 && true | !false & true", 1),
        ("2h == 7200 and 1.5m == 90 and 30s == 30 and 250ms == .25", 1),
        ("max(1, 2, 3) == 3 and min(4, 2) == 2", 1),
        ("abs(-3) + sqrt(4) + exp(0) + log(1) + log(8, 2) + floor(1.5) + ceil(1.5) == 12", 1),
        ("1 / 0 > 1", None),
        ("5 % 0 > 1", None),
        ("log(0) > 1", None),
        ("sqrt(-1) > 1", None),
        ("exp(1000) > 1", None),
        ("1e308 * 10 > 1", None),
        ("1 / 0 > 1 or true", 1),
        ("1 / 0 > 1 and false", 0),
        ("not (1 / 0 > 1)", None),
        ("3 < 1 < 1 / 0", 0),
        ("log(1e308 * 1e308) > 1", None),
    ],
)
def test_numbers(text: str, expected: float | None) -> None:
    """What binds stronger, and what cannot be said."""
    assert worth(text, [{}]) == expected


LOSSES = [{"loss": 1.0 + 0.1 * (at % 3)} for at in range(60)]


@pytest.mark.parametrize(
    ("text", "last", "expected"),
    [
        ("zscore(loss[50]) > 5", 9.0, 1),
        ("zscore(loss[50]) > 5", 1.2, 0),
        ("loss > 2 * median(loss[20])", 9.0, 1),
        ("loss is nan", math.nan, 1),
        ("loss is not nan", math.nan, 0),
        ("loss is finite", math.inf, 0),
        ("loss is inf", -math.inf, 1),
        ("isfinite(loss)", 1.0, 1),
        ("not isfinite(loss)", math.nan, 1),
        ("isnan(loss)", 1.0, 0),
        ("loss > 10", math.nan, None),
        ("loss > 10", math.inf, None),
        ("not loss > 10", math.nan, None),
        ("mean(loss[5]) > 0", math.nan, None),
        ("count(loss[5]) == 5", math.nan, 1),
        ("stalled(loss[3])", 1.0, 0),
        ("stalled(loss[3], 1)", 1.0, 1),
        ("stalled(loss[100])", 1.0, None),
        ("ema(loss[1], 0.5) == 7", 7.0, 1),
        ("ema(loss[3], 2) > 0", 7.0, None),
        ("step() == 610", 1.0, 1),
        ("elapsed() == 61", 1.0, 1),
        ("other > 1", 1.0, None),
        ("has(other)", 1.0, 0),
        ("has(loss)", 1.0, 1),
        ("age(loss) == 0", 1.0, 1),
        ("age(other) > 0", 1.0, None),
    ],
)
def test_of_a_loss(text: str, last: float, expected: float | None) -> None:
    """After sixty usual ones."""
    assert worth(text, [*LOSSES, {"loss": last}], began=0.0) == expected


@pytest.mark.parametrize("lost", [math.inf, math.nan])
def test_a_window_leaves_out_what_is_not_finite(lost: float) -> None:
    """One infinite norm of a gradient makes no rule blind; nor does it judge by the value before."""
    rule, usual = "grad_norm > 3 * median(grad_norm[50])", [{"grad_norm": 1.0}] * 60
    assert worth(rule, [*usual, {"grad_norm": lost}]) is None
    assert worth(rule, [*usual, {"grad_norm": lost}, {"grad_norm": 9.0}]) == 1
    assert worth("zscore(grad_norm[50]) > 5", [*usual, {"grad_norm": 9.0}, {"grad_norm": lost}]) is None
    assert worth("count(grad_norm[99]) == 60", [*usual, {"grad_norm": lost}]) == 1


def test_a_short_window_beside_a_long_one_costs_little() -> None:
    """Only its own values are copied."""
    series = Series({"loss": 10_000}, 0.0)
    for step in range(10_000):
        series.add({"loss": float(step)}, step, 0.0)
    assert series.window("loss", 2) == series.steps("loss", 2) == [9998.0, 9999.0]
    best = {}
    for count in (2, 10_000):
        took = []
        for _ in range(20):
            began = time.perf_counter()
            series.window("loss", count)
            took.append(time.perf_counter() - began)
        best[count] = min(took)
    assert best[2] < best[10_000] / 5


def test_without_a_clock_a_time_is_not_known() -> None:
    """As where a run is replayed."""
    assert worth("elapsed() > 0", LOSSES) is worth("age(loss) >= 0", LOSSES) is None


def test_plateau_needs_all_its_values() -> None:
    """Two equal ones of five are none."""
    logs = [{"eval_loss": 0.5}] * 4
    assert [worth("stalled(eval_loss[5])", [*logs, *more]) for more in ([], [{"eval_loss": 0.5}])] == [None, 1]
