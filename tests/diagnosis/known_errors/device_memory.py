"""Memory of the device: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

_HINT = (
    " If reserved but unallocated memory is large try setting {}=expandable_segments:True to avoid fragmentation."
    "  See documentation for Memory Management  (https://pytorch.org/docs/stable/notes/cuda.html#environment-variables)"
)
_OLDER_HINT = (
    " If reserved but unallocated memory is large try setting max_split_size_mb to avoid fragmentation."
    "  See documentation for Memory Management and PYTORCH_CUDA_ALLOC_CONF"
)
_OOM, _OLD_OOM = "torch.OutOfMemoryError", "torch.cuda.OutOfMemoryError"


def _new(
    asked: str,
    total: str,
    free: str,
    mine: str = "",
    *,
    used: str = "60.11 GiB",
    reserved: str = "100.22 MiB",
    before: str = "",
    device: str = "CUDA",
    after: str = _HINT.format("PYTORCH_CUDA_ALLOC_CONF"),
) -> str:
    own = f"Including non-PyTorch memory, this process has {mine} memory in use. " if mine else ""
    return (
        f"{device} out of memory. Tried to allocate {asked}. GPU 0 has a total capacity of {total} of which {free} is "
        f"free. {before}{own}Of the allocated memory {used} is allocated by PyTorch, and {reserved} is reserved by "
        f"PyTorch but unallocated.{after}"
    )


def _old(asked: str, total: str, used: str, free: str, reserved: str, device: str = "CUDA", unit: str = "GPU") -> str:
    return (
        f"{device} out of memory. Tried to allocate {asked} ({unit} 0; {total} total capacity; {used} already "
        f"allocated; {free} free; {reserved} reserved in total by PyTorch) If reserved memory is >> allocated memory try"
        " setting max_split_size_mb to avoid fragmentation.  See documentation for Memory Management"
    )


def _in_use(pid: int, size: str) -> str:
    return f"Process {pid} has {size} memory in use. "


_NPU = (
    "NPU out of memory. Tried to allocate 2.00 GiB (NPU 0; 60.96 GiB total capacity; {} already allocated; {} current "
    "active; 1.10 GiB free; 58.00 GiB allowed; {} reserved in total by PyTorch) If reserved memory is >> allocated memory"
    " try setting max_split_size_mb to avoid fragmentation."
)
_FULL = _new("7.65 GiB", "79.20 GiB", "1.10 GiB", "78.05 GiB", used="76.11 GiB")
_PINNED = (
    "Caught {0} in pin memory thread for device 0.\nOriginal Traceback (most recent call last):\n"
    '  File "/opt/venv/lib/python3.11/site-packages/torch/utils/data/_utils/pin_memory.py", line 41, in do_one_step\n'
    "    data = pin_memory(data, device)\n{1}\n"
)

_GROWTH = {"grew_from": "31.20 GiB", "grew_to": "70.55 GiB", "grown": "39.35 GiB", "logs": "88"}

CASES: dict[str, Case] = {
    "device-memory-leak": Case(
        hits=(
            raised(_OOM, _FULL, **_GROWTH),
            raised(_OLD_OOM, _old("2.00 GiB", "79.20 GiB", "77.01 GiB", "1.10 GiB", "78.00 GiB"), **_GROWTH),
        ),
        misses=(
            raised(_OOM, _FULL),  # it did not grow, or nobody knows whether it did
            raised(_OOM, _FULL, **{**_GROWTH, "grown": "12.00 GiB"}),  # which is little of this device
            raised(_OOM, _FULL.replace("7.65", "50.65"), **_GROWTH),  # it would not have fitted without, either
            raised(
                _OOM, _new("7.65 GiB", "79.20 GiB", "1.10 GiB", "78.05 GiB", used="30.11 GiB"), **_GROWTH
            ),  # it went
        ),
    ),
    "device-memory-other-process": Case(
        hits=(
            raised(
                _OOM,
                _new(
                    "1.95 GiB", "14.57 GiB", "1.58 GiB", "966.00 MiB", used="0.60 GiB", before=_in_use(249, "12.02 GiB")
                ),
            ),
            raised(
                _OLD_OOM,
                _new(
                    "50.00 MiB",
                    "9.64 GiB",
                    "22.12 MiB",
                    "2.60 GiB",
                    used="2.10 GiB",
                    before=_in_use(7, "1.00 GiB") + _in_use(8, "5.88 GiB"),
                ).replace("capacity", "capacty"),
            ),
            raised(
                _OOM,
                _new("2.00 GiB", "79.20 GiB", "1.10 GiB", "60.00 GiB", used="58.00 GiB").replace(
                    "Of", _in_use(9, "17 GiB") + "Of"
                ),
            ),
        ),
        misses=(
            # In a container torch does not know its own number: this is the process itself.
            raised(_OOM, _new("2.03 GiB", "47.50 GiB", "748.56 MiB", before=_in_use(137263, "46.77 GiB"))),
            raised(_OOM, _new("7.00 GiB", "79.20 GiB", "1.10 GiB", "77.00 GiB", before=_in_use(2, "612.00 MiB"))),
            raised("ValueError", _new("1.95 GiB", "14.57 GiB", "1.58 GiB", "1.00 GiB", before=_in_use(2, "12.00 GiB"))),
        ),
    ),
    "device-memory-taken": Case(
        hits=(
            raised(_OOM, _new("768.00 MiB", "83.05 GiB", "140.38 MiB", "23.33 GiB", used="21.92 GiB")),
            raised(_OLD_OOM, _old("984.00 MiB", "47.50 GiB", "22.15 GiB", "68.88 MiB", "22.16 GiB")),
        ),
        misses=(
            raised(_OOM, _FULL),
            # The driver does not count this process: it is the one that has the memory.
            raised(_OOM, _new("896.00 MiB", "21.99 GiB", "759.38 MiB", "0 bytes", used="20.52 GiB")),
            raised(_OLD_OOM, _old("12.55 GiB", "23.69 GiB", "12.58 GiB", "10.38 GiB", "12.58 GiB")),
        ),
    ),
    "device-memory-taken-since": Case(
        hits=(
            raised(_OOM, _new("2.00 GiB", "79.20 GiB", "1.10 GiB", "61.05 GiB", used="60.11 GiB"), peak="70.00 GiB"),
            raised(_OOM, _new("512.00 MiB", "79.20 GiB", "80.00 MiB", used="70.11 GiB"), peak="73.50 GiB"),
        ),
        misses=(
            raised(_OOM, _new("2.00 GiB", "79.20 GiB", "1.10 GiB", "77.05 GiB", used="76.11 GiB"), peak="76.20 GiB"),
            # The rest may be in pieces.
            raised(
                _OOM,
                _new("2.00 GiB", "79.20 GiB", "1.10 GiB", "77.05 GiB", used="60.11 GiB", reserved="3.00 GiB"),
                peak="70.00 GiB",
            ),
            raised(_OOM, _new("2.00 GiB", "79.20 GiB", "1.10 GiB", "61.05 GiB", used="60.11 GiB")),
        ),
    ),
    "device-memory-fragmented": Case(
        hits=(
            raised(
                _OOM, _new("2.00 GiB", "79.20 GiB", "1.10 GiB", "77.80 GiB", used="60.11 GiB", reserved="17.22 GiB")
            ),
            raised(
                _OOM,
                _new(
                    "512.00 MiB",
                    "31.98 GiB",
                    "80.00 MiB",
                    used="18.01 GiB",
                    reserved="5.03 GiB",
                    device="HIP",
                    after=_HINT.format("PYTORCH_ALLOC_CONF"),
                ),
            ),
            raised(_OOM, _new("1.70 GiB", "6.00 GiB", "0 bytes", used="2.93 GiB", reserved="2.30 GiB")),
        ),
        misses=(
            raised(_OOM, _FULL),
            raised(_OOM, _new("2.10 GiB", "6.00 GiB", "0 bytes", used="2.93 GiB", reserved="2.30 GiB")),
            raised("RuntimeError", "see CUDA out of memory. Tried to allocate 2.00 GiB"),
        ),
    ),
    "device-memory-fragmented-older-torch": Case(
        hits=(
            raised(
                _OLD_OOM,
                _new(
                    "1.70 GiB", "6.00 GiB", "0 bytes", used="2.93 GiB", reserved="2.30 GiB", after=_OLDER_HINT
                ).replace("capacity", "capacty"),
            ),
            raised(_OLD_OOM, _new("512.00 MiB", "23.69 GiB", "80.00 MiB", reserved="5.03 GiB", after=_OLDER_HINT)),
        ),
        misses=(
            raised(_OLD_OOM, _new("2.10 GiB", "6.00 GiB", "0 bytes", reserved="2.30 GiB", after=_OLDER_HINT)),
            raised(_OLD_OOM, _new("20.00 MiB", "23.69 GiB", "10.00 MiB", reserved="1.03 GiB", after=_OLDER_HINT)),
        ),
    ),
    "device-memory-fragmented-npu": Case(
        hits=(
            raised("RuntimeError", _NPU.format("32.10 GiB", "32.10 GiB", "57.20 GiB")),
            raised(_OOM, _old("1.00 GiB", "29.00 GiB", "12.00 GiB", "200.00 MiB", "26.50 GiB", "NPU", "NPU")),
        ),
        misses=(
            raised("RuntimeError", _NPU.format("56.10 GiB", "56.10 GiB", "57.20 GiB")),
            raised("RuntimeError", "log: " + _NPU.format("32.10 GiB", "32.10 GiB", "57.20 GiB")),
        ),
    ),
    "device-memory-loading-model": Case(
        hits=(
            raised(_OOM, _FULL, modules=("__main__", "transformers.models.auto.auto_factory")),
            raised(
                _OLD_OOM,
                _old("224.00 MiB", "23.69 GiB", "22.90 GiB", "80.00 MiB", "23.00 GiB"),
                modules=("transformers.models.auto.auto_factory", "transformers.modeling_utils"),
            ),
        ),
        misses=(
            raised(_OOM, _FULL, modules=("transformers.trainer",)),
            raised("OSError", "Can't load the model", modules=("transformers.models.auto.auto_factory",)),
        ),
    ),
    "device-memory-optimizer-step": Case(
        hits=(
            raised(_OOM, _FULL, modules=("accelerate.optimizer", "torch.optim.adamw")),
            raised(
                _OLD_OOM,
                _new("20.00 MiB", "23.69 GiB", "12.00 MiB", "23.60 GiB"),
                modules=("torch.amp.grad_scaler", "torch.optim.optimizer"),
            ),
        ),
        misses=(
            # Lightning calls forward and backward from within the optimizer's step.
            raised(
                _OOM, _FULL, modules=("torch.optim.optimizer", "torch.optim.adam", "lightning.pytorch.loops.utilities")
            ),
            raised("RuntimeError", "CUDA out of memory", modules=("accelerate.optimizer",)),
        ),
    ),
    "device-memory-one-huge-tensor": Case(
        hits=(
            raised(_OOM, _new("122.74 GiB", "23.69 GiB", "10.92 GiB", "12.50 GiB", used="12.03 GiB")),
            raised("RuntimeError", _NPU.format("13.22 GiB", "13.22 GiB", "13.86 GiB").replace("2.00 GiB", "48.78 GiB")),
            raised(_OLD_OOM, _old("12.55 GiB", "23.69 GiB", "12.58 GiB", "10.38 GiB", "12.58 GiB")),
        ),
        misses=(
            raised(_OOM, _FULL),
            raised("ValueError", _new("122.74 GiB", "23.69 GiB", "10.92 GiB")),
        ),
    ),
    "device-memory-backward": Case(
        hits=(
            raised(_OOM, _FULL, modules=("torch._tensor", "torch.autograd.graph")),
            raised(_OOM, _new("20.00 MiB", "11.93 GiB", "5.62 MiB", device="XPU"), modules=("torch.autograd.graph",)),
        ),
        misses=(
            # A Function of one's own, in the forward pass.
            raised(_OOM, _FULL, modules=("torch.autograd.function",)),
            raised("RuntimeError", "element 0 of tensors does not require grad", modules=("torch.autograd.graph",)),
        ),
    ),
    "device-memory-full": Case(
        hits=(
            raised(_OOM, _FULL),
            raised("RuntimeError", _old("1.29 GiB", "15.90 GiB", "13.46 GiB", "979.81 MiB", "13.94 GiB")),
            raised("RuntimeError", _NPU.format("56.10 GiB", "56.10 GiB", "57.20 GiB")),
            raised(_OOM, _new("978.00 MiB", "15.98 GiB", "630.00 MiB", device="HIP", used="0 bytes")),
        ),
        misses=(
            raised(_OOM, _new("192.00 MiB", "31.89 GiB", "13.22 GiB", device="XPU")),
            raised("RuntimeError", "retrying after CUDA out of memory. Tried to allocate 2.00 GiB."),
            printed(_FULL),
        ),
    ),
    "device-memory-report-failed": Case(
        hits=(
            raised(
                "RuntimeError",
                'NVML_SUCCESS == r INTERNAL ASSERT FAILED at "../c10/cuda/CUDACachingAllocator.cpp":838, please report a bug',
            ),
            raised(
                "RuntimeError",
                'NVML_SUCCESS == r INTERNAL ASSERT FAILED at "/pytorch/c10/cuda/CUDACachingAllocator.cpp":1154, please',
            ),
        ),
        misses=(
            raised("RuntimeError", 'false INTERNAL ASSERT FAILED at "/pytorch/c10/cuda/CUDACachingAllocator.cpp":1154'),
            raised("RuntimeError", "see issue 112377: NVML_SUCCESS == r INTERNAL ASSERT FAILED at"),
        ),
    ),
    "device-memory-pinned": Case(
        hits=(
            raised("RuntimeError", _PINNED.format("RuntimeError", "RuntimeError: CUDA error: out of memory")),
            raised(
                "torch.AcceleratorError",
                _PINNED.format("AcceleratorError", "torch.AcceleratorError: CUDA error: out of memory"),
            ),
        ),
        misses=(
            raised("RuntimeError", _PINNED.format("RuntimeError", "RuntimeError: CUDA error: invalid argument")),
            raised("RuntimeError", "Caught RuntimeError in DataLoader worker process 0.\nRuntimeError: out of memory"),
        ),
    ),
    "device-memory-driver": Case(
        hits=(
            raised(
                "torch.AcceleratorError", "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in https"
            ),
            raised("RuntimeError", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
            raised("RuntimeError", "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)"),
        ),
        misses=(
            raised("RuntimeError", "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
            raised("RuntimeError", "sampler failed: CUDA error: out of memory"),
        ),
    ),
    "device-memory-no-batch-fits": Case(
        hits=(
            raised("RuntimeError", "No executable batch size found, reached zero."),
            raised("builtins.RuntimeError", "\nNo executable batch size found, reached zero.\n"),
        ),
        misses=(
            raised("ValueError", "No executable batch size found, reached zero."),
            raised("RuntimeError", "No executable batch size found"),
        ),
    ),
}
