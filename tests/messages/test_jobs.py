"""What the alert of a sweep's end says about its jobs."""

from __future__ import annotations

import pytest

from twinkle_notifier.messages.jobs import Job, facts, not_fine
from twinkle_notifier.runtime.stored import dumped, parsed

JOBS = [
    Job(0, "lr=1", over=True, value="0.5"),
    Job(1, "lr=2", over=True, value="1e+300"),
    Job(2, "lr=3", over=True, error="ValueError: too large", at="train.py:3 in step", kind="a"),
    Job(3, "lr=4", over=True, error="ValueError: too large, too", at="train.py:3 in step", kind="a"),
    Job(4, "", over=True, error="OSError", kind="b"),
    Job(5, "lr=6"),
]


@pytest.mark.parametrize(
    ("direction", "values"),
    [
        ("minimize", [("Best value", "0.5, by job 0: lr=1")]),
        ("maximize", [("Best value", "1e+300, by job 1: lr=2")]),
        ("", [("Lowest value", "0.5, by job 0: lr=1"), ("Highest value", "1e+300, by job 1: lr=2")]),
    ],
)
def test_counts_values_and_errors(direction: str, values: list[tuple[str, str]]) -> None:
    """The kind of error that came most often comes first, with its first job."""
    assert facts(JOBS, direction, "en") == [
        ("Jobs", "6 in all, 2 fine, 3 failed, 1 without an end"),
        *values,
        ("Error", "2 × ValueError: too large, at train.py:3 in step; first in job 2: lr=3"),
        ("Error", "1 × OSError; first in job 4: -"),
    ]
    assert not_fine(JOBS) == 4


def test_many_kinds_of_errors_are_counted() -> None:
    """Five are named."""
    jobs = [Job(number, "", over=True, error=f"E{number}", kind=str(number)) for number in range(8)]
    assert [value for name, value in facts(jobs, "", "en") if name == "Error"][4:] == [
        "1 × E4; first in job 4: -",
        "and 3 more",
    ]


def test_a_sweep_in_chinese() -> None:
    """Without a word of English but the user's own."""
    assert facts(JOBS[:3], "maximize", "zh") == [
        ("Jobs", "共 3 个，2 个正常，1 个失败"),
        ("Best value", "1e+300，作业 1：lr=2"),
        ("Error", "1 次 ValueError: too large，位于 train.py:3 in step；首次出现在作业 2：lr=3"),
    ]


@pytest.mark.parametrize("job", JOBS)
def test_a_job_is_read_as_it_was_written(job: Job) -> None:
    assert parsed(Job.load, dumped(job)) == job


@pytest.mark.parametrize("value", ["nan", "inf", "many"])
def test_a_value_that_is_no_number_is_not_read(value: str) -> None:
    """Others can write into a shared folder."""
    assert parsed(Job.load, dumped(JOBS[0]._replace(value=value))) is None
