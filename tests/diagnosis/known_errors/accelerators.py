"""NPUs, AMD GPUs and other accelerators: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

_OOM, _RUNTIME, _VALUE = "torch.OutOfMemoryError", "RuntimeError", "ValueError"
_XLA = "jaxlib.xla_extension.XlaRuntimeError"
_TF = "tensorflow.python.framework.errors_impl.ResourceExhaustedError"
_FULL = (
    "{} out of memory. Tried to allocate {}. GPU 0 has a total capacity of {}{}. Of the allocated memory {} is"
    " allocated by PyTorch, and 165.29 MiB is reserved by PyTorch but unallocated."
)
_OLD = (
    "CUDA out of memory. Tried to allocate {} (GPU 0; {} total capacity; {} already allocated; {} free; 9 GiB reserved"
)
_HCCL = (
    "InnerRunOpApi:torch_npu/csrc/framework/OpParamMaker.cpp:281 OPS function error: HcclAllreduce, error code is 6\n"
    "[ERROR] 2025-04-08-18:07:20 (PID:1292363, Device:1, RankID:1) ERR01100 OPS call acl api failed.\n"
)
_SOCKET = "Getting socket times out. Reason: "
_NOTIFY = "The wait execution of the Notify register times out. Reason: The Notify register has not received the Notify"
_PROCESS = "Failed to initialize the HCCP process. Reason: Maybe the last training process is running."
_CANN = "{}: cannot open shared object file: No such file or directory"
_COUNTED = (
    "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling NumCudaDevices() that"
    " might have already set an error? "
)
_COMPAT = "Error 804: forward compatibility was attempted on non supported HW"
_BF16 = "Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your {} GPU has compute capability"
_FP16 = "FP16 Mixed precision training with AMP or APEX (`--fp16`) and FP16 half precision evaluation"
_OPERATOR = "The operator '{}' is not currently implemented for the MPS device. If you want this op to be added"

CASES: dict[str, Case] = {
    "accelerator-memory-full": Case(
        hits=(
            raised(_OOM, _FULL.format("HIP", "124.00 MiB", "19.94 GiB", " of which 554.47 MiB is free", "15.87 GiB")),
            raised(_OOM, _FULL.format("XPU", "32.00 MiB", "15.56 GiB", "", "15.11 GiB")),
            raised("torch.cuda.OutOfMemoryError", _OLD.format("20.00 MiB", "10.76 GiB", "9.81 GiB", "61.44 MiB")),
        ),
        misses=(
            raised(_OOM, _FULL.format("HIP", "432.00 MiB", "15.92 GiB", " of which 7.12 GiB is free", "8.08 GiB")),
            raised(_VALUE, _FULL.format("HIP", "1.00 GiB", "19.94 GiB", " of which 5 MiB is free", "18.87 GiB")),
            raised(_RUNTIME, _OLD.format("20.00 MiB", "10.76 GiB", "788.51 MiB", "6.10 GiB")),
            raised(
                _OOM,
                "CUDA out of memory. Tried to allocate 1.00 GiB. GPU 0 has a total capacity of 79.20 GiB of which 15.00"
                " GiB is free. 60.00 GiB allowed; Of the allocated memory 59.80 GiB is allocated by PyTorch, and",
            ),
        ),
    ),
    "xla-memory-full": Case(
        hits=(
            raised(_XLA, "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 7406166528 bytes."),
            raised(_XLA, "RESOURCE_EXHAUSTED: Out of memory allocating 20029400304 bytes."),
            raised(
                "jax.errors.JaxRuntimeError",
                "RESOURCE_EXHAUSTED: Failed to allocate request for 2.99GiB (3206250496B) on device ordinal 0",
            ),
        ),
        misses=(
            raised(_XLA, "RESOURCE_EXHAUSTED: Too many open files"),
            raised(_VALUE, "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 7406166528 bytes."),
        ),
    ),
    "tensorflow-memory-full": Case(
        hits=(
            raised(
                _TF,
                "Graph execution error:\n\nOOM when allocating tensor with shape[64,128,56,56] and type float on "
                "/job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc",
            ),
            raised(
                _TF,
                "{{function_node __wrapped__Mul_device_/job:localhost}} OOM when allocating tensor with shape[4096,4096]"
                " and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc [Op:Mul]",
            ),
        ),
        misses=(
            raised(_TF, "failed to allocate memory [Op:AddV2]"),
            raised(_RUNTIME, "OOM when allocating tensor with shape[64,128] and type float on GPU:0 by allocator"),
        ),
    ),
    "hccl-rank-missing": Case(
        hits=(
            raised(_RUNTIME, f"{_HCCL}EI0006: [PID: 1292363] 2025-04-08-18:07:20.444.436 {_SOCKET}Remote Rank did not"),
            raised(_RUNTIME, f"{_HCCL}[PID: 749] 2025-12-29-03:16:15.787.356 Get_Socket_Timeout(EI0006): {_SOCKET}1."),
        ),
        misses=(raised(_RUNTIME, _HCCL), raised(_VALUE, f"EI0006: {_SOCKET}Remote Rank did not send the data in time")),
    ),
    "hccl-collective-timeout": Case(
        hits=(
            raised(_RUNTIME, f"{_HCCL}EI0002: [PID: 7277] 2024-11-28-11:59:30.645.648 {_NOTIFY} record from remote"),
            raised(
                _RUNTIME,
                "ACL stream synchronize failed.\nEI9999: Inner Error!\nEI9999: 2024-10-21-10:42:00.358.410  The error "
                "from device(chipId:3, dieId:0), serial number is 9, hccl fftsplus task timeout occurred during task "
                "execution, stream_id:5, sq_id:5",
            ),
        ),
        misses=(raised(_VALUE, f"EI0002: {_NOTIFY}"), raised(_RUNTIME, "ACL stream synchronize failed.")),
    ),
    "npu-earlier-run": Case(
        hits=(
            raised(_RUNTIME, f"{_HCCL}EJ0001: 2024-05-21-11:57:54.167.645 {_PROCESS}"),
            raised(_RUNTIME, f"{_HCCL}[PID: 11] 2025-12-29-03:16:15.787.356 Init_Failed(EJ0001): {_PROCESS}"),
        ),
        misses=(raised(_RUNTIME, "HCCP process exited"), raised(_VALUE, f"EJ0001: {_PROCESS}")),
    ),
    "npu-toolkit-missing": Case(
        hits=(
            raised("ImportError", _CANN.format("libhccl.so") + ". Please check that the cann package is installed."),
            raised("ImportError", _CANN.format("libascendcl.so")),
        ),
        misses=(raised("ImportError", _CANN.format("libgomp.so")), raised("OSError", _CANN.format("libhccl.so"))),
    ),
    "device-forward-compatibility": Case(
        hits=(
            raised(_RUNTIME, _COUNTED + _COMPAT),
            raised(_RUNTIME, f"Unexpected error from cudaGetDeviceCount(). Did you run some\nalready set?\n{_COMPAT}"),
            raised("torch.AcceleratorError", "CUDA error: forward compatibility was attempted on non supported HW"),
        ),
        misses=(raised(_VALUE, _COUNTED + _COMPAT), raised(_RUNTIME, f"the host's log has {_COMPAT}")),
    ),
    "precision-no-bf16": Case(
        hits=(
            raised(_VALUE, "Your setup doesn't support bf16/gpu. You need torch>=1.10, using Ampere GPU with cuda>=11"),
            raised(_VALUE, _BF16.format("Tesla T4") + " 7.5. You can use float16 instead by explicitly setting the"),
            raised(_VALUE, "[address=0.0.0.0:37495, pid=262] " + _BF16.format("NVIDIA GeForce RTX 2080 Ti") + " 7.5."),
            raised(_VALUE, "bf16 mixed precision requires PyTorch >= 1.10 and a supported device."),
        ),
        misses=(
            raised(_VALUE, "At most one of fp16 and bf16 can be True, but not both"),
            raised("TypeError", _BF16.format("Tesla T4")),
        ),
    ),
    "precision-no-gpu": Case(
        hits=(
            raised(_VALUE, f"{_FP16} (`--fp16_full_eval`) can only be used on CUDA devices."),
            raised(_VALUE, "Mixed precision training with AMP or APEX (`--fp16` or `--bf16`) and half precision"),
        ),
        misses=(raised(_RUNTIME, _FP16), raised(_VALUE, "Mixed precision is not one of no, fp16, bf16, fp8")),
    ),
    "precision-no-fp8": Case(
        hits=(
            raised(
                _RUNTIME, "torch._scaled_mm is only supported on CUDA devices with compute capability >= 9.0 or 8.9"
            ),
            raised("AssertionError", "Device compute capability 8.9 or higher required for FP8 execution."),
            raised(_VALUE, "FP8 quantized models is only supported on GPUs with compute capability >= 8.9 (e.g 4090"),
        ),
        misses=(
            raised(_RUNTIME, "use_fp8: torch._scaled_mm is only supported on CUDA devices"),
            raised(_VALUE, "type fp8e5 not supported in this architecture."),
        ),
    ),
    "mps-not-implemented": Case(
        hits=tuple(
            raised("NotImplementedError", _OPERATOR.format(name))
            for name in ("aten::_linalg_svd.U", "torchvision::roi_align")
        ),
        misses=(
            raised(_VALUE, _OPERATOR.format("aten::_linalg_svd.U")),
            raised("NotImplementedError", "The operator 'aten::x' is not implemented for the Meta device."),
        ),
    ),
    "mps-no-dtype": Case(
        hits=(
            raised(
                "TypeError",
                "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. Please use",
            ),
            raised("TypeError", "BFloat16 is not supported on MPS"),
        ),
        misses=(
            raised("TypeError", "Cannot convert a MPS Tensor to numpy"),
            raised(_VALUE, "BFloat16 is not supported on MPS"),
        ),
    ),
}
