"""Exceptions that reach this process as text from another."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from twinkle_notifier.exceptions.remote import Remote, carried, remote, words


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


def test_an_unexpected_text_is_still_reported() -> None:
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
    text = "ray::work()\nValueError: lost"
    assert remote(RayTaskError(ValueError("lost"))) == Remote("ValueError", "lost", text)
    assert remote(RayTaskError(RayTaskError(ValueError("lost")))) == Remote("ValueError", "lost", text)
    assert remote(RayTaskError(Mute())) == Remote("Mute", "<its __str__ raised OSError>", text)
    worker = remote(RayTaskError(ProcessRaisedException(WORKER.format(last="ValueError: lost"))))
    assert worker is not None
    assert worker.rank == 3


class UserExceptionWithTraceback(Exception):
    """As Ray Train's controller gets it of a worker."""

    def __init__(self, exc: object, traceback: str) -> None:
        super().__init__()
        self._base_exc, self._traceback_str = exc, traceback


class WorkerHealthCheckFailedError(Exception):
    """The same of a worker that has died."""

    def __init__(self, failure: BaseException) -> None:
        super().__init__("A worker health check failed.")
        self.health_check_failure = failure


class WorkerGroupError(Exception):
    """As Ray Train's `fit` raises it."""

    def __init__(self, message: str, failures: object) -> None:
        super().__init__(message)
        self.worker_failures = failures


def test_an_error_of_ray_trains_worker() -> None:
    """What the worker raised, with its traceback there; or how it died."""
    raised = UserExceptionWithTraceback(ValueError("lost"), "train.py\nValueError: lost")
    assert remote(raised) == Remote("ValueError", "lost", "train.py\nValueError: lost")
    died = WorkerHealthCheckFailedError(OSError("the actor died"))
    assert remote(died) == Remote("OSError", "the actor died", "A worker health check failed.")
    assert (carried(raised).args, type(carried(died))) == (("lost",), OSError)
    plain = ValueError("lost")
    assert carried(plain) is plain
    assert remote(UserExceptionWithTraceback("nothing", "")) is None


def snippet(ranks: str, line: int, error: str) -> str:
    return (
        f"[Rank {ranks} Error Snippet]:\nTraceback (most recent call last):\n"
        f'  File "/home/a/train.py", line {line}, in step\n    loss.backward()\n{error}\n\n'
    )


def test_an_error_of_ray_trains_workers() -> None:
    """The first rank that met no secondary error, and its place; the text has all."""
    said = snippet("0,2", 7, "RuntimeError: Connection closed by peer") + snippet("1,3", 8, "ValueError: lost")
    closed = RuntimeError("Connection closed by peer")
    failures = {0: closed, 3: ValueError("lost"), 1: ValueError("lost"), 2: closed}
    there = remote(WorkerGroupError(said, failures))
    assert there is not None
    assert (there.type, there.message, there.rank, there.at()) == ("ValueError", "lost", 1, "train.py:8 in step")
    assert there.traceback == said
    of_one = remote(WorkerGroupError(said, {2: closed}))
    assert of_one is not None
    assert (of_one.rank, of_one.at()) == (2, "train.py:7 in step")


@pytest.mark.parametrize("between", [0, 1, 5])
def test_a_group_among_its_own_failures_ends(between: int) -> None:
    """Also through other groups; what is found in it has a name."""
    first = last = WorkerGroupError("lost", {})
    for _ in range(between):
        last = WorkerGroupError("lost", {0: last})
    first.worker_failures = {3: last}
    there = remote(first)
    assert there is not None
    assert (there.type, there.rank) == ("WorkerGroupError", 3)


@pytest.mark.parametrize("failures", [None, {}, {"0": ValueError()}, {0: "lost"}, [ValueError()]])
def test_an_error_of_workers_of_which_nothing_is_known(failures: object) -> None:
    """Another version may have another form."""
    assert remote(WorkerGroupError("lost", failures)) is None


def test_what_is_odd_is_reported() -> None:
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


LOST = """\
Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/pool.py", line 90, in work
    fn(i, *args)
  File "/home/a/data.py", line 21, in load
    {}["k"]
    ~~^^^^^
KeyError: 'k'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/pool.py", line 90, in work
    fn(i, *args)
  File "/home/a/data.py", line 23, in load
    raise data.Broken("lost") from error
data.Broken: lost
at step 3
"""
SUBMITIT = f"""\
Job (task=0) failed during processing with trace:
----------------------
{LOST}
----------------------
You can check full logs with 'job.stderr(0)' and 'job.stdout(0)'or at paths:
  - /home/a/0_log.err
"""
DATA_LOADER = f"Caught Broken in DataLoader worker process 0.\nOriginal {LOST}"
ITEM = """\
[{n}]:
  time      : 2026-01-02_03:04:05
  rank      : {n} (local_rank: {n})
  traceback : Traceback (most recent call last):
    File "/usr/lib/python3/site-packages/torch/errors/__init__.py", line 367, in wrapper
      return f(*args, **kwargs)
    File "/home/a/data.py", line {line}, in load
      raise Broken("lost")
  Broken: lost {n}
  
"""  # noqa: W293  as torchelastic writes it
ELASTIC = f"""
============================================================
train.py FAILED
------------------------------------------------------------
Failures:
{ITEM.format(n=1, line=77)}{ITEM.format(n=2, line=78)}
------------------------------------------------------------
Root Cause (first observed failure):
{ITEM.format(n=0, line=23)}
============================================================"""
GROUP = """\
Caught ExceptionGroup in worker.
Original   + Exception Group Traceback (most recent call last):
  |   File "/home/a/data.py", line 23, in load
  |     raise ExceptionGroup("lost", errors)
  | ExceptionGroup: lost (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/home/a/data.py", line 3, in other
    | KeyError: 'k'
    | 
    | The above exception was the direct cause of the following exception:
    | 
    | Traceback (most recent call last):
    |   File "/home/a/data.py", line 4, in other
    | ValueError: not this
    +------------------------------------
"""  # noqa: W291  as Python writes it
IN_A_POOL = f"""\
Traceback (most recent call last):
  File "/home/a/data.py", line 2, in batches
  File "/usr/lib/python3/site-packages/torch/_utils.py", line 794, in reraise
data.Broken: {DATA_LOADER}"""
QUOTED = """\
Caught Broken in DataLoader worker process 0.
Original Traceback (most recent call last):
  File "/home/a/data.py", line 23, in load
data.Broken: lost: the server answered
Traceback (most recent call last):
  File "/srv/app.py", line 3, in serve
KeyError: 'not this'
"""


