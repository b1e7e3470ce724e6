"""What is kept of the metrics that a trainer logs."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from twinkle_notifier import Progress, TrainingRun, notify_exception
from twinkle_notifier.course import Course
from twinkle_notifier.testing import RecordingNotifier


class Array:
    """On a device, of so many values. To read it does `how`."""

    def __init__(self, size: int = 1, how: Callable[[], Any] = lambda: 2.0) -> None:
        self.size, self.how = size, how

    def __float__(self) -> float:
        return float(self.how())


class Tensor(Array):
    size: Any = None

    def numel(self) -> int:
        return self.count

    def __init__(self, count: int = 1) -> None:
        self.count, self.how = count, lambda: 3.0


def hang() -> None:
    time.sleep(60)


def fail() -> None:
    raise RuntimeError("the device is lost")


def test_one_number_is_kept_of_each() -> None:
    """Neither images, nor lists, nor texts."""
    course = Course()
    many = {"image": Array(64), "weights": Tensor(9), "list": [1.0], "text": "warm-up", "none": None, "table": object()}
    course.add({"loss": 0.5, "steps": 7, "scalar": Array(), "tensor": Tensor(), **many})
    assert course.metrics() == {"loss": 0.5, "steps": 7, "scalar": 2.0, "tensor": 3.0}


@pytest.mark.parametrize("digits", [309, 5_000])
def test_an_int_that_no_float_can_hold_is_left_out(digits: int) -> None:
    """As rules leave it out. The other ints stay what they are."""
    course = Course()
    for value in (3, -(10**digits), 10**digits, 2, 1):
        course.add({"loss": value, "tokens": 10**digits if value == 1 else 1_200_000})
    assert (course.read(), course.metrics()) == ((3, 2, 1), {"loss": 1, "tokens": 1_200_000})
    assert type(course.metrics()["tokens"]) is int


def test_what_is_no_number_is_not_held() -> None:
    """It may be large, and on the device."""
    course, image = Course(), Array(64)
    course.add({"image": image})
    gone = weakref.ref(image)
    del image
    gc.collect()
    assert gone() is None


def test_it_is_not_read_when_it_is_logged() -> None:
    """That would wait for the device."""
    course, read = Course(), list[int]()
    course.add({"loss": Array(how=lambda: read.append(1) or 0.5)})
    assert read == []
    assert course.read() == (0.5,)


@pytest.mark.parametrize("how", [hang, fail])
def test_a_value_that_cannot_be_read_costs_no_other(how: Callable[[], Any]) -> None:
    """Plain numbers need no device."""
    course = Course()
    course.add({"broken": Array(how=how), "loss": 0.5})
    course.add({"loss": 0.25})
    assert (course.metrics(), course.read()) == ({"loss": 0.25}, (0.5, 0.25))


def said(**more: Any) -> str:
    try:
        raise ValueError("the disk is full")
    except ValueError as error:
        notify_exception(told := RecordingNotifier(), exc=error, **more)
    [message] = told.messages
    return message


def test_a_trainer_that_hangs_costs_only_its_own_answer() -> None:
    """What the run knows by itself is in the alert of code around it, also beside a metric that hangs."""
    run = TrainingRun(on_end=False)
    run.started(progress=lambda: hang() or Progress())
    for loss in (0.75, 0.5, 0.5, 0.25):
        run.log({"loss": loss, "broken": Array(how=hang), "lr": 0.125})
    run.saved("out/6", 6)
    message = said()
    for line in ("- Progress: after ", "lr 0.125", "- Last checkpoint: out/6", "- loss: "):
        assert line in message, message
    run.ended()


def test_a_metric_that_hangs_costs_no_other() -> None:
    """Nor the rest of what a caller says."""

    class Hangs:
        def __str__(self) -> str:
            return str(hang())

    wrong: Any = Hangs()
    message = said(progress=Progress(step=7, metrics={"broken": wrong, "loss": 0.5}))
    assert "- Progress: step 7" in message
    assert "loss 0.5" in message
