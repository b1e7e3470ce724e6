"""Which of the ends that processes wrote down is why the command ended, row by row."""

from __future__ import annotations

import re
from typing import Any

import pytest

from twinkle_notifier.mailbox.notes import End, Failure, Note
from twinkle_notifier.runtime.process import Holder
from twinkle_notifier.supervisor import cause
from twinkle_notifier.supervisor.cause import Cause, of_command, of_ranks, signal_of
from twinkle_notifier.supervisor.torchrun import Lost, Recorded

ME = 7  # the command's process
AT = 1000.0  # its end
FRAMES = [
    ("/job/train.py", 20, "<module>"),
    ("/job/train.py", 12, "load"),
    ("/opt/lib/python3.9/json/decoder.py", 1, "x"),
]


def end(
    kind: str = "ValueError", message: str = "boom", at: float = AT - 1, code: int = 1, pid: int = 8, **known: Any
) -> End:
    return End(pid, at, kind, message, code, **known)


def called(child: int, at: float = AT - 0.5, pid: int = ME, code: int = 1) -> End:
    return end("subprocess.CalledProcessError", "Command 'x' died", at, code, pid, child=child)


def collateral(at: float = AT - 1, pid: int = 8, **known: Any) -> End:
    words = "NCCL communicator was aborted on rank 0."
    return end("torch.distributed.DistBackendError", words, at, pid=pid, **known)


def agent(*failures: Failure, code: int = 1) -> End:
    kind = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError"
    return end(kind, "x FAILED", AT - 0.1, code, ME, failures=failures)


def failure(rank: int, code: int, at: float = AT - 2, pid: int | None = None) -> Failure:
    return Failure(rank, rank % 4, pid or 20 + rank, code, at)


def said(found: Cause) -> tuple[str | None, int | None, int | None]:
    """The error, the rank that failed first, and the signal that ended it or a launcher's child."""
    killed = found.lost.signal if found.lost else found.agent
    return found.recorded.message if found.recorded else None, found.lost.rank if found.lost else None, killed


@pytest.mark.parametrize(
    ("ends", "code", "error", "killed"),
    [
        ([], 1, None, None),
        ([end()], 0, None, None),  # it ended well
        ([end(pid=ME)], 1, "ValueError: boom", None),
        ([end(pid=ME)], -6, "ValueError: boom", None),  # native code gave up at its end
        ([end(message="", pid=ME)], 1, "ValueError", None),
        ([end(), called(1)], 1, "ValueError: boom", None),
        ([end(code=3), called(3)], 1, "ValueError: boom", None),
        ([called(-9)], 1, None, 9),
        ([called(137)], 1, None, 9),
        ([called(247)], 1, None, 9),
        ([called(-11, pid=9), called(1)], 1, None, 11),  # a launcher of a launcher
        ([called(3)], 1, "subprocess.CalledProcessError: Command 'x' died", None),  # a program of another language
        ([end("SystemExit", "", code=247, pid=ME)], 247, None, 9),
        ([end("SystemExit", "", code=3, pid=ME)], 3, None, None),
        ([end("SystemExit", "3", code=3, pid=ME)], 3, None, None),
        ([end("SystemExit", "no data in /data", pid=ME)], 1, "no data in /data", None),
        ([end("SystemExit", "", at=AT - 2), end(pid=9)], 1, "ValueError: boom", None),
        ([end(), end("KeyError", "'x'", AT - 2, pid=9)], 1, "KeyError: 'x'", None),  # the first
        ([end(), collateral(AT - 2, 9)], 1, "ValueError: boom", None),
        (
            [collateral(AT - 2, 9), end("SystemExit", "", pid=ME)],
            1,
            "torch.distributed.DistBackendError: NCCL communicator was aborted on rank 0.",
            None,
        ),
        ([end(at=AT - 70), end("KeyError", "'x'")], 1, "KeyError: 'x'", None),  # a step that failed long before
        ([end(at=AT - 20)], 9, None, None),  # a step that failed, and another end
        ([end(at=AT - 1)], 2, "ValueError: boom", None),  # as make does
        ([end(at=AT - 20)], 1, "ValueError: boom", None),  # a script that cleaned up
        ([end(at=AT - 1)], -9, None, None),
        ([end(at=AT - 1, rank=1)], -9, "ValueError: boom", None),  # Lightning's launcher
        ([end(at=AT - 20, rank=1)], -9, None, None),
        ([end(at=AT - 1)], 137, None, None),  # a shell's child was killed
        (
            [end("torch.distributed.elastic.multiprocessing.api.SignalException", "Process 7 got signal: 15", pid=ME)],
            1,
            None,
            15,
        ),
        ([end("KeyboardInterrupt", "", code=130, pid=ME)], -2, None, 2),
        (
            [
                end(
                    "torch.multiprocessing.spawn.ProcessExitedException",
                    "process 0 terminated with signal SIGKILL",
                    pid=ME,
                )
            ],
            1,
            None,
            9,
        ),
        (
            [
                end(
                    "torch.multiprocessing.spawn.ProcessExitedException",
                    "process 0 terminated with exit code 3",
                    pid=ME,
                ),
                end(code=3),
            ],
            1,
            "ValueError: boom",
            None,
        ),
    ],
)
def test_the_cause_of_a_command(ends: list[End], code: int, error: str | None, killed: int | None) -> None:
    """The first of the records that count; a launcher's says only what became of its child."""
    assert said(of_command(ends, code, AT, ME)) == (error, None, killed)


