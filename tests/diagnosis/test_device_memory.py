"""The allocator's numbers. There is no device here: a stand-in answers in the form of torch's own functions."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from twinkle_notifier import notify_exception
from twinkle_notifier.diagnosis.device_memory import facts
from twinkle_notifier.diagnosis.pattern import size
from twinkle_notifier.testing import RecordingNotifier

GIB = 2**30
TEXT = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 3 has a total capacity of 80.00 GiB of which 1.00 GiB is free."
)


class OutOfMemoryError(RuntimeError):
    """As torch names it."""


def cuda(processes: str = "", **more: Any) -> SimpleNamespace:
    stats = {
        "allocated_bytes.all.current": 60 * GIB,
        "allocated_bytes.all.peak": 61 * GIB,
        "reserved_bytes.all.current": 77 * GIB,
    }
    given = {
        "is_initialized": lambda: True,
        "memory_stats": lambda device: stats if device == 3 else {},
        "mem_get_info": lambda device: (GIB, 80 * GIB),
        "list_gpu_processes": lambda device: processes,
    }
    return SimpleNamespace(cuda=SimpleNamespace(**given | more))


def listed(*processes: tuple[int, int]) -> str:
    """As torch.cuda.list_gpu_processes writes it (torch 2.13)."""
    return "\n".join(["GPU:0", *(f"process {pid:>10d} uses {used:>12.3f} MB GPU memory" for pid, used in processes)])


def test_the_numbers_of_the_rank_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what other processes hold, where this process is among those that are listed."""
    import os

    monkeypatch.setitem(sys.modules, "torch", cuda(listed((os.getpid(), 70_000), (4242, 2048), (7, 1024))))  # type: ignore[arg-type]
    notify_exception(told := RecordingNotifier(), "fit", OutOfMemoryError(TEXT), "sft")
    assert (
        "- Device memory: 60.00 GiB of 80.00 GiB used by this process (peak 61.00 GiB), 17.00 GiB reserved but unused, "
        "1.00 GiB free; other processes hold 3.00 GiB: PID 4242 2.00 GiB, PID 7 1.00 GiB\n"
    ) in told.messages[0]
    monkeypatch.setitem(sys.modules, "torch", cuda(listed((4242, 2048))))  # type: ignore[arg-type]
    assert facts(OutOfMemoryError("x"), TEXT)
    assert "others" not in facts(OutOfMemoryError("x"), TEXT)  # a container has other numbers


def test_what_other_processes_hold_is_the_likely_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it is more than was asked for, and a good part of the device; else the error's own numbers tell the cause."""
    import os

    likely = []
    for theirs in (20_480, 1024):
        monkeypatch.setitem(sys.modules, "torch", cuda(listed((os.getpid(), 50_000), (4242, theirs))))  # type: ignore[arg-type]
        notify_exception(told := RecordingNotifier(), "fit", OutOfMemoryError(TEXT), "sft")
        likely += [line for line in told.messages[0].splitlines() if line.startswith("- Likely: ")]
    assert likely == [
        "- Likely: other processes hold 20.00 GiB of the device's 80.00 GiB (PID 4242), so that 2.00 GiB more did not fit",
        "- Likely: the device's 80.00 GiB is full: 2.00 GiB more did not fit, 1.00 GiB was free",
    ]


def test_the_device_is_the_one_that_the_error_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The current one is another in each thread, and to ask that may take memory there. Without a name none is asked."""
    asked: list[int] = []
    found = cuda(mem_get_info=lambda device: asked.append(device) or (GIB, 80 * GIB))
    monkeypatch.setitem(sys.modules, "torch", found)  # type: ignore[arg-type]
    assert facts(OutOfMemoryError("x"), TEXT)
    assert facts(OutOfMemoryError("x"), "CUDA out of memory.") == {}
    assert asked == [3]


def raising(_: int) -> None:
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


@pytest.mark.parametrize(
    "more",
    [
        {"memory_stats": raising, "mem_get_info": raising},
        {"memory_stats": lambda device: time.sleep(30)},
        {"is_initialized": lambda: False},
        {"is_initialized": lambda: time.sleep(30)},
        {"memory_stats": lambda device: {}, "mem_get_info": raising},
    ],
    ids=["raises", "hangs", "not begun", "hangs at once", "empty"],
)
def test_a_device_that_does_not_answer_leaves_the_line_out(more: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", cuda(**more))
    notify_exception(told := RecordingNotifier(), "fit", OutOfMemoryError(TEXT), "sft")
    assert "Device memory" not in told.messages[0]


@pytest.mark.parametrize(
    ("more", "known"),
    [
        ({"mem_get_info": raising}, {"allocated", "peak", "reserved"}),
        ({"mem_get_info": lambda device: time.sleep(30)}, {"allocated", "peak", "reserved"}),
        ({"memory_stats": raising}, {"total", "free"}),
        ({"memory_stats": lambda device: {"allocated_bytes.all.current": GIB}}, {"total", "free"}),
        ({"list_gpu_processes": raising}, {"allocated", "peak", "reserved", "total", "free"}),
    ],
    ids=["the device", "a device that hangs", "the allocator", "an allocator of another form", "NVML"],
)
def test_what_does_not_answer_leaves_the_others(more: Any, known: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", cuda(**more))
    assert facts(OutOfMemoryError("x"), TEXT).keys() == known


def test_the_line_says_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of it, where only the allocator answers."""
    monkeypatch.setitem(sys.modules, "torch", cuda(mem_get_info=raising))
    notify_exception(told := RecordingNotifier(), "fit", OutOfMemoryError(TEXT), "sft")
    assert (
        "\n- Device memory: 60.00 GiB used by this process (peak 61.00 GiB), 17.00 GiB reserved but unused\n"
    ) in told.messages[0]


def test_another_error_asks_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", cuda(is_initialized=pytest.fail))
    assert facts(ValueError("x"), "out of memory") == {}


def test_sizes() -> None:
    assert [size(7.65 * GIB), size(512 * 2**20), size(100)] == ["7.65 GiB", "512.00 MiB", "100 bytes"]
