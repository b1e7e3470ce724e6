"""Which errors only follow from another rank's end."""

from __future__ import annotations

import pytest

from twinkle_notifier.collateral import is_collateral, says_collateral

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1234"),
        RuntimeError(
            "[/pytorch/third_party/gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 1800000ms for recv operation to complete"
        ),
        RuntimeError("NCCL error in: ProcessGroupNCCL.cpp:1970, remote process exited or there was a network error"),
        RuntimeError("NCCL communicator was aborted on rank 3."),
        RuntimeError(
            "[Rank 2] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=5, OpType=ALLREDUCE) ran for 600 s"
        ),
        torch.distributed.DistBackendError("anything"),
        torch.distributed.DistNetworkError("anything"),
        torch.distributed.DistStoreError("anything"),
    ],
    ids=lambda error: str(error)[:40],
)
def test_what_follows(error: BaseException) -> None:
    """By torch.distributed's types, and by the words of gloo and NCCL; also as the cause of another."""
    outer = ValueError("the step failed")
    outer.__cause__ = error
    assert is_collateral(error)
    assert is_collateral(outer)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("the loss is not a number"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        ConnectionResetError(104, "Connection reset by peer"),
        KeyError("connection closed by peer"),
        TimeoutError("the download of the data set timed out"),
        FileNotFoundError(2, "No such file or directory", "/data/store/timeout.json"),
    ],
    ids=lambda error: str(error)[:40],
)
def test_what_is_a_cause(error: BaseException) -> None:
    """A user's error is not taken for collateral because of a word."""
    assert not is_collateral(error)


@pytest.mark.parametrize(
    ("line", "collateral"),
    [
        ("torch.distributed.DistBackendError: NCCL error", True),
        ("torch.distributed.elastic.rendezvous.api.RendezvousClosedError", True),
        ("RuntimeError: [../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1", True),
        ("ValueError: the loss is lost", False),
        ("", False),
    ],
)
def test_what_a_process_has_printed(line: str, collateral: bool) -> None:
    """The same words, seen from outside."""
    assert says_collateral(line) is collateral