@pytest.mark.parametrize(
    ("failures", "ends", "expected"),
    [
        ([failure(1, -9)], [], (None, 1, 9)),
        ([failure(1, 1)], [end(pid=21)], ("ValueError: boom", 1, None)),
        ([failure(1, 7)], [], (None, 1, None)),
        ([failure(0, -15), failure(1, -9)], [], (None, 1, 9)),  # whom the agent ended is no cause
        ([failure(0, 1), failure(1, -9)], [collateral(AT - 1.5, 20)], (None, 1, 9)),
        ([failure(0, -6), failure(1, 1)], [end(pid=21, at=AT - 1.2)], ("ValueError: boom", 1, None)),
        ([failure(0, 1), failure(1, 1)], [collateral(AT - 1.9, 20), end(pid=21)], ("ValueError: boom", 1, None)),
        (
            [failure(0, 1), failure(1, 1)],
            [end(pid=20), end("KeyError", "'x'", AT - 1.5, pid=21)],
            ("KeyError: 'x'", 1, None),
        ),
        ([failure(0, 1, AT - 2), failure(1, 1, AT - 3)], [], (None, 1, None)),
        ([failure(1, 1)], [called(-11, AT - 1, 21)], (None, 1, 11)),  # a rank that starts another program
        ([failure(1, 3)], [end("SystemExit", "", code=3, pid=21)], (None, 1, None)),
        ([failure(1, 1)], [end(pid=99, rank=1), called(1, pid=21)], ("ValueError: boom", 1, None)),
        ([failure(1, 1)], [end(pid=99, rank=1, at=AT - 2.5)], ("ValueError: boom", 1, None)),  # a rank that is a shell
        (
            [failure(0, -15), failure(1, 1)],  # both were ending, and the agent hurried the first
            [end("SystemExit", "1", AT - 2, pid=20), end("SystemExit", "1", AT - 1.9, pid=21)],
            (None, 0, None),
        ),
        ([failure(0, -9, AT), failure(1, 1)], [end("SystemExit", "", AT - 2, 3, pid=20)], (None, 0, None)),
        (
            [failure(0, -15), failure(1, 1)],
            [end("SystemExit", "", AT - 2, 0, pid=20)],
            (None, 1, None),
        ),  # it ended well
        ([failure(0, -9, AT)], [end("SystemExit", "", AT - 2, 3, pid=20)], (None, 0, 9)),  # not by the agent
        ([failure(1, 1)], [end(pid=99)], (None, 1, None)),  # somebody else's
        ([failure(1, 1)], [end(pid=99, rank=0)], (None, 1, None)),
    ],
)
def test_the_cause_among_ranks(failures: list[Failure], ends: list[End], expected: Any) -> None:
    """The first, by its own record where it has one, but none that only followed."""
    assert said(of_ranks(failures, ends)) == expected
    assert said(of_command([*ends, agent(*failures)], 1, AT, ME)) == expected


def test_the_ranks_that_the_agent_ended() -> None:
    """They are named; of this host, with the time of the first."""
    found = of_ranks([failure(4, -15), failure(5, -9, AT - 3), failure(6, -15)], [])
    assert found.lost == Lost(-9, 25, 1, 5, found.lost.host if found.lost else "", AT - 3, [4, 6])


def test_what_is_known_of_a_record() -> None:
    """Its place in the user's own code, its rank, its traceback."""
    known = end(rank=3, traceback="Traceback ...", frames=FRAMES)
    assert of_command([known], 1, AT).recorded == Recorded(
        "ValueError: boom", "Traceback ...", "train.py:12 in load", 3, 8, AT - 1
    )


def test_the_line_of_code_at_the_place() -> None:
    """As the traceback shows it, also in a member of a group; of several calls there, the last; none that is not there."""
    place = 'File "/job/train.py", line 12, in load\n'
    for text, code in [
        (f"  {place}    load(1)\n    ^^^^\n  {place}    load(2)\nValueError: boom", "load(2)"),
        (f"  |   {place}  |     load(1)\n", "load(1)"),
        (f'  {place}  File "x.py", line 1, in f\n', ""),
        (f"  {place}  [9 frames left out]\n", ""),
        (f"  {place}ValueError: boom\n", ""),
        ("  no place", ""),
    ]:
        found = of_command([end(traceback=text, frames=FRAMES)], 1, AT).recorded
        assert found is not None
        assert (found.at, found.code) == ("train.py:12 in load", code)


