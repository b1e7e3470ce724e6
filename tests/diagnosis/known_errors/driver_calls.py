"""Calls of the driver, cuDNN and cuBLAS that fail: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

CASES: dict[str, Case] = {
    "device-count-failed": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling "
                    "NumCudaDevices() that might have already set an error? Error 304: OS call failed or "
                    "operation not supported on this OS"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling "
                    "NumCudaDevices() that might have already set an error? Error 101: invalid device ordinal"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "warning: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before "
                    "calling NumCudaDevices() that might have already set an error? Error 304: OS call failed"
                ),
            ),
            raised(
                "ImportError",
                (
                    "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling "
                    "NumCudaDevices() that might have already set an error? Error 2: out of memory"
                ),
            ),
        ),
    ),
    "device-driver-initialization": Case(
        hits=(
            raised("RuntimeError", "CUDA driver initialization failed, you might not have a CUDA gpu."),
            raised(
                "RuntimeError",
                (
                    "CUDA error: initialization error\nCUDA kernel errors might be asynchronously reported at "
                    "some other API call"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "CUDA error: unknown error - this may be due to an incorrectly set up environment, e.g. "
                    "changing env variable CUDA_VISIBLE_DEVICES after program start."
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "an earlier attempt said: CUDA driver initialization failed, you might not have a CUDA gpu.",
            ),
            raised("KeyError", "CUDA driver initialization failed, you might not have a CUDA gpu."),
        ),
    ),
    "device-driver-library-missing": Case(
        hits=(
            raised("ImportError", "libcuda.so.1: cannot open shared object file: No such file or directory"),
            raised("OSError", "libnvidia-ml.so.1: cannot open shared object file: No such file or directory"),
        ),
        misses=(
            raised("ImportError", "libGL.so.1: cannot open shared object file: No such file or directory"),
            raised("RuntimeError", "libcuda.so.1: cannot open shared object file: No such file or directory"),
            raised("ImportError", "hint: libcuda.so.1: cannot open shared object file: No such file or directory"),
        ),
    ),
    "device-nvml-missing": Case(
        hits=(
            raised("pynvml.nvml.NVMLError_LibraryNotFound", "NVML Shared Library Not Found"),
            raised("pynvml.NVMLError_DriverNotLoaded", "Driver Not Loaded"),
        ),
        misses=(
            raised("pynvml.nvml.NVMLError_LibraryNotFound", "an earlier attempt said: NVML Shared Library Not Found"),
            raised("KeyError", "NVML Shared Library Not Found"),
        ),
    ),
    "device-unknown-error": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "CUDA error: unknown error\nCUDA kernel errors might be asynchronously reported at some other "
                    "API call, so the stacktrace below might be incorrect."
                ),
            ),
            raised(
                "torch.AcceleratorError",
                "CUDA error: unknown error\nSearch for `cudaErrorUnknown' in https://docs.nvidia.com/",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                ("CUDA error: unknown error - this may be due to an incorrectly set up environment, e.g. changing env"),
            ),
            raised("RuntimeError", "see CUDA error: unknown error"),
            raised("ImportError", "CUDA error: unknown error"),
        ),
    ),
    "hip-memory-fault": Case(
        hits=(
            printed(
                "Memory access fault by GPU node-1 (Agent handle: 0x55a8f5d6c0a0) on address 0x7f2f9c000000. "
                "Reason: Page not present or supervisor privilege."
            ),
            printed(
                "step 4\nMemory access fault by GPU node-2 (Agent handle: 0x9c44a20) on address (nil). Reason: Unknown."
            ),
        ),
        misses=(
            printed(
                "the advice was: Memory access fault by GPU node-1 (Agent handle: 0x55a8f5d6c0a0) on address "
                "0x7f2f9c000000. Reason: Page not present or supervisor privilege."
            ),
            raised(
                "ValueError",
                (
                    "Memory access fault by GPU node-1 (Agent handle: 0x55a8f5d6c0a0) on address 0x7f2f9c000000. "
                    "Reason: Page not present or supervisor privilege."
                ),
            ),
        ),
    ),
    "xid-of-machine": Case(
        hits=(
            printed("[74889.644138] NVRM: Xid (PCI:0000:02:00): 79, GPU has fallen off the bus."),
            printed("kernel: NVRM: Xid (PCI:0000:3b:00): 94, pid=1234, name=python, Contained: SM (0x1)."),
            printed(
                "[1843.3] NVRM: The NVIDIA GPU 0000:b3:00.0\n     NVRM: (PCI ID: 10de:26b5) installed in this system has\n"
                "     NVRM: fallen off the bus and is not responding to commands.\n[1843.4] NVRM: The probe routine failed."
            ),
        ),
        misses=(
            printed("[1.2] NVRM: Xid (PCI:0000:3b:00): 31, pid=1234, name=python, MMU Fault"),
            raised("RuntimeError", "NVRM: Xid (PCI:0000:02:00): 79, GPU has fallen off the bus."),
        ),
    ),
    "xid-of-program": Case(
        hits=(
            printed(
                "[1.2] NVRM: Xid (PCI:0000:3b:00): 31, pid=1234, name=python, Ch 00000008, intr 10000000. MMU Fault"
            ),
            printed("NVRM: Xid (PCI:0000:01:00): 13, Graphics SM Warp Exception on (GPC 3, TPC 0)"),
        ),
        misses=(
            printed("NVRM: Xid (PCI:0000:02:00): 79, GPU has fallen off the bus."),
            raised("RuntimeError", "NVRM: Xid (PCI:0000:3b:00): 31, pid=1234"),
        ),
    ),
    "device-id-too-high": Case(
        hits=(
            raised("AssertionError", "Invalid device id", modules=("torch.cuda",)),
            raised("RuntimeError", "Invalid device id", modules=("torch.nn.parallel.data_parallel",)),
        ),
        misses=(
            raised("AssertionError", "Invalid device id"),
            raised("ValueError", "Invalid device id", modules=("torch.cuda",)),
        ),
    ),
    "kernel-launch-resources": Case(
        hits=(
            raised("RuntimeError", "CUDA error: too many resources requested for launch\nCUDA kernel errors might be"),
            raised("torch.AcceleratorError", "CUDA error: too many resources requested for launch"),
        ),
        misses=(
            raised("RuntimeError", "CUDA error: invalid configuration argument"),
            raised("ValueError", "CUDA error: too many resources requested for launch"),
            raised("RuntimeError", "too many resources requested for launch of the job"),
        ),
    ),
    "device-mps-server": Case(
        hits=(
            raised(
                "RuntimeError", "CUDA error: MPS client failed to connect to the MPS control daemon or the MPS server"
            ),
            raised(
                "torch.AcceleratorError", "CUDA error: the MPS server is not ready to accept new MPS client requests"
            ),
        ),
        misses=(
            raised("RuntimeError", "MPS backend out of memory (MPS allocated: 12 GB)"),
            raised(
                "ValueError", "CUDA error: MPS client failed to connect to the MPS control daemon or the MPS server"
            ),
        ),
    ),
}
