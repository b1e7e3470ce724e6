"""Errors of the device and its driver: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

_NEW, _OLD = "torch.AcceleratorError", "RuntimeError"


def _cuda(text: str, name: str = "", api: str = "CUDA") -> str:
    """As torch writes it: from 2.8 on with the `name` of the error."""
    search = (
        f"Search for `{name}' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html for more "
        "information.\n"
    )
    return (
        f"{api} error: {text}\n{search if name else ''}{api} kernel errors might be asynchronously reported at some other"
        f" API call, so the stacktrace below might be incorrect.\nFor debugging consider passing {api}_LAUNCH_BLOCKING=1"
        f"\nCompile with `TORCH_USE_{api}_DSA` to enable device-side assertions.\n"
    )


def _counted(error: str) -> str:
    return (
        "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling NumCudaDevices() that "
        f"might have already set an error? Error {error}"
    )


_FORKED = "Cannot re-initialize {0} in forked subprocess. To use {0} with multiprocessing, you must use the 'spawn' start method"
_CUBLAS = "CUDA error: CUBLAS_STATUS_{} when calling `{}"
_GEMM = "cublasGemmEx( handle, opa, opb, m, n, k, &falpha, a, CUDA_R_16BF, lda, b, CUDA_R_16BF, ldb, &fbeta, c)`"
_NO_DRIVER = (
    "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver from "
    "http://www.nvidia.com/Download/index.aspx"
)

CASES: dict[str, Case] = {
    "device-assert": Case(
        hits=(
            raised(_NEW, _cuda("device-side assert triggered", "cudaErrorAssert")),
            raised(_OLD, _cuda("device-side assert triggered")),
            raised(_OLD, _cuda("device-side assert triggered", api="HIP")),
        ),
        misses=(
            raised(_OLD, "evaluation failed: " + _cuda("device-side assert triggered")),
            raised(_OLD, _cuda("an illegal memory access was encountered")),
            raised("ValueError", _cuda("device-side assert triggered")),
        ),
    ),
    "device-illegal-memory-access": Case(
        hits=(
            raised(_NEW, _cuda("an illegal memory access was encountered", "cudaErrorIllegalAddress")),
            raised(_OLD, "Triton Error [CUDA]: an illegal memory access was encountered"),
            raised(_NEW, _cuda("misaligned address", "cudaErrorMisalignedAddress")),
        ),
        misses=(
            raised(_OLD, _cuda("an illegal instruction was encountered")),
            raised(_OLD, "NCCL error: unhandled cuda error, an illegal memory access was encountered"),
        ),
    ),
    "device-launch-failure": Case(
        hits=(
            raised("RuntimeError", "CUDA error: hardware stack error"),
            raised("torch.AcceleratorError", "CUDA error: an illegal instruction was encountered"),
            raised(_NEW, _cuda("unspecified launch failure", "cudaErrorLaunchFailure")),
            raised(_OLD, _cuda("unspecified launch failure", api="HIP")),
        ),
        misses=(
            raised(_OLD, "Error running sage attention: CUDA error: unspecified launch failure"),
            raised(_OLD, _cuda("unknown error")),
        ),
    ),
    "device-nvlink-error": Case(
        hits=(
            raised("RuntimeError", "CUDA error: uncorrectable NVLink error detected during the execution"),
            raised(
                "torch.AcceleratorError",
                "CUDA error: uncorrectable NVLink error was detected during the execution\nCUDA kernel errors might be",
            ),
        ),
        misses=(
            raised("RuntimeError", "CUDA error: uncorrectable ECC error encountered"),
            raised("ValueError", "CUDA error: uncorrectable NVLink error detected during the execution"),
        ),
    ),
    "device-ecc-error": Case(
        hits=(
            raised(_OLD, _cuda("uncorrectable ECC error encountered")),
            raised(_NEW, _cuda("uncorrectable ECC error encountered", "cudaErrorECCUncorrectable")),
        ),
        misses=(
            raised(_OLD, "node kn101 had CUDA error: uncorrectable ECC error encountered"),
            raised("ValueError", "uncorrectable ECC error encountered"),
        ),
    ),
    "device-lost": Case(
        hits=(
            raised("pynvml.NVMLError_GpuIsLost", "GPU is lost"),
            printed(
                "step 12\nUnable to determine the device handle for GPU0: 0000:01:00.0: GPU is lost. Reboot the system to"
                " recover this GPU"
            ),
            printed("Unable to determine the device handle for GPU0000:CB:00.0: Unknown Error"),
        ),
        misses=(
            raised(_OLD, "GPU is lost"),
            printed("hint: Unable to determine the device handle for GPU 0: GPU is lost."),
            printed("Unable to determine the device handle for GPU-1234: Not Found"),
        ),
    ),
    "device-launch-timeout": Case(
        hits=(
            raised(_OLD, _cuda("the launch timed out and was terminated")),
            raised(_NEW, _cuda("the launch timed out and was terminated", "cudaErrorLaunchTimeout")),
        ),
        misses=(
            raised(_OLD, "the launch timed out and was terminated"),
            raised("TimeoutError", _cuda("the launch timed out and was terminated")),
        ),
    ),
    "device-driver-too-old": Case(
        hits=(
            raised(
                _OLD,
                "The NVIDIA driver on your system is too old (found version 12080). Please update your GPU driver by "
                "downloading and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx",
            ),
            raised(_OLD, _cuda("CUDA driver version is insufficient for CUDA runtime version")),
            raised(_NEW, _cuda("the provided PTX was compiled with an unsupported toolchain.")),
        ),
        misses=(
            raised(_OLD, "CUDA initialization: The NVIDIA driver on your system is too old (found version 12080)."),
            raised(_OLD, "The NVIDIA driver on your system is too old"),
        ),
    ),
    "device-no-driver": Case(
        hits=(raised(_OLD, _NO_DRIVER), raised("builtins.RuntimeError", _NO_DRIVER.replace("www.", "https://www."))),
        misses=(
            raised(_OLD, "whisper: " + _NO_DRIVER),
            raised("UserWarning", _NO_DRIVER),
        ),
    ),
    "device-none-visible": Case(
        hits=(
            raised(_OLD, "No CUDA GPUs are available"),
            raised(_OLD, "No HIP GPUs are available"),
            raised(_NEW, _cuda("no CUDA-capable device is detected", "cudaErrorNoDevice")),
        ),
        misses=(
            raised("ValueError", "No CUDA GPUs are available"),
            raised(_OLD, "trainer: No CUDA GPUs are available"),
        ),
    ),
    "device-invalid-ordinal": Case(
        hits=(
            raised(_OLD, _cuda("invalid device ordinal")),
            raised(_NEW, _cuda("invalid device ordinal", "cudaErrorInvalidDevice")),
        ),
        misses=(
            raised(_OLD, _cuda("invalid device function")),
            raised("ValueError", "CUDA error: invalid device ordinal"),
        ),
    ),
    "device-busy": Case(
        hits=(
            raised(
                "UnpicklingError",
                "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` will likely succeed.\n"
                " Please file an issue with the following so that we can make `weights_only=True` compatible with your use "
                "case: WeightsUnpickler error: CUDA error: CUDA-capable device(s) is/are busy or unavailable",
            ),
            raised(_OLD, _cuda("all CUDA-capable devices are busy or unavailable")),
            raised(_NEW, _cuda("CUDA-capable device(s) is/are busy or unavailable", "cudaErrorDevicesUnavailable")),
        ),
        misses=(
            raised(_OLD, "all CUDA-capable devices are busy or unavailable"),
            raised("OSError", _cuda("all CUDA-capable devices are busy or unavailable")),
        ),
    ),
    "device-driver-not-usable": Case(
        hits=(
            raised(
                _OLD,
                "CUDA unknown error - this may be due to an incorrectly set up environment, e.g. changing env variable "
                "CUDA_VISIBLE_DEVICES after program start. Setting the available devices to be zero.",
            ),
            raised(
                _OLD, "CUDA unknown error - this may be due to an incorrectly set up environment, e.g. changing env"
            ),
        ),
        misses=(
            raised(_OLD, _cuda("unknown error", "cudaErrorUnknown")),
            raised("UserWarning", "CUDA initialization: CUDA unknown error - this may be due to an incorrectly set up"),
        ),
    ),
    "device-fabric-not-ready": Case(
        hits=(
            raised(_OLD, _counted("802: system not yet initialized")),
            raised(_NEW, _cuda("system not yet initialized", "cudaErrorSystemNotReady")),
        ),
        misses=(
            raised(_OLD, _counted("804: forward compatibility was attempted on non supported HW")),
            raised(_OLD, "Error 802: system not yet initialized"),
        ),
    ),
    "device-driver-mismatch": Case(
        hits=(
            raised("pynvml.NVMLError_LibRmVersionMismatch", "RM has detected an NVML/RM version mismatch."),
            raised(_OLD, _counted("803: system has unsupported display driver / cuda driver combination")),
            printed("Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.173"),
            printed(
                "docker: Error response from daemon: failed to create task for container: error running prestart hook #0\n"
                "nvidia-container-cli: initialization error: nvml error: driver/library version mismatch: unknown."
            ),
        ),
        misses=(
            killed("SIGKILL", "Failed to initialize NVML: Driver/library version mismatch"),
            raised("ValueError", "RM has detected an NVML/RM version mismatch."),
            printed("nvidia-smi said: Failed to initialize NVML: Driver/library version mismatch"),
            printed("Failed to initialize NVML: Unknown Error"),
        ),
    ),
    "device-forked": Case(
        hits=(
            raised(_OLD, _FORKED.format("CUDA")),
            raised(_OLD, _FORKED.format("XPU")),
            raised(
                _OLD,
                "Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
                f"RuntimeError: {_FORKED.format('CUDA')}",
            ),
        ),
        misses=(
            raised("ValueError", _FORKED.format("CUDA")),
            raised(_OLD, f"pool: {_FORKED.format('CUDA')}"),
        ),
    ),
    "device-cublas-not-initialized": Case(
        hits=(
            raised(_OLD, _CUBLAS.format("NOT_INITIALIZED", "cublasCreate(handle)`")),
            raised(_NEW, _CUBLAS.format("NOT_INITIALIZED", "cublasCreate(handle)`\n")),
        ),
        misses=(
            raised(_OLD, _CUBLAS.format("NOT_SUPPORTED", _GEMM)),
            raised(_OLD, "AnyGrasp: " + _CUBLAS.format("NOT_INITIALIZED", "cublasCreate(handle)`")),
        ),
    ),
    "device-cublas-failed": Case(
        hits=(
            raised(_OLD, _CUBLAS.format("EXECUTION_FAILED", _GEMM)),
            raised(
                _OLD, _CUBLAS.format("EXECUTION_FAILED", "cublasSgemm( handle, opa, opb, m, n, k, &alpha, a, lda)`")
            ),
        ),
        misses=(
            raised(_OLD, _CUBLAS.format("INVALID_VALUE", _GEMM)),
            raised("ValueError", _CUBLAS.format("EXECUTION_FAILED", _GEMM)),
        ),
    ),
    "device-cudnn-failed": Case(
        hits=(
            raised(_OLD, "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
            raised(
                _OLD, "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED_CUDART\nYou can try to repro this exception using"
            ),
            raised(_OLD, "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR\nYou can try to repro this exception using the"),
        ),
        misses=(
            raised(_OLD, "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED"),
            raised(
                _OLD, "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a non-contig"
            ),
        ),
    ),
}
