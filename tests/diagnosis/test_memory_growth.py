"""Steady growth of the memory in use. There is no device here: a stand-in answers in the form of torch's own functions."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from twinkle_notifier import Progress, TrainingRun
from twinkle_notifier.diagnosis.memory_growth import Growth, Usage
from twinkle_notifier.testing import RecordingNotifier

GIB = 2**30
LOGS = 50
Series = Callable[[int], float]  # GiB at a log


class Device:
    """What torch.cuda is to a process that has taken a device: in use is what was set last."""

    def __init__(self, **more: Any) -> None:
        self.used, self.peak, self.asked, self.number = 0.0, 0.0, 0, 0
        given = {
            "is_initialized": lambda: True,
            "current_device": lambda: self.number,
            "memory_stats_as_nested_dict": self._stats,
        }
        self.torch: Any = SimpleNamespace(cuda=SimpleNamespace(**given | more))

    def _stats(self, device: int) -> dict[str, Any]:
        assert device == self.number
        self.asked += 1
        return {"allocated_bytes": {"all": {"current": int(self.used * GIB), "peak": int(self.peak * GIB)}}}

    def log(self, usage: Usage, values: Iterable[float], *, beside: float = 9.0) -> None:
        """Note `values` of GiB; at its peak a step needs so much `beside` them."""
        for self.used in values:
            self.peak = max(self.peak, self.used + beside)
            usage.note()


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    found = Device()
    monkeypatch.setitem(sys.modules, "torch", found.torch)
    return found


def grown(device: Device, series: Series, logs: int = LOGS, **more: float) -> Growth | None:
    usage = Usage()
    device.log(usage, map(series, range(logs)), **more)
    return usage.growth()


def noisy(series: Series, noise: float, seed: int = 1) -> Series:
    chance = random.Random(seed)
    return lambda at: series(at) + chance.random() * noise


LEAKS: dict[str, Series] = {
    "each step": lambda at: 20 + at,
    "after the optimizer's first step": lambda at: 10 + 15 * (at > 0) + 0.5 * at,
    "beside batches of different sizes": noisy(lambda at: 20 + at, 0.8),
    "by little, of much": lambda at: 70 + 0.1 * at,
    "after caches were filled": lambda at: 20 + min(at, 8) * 2 + 0.7 * at,
}


@pytest.mark.parametrize("series", LEAKS.values(), ids=LEAKS)
def test_growth_from_log_to_log_is_seen(series: Series, device: Device) -> None:
    """From after the warm-up to the end, with the number of logs between."""
    found = grown(device, series)
    assert found is not None
    assert (found.device, found.logs) == (0, 37)
    assert (found.before, found.after) == pytest.approx((series(12) * GIB, series(49) * GIB), abs=GIB)


def stairs(*at: int) -> Series:
    return lambda log: 20 + 5 * sum(begin <= log for begin in at)


HARMLESS: dict[str, Series] = {
    "the same": lambda at: 40,
    "the optimizer's states": lambda at: 20 + 20 * (at > 0),
    "a slow warm-up": lambda at: 20 + min(at, 20),
    "caches that fill": lambda at: 60 - 40 * math.exp(-at / 20),
    "states of ever fewer new experts": lambda at: 20 + 10 * math.log(1 + at),
    "one longer batch": stairs(30),
    "some longer batches": stairs(14, 17, 25, 38, 41),
    "a layer more is trained each epoch": stairs(*range(4, 50, 4)),
    "it paused": lambda at: 20 + at - min(max(at - 25, 0), 6),
    "noise": noisy(lambda at: 20, 40),
    "much noise about a little growth": noisy(lambda at: 20 + 0.2 * at, 10),
    "lists that are emptied each epoch": lambda at: 20 + at % 15,
    "a list that is emptied at last": lambda at: 20 + (at if at < 45 else 0),
    "it ended to grow": lambda at: 20 + min(at, 38),
    "it began to grow at last": lambda at: 20 + max(0, at - 30),
    "ever faster": lambda at: 20 + at * at / 50,
    "it falls": lambda at: 70 - at,
}


@pytest.mark.parametrize("series", HARMLESS.values(), ids=HARMLESS)
def test_other_growth_is_none(series: Series, device: Device) -> None:
    """Whatever the reason is that memory is in use, what grows with it is not told."""
    assert grown(device, series) is None


def test_batches_that_grow_are_no_leak(device: Device) -> None:
    """Sorted from short to long: what a step holds at its log grows evenly, and what it needs at its peak grows faster.

    A peak that did not grow, as it was higher before, tells nothing of that.
    """
    for more in (0.5, 0.0):
        usage = Usage()
        for at in range(LOGS):
            device.log(usage, [20 + at], beside=10 + more * at)
        assert usage.growth() is None
        assert device.peak == 20 + 49 + 10 + 0.5 * 49


def test_few_logs_say_nothing(device: Device) -> None:
    assert grown(device, lambda at: 20 + at, logs=23) is None
    device.peak = 0
    assert grown(device, lambda at: 20 + at, logs=24) is not None


def test_chance_is_not_taken_for_growth(device: Device) -> None:
    """Of random walks in fewer than one of five hundred; of stairs beside batches of different sizes in none of 300."""
    chance, wrong = random.Random(7), 0
    for _ in range(2_000):
        usage, at, device.peak = Usage(), 100.0, 0.0
        device.log(usage, [at := at + chance.gauss(0, 1) for _ in range(chance.randint(24, 59))])
        wrong += usage.growth() is not None
    assert wrong < 4
    for seed in range(300):
        device.peak = 0.0
        assert grown(device, noisy(stairs(*range(4, 50, 4)), 0.3, seed)) is None


def test_sixty_values_are_of_the_whole_run(device: Device) -> None:
    """A leak that takes days is small over the last sixty logs. The device is asked ever more rarely."""
    usage = Usage()
    device.log(usage, (20 + at / 1_000 for at in range(30_000)))
    found = usage.growth()
    assert found is not None
    assert found.logs > 15_000
    assert found.after - found.before == pytest.approx(found.logs / 1_000 * GIB, rel=0.01)
    assert device.asked < 60 * 10
    assert all(len(kept) < 60 for kept in (usage._used, usage._peaks))


def test_another_device_begins_anew(device: Device) -> None:
    """Values of two devices do not mix."""
    usage = Usage()
    device.log(usage, (20 + at for at in range(30)))
    device.number = 1
    device.log(usage, [50])
    assert usage.growth() is None


def raising(*_: object) -> Any:
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


@pytest.mark.parametrize(
    "more",
    [
        {"is_initialized": lambda: False, "current_device": pytest.fail, "memory_stats_as_nested_dict": pytest.fail},
        {"current_device": raising},
        {"memory_stats_as_nested_dict": lambda device: {}},
        {"memory_stats_as_nested_dict": lambda device: {"allocated_bytes": {"all": {"current": "?", "peak": None}}}},
    ],
    ids=["not begun", "broken", "empty", "odd"],
)
def test_a_device_that_is_not_there_harms_no_log(more: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is kept all the same; a device that nobody has taken is not asked."""
    monkeypatch.setitem(sys.modules, "torch", Device(**more).torch)
    run = TrainingRun(told := RecordingNotifier(), name="sft")
    run.started()
    for _ in range(LOGS):
        run.log({"loss": 0.5})
    run.failed(ValueError("x"))
    assert "- loss: " in told.messages[0]


