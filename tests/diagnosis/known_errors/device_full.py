"""Memory of the device and of the host, in the words of other layers: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "device-memory-async": Case(
        hits=(
            raised(
                "torch.cuda.OutOfMemoryError",
                (
                    "Allocation on device 0 would exceed allowed memory. (out of memory)\nCurrently allocated     "
                    ": 13.17 GiB\nRequested               : 32.00 MiB\nDevice limit            : 14.75 GiB"
                ),
            ),
            raised(
                "torch.OutOfMemoryError",
                (
                    "Allocation on device 1 would exceed allowed memory. (out of memory)\nCurrently allocated     "
                    ": 21.17 GiB\nRequested               : 1.00 GiB\nDevice limit            : 23.64 GiB"
                ),
            ),
        ),
        misses=(
            raised("torch.OutOfMemoryError", "Allocation on device 0 would exceed allowed memory. (out of memory)"),
            raised(
                "ValueError",
                (
                    "Allocation on device 0 would exceed\nCurrently allocated     : 13.17 GiB\nRequested           "
                    "    : 32.00 MiB"
                ),
            ),
        ),
    ),
    "device-memory-asked": Case(
        hits=(
            raised("RuntimeError", "CUDA out of memory. Tried to allocate 20.00 MiB"),
            raised(
                "cupy.cuda.memory.OutOfMemoryError",
                "Out of memory allocating 4,294,967,296 bytes (allocated so far: 20,401,094,656 bytes).",
            ),
        ),
        misses=(
            raised(
                "torch.OutOfMemoryError",
                (
                    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.20 GiB of "
                    "which 70.10 GiB is free. Including non-PyTorch memory, this process has 9.00 GiB memory in "
                    "use."
                ),
            ),
            raised("ValueError", "CUDA out of memory. Tried to allocate 20.00 MiB"),
            raised("torch.OutOfMemoryError", "the log says CUDA out of memory. Tried to allocate 2 GiB"),
        ),
    ),
    "device-memory-beyond-number": Case(
        hits=(
            raised("torch.cuda.OutOfMemoryError", "CUDA out of memory. Tried to allocate more than 1EB memory."),
            raised("RuntimeError", "Storage size calculation overflowed with sizes=[4611686018427387904, 8]"),
        ),
        misses=(
            raised(
                "torch.cuda.OutOfMemoryError",
                "an earlier attempt said: CUDA out of memory. Tried to allocate more than 1EB memory.",
            ),
            raised("KeyError", "CUDA out of memory. Tried to allocate more than 1EB memory."),
        ),
    ),
    "device-memory-plain": Case(
        hits=(
            raised("RuntimeError", "Triton Error [CUDA]: out of memory"),
            raised(
                "RuntimeError",
                "cuda runtime error (2) : out of memory at /pytorch/aten/src/THC/generic/THCStorage.cu:58",
            ),
        ),
        misses=(
            raised("RuntimeError", "an earlier attempt said: Triton Error [CUDA]: out of memory"),
            raised("KeyError", "Triton Error [CUDA]: out of memory"),
        ),
    ),
    "device-memory-allocation": Case(
        hits=(
            raised("torch.OutOfMemoryError", "Allocation on device "),
            raised("torch.OutOfMemoryError", "Allocation on device 0 would exceed allowed memory. (out of memory)"),
            raised("torch.OutOfMemoryError", "CUDA out of memory"),
        ),
        misses=(
            raised("pipeline.RunError", "CUDA out of memory"),
            raised(
                "torch.OutOfMemoryError",
                (
                    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.20 GiB of "
                    "which 70.10 GiB is free."
                ),
            ),
        ),
    ),
    "xla-memory-tpu": Case(
        hits=(
            raised(
                "jaxlib._jax.XlaRuntimeError",
                (
                    "RESOURCE_EXHAUSTED: CompilationMemoryMonitor: XLA:TPU compile permanent error. Ran out of "
                    "memory in memory space hbm. Used 24.17G of 15.48G hbm. Exceeded hbm capacity by 8.69G."
                ),
            ),
            raised(
                "jax.errors.JaxRuntimeError",
                (
                    "RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory in memory space hbm. "
                    "Used 16.36G of 15.75G hbm. Exceeded hbm capacity by 623.98M."
                ),
            ),
        ),
        misses=(
            raised(
                "jaxlib._jax.XlaRuntimeError",
                (
                    "an earlier attempt said: RESOURCE_EXHAUSTED: CompilationMemoryMonitor: XLA:TPU compile "
                    "permanent error. Ran out of memory in memory space hbm. Used 24.17G of 15.48G hbm. Exceeded "
                    "hbm capacity by 8.69G."
                ),
            ),
            raised(
                "KeyError",
                (
                    "RESOURCE_EXHAUSTED: CompilationMemoryMonitor: XLA:TPU compile permanent error. Ran out of "
                    "memory in memory space hbm. Used 24.17G of 15.48G hbm. Exceeded hbm capacity by 8.69G."
                ),
            ),
        ),
    ),
    "arrow-memory": Case(
        hits=(
            raised("pyarrow.lib.ArrowMemoryError", "malloc of size 4294967296 failed"),
            raised("pyarrow.lib.ArrowMemoryError", "realloc of size 8589934592 failed"),
        ),
        misses=(
            raised("pyarrow.lib.ArrowMemoryError", "an earlier attempt said: malloc of size 4294967296 failed"),
            raised("KeyError", "malloc of size 4294967296 failed"),
        ),
    ),
    "windows-paging-file": Case(
        hits=(
            raised(
                "OSError",
                (
                    "[WinError 1455] The paging file is too small for this operation to complete. Error loading "
                    '"C:\\lib\\cufft64_10.dll" or one of its dependencies.'
                ),
            ),
            raised("OSError", "The paging file is too small for this operation to complete. (os error 1455)"),
        ),
        misses=(
            raised(
                "OSError",
                (
                    "an earlier attempt said: [WinError 1455] The paging file is too small for this operation to "
                    'complete. Error loading "C:\\lib\\cufft64_10.dll" or one of its dependencies.'
                ),
            ),
            raised(
                "KeyError",
                (
                    "[WinError 1455] The paging file is too small for this operation to complete. Error loading "
                    '"C:\\lib\\cufft64_10.dll" or one of its dependencies.'
                ),
            ),
        ),
    ),
    "device-memory-mps": Case(
        hits=(
            raised(
                "RuntimeError",
                "MPS backend out of memory (MPS allocated: 42.28 GiB, other allocations: 720.00 KiB, max allowed: 42.43 "
                "GiB). Tried to allocate 384.00 MiB on shared pool.",
            ),
            raised(
                "RuntimeError",
                "MPS backend out of memory (MPS allocated: 17.36 GB, other allocations: 613.56 MB, max allowed: 18.13 "
                "GB). Tried to allocate 192.00 MB on private pool. Use PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0",
            ),
        ),
        misses=(
            raised("RuntimeError", "MPS backend out of memory"),
            raised("ValueError", "MPS backend out of memory (MPS allocated: 17.36 GB) is what you will see"),
        ),
    ),
}
