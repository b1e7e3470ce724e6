"""Which exceptions are the same: pairs that must differ, and pairs that must not."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from twinkle_notifier.exceptions.fingerprint import fingerprint


def caught(work: Callable[[], Any]) -> BaseException:
    try:
        work()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def of(work: Callable[[], Any], *, name: str = "sft", context: str = "fit", kind: str = "failed") -> str:
    return fingerprint(caught(work), kind, name, context)


def code(source: str, path: str = "/home/a/project/train.py", **names: Any) -> Callable[[], Any]:
    """The function `work` of a module that lies at `path`."""
    module = types.ModuleType("__main__")
    module.__dict__.update(names)
    exec(compile(source, path, "exec"), module.__dict__)
    work: Callable[[], Any] = module.work
    return work


def library(source: str) -> dict[str, Any]:
    """What a module that is installed defines."""
    names: dict[str, Any] = {"__name__": "torch.nn"}
    exec(compile(source, "/usr/lib/python3/site-packages/torch/nn/linear.py", "exec"), names)
    return names


HELPER = """
def helper():
    raise ValueError("x")
def one():
    helper()
def two():
    helper()
"""
CHAIN = """
def work():
    try:
        raise {cause}("inner")
    except Exception as e:
        raise ValueError("outer") from e
"""
SUPPRESSED = """
def work():
    try:
        raise {cause}("inner")
    except Exception:
        raise ValueError("outer") from None
"""
RECURSION = """
def dive(n):
    if n:
        return dive(n - 1)
    raise ValueError("deep")
def work():
    dive({depth})
"""
MUTUAL = """
def ping(n):
    if n:
        return pong(n - 1)
    raise ValueError("deep")
def pong(n):
    return ping(n)
def work():
    ping({depth})
"""
LINEAR = library("def linear():\n    raise RuntimeError('mat1 and mat2 shapes cannot be multiplied')\n")
TWO_LAYERS = """
def work():
    if {first}:
        linear()
    linear()
"""
GROUP = """
def member(error):
    try:
        raise error
    except Exception as e:
        return e
def work():
    raise ExceptionGroup("several", [{members}])
"""


def worker_error(line: int, pid: int) -> BaseException:
    text = (
        f'Caught ValueError in DataLoader worker process {pid}.\n  File "/data/set.py", line {line}, in __getitem__\n'
    )
    return ValueError(text)


def throw(error: BaseException) -> None:
    raise error


class UserExceptionWithTraceback(Exception):
    """As Ray Train's controller gets it of a worker."""

    def __init__(self, exc: BaseException, line: int = 7) -> None:
        super().__init__(f'Traceback (most recent call last):\n  File "/a/train.py", line {line}, in step\n{exc!r}')
        self._base_exc, self._traceback_str = exc, str(self)


class WorkerGroupError(Exception):
    """As Ray Train's driver gets it of all workers."""

    def __init__(self, failure: BaseException) -> None:
        super().__init__("Training failed")
        self.worker_failures = {0: failure}


class WorkerHealthCheckFailedError(Exception):
    """As Ray Train's controller gets it of a worker that died."""

    def __init__(self, failure: BaseException) -> None:
        super().__init__("A worker health check failed.")
        self.health_check_failure = failure


class ProcessRaisedException(Exception):
    """As torch.multiprocessing raises it."""


