"""GPUs that are out of order.

A module stands in for nvidia-ml-py, as there is no GPU here that is broken: it answers, raises, hangs and lies as that
may. What the driver itself does is not shown by this.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import types
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.messages.machine import machine_lines
from twinkle_notifier.supervisor import gpus as asked
from twinkle_notifier.surroundings import gpus, nvml

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


def test_a_healthy_gpu_says_nothing(install: Any) -> None:
    """Also one that works as hard as it may. The places on the bus are known."""
    install(HEALTHY, {**HEALTHY, "place": "00000000:5E:00.0"})
    readings = gpus.here()
    assert told(readings) == []
    assert gpus.indexes(readings) == {"0000:3b:00": 0, "0000:5e:00": 1}


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ({"ecc": 2}, "GPU 1 has 2 uncorrected ECC errors since the driver started"),
        ({"rows": [0, 1, 1, 0]}, "GPU 1 needs a reset to repair its memory"),
        ({"rows": [0, 1, 1, 1]}, "GPU 1 cannot repair its memory any more: it has to be replaced"),
        ({"slow": 0x20, "celsius": 92}, "GPU 1 slows down at 92 °C (thermal limit)"),
        ({"slow": 0x40, "celsius": 900}, "GPU 1 slows down (thermal limit)"),
        ({"slow": 0x88}, "GPU 1 slows down: its power supply asks for it (power brake)"),
        ({"handle": "lost"}, "GPU 1 is lost: the driver cannot reach it"),
        ({"ecc": "lost"}, "GPU 1 is lost: the driver cannot reach it"),
    ],
)
def test_what_is_out_of_order(install: Any, state: dict[str, Any], wanted: str) -> None:
    """Of the one GPU that is; in the same words by a process of its own."""
    install(HEALTHY, {**HEALTHY, **state})
    assert told(gpus.here()) == told(asked.ask()) == [f"- Machine: {wanted}"]


def test_a_gpu_that_hangs_is_left_out(install: Any) -> None:
    """Those before it have answered."""
    install({**HEALTHY, "ecc": 7}, {**HEALTHY, "ecc": "hangs"})
    began = time.monotonic()
    assert told(gpus.here()) == told(asked.ask()) == told([{"index": 0, "ecc": 7}])
    assert time.monotonic() - began < 5


@settings(deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"index": st.integers(), "ecc": st.floats() | st.integers() | st.text()}), max_size=3
    )
)
def test_absurd_values_say_nothing_absurd(readings: list[dict[str, Any]]) -> None:
    """What is no count counts as none."""
    for line in told(readings):
        assert 0 < int(line.split()[5]) < 10**9


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_absurd_types_raise_nothing(value: Any) -> None:
    """In any place."""
    for name in ("remap", "slow", "celsius", "lost", "ecc"):
        told([{"index": 0, name: value, **({"slow": 0x20} if name == "celsius" else {})}])


def test_a_process_without_a_gpu_asks_none(install: Any) -> None:
    """Nor does it load the library: one that waits for a broken driver may never end."""
    install({**HEALTHY, "ecc": 7}, loaded=False)
    assert gpus.here() == []
    assert "pynvml" not in sys.modules


def test_without_the_library_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the supervisor starts no process for it."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert gpus.here() == []
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
    assert next(iter(nvml.readings(sys.modules["pynvml"]))).keys() == {"index", "place", "ecc", "slow", "celsius"}
