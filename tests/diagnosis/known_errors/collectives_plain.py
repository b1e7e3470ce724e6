"""NCCL and gloo, where the error says little: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

_DIST = "torch.distributed.DistBackendError"
_NCCL = "NCCL error in: /pytorch/torch/csrc/distributed/c10d/NCCLUtils.hpp:268, "
_PAIR = "/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc"

CASES: dict[str, Case] = {
    "nccl-library-older": Case(
        hits=(
            raised(
                _DIST,
                _NCCL + "invalid argument, NCCL version 2.14.3\nncclInvalidArgument: Invalid value for an argument.\n"
                "Last error:\nInvalid config blocking attribute value -2147483648",
            ),
            raised(
                "RuntimeError",
                _NCCL + "invalid argument (run with NCCL_DEBUG=INFO for details), NCCL version 2.17.1\n"
                "ncclInvalidArgument: Invalid value for an argument.\nLast error:\n"
                "Invalid config splitShare attribute value -2147483648",
            ),
        ),
        misses=(
            raised(
                _DIST,
                _NCCL + "invalid argument, NCCL version 2.21.5\nncclInvalidArgument: Invalid value for an argument.\n"
                "Last error:\nInvalid config blocking attribute value 5",
            ),
            raised("ValueError", "Invalid config blocking attribute value -2147483648"),
            raised("RuntimeError", "the job of last night: Invalid config blocking attribute value -2147483648"),
        ),
    ),
    "nccl-invalid-usage": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1191, invalid usage, "
                    "NCCL version 2.10.3\nncclInvalidUsage: This usually reflects invalid usage of NCCL library "
                    "(such as too many async ops, too many collectives at once, mixing streams in a group, etc)."
                ),
            ),
            raised("RuntimeError", "NCCL Error 5: invalid usage"),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: NCCL error in: "
                    "../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1191, invalid usage, NCCL version "
                    "2.10.3 ncclInvalidUsage: This usually reflects invalid usage of NCCL library (such as too "
                    "many async ops, too many collectives at once, mixing streams in a group, etc)."
                ),
            ),
            raised(
                "KeyError",
                (
                    "NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1191, invalid usage, "
                    "NCCL version 2.10.3\nncclInvalidUsage: This usually reflects invalid usage of NCCL library "
                    "(such as too many async ops, too many collectives at once, mixing streams in a group, etc)."
                ),
            ),
        ),
    ),
    "nccl-aborted": Case(
        hits=(
            raised("torch.distributed.DistBackendError", "NCCL communicator was aborted on rank 0."),
            raised(
                "RuntimeError",
                (
                    "Some NCCL operations have failed or timed out. Due to the asynchronous nature of CUDA "
                    "kernels, subsequent GPU operations might run on corrupted/incomplete data."
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "NCCL communicator was aborted on rank 1.  Original reason for failure was: [Rank 1] "
                    "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=104, OpType=ALLREDUCE, "
                    "Timeout(ms)=1800000) ran for 1808499 milliseconds before timing out."
                ),
            ),
            raised("KeyError", "NCCL communicator was aborted on rank 0."),
        ),
    ),
    "nccl-cuda-error": Case(
        hits=(
            raised("RuntimeError", "NCCL Error 1: unhandled cuda error (run with NCCL_DEBUG=INFO for details)"),
            raised(
                "RuntimeError",
                (
                    "NCCL error in: /pytorch/torch/lib/c10d/ProcessGroupNCCL.cpp:784, unhandled cuda error, NCCL "
                    "version 2.7.8"
                ),
            ),
            raised(
                _DIST,
                _NCCL
                + "unhandled cuda error, NCCL version 2.21.5\nncclUnhandledCudaError: Call to CUDA function failed.\n"
                "Last error:\nCuda failure 1 'invalid argument'",
            ),
            raised(
                "RuntimeError", "ncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\nFailed to calloc"
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "an earlier attempt said: NCCL Error 1: unhandled cuda error (run with NCCL_DEBUG=INFO for details)",
            ),
            raised("KeyError", "NCCL Error 1: unhandled cuda error (run with NCCL_DEBUG=INFO for details)"),
            raised(
                _DIST,
                _NCCL
                + "unhandled cuda error, NCCL version 2.21.5\nncclUnhandledCudaError: Call to CUDA function failed.\n"
                "Last error:\nCuda failure 2 'out of memory'",
            ),
        ),
    ),
    "nccl-failed": Case(
        hits=(
            raised(
                "torch.distributed.DistBackendError",
                (
                    "NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1333, unhandled system "
                    "error (run with NCCL_DEBUG=INFO for details), NCCL version 2.18.6 ncclSystemError: System "
                    "call (e.g. socket, malloc) or external library call failed or device error."
                ),
            ),
            raised("RuntimeError", "NCCL Error 2: unhandled system error"),
            raised(
                _DIST,
                _NCCL + "internal error, NCCL version 2.21.5\nncclInternalError: Internal check failed.\nLast error:\n"
                "Socket recv failed while polling for opId=0x7f6f18cb7f40",
            ),
            raised("RuntimeError", "NCCL error: unhandled system error (run with NCCL_DEBUG=INFO for details)"),
        ),
        misses=(
            raised(
                "torch.distributed.DistBackendError",
                (
                    "an earlier attempt said: NCCL error in: "
                    "../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1333, unhandled system error (run with "
                    "NCCL_DEBUG=INFO for details), NCCL version 2.18.6 ncclSystemError: System call (e.g. "
                    "socket, malloc) or external library call failed or device error."
                ),
            ),
            raised(
                "KeyError",
                (
                    "NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1333, unhandled system "
                    "error (run with NCCL_DEBUG=INFO for details), NCCL version 2.18.6 ncclSystemError: System "
                    "call (e.g. socket, malloc) or external library call failed or device error."
                ),
            ),
            raised(
                _DIST,
                _NCCL
                + "remote process exited or there was a network error, NCCL version 2.21.5\nncclRemoteError: A call"
                " failed possibly due to a network error or a remote process exiting prematurely.",
            ),
            raised("OSError", "ncclInternalError: Internal check failed."),
        ),
    ),
    "gloo-host-unknown": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "[enforce fail at /pytorch/third_party/gloo/gloo/transport/tcp/device.cc:208] ifa != "
                    "nullptr. Unable to resolve hostname to a (local) address"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "[enforce fail at ../third_party/gloo/gloo/transport/tcp/device.cc:83] rp != nullptr. Unable "
                    "to find address for: node01"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "[enforce fail at ../third_party/gloo/gloo/transport/tcp/device.cc:83] ifa != nullptr. "
                    "Unable to find address for: eth0"
                ),
            ),
            raised(
                "KeyError",
                "[enforce fail at /x/device.cc:208] ifa != nullptr. Unable to resolve hostname to a (local) address",
            ),
        ),
    ),
    "gloo-peer-unreachable": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:763] connect [127.0.1.1]:4563: "
                    "Connection refused"
                ),
            ),
            raised(
                "RuntimeError",
                ("[../third_party/gloo/gloo/transport/tcp/pair.cc:799] connect [fe80::1]:1234: Network is unreachable"),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "[../third_party/gloo/gloo/transport/tcp/pair.cc:598] Connection closed by peer [10.42.1.15]:37514",
            ),
            raised("KeyError", "[/x/pair.cc:763] connect [127.0.1.1]:4563: Connection refused"),
        ),
    ),
    "gloo-timeout-plain": Case(
        hits=(
            raised("RuntimeError", "Application timeout caused pair closure"),
            raised(
                "RuntimeError",
                (
                    "[/pytorch/third_party/gloo/gloo/transport/tcp/unbound_buffer.cc:72] Application timeout "
                    "caused pair closure"
                ),
            ),
        ),
        misses=(
            raised("KeyError", "Application timeout caused pair closure"),
            raised("RuntimeError", "Application timeouts are set"),
        ),
    ),
    "gloo-sizes-differ": Case(
        hits=(
            raised(
                "RuntimeError",
                "[../third_party/gloo/gloo/transport/tcp/pair.cc:446] op.preamble.length <= op.nbytes. 8 vs 4",
            ),
            raised("RuntimeError", f"[enforce fail at {_PAIR}:446] op.preamble.length <= op.nbytes. 8 vs 4"),
            killed(
                "SIGABRT",
                "terminate called after throwing an instance of 'gloo::EnforceNotMet'\n"
                f"  what():  [enforce fail at {_PAIR}:456] op.preamble.length <= op.nbytes. 100004 vs 4. Received data size"
                " doesn't match expected size. Is there a distributed collective mismatch in your code?",
            ),
        ),
        misses=(
            raised("RuntimeError", f"[enforce fail at {_PAIR}:446] rv == nbytes. 8 vs 4"),
            raised("KeyError", f"[{_PAIR}:498] op.preamble.length <= op.nbytes. 8 vs 4"),
            printed("checked: op.preamble.length <= op.nbytes. 8 vs 4"),
        ),
    ),
    "barrier-rank-faulty": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Rank 1 successfully reached monitoredBarrier, but received errors while waiting for "
                    "send/recv from rank 0. Please check rank 0 logs for faulty rank."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Rank 3 successfully reached monitoredBarrier, but received errors while waiting for "
                    "send/recv from rank 2."
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Rank 1 successfully reached monitoredBarrier, but received errors "
                    "while waiting for send/recv from rank 0. Please check rank 0 logs for faulty rank."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Rank 1 successfully reached monitoredBarrier, but received errors while waiting for "
                    "send/recv from rank 0. Please check rank 0 logs for faulty rank."
                ),
            ),
        ),
    ),
    "nccl-after-kernel": Case(
        hits=(
            raised(
                "torch.distributed.DistBackendError",
                "NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1970, unhandled cuda error, NCCL version "
                "2.20.5\nncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\nCuda failure 700 'an illegal "
                "memory access was encountered'",
            ),
            printed("n1:88:157 [1] enqueue.cc:1200 NCCL WARN Cuda failure 'device-side assert triggered'"),
        ),
        misses=(
            raised("torch.distributed.DistBackendError", "Cuda failure 1 'invalid argument'"),
            raised("ValueError", "Cuda failure 700 'an illegal memory access was encountered'"),
            printed("n1:88:157 [1] NCCL INFO Cuda failure 'device-side assert triggered'"),
        ),
    ),
}
