"""NCCL, gloo and collectives: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

_DIST = "torch.distributed.DistBackendError"
_ADVICE = "the docs say: "


def _nccl(what: str, name: str, last: str, *, version: str = "2.21.5") -> str:
    return (
        f"NCCL error in: /pytorch/torch/csrc/distributed/c10d/NCCLUtils.hpp:268, {what} (run with NCCL_DEBUG=INFO for"
        f" details), NCCL version {version}\n{name}\nLast error:\n{last}"
    )


def _usage(last: str) -> str:
    return _nccl("invalid usage", "ncclInvalidUsage: This usually reflects invalid usage of NCCL library.", last)


def _cuda(last: str) -> str:
    return _nccl("unhandled cuda error", "ncclUnhandledCudaError: Call to CUDA function failed.", last)


def _system(last: str) -> str:
    name = "ncclSystemError: System call (e.g. socket, malloc) or external library call failed or device error. "
    return _nccl("unhandled system error", name, last, version="2.20.5")


def _internal(last: str) -> str:
    what = "internal error - please report this issue to the NCCL developers"
    return _nccl(what, "ncclInternalError: Internal check failed.", last)


def _remote(last: str) -> str:
    name = "ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely."
    return _nccl("remote process exited or there was a network error", name, last)


def _work(rank: int, op: str, ms: int) -> str:
    return (
        f"[Rank {rank}] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=78, OpType={op}, NumelIn=29360128,"
        f" NumelOut=29360128, Timeout(ms)={ms}) ran for {ms + 29} milliseconds before timing out."
    )


def _fingerprint(op: str, shape: str) -> str:
    return (
        f"CollectiveFingerPrint(SequenceNumber=0, OpType={op}, TensorShape=[{shape}], TensorDtypes=Float,"
        " TensorDeviceTypes=TensorOptions(dtype=float (default), device=cpu, layout=Strided (default)))"
    )


_PAIR = "/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc"
_BUFFER = "/__w/pytorch/pytorch/third_party/gloo/gloo/transport/tcp/unbound_buffer.cc"
_TIP = "This is typically caused by a remote worker crashing. Check the logs of the remote worker."
_SETUP = (
    "[1] is setting up NCCL communicator and retrieving ncclUniqueId from [0] via c10d key-value store by key '0', "
)

CASES: dict[str, Case] = {
    "nccl-one-device-twice": Case(
        hits=(
            printed(
                "n1:88:157 [1] init.cc:795 NCCL WARN Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 1000\n"
                "n1:88:157 [1] NCCL INFO init.cc:1358 -> 5"
            ),
            raised(_DIST, _usage("Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 34000")),
            raised("RuntimeError", _usage("Duplicate GPU detected : rank 3 and rank 2 both on CUDA device e2000")),
        ),
        misses=(
            printed("n1:88:157 [1] NCCL INFO Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 1000"),
            raised("RuntimeError", _ADVICE + "Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 10"),
            raised(_DIST, _usage("Broadcast : invalid root 5 (root should be in the 0..4 range)")),
            raised("ValueError", "Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 10"),
        ),
    ),
    "nccl-versions-differ": Case(
        hits=(
            printed(
                "n1:88:157 [1] init.cc:720 NCCL WARN Mismatched NCCL version detected : rank 0 version 22005 rank 8 version "
                "22105 myrank 8"
            ),
            raised(_DIST, _usage("Mismatched NCCL version detected : rank 8 version 22105 rank 0 version 22203")),
            raised(
                "RuntimeError", _usage("Mismatched NCCL version detected : rank 1 version 22602 rank 3 version 22703")
            ),
        ),
        misses=(
            printed("n1:88:157 [1] init.cc:720 NCCL WARN Mismatched NCCL version"),
            raised(_DIST, _usage("Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 34000")),
            raised("RuntimeError", "Mismatched NCCL versions may hang: rank 1 and rank 0"),
        ),
    ),
    "nccl-device-memory": Case(
        hits=(
            printed(
                "n1:88:157 [1] include/alloc.h:178 NCCL WARN Cuda failure 2 'out of memory'\nn1: INFO init.cc:200 -> 1"
            ),
            raised(_DIST, _cuda("Cuda failure 2 'out of memory'")),
            raised("RuntimeError", _cuda("Cuda failure 'out of memory'")),
        ),
        misses=(
            printed("n1:88:157 [1] NCCL INFO Cuda failure 2 'out of memory'"),
            raised(_DIST, _cuda("Cuda failure 1 'invalid argument'")),
            raised("RuntimeError", "enqueue.cc:1085 NCCL WARN Cuda failure 'out of memory'"),
        ),
    ),
    "nccl-shared-memory": Case(
        hits=(
            raised(_DIST, _system("Error while creating shared memory segment /dev/shm/nccl-CsYXMW (size 9637888)")),
            raised(
                _DIST,
                _system(
                    "Error while creating shared memory segment /dev/shm/nccl-XXXXXX (size 33030528), error: No space left"
                    " on device (28)"
                ),
            ),
            raised(
                _DIST,
                _system(
                    "Error: failed to extend /dev/shm/nccl-0fX1aQ to 33030532 bytes, error: No space left on device"
                ),
            ),
            printed(
                "node7:41:97 [1] NCCL INFO Channel 00/0 : 1[1] -> 0[0] via SHM/direct/direct\n"
                "[2026-03-02 08:11:40] node7:41:97 [1] misc/shmutils.cc:87 NCCL WARN Error: failed to extend"
                " /dev/shm/nccl-Qm2Lpa to 33030532 bytes, error: No space left on device (28)\n\n"
                "[2026-03-02 08:11:40] node7:41:97 [1] misc/shmutils.cc:131 NCCL WARN Error while creating shared memory"
                " segment /dev/shm/nccl-Qm2Lpa (size 33030528), error: No space left on device (28)"
            ),
            printed(
                "(Actor pid=731, ip=10.0.0.4) Error while creating shared memory segment /dev/shm/nccl-a (size 9637888)"
            ),
        ),
        misses=(
            raised(
                _DIST,
                _system(
                    "Error while creating shared memory segment /dev/shm/nccl-XXXXXX (size 33030528), error: Permission"
                    " denied (13)"
                ),
            ),
            raised(
                _DIST,
                _system(
                    "Error while attaching to shared memory segment /dev/shm/nccl-glnlGK (size 14156128), error: No such"
                    " file or directory (2)"
                ),
            ),
            printed(
                "node7:41:97 [1] misc/shmutils.cc:131 NCCL WARN Error while creating shared memory segment"
                " /dev/shm/nccl-Qm2Lpa (size 33030528), error: Permission denied (13)"
            ),
            printed("node7:41:97 [1] NCCL WARN Error: failed to extend /data/nccl-Qm2Lpa to 33030532 bytes"),
        ),
    ),
    "nccl-peer-access": Case(
        hits=(
            raised(_DIST, _cuda("Cuda failure 217 'peer access is not supported between these two devices'")),
            raised("RuntimeError", _cuda("Cuda failure 'peer access is not supported between these two devices'")),
        ),
        misses=(
            raised(_DIST, _cuda("Cuda failure 3 'initialization error'")),
            raised("RuntimeError", "CUDA error: peer access is not supported between these two devices"),
        ),
    ),
    "nccl-other-rank-ended": Case(
        hits=(
            printed(
                "n1:88:157 [1] misc/socket.cc:58 NCCL WARN socketProgress: Connection closed by remote peer n2<43422>"
            ),
            raised(
                _DIST, _remote("socketProgressOpt: Call to recv from 10.0.0.7<33759> failed : Connection reset by peer")
            ),
            raised("RuntimeError", _internal("socketProgress: Connection closed by remote peer node1<57557>")),
            killed(
                "SIGABRT",
                "terminate called after throwing an instance of 'c10::DistBackendError'\n  what():  [PG ID 0 PG GUID"
                " 0(default_pg) Rank 1] Process group watchdog thread terminated with exception: NCCL error: remote process"
                " exited or there was a network error, NCCL version 2.20.5\nncclRemoteError: A call failed possibly due to"
                " a network error or a remote process exiting prematurely.\nLast error:\nNET/IB : Got completion",
            ),
        ),
        misses=(
            printed("n1:88:157 [1] NCCL INFO socketProgress: Connection closed by remote peer n2<43422>"),
            raised(_DIST, _system("socketStartConnect: Connect to 10.0.0.2<45763> failed : No route to host")),
            printed("epoch 3: see ncclRemoteError: A call failed possibly due to a network error"),
            raised("ValueError", "ncclRemoteError: A call failed possibly due to a network error or a remote process"),
        ),
    ),
    "nccl-timeout": Case(
        hits=(
            raised(_DIST, _work(3, "ALLREDUCE", 600000)),
            raised(
                "RuntimeError",
                "NCCL communicator was aborted on rank 2.  Original reason for failure was: [Rank 2] Watchdog caught"
                " collective operation timeout: WorkNCCL(SeqNum=10, OpType=BROADCAST, Timeout(ms)=1800000) ran for 1805457"
                " milliseconds before timing out.",
            ),
            killed(
                "SIGABRT",
                "terminate called after throwing an instance of 'c10::DistBackendError'\n  what():  [PG ID 0 PG GUID"
                f" 0(default_pg) Rank 1] Process group watchdog thread terminated with exception: {_work(1, 'SCATTER', 1800000)}",
            ),
            printed(
                f"[rank1]:[E606 09:10:08.364376295 ProcessGroupNCCL.cpp:632] {_work(1, '_ALLGATHER_BASE', 600000)}\n"
                "[rank1]:[E606 09:10:08.364376295 ProcessGroupNCCL.cpp:832] [Rank 1] To avoid data inconsistency, we are"
                " taking the entire process down."
            ),
            printed(f"[E ProcessGroupNCCL.cpp:737] {_work(6, 'BROADCAST', 1800000)}"),
        ),
        misses=(
            raised(_DIST, "NCCL communicator was aborted on rank 2."),
            printed("step 10: last night's error was " + _work(3, "ALLREDUCE", 600000)),
            printed(
                "[rank1]:[E409 05:10:01.930967482 ProcessGroupNCCL.cpp:1595] [PG ID 0 PG GUID 0(default_pg) Rank 1] Process"
                " group watchdog thread terminated with exception: CUDA error: an illegal memory access was encountered"
            ),
        ),
    ),
    "nccl-first-collective": Case(
        hits=(
            raised(_DIST, _SETUP + "but store->get('0') got error: Socket Timeout"),
            raised(
                "RuntimeError",
                "[3] is setting up NCCL communicator and retreiving ncclUniqueId from [2] via c10d key-value store by key"
                " '1', but store->get('1') got error: Timeout waiting for key: default_pg/0/1 after 1800000 ms",
            ),
        ),
        misses=(
            raised(
                "torch.distributed.DistStoreError", "wait timeout after 600000ms, keys: /default_pg/0//cuda//cuda:0:1"
            ),
            raised("RuntimeError", "rank 1 failed: " + _SETUP),
        ),
    ),
    "collectives-differ": Case(
        hits=(
            raised(
                "RuntimeError",
                f"Detected mismatch between collectives on ranks. Rank 0 is running collective: {_fingerprint('BROADCAST', '4')},"
                f" but Rank 1 is running collective: {_fingerprint('ALLREDUCE', '4')}.Collectives differ in the following"
                " aspects:   Op type: BROADCASTvs ALLREDUCE",
            ),
            raised(
                "RuntimeError",
                f"Detected mismatch between collectives on ranks. Rank 1 is running collective: {_fingerprint('ALLREDUCE', '5')},"
                f" but Rank 0 is running collective: {_fingerprint('ALLREDUCE', '4')}.Collectives differ in the following"
                " aspects:   Tensor Tensor shapes: 5vs 4",
            ),
        ),
        misses=(
            raised(
                "RuntimeError", "rank 3: Detected mismatch between collectives on ranks. Rank 0 is running collective:"
            ),
            raised("RuntimeError", "Detected mismatch between collectives on ranks."),
        ),
    ),
    "barrier-ranks-missing": Case(
        hits=(
            raised(
                "RuntimeError",
                "[Rank 0]: Rank 1 failed to pass monitoredBarrier in 3000 ms\n Original exception: \n"
                f"[{_BUFFER}:78] Timed out waiting 3000ms for recv operation to complete",
            ),
            raised("RuntimeError", "[Rank 0]: Ranks 2, 5 failed to pass monitoredBarrier in 1800000 ms"),
        ),
        misses=(
            raised(
                "RuntimeError",
                "Rank 1 successfully reached monitoredBarrier, but received errors while waiting for send/recv from rank 0.",
            ),
            raised("RuntimeError", "[Rank 0]: Rank 1 left the barrier"),
        ),
    ),
    "gloo-peer-ended": Case(
        hits=(
            raised("RuntimeError", f"[{_PAIR}:553] Connection closed by peer [127.0.0.1]:27054. {_TIP}"),
            raised("RuntimeError", f"[{_PAIR}:537] Read error [10.1.0.4]:48276: Connection reset by peer. {_TIP}"),
            raised(
                "RuntimeError",
                "[../third_party/gloo/gloo/transport/tcp/pair.cc:598] Connection closed by peer [10.0.0.9]:5",
            ),
        ),
        misses=(
            raised("RuntimeError", "Connection closed by peer [127.0.0.1]:27054"),
            raised("ConnectionResetError", "[Errno 104] Connection reset by peer"),
            raised("RuntimeError", f"[{_PAIR}:144] no error"),
        ),
    ),
    "gloo-timeout": Case(
        hits=(
            raised("RuntimeError", f"[{_BUFFER}:78] Timed out waiting 1800000ms for recv operation to complete"),
            raised("RuntimeError", f"[{_BUFFER}:129] Timed out waiting 5000ms for send operation to complete"),
        ),
        misses=(
            raised("RuntimeError", "Timed out waiting 1800000ms for recv operation to complete"),
            raised("TimeoutError", f"[{_BUFFER}:78] Timed out waiting 1800000ms for recv operation to complete"),
        ),
    ),
    "gloo-no-interface": Case(
        hits=(
            raised(
                "RuntimeError",
                "[enforce fail at /__w/pytorch/pytorch/third_party/gloo/gloo/transport/tcp/device.cc:84] ifa != nullptr."
                " Unable to find address for: ens77",
            ),
            raised(
                "RuntimeError",
                "[enforce fail at ../third_party/gloo/gloo/transport/tcp/device.cc:83] ifa != nullptr. Unable to find"
                " address for: ib0",
            ),
        ),
        misses=(
            raised("RuntimeError", "Unable to find address for: ens77"),
            raised("RuntimeError", "[enforce fail at device.cc:84] result != nullptr. ens77"),
        ),
    ),
    "gloo-connect": Case(
        hits=(
            raised(
                "RuntimeError",
                "Gloo connectFullMesh failed with [../third_party/gloo/gloo/transport/tcp/pair.cc:144] no error",
            ),
            raised("RuntimeError", "Gloo connectFullMesh failed with Connection reset by peer"),
        ),
        misses=(
            raised("RuntimeError", "[E ProcessGroupGloo.cpp:138] Gloo connectFullMesh failed with no error"),
            raised("RuntimeError", f"[{_PAIR}:144] no error"),
        ),
    ),
}
