"""GPUs that are out of order.

A module stands in for nvidia-ml-py, as there is no GPU here that is broken: it answers, raises, hangs and lies as that
may. What the driver itself does is not shown by this.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.messages.machine import machine_lines
from twinkle_notifier.supervisor import gpus as asked
from twinkle_notifier.surroundings import gpus, machine, nvml

STAND_IN = """
import json, os, sys, time
STATES = json.loads(os.environ["STATES"])
class NVMLError(Exception):
    def __init__(self, value): self.value = value
def nvmlInit(): pass
def nvmlShutdown(): pass
def nvmlDeviceGetCount(): return len(STATES)
def answer(gpu, name, *rest):
    value = STATES[gpu].get(name)
    if value == "hangs": time.sleep(600)
    if value is None: raise NVMLError(3)
    if value == "lost": raise NVMLError(15)
    if value == "reset": raise NVMLError(16)
    return value
def nvmlDeviceGetHandleByIndex(index):
    if STATES[index].get("handle"): answer(index, "handle")
    return index
class Pci: pass
def nvmlDeviceGetPciInfo(gpu):
    found = Pci(); found.busId = answer(gpu, "place").encode(); return found
def nvmlDeviceGetTotalEccErrors(gpu, kind, since): return answer(gpu, "ecc")
def nvmlDeviceGetRemappedRows(gpu): return answer(gpu, "rows")
def nvmlDeviceGetCurrentClocksThrottleReasons(gpu): return answer(gpu, "slow")
if "NEW_NAME" in os.environ:
    nvmlDeviceGetCurrentClocksEventReasons = nvmlDeviceGetCurrentClocksThrottleReasons
    del nvmlDeviceGetCurrentClocksThrottleReasons
def nvmlDeviceGetUUID(gpu): return answer(gpu, "uuid")
def nvmlDeviceGetTemperature(gpu, sensor): return answer(gpu, "celsius")
"""
HEALTHY = {"place": "00000000:3B:00.0", "ecc": 0, "rows": [0, 0, 0, 0], "slow": 0x4, "celsius": 71}


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Make a library with GPUs in these states; it is loaded where `loaded`."""

    def one(*states: dict[str, Any], loaded: bool = True) -> None:
        (tmp_path / "pynvml.py").write_text(STAND_IN)
        monkeypatch.setenv("STATES", json.dumps(states))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "pynvml", raising=False)
        if loaded:
            module = types.ModuleType("pynvml")
            module.__spec__ = ModuleSpec("pynvml", None)
            exec(STAND_IN, vars(module))
            monkeypatch.setitem(sys.modules, "pynvml", module)

    return one


def told(readings: Any, language: str = "en") -> list[str]:
    return machine_lines(gpus.troubles(readings), language)


def of_gpus(found: Any) -> list[str]:
    """Without what else may be out of order on the machine that runs this."""
    return [line for line in machine_lines(found) if line.startswith("- Machine: GPU ")]


def test_a_healthy_gpu_says_nothing(install: Any) -> None:
    """Also one that works as hard as it may. The places on the bus are known."""
    install(HEALTHY, {**HEALTHY, "place": "00000000:5E:00.0"})
    readings = list(gpus.here())
    assert told(readings) == []
    assert gpus.indexes(readings) == {"0000:3b:00": 0, "0000:5e:00": 1}


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ({"ecc": 2}, "{} has 2 uncorrected ECC errors since the driver started"),
        ({"rows": [0, 1, 1, 0]}, "{} needs a reset to repair its memory"),
        ({"rows": [0, 1, 1, 1]}, "{} cannot repair its memory any more: it has to be replaced"),
        ({"slow": 0x20, "celsius": 92}, "{} slows down at 92 °C (thermal limit)"),
        ({"slow": 0x40, "celsius": 900}, "{} slows down (thermal limit)"),
        ({"slow": 0x88}, "{} slows down: its power supply asks for it (power brake)"),
        ({"slow": 0x8}, "{} slows down: its hardware protects itself against heat or a lack of power"),
        ({"handle": "lost"}, "GPU 1 of the machine is lost: the driver cannot reach it"),
        ({"ecc": "lost"}, "{} is lost: the driver cannot reach it"),
        ({"handle": "reset"}, "GPU 1 of the machine cannot be used before it is reset"),
        (dict.fromkeys(HEALTHY, "reset"), "GPU 1 of the machine cannot be used before it is reset"),
    ],
)
def test_what_is_out_of_order(install: Any, state: dict[str, Any], wanted: str) -> None:
    """Of the one GPU that is; in the same words by a process of its own."""
    install(HEALTHY, {**HEALTHY, **state})
    wanted = wanted.format("GPU 1 of the machine (0000:3b:00)")
    assert told(gpus.here()) == told(asked.ask()) == [f"- Machine: {wanted}"]


