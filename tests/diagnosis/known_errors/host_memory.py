"""Memory of the host and shared memory: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

from twinkle_notifier.diagnosis.table import Evidence

_ARRAY = "numpy._core._exceptions._ArrayMemoryError"
_WORKER = (
    "Caught MemoryError in DataLoader worker process {}.\nOriginal Traceback (most recent call last):\n"
    '  File "/opt/env/lib/python3.11/site-packages/torch/utils/data/_utils/worker.py", line 374, in _worker_loop\n'
    "    data = fetcher.fetch(index)  # type: ignore[possibly-undefined]\n"
    '  File "train.py", line 17, in __getitem__\n    return self.decode(path)\n{}\n'
)
_BUS = (
    "DataLoader worker (pid {}) is killed by signal: Bus error. It is possible that dataloader's workers are out of "
    "shared memory. Please try to raise your shared memory limit."
)


def _tensor(size: str, place: str = "alloc_cpu.cpp:127] err == 0.") -> Evidence:
    text = f"[enforce fail at {place} DefaultCPUAllocator: can't allocate memory: you tried to allocate {size} bytes."
    return raised("RuntimeError", f"{text} Error code 12 (Cannot allocate memory)")


def _array(size: str, shape: str) -> Evidence:
    return raised(_ARRAY, f"Unable to allocate {size} for an array with shape {shape} and data type float64")


CASES: dict[str, Case] = {
    "host-memory-killed": Case(
        hits=(killed("SIGKILL", oom_kills="1"), killed("SIGKILL", "Epoch 3: 100%|####| 20/20\n", oom_kills="4")),
        misses=(
            killed("SIGKILL", oom_kills="0"),
            killed("SIGKILL"),
            killed("SIGTERM", oom_kills="1"),
            printed("Killed"),
        ),
    ),
    "host-memory-impossible-tensor": Case(
        hits=(_tensor("4000000000000000"), _tensor("80000000000000", "CPUAllocator.cpp:64] .")),
        misses=(
            _tensor("800000000000"),
            raised(
                "RuntimeError", "see DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000000000"
            ),
            raised("ValueError", _tensor("4000000000000000").errors[0].text),
        ),
    ),
    "host-memory-tensor": Case(
        hits=(
            _tensor("8000000000"),
            _tensor("800000000000", "alloc_cpu.cpp:117] err == 0."),
            raised(
                "RuntimeError",
                "[enforce fail at C:\\actions-runner\\_work\\pytorch\\pytorch\\builder\\windows\\pytorch\\c10\\core\\impl"
                "\\alloc_cpu.cpp:72] data. DefaultCPUAllocator: not enough memory: you tried to allocate 402653184 bytes.",
            ),
        ),
        misses=(
            _tensor("4000000000000000"),
            raised("torch.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB."),
            raised("RuntimeError", "[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
            raised(
                "RuntimeError", "log: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate"
            ),
        ),
    ),
    "host-memory-impossible-array": Case(
        hits=(
            _array("728. TiB", "(100000000, 1000000)"),
            _array("6.94 EiB", "(10000000000, 100000000)"),
            _array("7.11 PiB", "(1000000000, 1000000)"),
        ),
        misses=(
            _array("298. GiB", "(200000, 200000)"),
            _array("7.45 TiB", "(1000000, 1000000)"),
            raised("RuntimeError", "Unable to allocate 728. TiB for an array with shape (1,) and data type float64"),
        ),
    ),
    "host-memory-array": Case(
        hits=(
            _array("6.71 GiB", "(30000, 30000)"),
            _array("298. GiB", "(200000, 200000)"),
            raised(
                "MemoryError", "Unable to allocate 1.49 GiB for an array with shape (200000000,) and data type int64"
            ),
        ),
        misses=(
            _array("728. TiB", "(100000000, 1000000)"),
            raised("MemoryError", "Unable to allocate output buffer."),
            raised(
                "ValueError", "note: Unable to allocate 6.71 GiB for an array with shape (3,) and data type float64"
            ),
        ),
    ),
    "host-memory-worker": Case(
        hits=(
            raised("MemoryError", _WORKER.format(0, "MemoryError")),
            raised("MemoryError", _WORKER.format(11, "MemoryError: \n")),
        ),
        misses=(
            raised(
                "RuntimeError", _WORKER.format(0, f"{_ARRAY}: Unable to allocate 2.00 GiB for an array with shape (9,)")
            ),
            raised("OSError", "Caught OSError in DataLoader worker process 0."),
            raised("ValueError", "Caught MemoryError in DataLoader worker process 0."),
        ),
    ),
    "host-memory-native": Case(
        hits=(
            printed(
                "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\nAborted"
            ),
            raised("MemoryError", "std::bad_alloc"),
            raised("RuntimeError", "std::bad_alloc"),
            raised("MemoryError", "bad allocation"),
            raised("xgboost.core.XGBoostError", "std::bad_alloc"),
        ),
        misses=(
            printed(
                "terminate called after throwing an instance of 'thrust::system::detail::bad_alloc'\n"
                "  what():  std::bad_alloc: cudaErrorMemoryAllocation: out of memory"
            ),
            raised("MemoryError", "std::bad_alloc: out_of_memory: CUDA error at: /rmm/include/rmm/mr/device.hpp:70"),
            printed(
                "terminate called after throwing an instance of 'std::runtime_error'\n  what():  no std::bad_alloc"
            ),
        ),
    ),
    "host-memory-maps": Case(
        hits=(
            raised(
                "RuntimeError",
                "unable to mmap 29764 bytes from file </torch_10182_30201_63991>: Cannot allocate memory (12)",
            ),
            raised(
                "RuntimeError",
                "unable to mmap 2048 bytes from file <filename not specified>: Cannot allocate memory (12)",
            ),
        ),
        misses=(
            raised("RuntimeError", "unable to mmap 2048 bytes from file <weights.bin>: Permission denied (13)"),
            raised("OSError", "unable to mmap 2048 bytes from file <weights.bin>: Cannot allocate memory (12)"),
        ),
    ),
    "host-memory-system-call": Case(
        hits=(
            raised("OSError", "[Errno 12] Cannot allocate memory", modules=("multiprocessing.popen_fork",)),
            raised("OSError", "[Errno 12] Cannot allocate memory: '/data/train.bin'"),
        ),
        misses=(
            raised("OSError", "[Errno 28] No space left on device"),
            raised("RuntimeError", "[Errno 12] Cannot allocate memory"),
            raised("OSError", "fork failed: [Errno 12] Cannot allocate memory"),
        ),
    ),
    "shm-full": Case(
        hits=(
            raised("RuntimeError", "unable to allocate shared memory(shm) for file </torch_5_6_0>: Success (0)"),
            raised(
                "RuntimeError",
                "unable to allocate shared memory(shm) for file </torch_9819_160215975_0>: No space left on device (28)",
            ),
            raised(
                "RuntimeError", "unable to write to file </torch_31911_952036340_6686>: No space left on device (28)"
            ),
            raised("RuntimeError", "unable to write to file </torch_15769_1517813162>"),
            raised("OSError", "[Errno 28] No space left on device: '/dev/shm/cache.bin'"),
            raised(
                "RuntimeError", "unable to resize file </torch_1_2> to the right size: No space left on device (28)"
            ),
            printed(
                "Epoch 3\nERROR: Unexpected bus error encountered in worker. This might be caused by "
                "insufficient shared memory (shm)."
            ),
        ),
        misses=(
            raised(
                "RuntimeError", "worker: unable to allocate shared memory(shm) for file </torch_5_6_0>: Success (0)"
            ),
            raised(
                "RuntimeError",
                "unable to open shared memory object </torch_5_6_7> in read-write mode: Permission denied (13)",
            ),
            raised("RuntimeError", "unable to write to file <weights.bin>: No space left on device (28)"),
            raised("OSError", "[Errno 28] No space left on device: '/data/dev/shm/x.pt'"),
            raised("RuntimeError", "unable to resize file </torch_1_2> to the right size: Invalid argument (22)"),
            printed("step: ERROR: Unexpected bus error encountered in worker."),
        ),
    ),
    "shm-full-semaphore": Case(
        hits=(
            raised("OSError", "[Errno 28] No space left on device", modules=("torch", "multiprocessing.synchronize")),
            raised("OSError", "[Errno 28] No space left on device", modules=("multiprocessing.shared_memory",)),
        ),
        misses=(
            raised("OSError", "[Errno 28] No space left on device", modules=("torch.serialization",)),
            raised("OSError", "[Errno 2] No such file or directory", modules=("multiprocessing.synchronize",)),
        ),
    ),
    "shm-worker-bus-error": Case(
        hits=(raised("RuntimeError", _BUS.format(10448)), raised("RuntimeError", _BUS.format(7))),
        misses=(
            raised("RuntimeError", "DataLoader worker (pid 10472) is killed by signal: Killed. "),
            raised("RuntimeError", f"hint: {_BUS.format(1)}"),
            killed("SIGBUS"),
        ),
    ),
    "host-thread-limit": Case(
        hits=(
            raised("RuntimeError", "can't start new thread"),
            printed(
                "OpenBLAS blas_thread_init: pthread_create failed for thread 50 of 64: Resource temporarily unavailable\n"
                "OpenBLAS blas_thread_init: RLIMIT_NPROC 4096 current, 513046 max"
            ),
            printed("\nlibgomp: Thread creation failed: Resource temporarily unavailable\n"),
            printed(
                "terminate called after throwing an instance of 'boost::wrapexcept<boost::system::system_error>'\n"
                "  what():  thread: Resource temporarily unavailable [system:11]"
            ),
            printed(
                "(Trainer pid=91, ip=10.0.0.4) [2025-06-01 09:12:07,551 E 91 91] logging.cc:118: Unhandled exception:"
                " N5boost10wrapexceptINS_6system12system_errorEEE. what(): thread: Resource temporarily unavailable"
            ),
        ),
        misses=(
            raised("RuntimeError", "can't start new thread at interpreter shutdown"),
            raised("BlockingIOError", "[Errno 11] Resource temporarily unavailable"),
            raised("ValueError", "can't start new thread"),
            printed("OpenBLAS blas_thread_init: pthread_create failed for thread 35 of 48: Operation not permitted"),
            printed("what():  thread: Invalid argument [system:22]"),
            printed("(Trainer pid=91) logging.cc:118: Unhandled exception: St13runtime_error. what(): no rank 3"),
        ),
    ),
    "host-process-limit": Case(
        hits=(
            raised(
                "BlockingIOError",
                "[Errno 11] Resource temporarily unavailable",
                modules=("multiprocessing.popen_fork",),
            ),
            raised("BlockingIOError", "[Errno 11] Resource temporarily unavailable", modules=("subprocess",)),
            raised(
                "BlockingIOError",
                "[Errno 11] Resource temporarily unavailable",
                modules=("joblib.externals.loky.backend.fork_exec",),
            ),
        ),
        misses=(
            raised("BlockingIOError", "[Errno 11] Resource temporarily unavailable", modules=("fcntl", "filelock")),
            raised("OSError", "[Errno 24] Too many open files", modules=("subprocess",)),
            raised("BlockingIOError", "[Errno 11] write could not complete without blocking", modules=("subprocess",)),
        ),
    ),
}
