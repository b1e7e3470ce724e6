"""A sweep: what is sent of its jobs, in this process and in others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import Progress, Sweep, TrainingRun
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.testing import RecordingNotifier


def titles(told: RecordingNotifier) -> list[str]:
    background.flush(10)
    return [message.splitlines()[0].removeprefix("### ") for message in told.messages]


def fail(sweep: Sweep, number: int, error: Exception) -> None:
    try:
        raise error
    except type(error) as exc:
        sweep.failed(number, exc, f"lr={number}")


def test_three_new_kinds_of_errors_are_told_at_once() -> None:
    """The message of the end has the others, too."""
    told = RecordingNotifier()
    sweep = Sweep(TrainingRun(told, name="sft"))
    with sweep.running():
        for number, kind in enumerate((ValueError, ValueError, TypeError, KeyError, OSError)):
            sweep.began(number)
            fail(sweep, number, kind("no"))
    assert titles(told) == [
        "sft: job 0 failed: ValueError: no",
        "sft: job 2 failed: TypeError: no",
        "sft: job 3 failed: KeyError: 'no'",
        "sft: 5 of 5 jobs failed",
    ]
    assert "\n- Error: 2 × ValueError: no, at test_sweep.py:" in told.messages[-1]
    assert "\n- Error: 1 × OSError: no, at test_sweep.py:" in told.messages[-1]


def test_values_of_any_type() -> None:
    """Only a number takes part in which is the best; what raises, hangs or is none is left out."""

    class Odd:
        def __float__(self) -> float:
            raise ValueError

    told = RecordingNotifier()
    sweep = Sweep(TrainingRun(told, name="sft"), direction="maximize")
    with sweep.running():
        for number, value in enumerate((None, "9", True, Odd(), {}, float("nan"), (1, 2), 3, 2.5)):
            sweep.ended(number, f"lr={number}", value)
    assert re.fullmatch(r"sft: sweep ended after \d+ s", *titles(told))
    assert "\n- Best value: 3, by job 7: lr=7\n" in told.messages[0]


@pytest.mark.parametrize(
    ("notifications", "expected"),
    [
        ("all", ["sft: job 1 failed: ValueError: no", "sft: 1 of 2 jobs failed"]),
        ("failure_only", ["sft: job 1 failed: ValueError: no", "sft: 1 of 2 jobs failed"]),
        ("end_only", ["sft: 1 of 2 jobs failed"]),
    ],
)
def test_how_much_is_told(notifications: str, expected: list[str]) -> None:
    """See docs/settings.md."""
    told = RecordingNotifier()
    sweep = Sweep(TrainingRun(told, name="sft", notifications=notifications))  # type: ignore[arg-type]
    with sweep.running():
        sweep.ended(0)
        fail(sweep, 1, ValueError("no"))
    assert titles(told) == expected


def test_an_error_that_is_no_jobs_is_what_the_alert_is_about() -> None:
    """It goes on to the caller, and the message has the jobs."""
    told, error = RecordingNotifier(), RuntimeError("the launcher is gone")
    sweep = Sweep(TrainingRun(told, name="sft"))

    def jobs() -> None:
        with sweep.running():
            sweep.ended(0)
            sweep.began(1)
            raise error

    with pytest.raises(RuntimeError) as caught:
        jobs()
    assert caught.value is error
    assert titles(told) == ["sft failed: RuntimeError: the launcher is gone"]
    assert "\n- Jobs: 2 in all, 1 fine, 1 without an end\n" in told.messages[0]


JOBS = """
    import multiprocessing, sys
    from pathlib import Path
    from twinkle_notifier import DingNotifier, Sweep, TrainingRun


    def job(sweep, number):
        sweep.began(number)
        try:
            [0][number]
        except IndexError as exc:
            sweep.failed(number, exc)
        else:
            sweep.ended(number, value=0.5)


    if __name__ == "__main__":
        run = TrainingRun(DingNotifier("env:DING_URL", "env:DING_SECRET"), name="sft")
        sweep = Sweep(run, "sweep")
        with sweep.running(), multiprocessing.get_context("spawn").Pool(2) as pool:
            pool.starmap(job, [(sweep, number) for number in range(3)], chunksize=1)
            [place] = Path("sweep").iterdir()
            (place / "9.job").write_text("[]")  # no job
"""


def test_jobs_in_other_processes(run: Callable[..., Any], inbox: Inbox, tmp_path: Path) -> None:
    """They tell each kind of error once; the first process knows them all, and removes what they wrote."""
    done = run(JOBS)
    assert done.returncode == 0, done.stderr
    told, end = inbox.messages
    assert re.fullmatch("sft: job [12] failed: IndexError: list index out of range", told.title)
    assert end.title == "sft: 2 of 3 jobs failed"
    assert "\n- Jobs: 3 in all, 1 fine, 2 failed\n" in end.text
    assert list((tmp_path / "work" / "sweep").iterdir()) == []


def test_a_folder_that_cannot_be_written_hinders_no_job(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says that the end will not tell of it."""
    (tmp_path / "sweep").write_text("a file")
    sweep = Sweep(TrainingRun(RecordingNotifier(), name="sft"), str(tmp_path / "sweep"))
    sweep._home = "another process"
    sweep.ended(3)
    assert "the end of the sweep will not tell of job 3" in caplog.text


def test_facts_of_a_progress_are_read_as_plain_text() -> None:
    """A message shows them first; what is no pair of texts leaves the rest as it is."""
    given = Progress(facts=[("Overrides", "lr=1"), ("{x}", "no")], step=3)
    assert Progress.of(given).lines() == ["- Overrides: lr=1", "- Progress: step 3"]
    assert Progress.of(Progress(facts=3, step=3)).lines() == ["- Progress: step 3"]  # type: ignore[arg-type]