@pytest.mark.parametrize("name", ["NEW_NAME", "OLD_NAME"])
def test_why_it_is_slow_has_two_names(install: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """NVML's later versions know the new one, and may lose the old one."""
    monkeypatch.setenv(name, "1")
    install({**HEALTHY, "slow": 0x40})
    assert len(told(gpus.here())) == 1


@pytest.mark.parametrize(
    ("visible", "wanted"),
    [("1", [1, 0, 2]), ("GPU-22,GPU-11", [1, 2, 0]), (None, [0, 1, 2]), ("", [0, 1, 2]), ("MIG-33", [0, 1, 2])],
)
def test_the_gpus_of_this_process_come_first(
    install: Any, monkeypatch: pytest.MonkeyPatch, visible: str | None, wanted: list[int]
) -> None:
    """By the machine's numbers, which are not those of CUDA. The others are not lost."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    install(*({**HEALTHY, "ecc": 2, "uuid": f"GPU-{number}{number}0a"} for number in range(3)))
    assert [int(line.split()[3]) for line in told(gpus.here())] == wanted


def test_a_lost_gpu_is_not_last(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number may be another's by now, so it counts as one of this process."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4")
    bad = {**HEALTHY, "ecc": 2}
    install(bad, bad, bad, {"handle": "lost"}, bad)
    assert [line.split()[3] for line in told(gpus.here())] == ["3", "4", "0", "1"]
    lost = {**HEALTHY, "ecc": "lost", "place": "00000000:5E:00.0"}
    install(bad, lost)
    assert gpus.others(gpus.here()) == {"0000:3b:00"}


def test_a_gpu_that_hangs_is_left_out(install: Any) -> None:
    """Those before it have answered, in this process and in another."""
    install({**HEALTHY, "ecc": 7}, {**HEALTHY, "ecc": "hangs"})
    began = time.monotonic()
    wanted = told([{"index": 0, "place": HEALTHY["place"], "ecc": 7}])
    assert len(wanted) == 1
    assert of_gpus(machine.look("", 1.0, (), patience=2.0)) == told(asked.ask()) == wanted
    assert time.monotonic() - began < 10


def test_a_library_that_is_slow_to_load_and_to_answer(install: Any) -> None:
    """The GPUs have the time that an alert waits in any case, not what all else leaves of it."""
    install({**HEALTHY, "ecc": 7})

    def ask(seconds: float) -> Iterator[gpus.Reading]:
        time.sleep(seconds)
        yield from gpus.here()

    assert len(of_gpus(machine.look("", 1.0, (), lambda: ask(0.2)))) == 1
    began = time.monotonic()
    assert of_gpus(machine.look("", 1.0, (), lambda: ask(60))) == []
    assert time.monotonic() - began < 5


def test_a_library_that_floods_is_cut_off(install: Any, tmp_path: Path) -> None:
    """What it prints is not kept: it would fill this process's memory."""
    install(HEALTHY)
    flood = "import sys\nprint('{\"index\": 0, \"ecc\": 7}')\nwhile True: sys.stdout.write('x' * 65536)"
    (tmp_path / "pynvml.py").write_text(flood)
    read = asked._said
    sizes = list[int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asked, "_said", lambda out, until: sizes.append(len(said := read(out, until))) or said)
        assert told(asked.ask()) == told([{"index": 0, "ecc": 7}])
    assert sizes[0] <= 1 << 18


@settings(deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"index": st.integers(), "ecc": st.floats() | st.integers() | st.text()}), max_size=3
    )
)
def test_absurd_values_say_nothing_absurd(readings: list[dict[str, Any]]) -> None:
    """What is no count counts as none."""
    for line in told(readings):
        assert 0 < int(re.findall(r"has (\d+) unc", line)[0]) < 10**9


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_absurd_types_raise_nothing(value: Any) -> None:
    """In any place."""
    for name in ("remap", "slow", "celsius", "lost", "ecc"):
        told([{"index": 0, name: value, **({"slow": 0x20} if name == "celsius" else {})}])


def test_a_process_without_a_gpu_asks_none(install: Any) -> None:
    """Nor does it load the library: one that waits for a broken driver may never end."""
    install({**HEALTHY, "ecc": 7}, loaded=False)
    assert list(gpus.here()) == []
    assert "pynvml" not in sys.modules


def test_without_the_library_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the supervisor starts no process for it."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert of_gpus(machine.look("", 1.0, ())) == []
    assert asked.find_spec("no_such_module_here") is None


def test_a_library_that_is_no_such_library(install: Any, tmp_path: Path) -> None:
    """It prints what it likes, and raises."""
    install(HEALTHY)
    (tmp_path / "pynvml.py").write_text(
        'print(\'{}\\n[1]\\n{"index": "x"}\\nhello\', flush=True)\nraise SystemExit(3)\n'
    )
    assert asked.ask() == []


def test_a_library_of_another_version(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it lacks is left out."""
    install({**HEALTHY, "ecc": 7})
    monkeypatch.delattr(sys.modules["pynvml"], "nvmlDeviceGetRemappedRows")
    assert len(told(gpus.here())) == 1
    assert next(iter(nvml.readings(sys.modules["pynvml"]))).keys() == {
        "index",
        "place",
        "ecc",
        "slow",
        "celsius",
    }  # and no UUID here