class OutOfMemoryError(RuntimeError):
    """As torch names it."""


def test_a_message_says_that_it_grew(device: Device) -> None:
    """After an out-of-memory error of that device."""
    text = (
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU {} has a total capacity of 80.00 GiB of which 1.00 GiB is "
        "free. Including non-PyTorch memory, this process has 78.50 GiB memory in use. Of the allocated memory 76.00 GiB "
        "is allocated by PyTorch, and 1.50 GiB is reserved by PyTorch but unallocated."
    )
    likely = {}
    for number, language in ((0, "en"), (0, "zh"), (3, "en")):
        run = TrainingRun(told := RecordingNotifier(), name=f"sft{number}", language=language)  # type: ignore[arg-type]
        run.started()
        device.peak = 0
        for at in range(LOGS):
            device.used = 20 + at
            device.peak = device.used + 9
            run.log({"loss": 1 / (at + 1)})
        run.failed(OutOfMemoryError(text.format(number)), "fit", lambda: Progress(step=7))
        lines = told.messages[0].splitlines()
        likely[number, language] = next(line for line in lines if line.startswith(("- Likely: ", "- 可能原因: ")))
    assert likely == {
        (
            0,
            "en",
        ): "- Likely: memory in use at each log grew steadily, 32.00 GiB to 69.00 GiB in 37 logs: tensors are "
        "kept alive",
        (
            0,
            "zh",
        ): "- 可能原因: 显存泄漏：37 次日志期间，已用显存从 32.00 GiB 稳步涨到 69.00 GiB，有 tensor 一直没释放",
        (3, "en"): "- Likely: the device's 80.00 GiB is full: 2.00 GiB more did not fit, 1.00 GiB was free",
    }


def test_a_log_loads_no_torch_and_takes_no_device() -> None:
    """Neither where torch is not loaded, nor where it is: here it is the real one, if it is installed."""
    source = """
    import sys
    from importlib.util import find_spec
    from twinkle_notifier import TrainingRun
    run = TrainingRun(None, name="sft")
    run.log({"loss": 0.5})
    assert "torch" not in sys.modules
    if find_spec("torch"):
        import torch
        before = {*sys.modules}
        for _ in range(40):
            run.log({"loss": torch.tensor(0.5)})
        assert not torch.cuda.is_initialized() and run._far._course.growth() is None and not run._far._course._usage._used
        assert not [name for name in {*sys.modules} - before if name.startswith("torch")]
    """
    import textwrap

    subprocess.run([sys.executable, "-c", textwrap.dedent(source)], cwd="/", check=True, timeout=120)


@pytest.mark.parametrize("given", [(0, 1, 2, 3), Growth(0, 1, 2, "3"), object(), None])  # type: ignore[arg-type]
def test_what_a_caller_gives_as_growth_is_looked_at(given: Any) -> None:
    assert Progress.of(Progress(step=1, growth=given)) == Progress(step=1)


def test_what_is_right_stays() -> None:
    found = Growth(0, GIB, 2 * GIB, 40)
    assert Progress.of(Progress(growth=found)).growth == found
    assert found.facts() == {"grew_from": "1.00 GiB", "grew_to": "2.00 GiB", "grown": "1.00 GiB", "logs": "40"}