def spawned(error: str) -> BaseException:
    frames = 'Traceback (most recent call last):\n  File "/a/train.py", line 7, in step\n'
    return ProcessRaisedException(f"-- Process 0 terminated with the following error:\n{frames}{error}")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (UserExceptionWithTraceback(MemoryError()), UserExceptionWithTraceback(RuntimeError())),
        (UserExceptionWithTraceback(RuntimeError()), UserExceptionWithTraceback(RuntimeError(), line=8)),
        (WorkerGroupError(MemoryError()), WorkerGroupError(RuntimeError())),
        (WorkerHealthCheckFailedError(MemoryError()), WorkerHealthCheckFailedError(RuntimeError())),
        (spawned("MemoryError: 1 GB"), spawned("RuntimeError: 1 GB")),
    ],
    ids=lambda exc: type(exc).__name__,
)
def test_what_a_worker_raised_tells_apart(one: BaseException, two: BaseException) -> None:
    """Though what arrives here is of one class, and was raised at one line."""
    assert of(partial(throw, one)) != of(partial(throw, two))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (UserExceptionWithTraceback(ValueError("rank 0")), UserExceptionWithTraceback(ValueError("rank 7"))),
        (WorkerGroupError(ValueError("rank 0")), WorkerGroupError(ValueError("rank 7"))),
        (spawned("ValueError: rank 0"), spawned("ValueError: rank 7")),
    ],
    ids=lambda exc: type(exc).__name__,
)
def test_what_workers_raised_alike_is_merged(one: BaseException, two: BaseException) -> None:
    """By its class and place, not by its message."""
    assert of(partial(throw, one)) == of(partial(throw, two))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(code(HELPER + "work = one"), code(HELPER + "work = two"), id="one helper from two functions"),
        pytest.param(
            code(TWO_LAYERS.format(first=True), linear=LINEAR["linear"]),
            code(TWO_LAYERS.format(first=False), linear=LINEAR["linear"]),
            id="one nn.Linear from two user lines",
        ),
        pytest.param(code(CHAIN.format(cause="KeyError")), code(CHAIN.format(cause="OSError")), id="another cause"),
        pytest.param(code("def work():\n raise ValueError"), code("def work():\n raise KeyError"), id="another type"),
        pytest.param(
            code("def work():\n raise ValueError"), code("def work():\n\n raise ValueError"), id="another line"
        ),
        pytest.param(
            code("def work():\n raise ValueError", "/p/train.py"),
            code("def work():\n raise ValueError", "/p/eval.py"),
            id="another file",
        ),
        pytest.param(
            partial(throw, worker_error(7, 1)),
            partial(throw, worker_error(8, 1)),
            id="another place in a DataLoader worker",
        ),
    ],
)
def test_told_apart(one: Callable[[], Any], two: Callable[[], Any]) -> None:
    """Two failures are two messages."""
    assert of(one) != of(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(
            code("def work():\n raise ValueError('rank 0, cuda:0')"),
            code("def work():\n raise ValueError('rank 7, cuda:7')"),
            id="the message names the rank",
        ),
        pytest.param(
            code(HELPER + "work = one", "/scratch/node1/checkout-a/train.py"),
            code(HELPER + "work = one", "/scratch/node2/checkout-b/train.py"),
            id="checkouts in other folders",
        ),
        pytest.param(code(RECURSION.format(depth=3)), code(RECURSION.format(depth=300)), id="a recursion's depth"),
        pytest.param(code(MUTUAL.format(depth=3)), code(MUTUAL.format(depth=200)), id="a mutual recursion's depth"),
        pytest.param(
            code(SUPPRESSED.format(cause="KeyError")), code(SUPPRESSED.format(cause="OSError")), id="a context left out"
        ),
        pytest.param(
            partial(throw, worker_error(7, 11)),
            partial(throw, worker_error(7, 12)),
            id="a DataLoader worker's process id",
        ),
    ],
)
def test_merged(one: Callable[[], Any], two: Callable[[], Any]) -> None:
    """One failure that looks a little different on each rank is one message."""
    assert of(one) == of(two)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
def test_groups_are_told_by_their_members() -> None:
    """In any order, and however many are equal."""
    key, value = 'member(KeyError("k"))', 'member(ValueError("v"))'
    groups = [of(code(GROUP.format(members=members))) for members in (f"{key}, {value}", f"{value}, {key}, {key}", key)]
    assert groups[0] == groups[1]
    assert groups[0] != groups[2]


def test_without_frames_the_message_tells_but_not_its_numbers() -> None:
    """As of an exception that was never raised."""

    def never_raised(text: str) -> str:
        return fingerprint(ValueError(text), "failed", "sft", "fit")

    assert never_raised("worker 3 died") == never_raised("worker 12 died")
    assert never_raised("worker 3 died") != never_raised("worker 3 hung")


def test_name_and_context_tell_apart() -> None:
    """Two runs, or two places of one, are two incidents."""
    work = code("def work():\n raise ValueError")
    assert len({of(work), of(work, name="dpo"), of(work, context="test")}) == 3


def test_a_signal_is_the_same_wherever_it_meets_a_rank() -> None:
    """Ctrl-C and SIGTERM stop each rank at another line."""
    lines = [code("def work():\n" + "\n" * line + " raise KeyboardInterrupt") for line in (0, 1)]
    assert of(lines[0], kind="interrupted") == of(lines[1], kind="interrupted")


def test_cycles_and_long_chains_end() -> None:
    """Whatever the chain looks like."""
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    link: BaseException = ValueError("end")
    for _ in range(10_000):
        outer = ValueError("link")
        outer.__cause__, link = link, outer
    assert len(fingerprint(first, "failed", "", "")) == len(fingerprint(link, "failed", "", "")) == 16


def test_a_broken_str_is_no_obstacle() -> None:
    """Its type and place are enough."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert len(of(lambda: throw(Mute()))) == 16