def raised(error: BaseException, path: str) -> BaseException:
    """`error` as the code of the file `path` has raised it."""
    try:
        exec(compile("def give():\n    raise error\ngive()", path, "exec"), {"error": error})
    except BaseException as caught:
        return caught
    raise AssertionError


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        (DATA_LOADER, "Broken", "lost\nat step 3"),
        (SUBMITIT, "Broken", "lost\nat step 3"),
        (ELASTIC, "Broken", "lost 0"),
        (GROUP, "ExceptionGroup", "lost (1 sub-exception)"),
        (IN_A_POOL, "Broken", "lost\nat step 3"),
        (QUOTED, "Broken", "lost: the server answered"),
        (SUBMITIT.replace("at step 3", "at\n\nstep 3"), "Broken", "lost\nat\n\nstep 3"),
        (DATA_LOADER.replace("at step 3", "\n\nstep 3"), "Broken", "lost\n\n\nstep 3"),
    ],
    ids=[
        "DataLoader",
        "submitit",
        "torchelastic",
        "group",
        "DataLoader in a pool",
        "quoted by the inner one",
        "paragraphs",
        "paragraphs at the end",
    ],
)
def test_a_traceback_in_a_librarys_message(said: str, kind: str, message: str) -> None:
    """The error in its message, and the place of that; its own traceback shows all."""
    there = remote(raised(RuntimeError(said), "/usr/lib/python3/site-packages/torch/_utils.py"))
    assert there is not None
    assert (there.type, there.message, there.at(), there.traceback) == (kind, message, "data.py:23 in load", "")


@pytest.mark.parametrize(("home", "kind"), [("dist-packages", "Broken"), ("mine", "")])
def test_the_class_tells_a_library_that_lies_elsewhere(home: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of submitit, raised by code under a folder of another name; a class of the user's own does not count."""
    module: Any = types.ModuleType("jobs_of_a_library")
    module.__file__ = f"/opt/{home}/jobs/utils.py"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    failed = type("FailedJobError", (RuntimeError,), {"__module__": module.__name__})
    there = remote(raised(failed(SUBMITIT), "/opt/jobs/core/core.py"))
    assert (there.type if there is not None else "") == kind


class _RemoteTraceback(Exception):
    """As concurrent.futures and loky make it."""

    def __init__(self, tb: str) -> None:
        self.tb = tb

    def __str__(self) -> str:
        return self.tb


@pytest.mark.parametrize(
    ("error", "said", "kind", "message"),
    [
        (OSError(2, "lost"), f'\n"""\n{LOST}"""', "FileNotFoundError", "[Errno 2] lost"),
        (OSError(DATA_LOADER), f'\n"""\n{IN_A_POOL}"""', "Broken", "lost\nat step 3"),
        (KeyError("k"), f'\n"""\n{IN_A_POOL}"""', "Broken", "lost\nat step 3"),
    ],
)
def test_a_pools_error(error: BaseException, said: str, kind: str, message: str) -> None:
    """Its own message, or that of a worker within; and the place there, whoever raised it here."""
    error.__cause__ = _RemoteTraceback(said)
    there = remote(raised(error, "/home/a/train.py"))
    assert there is not None
    assert (there.type, there.message, there.at(), there.traceback) == (kind, message, "data.py:23 in load", "")


def test_what_the_users_own_code_quotes() -> None:
    """It is the user's error, with only the error of the quoted traceback."""
    error = raised(RuntimeError(f"the server answered:\n{LOST}"), "/home/a/train.py")
    assert remote(error) is None
    assert words(error) == "the server answered:\nBroken: lost\nat step 3"


@pytest.mark.parametrize(
    "said", ["Traceback (most recent call last):", "Traceback (most recent call last):\n\n", "Traceback of", "a\nb"]
)
def test_a_torn_traceback_does_no_harm(said: str) -> None:
    """Nothing is known of it."""
    error = RuntimeError(said)
    assert (remote(error), words(error)) == (None, said)


def test_one_that_nobody_raised_stands_for_itself() -> None:
    """Nothing says that a library made it."""
    assert remote(RuntimeError(f"the server answered:\n{LOST}")) is None


def test_what_a_tasks_own_code_quotes_is_not_the_error() -> None:
    """Ray hands on the exception without its frames, which its text has."""
    error = RayTaskError(RuntimeError(f"the server answered:\n{LOST}"))
    for path, kind in (("/home/a/train.py", "RuntimeError"), ("/usr/lib/python3/site-packages/loader.py", "Broken")):
        error.traceback_str = (
            f'ray::work()\n  File "{path}", line 3, in work\nRuntimeError: the server answered:\n{LOST}'
        )
        there = remote(error)
        assert there is not None
        assert there.type == kind
