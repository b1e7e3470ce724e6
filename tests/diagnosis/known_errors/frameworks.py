"""Other frameworks, compilers and kernels: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

_XLA, _JAX = "jaxlib.xla_extension.XlaRuntimeError", "jax.errors.JaxRuntimeError"
_CALLED = "subprocess.CalledProcessError"
_COMPILED = "torch._dynamo.exc.BackendCompilerFailed"
_ACCELERATOR = "torch.AcceleratorError"
_SOURCE = "/pytorch/aten/src/ATen/native/cuda/"
_BLOCK = "block: [0,0,0], thread: [3,0,0] Assertion `"
_GEMM = "(handle, opa, opb, (int)m, (int)n, (int)k, (void*)&falpha, a, CUDA_R_16{}, (int)lda, stridea, b, CUDA_R_16{}"
_UNSUPPORTED = "CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `"
_MODULES = ("triton.runtime.build", "subprocess")
_GCC = (
    "Command '['/usr/bin/gcc', '/tmp/tmpy1gk3r1e/main.c', '-O3', '-shared', '-fPIC', '-Wno-psabi', '-o', "
    "'/tmp/tmpy1gk3r1e/cuda_utils.cpython-310-x86_64-linux-gnu.so', '-lcuda', '-L/lib64', '-I/usr/include/python3.10']' "
    "returned non-zero exit status 1."
)
_OLD_GCC = (
    "Command '['/usr/bin/gcc', '/tmp/tmpxft9m0vj/main.c', '-O3', '-I/opt/venv/triton/common/../third_party/cuda/include', "
    "'-I/usr/include/python3.10', '-I/tmp/tmpxft9m0vj', '-shared', '-fPIC', '-lcuda', '-o', '/tmp/x.so']' returned non-zero"
)
_NO_TRITON = "Cannot find a working triton installation. Either the package is not installed or it is too old."
_OLD_GPU = (
    "Found Tesla P100-PCIE-16GB which is too old to be supported by the triton GPU compiler, which is used as the backend. "
    "Triton only supports devices of CUDA Capability >= 7.0, but your device is of CUDA capability 6.0"
)
_BITSANDBYTES = ("bitsandbytes.optim.optimizer", "bitsandbytes.functional")


def _printed(check: str, file: str = "Loss.cu:245: nll_loss_forward_reduce_cuda_kernel_2d") -> str:
    return f"{_SOURCE}{file}: {_BLOCK}{check}` failed."


_INDEX = (
    "IndexKernelUtils.cu:16: vectorized_gather_kernel",
    'ind >=0 && ind < ind_dim_size && "vectorized gather kernel index out of bounds"',
)
_WHERE = (
    "/pytorch/aten/src/THC/THCTensorIndex.cu:362: void indexSelectLargeIndex(TensorInfo<T, IndexType>, TensorInfo<T, "
    "IndexType>, TensorInfo<long, IndexType>, int, int, IndexType, IndexType, long) [with T = float, IndexType = unsigned "
    "int, DstDim = 2, SrcDim = 2, IdxDim = -2, IndexIsMajor = true]: "
)

CASES: dict[str, Case] = {
    "assert-label-range": Case(
        hits=(
            killed(
                "SIGABRT",
                "../aten/src/ATen/native/cuda/Loss.cu:250: nll_loss_forward_reduce_cuda_kernel_2d: block: [0,0,0], thread: "
                "[0,0,0] Assertion `t >= 0 && t < n_classes` ",
            ),
            printed(
                _printed("t >= 0 && t < n_classes") + "\nterminate called after throwing an instance of 'c10::Error'"
            ),
            printed(
                _printed("cur_target >= 0 && cur_target < n_classes", "NLLLoss2d.cu:103: nll_loss2d_forward_kernel")
            ),
        ),
        misses=(
            printed("CUDA Error: Assertion `t >= 0 && t < n_classes` failed"),
            printed(_printed("srcIndex < srcSelectDimSize")),
        ),
    ),
    "assert-index-range": Case(
        hits=(
            printed(_printed(_INDEX[1], _INDEX[0])),
            printed(_printed("srcIndex < srcSelectDimSize", "Indexing.cu:1292: indexSelectLargeIndex")),
            printed(_WHERE + _BLOCK + "srcIndex < srcSelectDimSize` failed."),
            printed(
                _printed(
                    '-sizes[i] <= index && index < sizes[i] && "index out of bounds"', "IndexKernel.cu:92: operator()"
                )
            ),
        ),
        misses=(
            printed("see Assertion `srcIndex < srcSelectDimSize` failed."),
            printed(_printed("t >= 0 && t < n_classes")),
        ),
    ),
    "assert-bce-input": Case(
        hits=(
            printed(_printed("input_val >= zero && input_val <= one", "Loss.cu:115: operator()")),
            killed(
                "SIGABRT",
                "../aten/src/ATen/native/cuda/Loss.cu:92: operator(): block: [8,0,0], thread: [64,0,0] Assertion "
                "`input_val >= zero && input_val <= one` failed.",
            ),
        ),
        misses=(printed(_printed("t >= 0 && t < n_classes")), printed("input_val >= zero && input_val <= one")),
    ),
    "abort-cuda-error": Case(
        hits=(
            killed(
                "SIGABRT",
                "terminate called after throwing an instance of 'c10::Error'\n  what():  CUDA error: an illegal memory access"
                " was encountered\nCUDA kernel errors might be asynchronously reported at some other API call",
            ),
            killed(
                "SIGABRT",
                "terminate called after throwing an instance of 'c10::DistBackendError'\n  what():  [PG ID 0 PG GUID 0"
                "(default_pg) Rank 1] Process group watchdog thread terminated with exception: CUDA error: unspecified launch",
            ),
            killed(
                "SIGABRT",
                "[rank3]:[E115 15:39:38.012111423 ProcessGroupNCCL.cpp:1899] [PG ID 0 PG GUID 0(default_pg) Rank 3] Process "
                "group watchdog thread terminated with exception: CUDA error: an illegal memory access was encountered\nCUDA "
                "kernel errors might be asynchronously reported at some other API call, so the stacktrace may be incorrect.",
            ),
        ),
        misses=(
            killed("SIGABRT", "terminate called after throwing an instance of 'c10::Error'\n  what():  Socket Timeout"),
            killed("SIGABRT", "CUDA error: an illegal memory access was encountered"),
        ),
    ),
    "jax-dnn-library": Case(
        hits=(
            raised(
                _XLA,
                "FAILED_PRECONDITION: DNN library initialization failed. Look at the errors above for more details.",
            ),
            raised(_JAX, "FAILED_PRECONDITION: DNN library initialization failed."),
        ),
        misses=(
            raised(_XLA, "FAILED_PRECONDITION: Buffer Definition Event"),
            raised("RuntimeError", "FAILED_PRECONDITION: DNN library initialization failed."),
        ),
    ),
    "jax-no-accelerator": Case(
        hits=(
            raised(
                "RuntimeError",
                "Unknown backend: 'gpu' requested, but no platforms that are instances of gpu are present. Platforms present "
                "are: cpu",
            ),
            raised(
                "RuntimeError",
                "Unable to initialize backend 'cuda': FAILED_PRECONDITION: No visible GPU devices. (set JAX_PLATFORMS='' to "
                "automatically choose an available backend)",
            ),
        ),
        misses=(
            raised("RuntimeError", "Unable to initialize backend 'tpu': ABORTED: The TPU is already in use"),
            raised("ValueError", "Unable to initialize backend 'cuda': no supported devices found"),
        ),
    ),
    "bf16-matmul-unsupported": Case(
        hits=(
            raised(
                "RuntimeError", f"{_UNSUPPORTED}cublasGemmStridedBatchedEx{_GEMM.format('BF', 'BF')}, (int)ldb, strideb"
            ),
            raised(
                "RuntimeError",
                f"{_UNSUPPORTED}cublasGemmEx( handle, opa, opb, m, n, k, &falpha, a, CUDA_R_16BF, lda, b, CUDA_R_16BF, ldb",
            ),
        ),
        misses=(
            raised("RuntimeError", f"{_UNSUPPORTED}cublasGemmStridedBatchedEx{_GEMM.format('F', 'F')}"),
            raised(
                "RuntimeError", "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(a, CUDA_R_16BF"
            ),
        ),
    ),
    "cuda-graph-capture": Case(
        hits=(
            raised(
                _ACCELERATOR, "CUDA error: operation not permitted when stream is capturing\nCUDA kernel errors might"
            ),
            raised("RuntimeError", "CUDA error: operation failed due to a previous error during capture"),
            raised(_ACCELERATOR, "HIP error: operation not permitted when stream is capturing"),
            raised(
                "RuntimeError",
                "Cannot copy between CPU and CUDA tensors during CUDA graph capture unless the CPU tensor is pinned. Please",
            ),
        ),
        misses=(
            raised("RuntimeError", "CUDA error: operation not permitted"),
            raised("ValueError", "CUDA error: operation not permitted when stream is capturing"),
        ),
    ),
    "cuda-graph-overwritten": Case(
        hits=(
            raised(
                "RuntimeError",
                "Error: accessing tensor output of CUDAGraphs that has been overwritten by a subsequent run. Stack trace: "
                'File "model.py", line 3, in forward',
            ),
            raised(
                "RuntimeError",
                "Error: accessing tensor output of CUDAGraphs that has been overwritten by a subsequent run. To prevent",
            ),
        ),
        misses=(
            raised("RuntimeError", "accessing tensor output of CUDAGraphs"),
            raised(
                "ValueError",
                "Error: accessing tensor output of CUDAGraphs that has been overwritten by a subsequent run.",
            ),
        ),
    ),
    "pin-memory-thread": Case(
        hits=(
            raised("RuntimeError", "Pin memory thread exited unexpectedly"),
            raised("builtins.RuntimeError", "\nPin memory thread exited unexpectedly\n"),
        ),
        misses=(
            raised("RuntimeError", "Caught RuntimeError in pin memory thread for device 0."),
            raised("OSError", "Pin memory thread exited unexpectedly"),
        ),
    ),
    "locale-missing": Case(
        hits=(
            raised("locale.Error", "unsupported locale setting", modules=("__main__", "locale")),
            raised("locale.Error", "unsupported locale setting\n", modules=("gettext",)),
        ),
        misses=(
            raised("ValueError", "unsupported locale setting", modules=("locale",)),
            raised("locale.Error", "the page on an unsupported locale setting"),
            raised("ValueError", "unknown locale: UTF-8", modules=("locale",)),
        ),
    ),
    "pickle-4-gib": Case(
        hits=(
            raised("OverflowError", "cannot serialize a bytes object larger than 4 GiB"),
            raised("OverflowError", "serializing a string larger than 4 GiB requires pickle protocol 4 or higher"),
        ),
        misses=(
            raised("OverflowError", "Python int too large to convert to C long"),
            raised("ValueError", "cannot serialize a bytes object larger than 4 GiB"),
        ),
    ),
    "triton-helper-build": Case(
        hits=(
            raised(_CALLED, _GCC, modules=_MODULES),
            raised(_CALLED, _OLD_GCC),
            raised(
                _COMPILED, f"backend='inductor' raised:\nCalledProcessError: {_GCC}", modules=("torch._inductor.graph",)
            ),
        ),
        misses=(
            raised(
                _CALLED,
                "Command '['/usr/bin/gcc', '/tmp/x/ring.c', '-O3', '-shared']' returned non-zero exit status 1.",
            ),
            raised("KeyError", _GCC, modules=_MODULES),
            raised(_CALLED, "an earlier attempt: " + _GCC),
            raised(_CALLED, "Command '['ptxas', '-v']' returned non-zero exit status 255.", modules=_MODULES),
        ),
    ),
    "triton-missing": Case(
        hits=(
            raised("torch._inductor.exc.TritonMissing", _NO_TRITON),
            raised(_COMPILED, f"backend='inductor' raised:\nRuntimeError: {_NO_TRITON}"),
        ),
        misses=(raised("RuntimeError", "see: " + _NO_TRITON), raised("ImportError", _NO_TRITON)),
    ),
    "triton-gpu-too-old": Case(
        hits=(
            raised("torch._inductor.exc.GPUTooOldForTriton", _OLD_GPU),
            raised(_COMPILED, f"backend='inductor' raised:\nRuntimeError: {_OLD_GPU}"),
        ),
        misses=(raised("RuntimeError", "Found a device which is too old"), raised("ValueError", _OLD_GPU)),
    ),
    "compile-python-too-new": Case(
        hits=(
            raised("RuntimeError", "Dynamo is not supported on Python 3.12+"),
            raised("RuntimeError", "torch.compile is not supported on Python 3.14+"),
            raised("RuntimeError", "Python 3.11+ not yet supported for torch.compile"),
        ),
        misses=(
            raised("RuntimeError", "torch.compile is not supported on Windows"),
            raised("ValueError", "Dynamo is not supported on Python 3.12+"),
        ),
    ),
    "jax-versions": Case(
        hits=(
            raised("RuntimeError", "jaxlib is version 0.4.7, but this version of jax requires version >= 0.4.14."),
            raised(
                "RuntimeError",
                "jaxlib version 0.6.0 is newer than and incompatible with jax version 0.4.21. Please update your jax and/or",
            ),
        ),
        misses=(
            raised("RuntimeError", "jax is version 0.4.7, but flax requires another one"),
            raised("ImportError", "jaxlib is version 0.4.7, but this version of jax requires version >= 0.4.14."),
        ),
    ),
    "bitsandbytes-without-cuda": Case(
        hits=(
            raised(
                "AttributeError", "'NoneType' object has no attribute 'cadam32bit_grad_fp32'", modules=_BITSANDBYTES
            ),
            raised(
                "RuntimeError",
                "Method 'cquantize_blockwise_fp16_nf4' not available in CPU-only version of bitsandbytes.\nReinstall with",
                modules=_BITSANDBYTES,
            ),
        ),
        misses=(
            raised(
                "AttributeError", "'NoneType' object has no attribute 'cadam32bit_grad_fp32'", modules=("__main__",)
            ),
            raised("AttributeError", "'NoneType' object has no attribute 'to'", modules=_BITSANDBYTES),
        ),
    ),
}
