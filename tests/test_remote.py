"""Exceptions that reach this process as text from another."""

from __future__ import annotations

import pytest

from twinkle_notifier.remote import Remote, remote


class ProcessRaisedException(Exception):
    """As torch.multiprocessing makes it."""

    error_index = 3


WORKER = """

-- Process 3 terminated with the following error:
Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/torch/multiprocessing/spawn.py", line 90, in _wrap
    fn(i, *args)
  File "/home/a/train.py", line 21, in training_step
    raise ValueError("lost")
{last}
"""


@pytest.mark.parametrize(
    ("last", "kind", "message"),
    [
        ("ValueError: lost: at step 3", "ValueError", "lost: at step 3"),
        ("torch.OutOfMemoryError: CUDA out of memory", "OutOfMemoryError", "CUDA out of memory"),
        ("KeyboardInterrupt", "KeyboardInterrupt", ""),
    ],
)
def test_a_spawned_workers_error(last: str, kind: str, message: str) -> None:
    """Its own type, message, traceback, place and rank."""
    there = remote(ProcessRaisedException(WORKER.format(last=last)))
    assert there is not None
    assert (there.type, there.message, there.rank, there.at()) == (kind, message, 3, "train.py:21 in training_step")
    assert there.traceback.startswith("Traceback (most recent call last):")
    assert there.traceback.endswith(last)


def test_an_unexpected_text_is_still_told() -> None:
    """Another version may write it otherwise."""
    assert remote(ProcessRaisedException("gone: to lunch\n")) == Remote("gone", "to lunch", "gone: to lunch", 3)


class RayTaskError(Exception):
    """As Ray makes it, around the exception that the task raised."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__("a task failed")
        self.cause = cause
        self.traceback_str = "ray::work()\nValueError: lost"


class Mute(Exception):
    def __str__(self) -> str:
        raise OSError("https://host/secret")


def test_a_tasks_error() -> None:
    """By its own type and message, though they cannot be asked for, or another task or a worker lies between."""
    told = "ray::work()\nValueError: lost"
    assert remote(RayTaskError(ValueError("lost"))) == Remote("ValueError", "lost", told)
    assert remote(RayTaskError(RayTaskError(ValueError("lost")))) == Remote("ValueError", "lost", told)
    assert remote(RayTaskError(Mute())) == Remote("Mute", "<its __str__ raised OSError>", told)
    worker = remote(RayTaskError(ProcessRaisedException(WORKER.format(last="ValueError: lost"))))
    assert worker is not None
    assert worker.rank == 3


def test_what_is_odd_is_told() -> None:
    """Errors in a circle, a rank that is none, megabytes."""
    circle = RayTaskError(ValueError())
    circle.cause = circle
    assert remote(circle) is not None
    long = ProcessRaisedException(WORKER.format(last="ValueError: lost" + "x" * 10_000_000))
    long.error_index = "three"  # type: ignore[assignment]
    there = remote(long)
    assert there is not None
    assert (there.type, there.rank, there.at()) == ("ValueError", None, "train.py:21 in training_step")
    assert len(there.traceback) < 100_000


def test_an_exception_of_this_process_stands_for_itself() -> None:
    """Also one that has a cause."""
    error = ValueError("here")
    error.__cause__ = KeyError("there")
    assert remote(error) is None
