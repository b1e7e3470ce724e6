"""The GPUs that the driver's files name."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from twinkle_notifier.surroundings import look
from twinkle_notifier.surroundings.devices import Gpus, gpus

pytestmark = pytest.mark.linux  # files of its /proc
# As the driver writes it.
INFORMATION = """Model: \t\t {model}
IRQ:   \t\t 182
GPU UUID: \t GPU-{number:08x}-0c34-5b1d-9c86-0a1b2c3d4e5f
Video BIOS: \t 96.00.74.00.01
Bus Type: \t PCIe
DMA Size: \t 52 bits
Bus Location: \t 0000:{number:02x}:00.0
Device Minor: \t {number}
GPU Excluded:\t No
"""
H100, A100 = "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-40GB"


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of a driver, without GPUs."""
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "gpus"
    monkeypatch.setattr("twinkle_notifier.surroundings.devices._DRIVER", str(folder))
    return folder


def install(driver: Path, *models: str) -> None:
    for number, model in enumerate(models):
        place = driver / f"0000:{number:02x}:00.0"
        place.mkdir(parents=True)
        (place / "information").write_text(INFORMATION.format(model=model, number=number))


def test_without_a_driver_there_are_none(driver: Path) -> None:
    """Nor with a driver that has none, nor on a machine that lets nobody see."""
    nowhere = gpus()
    driver.mkdir()
    assert (nowhere, gpus()) == (Gpus(), Gpus())


@pytest.mark.parametrize(
    ("visible", "wanted"),
    [
        (None, f"8 × {H100}"),
        ("0,1,2,3", f"4 × {H100}"),
        ("3", f"1 × {H100}"),
        (" 0, 1 ", f"2 × {H100}"),
        ("0,9,1", f"1 × {H100}"),  # CUDA stops at a number that does not exist
        ("-1", ""),
        ("", ""),
        ("NoDevFiles", H100),  # not understood: the model alone
        ("MIG-GPU-00000000-0c34/1/0", H100),
        ("GPU-00000001-0c34-5b1d-9c86-0a1b2c3d4e5f,GPU-00000002", f"2 × {H100}"),
    ],
)
def test_the_visible_ones_count(
    visible: str | None, wanted: str, driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """According to the variable of CUDA."""
    install(driver, *[H100] * 8)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus() == Gpus(wanted)


@pytest.mark.parametrize("visible", ["1" + " " * 100_000 + "x", "0," * 50_000, "0" * 100_000, "GPU-0," * 16_000])
def test_a_variable_of_another_kind_takes_little_time(
    visible: str, driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In processor time, with a wide margin."""
    install(driver, *[H100] * 8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    since = time.process_time()
    gpus()
    assert time.process_time() - since < 1


@pytest.mark.parametrize(
    ("visible", "order", "wanted"),
    [
        ("0,1,2,3", "", Gpus(f"2 × {A100}, 2 × {H100}")),
        ("0", "PCI_BUS_ID", Gpus(f"1 × {A100}")),
        ("2,3", "PCI_BUS_ID", Gpus(f"2 × {H100}")),
        ("0,3", "", Gpus(f"2 × {A100}, 2 × {H100}", chosen=2)),  # the fastest comes first: which that is nobody says
        ("7", "", Gpus()),
    ],
)
def test_several_models(visible: str, order: str, wanted: Gpus, driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Are counted apart, where the numbers say which are meant."""
    install(driver, A100, A100, H100, H100)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", order)
    assert gpus() == wanted


def test_files_of_another_form(driver: Path) -> None:
    """Do no harm."""
    install(driver, H100)
    for name, content in {"a": b"\xff\x00", "b": b"x" * 100_000, "c": b"Model:\n"}.items():
        (driver / name).mkdir()
        (driver / name / "information").write_bytes(content)
    (driver / "d").touch()
    assert gpus() == Gpus(f"1 × {H100}, 2 × GPU")


@pytest.mark.parametrize(
    ("cuda", "wanted"),
    [
        (SimpleNamespace(is_initialized=lambda: True), True),
        (SimpleNamespace(is_initialized=lambda: False), False),  # torch on a processor, or before its first tensor
        (SimpleNamespace(), False),
        (None, False),
    ],
    ids=["used", "not used", "another torch", "no torch"],
)
def test_whether_this_process_uses_a_gpu(cuda: object, wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as torch, if it is loaded, has taken one."""
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))  # type: ignore[arg-type]
    assert look().uses_gpu is wanted
