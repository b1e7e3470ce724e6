"""Which errors only follow from another rank's end."""

from __future__ import annotations

import pytest

from twinkle_notifier import DeliveryError
from twinkle_notifier.exceptions.collateral import is_collateral, says_collateral

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
        RuntimeError(
            'Traceback (most recent call last):\n  File "pool.py", line 3, in work\n    reduce()\n'
            "RuntimeError: [../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1"
        ),
    ],
    ids=lambda error: str(error)[:40],
)
def test_what_follows(error: BaseException) -> None:
    """By torch.distributed's types, and by the texts of gloo and NCCL; also as the cause of another."""
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
        DeliveryError("no answer from robot (Connection closed by peer): the message may be there", fate="unknown"),
        TimeoutError("the download of the data set timed out"),
        FileNotFoundError(2, "No such file or directory", "/data/store/timeout.json"),
        torch.distributed.DistBackendError(
            "NCCL error in: ProcessGroupNCCL.cpp:1970, invalid usage (run with NCCL_DEBUG=WARN for details)\n"
            "ncclInvalidUsage: This usually reflects invalid usage of NCCL library.\nLast error:\n"
            "Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 1000"
        ),
        torch.distributed.DistBackendError(
            "NCCL error, unhandled cuda error\nncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\n"
            "Cuda failure 2 'out of memory'"
        ),
        torch.distributed.DistNetworkError(
            "The server socket has failed to listen on any local network address. port: 29500, code: -98, "
            "name: EADDRINUSE, message: address already in use"
        ),
        RuntimeError(
            "Caught ConnectionResetError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
            '  File "data.py", line 3, in __getitem__\n    return self.bucket.read(index)\n'
            "ConnectionResetError: [Errno 104] Connection reset by peer\n"
        ),
        RuntimeError(
            'Traceback (most recent call last):\n  File "pool.py", line 3, in work\n    fetch()\n'
            "urllib3.exceptions.ProtocolError: ('Connection broken', ConnectionResetError(104, 'Connection reset by peer'))"
        ),
    ],
    ids=lambda error: str(error)[:40],
)
def test_what_is_a_cause(error: BaseException) -> None:
    """Nor a user's error for a word in it, nor a set-up that the library refuses, nor what a worker has met."""
    assert not is_collateral(error)


@pytest.mark.parametrize(
    ("line", "collateral"),
    [
        ("torch.distributed.DistBackendError: NCCL error", True),
        ("torch.distributed.elastic.rendezvous.api.RendezvousClosedError", True),
        ("RuntimeError: [../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1", True),
        ("DistBackendError: NCCL error", True),
        ("torch.distributed.DistBackendError: ncclInvalidUsage\nLast error:\nDuplicate GPU detected", False),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", False),
        ("ValueError: the loss is lost", False),
        ("", False),
    ],
)
def test_what_a_process_has_printed(line: str, collateral: bool) -> None:
    """The same texts, seen from outside."""
    assert says_collateral(line) is collateral