def test_how_far_a_rank_had_come() -> None:
    """By the last note that says so: a rank that was killed says nothing, but those that lost it do."""
    far = "- Lost since the last checkpoint: 5 min 00 s\n- Progress: step 7\n- To go on: --resume x\n- Host: node-a"
    notes = [word(21, "### sft\n\n- 进度: step 6"), word(22, f"### sft\n\n{far}")]
    assert cause.progress(notes) == [
        "- Progress: step 7",
        "- Lost since the last checkpoint: 5 min 00 s",
        "- To go on: --resume x",
    ]
    assert cause.progress([word(21, f"### sft\n\n{far}", "told"), word(22)]) == []
    assert cause.progress([word(21, "### sft\n\n- 进度: step 6")]) == ["- 进度: step 6"]


DATALOADER = """Caught ValueError in DataLoader worker process 0.
Original Traceback (most recent call last):
  File "/opt/venv/lib/python3.11/site-packages/torch/utils/data/_utils/worker.py", line 349, in _worker_loop
    data = fetcher.fetch(index)
  File "/job/data.py", line 5, in __getitem__
    raise ValueError('bad sample 7')
ValueError: bad sample 7
"""
POOL = 'concurrent.futures.process._RemoteTraceback: \n"""\nTraceback (most recent call last):\n  File "/job/work.py", line 3, in f\nValueError: boom\n"""\n\nThe above exception was the direct cause of the following exception:\n\nTraceback ...'


@pytest.mark.parametrize(
    ("record", "error", "at"),
    [
        (
            end(message=DATALOADER, frames=[("/opt/site-packages/torch/_utils.py", 1, "reraise")]),
            "ValueError: bad sample 7",
            "data.py:5 in __getitem__",
        ),
        (
            end(message=DATALOADER[:40], frames=[("/job/train.py", 3, "f")]),
            "ValueError: Caught ValueError in DataLoader worker p",
            "train.py:3 in f",
        ),
        (end(traceback=POOL, frames=[("/job/train.py", 3, "f")]), "ValueError: boom", "work.py:3 in f"),
    ],
)
def test_another_process_s_error(record: End, error: str, at: str) -> None:
    """Which a library hands on as text: what was raised there, and where."""
    found = of_command([record], 1, AT).recorded
    assert found is not None
    assert (found.message, found.at) == (error, at)


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (0, None),
        (1, None),
        (-9, 9),
        (-40, 40),
        (137, 9),
        (143, 15),
        (139, 11),
        (247, 9),
        (245, 11),
        (250, 6),
        (241, 15),
        (255, None),
        (254, None),
        (129, None),
        (300, None),
    ],
)
def test_exit_codes_that_stand_for_a_signal(code: int, number: int | None) -> None:
    """A shell's, and those of `sys.exit(-number)`."""
    assert signal_of(code) == number


TOLD = """### sft failed: DistBackendError: NCCL communicator was aborted

- At: train.py:9 in step: `loss.backward()`

```
train.py:9 in step
>    9  loss.backward()
12 frames in torch
```

```
Traceback (most recent call last):
DistBackendError: NCCL communicator was aborted
```

- Run: sft
- Rank: 1 of 2
- Host: node-a, PID 21, Python 3.11.7
- Time: 2026-11-24 03:12:09 +0800 (CST)"""


def word(pid: int, text: str = TOLD, state: Any = "left") -> Note:
    return Note(state, "a", "failed", Holder("h", pid, 1.0), pid - 20, AT - 3, None, text)


def test_words_that_ranks_left_to_the_supervisor() -> None:
    """As an error that only follows; the rank's own, if it is known which failed first."""
    expected = Recorded(
        "DistBackendError: NCCL communicator was aborted",
        "Traceback (most recent call last):\nDistBackendError: NCCL communicator was aborted\n",
        "train.py:9 in step: `loss.backward()`",
        1,
        secondary=True,
    )
    assert cause.left([word(21), word(22)], None) == expected
    assert cause.left([word(22), word(21)], Lost(1, 21, 1, 1)) == expected
    assert cause.left([word(22)], Lost(1, 21, 1, 1)) is None
    assert cause.left([word(21, ""), word(22, state="told")], None) is None


def test_words_without_a_traceback() -> None:
    """Its disk did not answer: the heading has the error, too."""
    instead = "DistBackendError (its traceback cannot be shown: no answer in time)"
    text = re.sub(r"```\nTraceback .*\n.*\n```", f"```\n{instead}\n```", TOLD)
    found = cause.left([word(21, text)], None)
    assert found is not None
    assert (found.message, found.traceback) == ("DistBackendError: NCCL communicator was aborted", f"{instead}\n")
