"""The speed of a training, over what happens to trainings."""

from __future__ import annotations

import pytest

from twinkle_notifier.progress.pace import Pace


def noted(*notes: tuple[float, ...]) -> Pace:
    pace = Pace()
    for note in notes:
        pace.note(*note)
    return pace


def test_the_time_before_the_first_step_does_not_count() -> None:
    """A compilation, or the batches that a resume skips; nor do the steps that the resume finds done."""
    pace = noted((2400, 0), (2400, 600), (2410, 605), (2600, 700))
    assert pace.speed(700) == pytest.approx(2)


def test_each_message_counts_from_the_one_before() -> None:
    """A slow hour of the past is over."""
    pace = noted((0, 0), (1, 3600), (2, 7200))
    pace.turn(7200)
    assert pace.speed(7200) is None
    pace.note(102, 7300)
    assert pace.speed(7300) == pytest.approx(1)


def test_the_time_in_which_the_process_was_stopped_does_not_count() -> None:
    """By a debugger, a scheduler that suspends jobs, or a laptop's lid."""
    pace = noted((0, 0), (0, 5), (10, 10), (20, 7215, 7200))
    assert pace.speed(7215) == pytest.approx(2)


def test_steps_that_go_back_begin_anew() -> None:
    """A training that has gone back to a checkpoint."""
    pace = noted((0, 0), (100, 10), (60, 20), (60, 25), (80, 35))
    assert pace.steps() == 20
    assert pace.speed(35) == pytest.approx(2)


def test_without_a_step_there_is_no_speed() -> None:
    """And it is known since when."""
    pace = noted((5, 0), (7, 10), (7, 100))
    pace.turn(20)
    assert (pace.speed(100), pace.moved_at, pace.steps()) == (None, 10, 0)
