"""FlashAttention, bitsandbytes and Triton that are missing or do not fit: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

_RUNTIME = "RuntimeError"

CASES: dict[str, Case] = {
    "flash-attn-not-available": Case(
        hits=(
            raised(
                "ImportError",
                (
                    "Flash Attention 2 is not available. Please refer to the documentation of "
                    "https://github.com/Dao-AILab/flash-attention for installing it."
                ),
            ),
            raised(
                "ImportError",
                (
                    "FlashAttention2 has been toggled on, but it cannot be used due to the following error: you "
                    "need flash_attn package version to be greater or equal than 2.1.0. Detected version 1.0.9."
                ),
            ),
        ),
        misses=(
            raised(
                "ImportError",
                (
                    "an earlier attempt said: Flash Attention 2 is not available. Please refer to the "
                    "documentation of https://github.com/Dao-AILab/flash-attention for installing it."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Flash Attention 2 is not available. Please refer to the documentation of "
                    "https://github.com/Dao-AILab/flash-attention for installing it."
                ),
            ),
        ),
    ),
    "flash-attn-head-size": Case(
        hits=(
            raised("RuntimeError", "FlashAttention forward only supports head dimension at most 256"),
            raised("RuntimeError", "FlashAttention backward for head dim > 192 requires A100/A800 or H100/H800"),
            raised(
                "RuntimeError",
                (
                    "Expected is_sm80 || is_sm90 to be true, but got false.  (Could this error message be "
                    "improved?  If so, please report an enhancement request to PyTorch.)"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "an earlier attempt said: FlashAttention forward only supports head dimension at most 256",
            ),
            raised("KeyError", "FlashAttention forward only supports head dimension at most 256"),
        ),
    ),
    "flash-attn-float32": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "Flash Attention 2 only supports torch.float16 and torch.bfloat16 dtypes. You passed "
                    "torch.float32, this might lead to unexpected behaviour."
                ),
            ),
            raised("RuntimeError", "FlashAttention only supports fp16, bf16, and fp8_e4m3 data type"),
            raised(
                "RuntimeError", "FlashAttention only support fp16 and bf16 data type\nException raised from mha_fwd at"
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Flash Attention 2 only supports torch.float16 and torch.bfloat16 "
                    "dtypes. You passed torch.float32, this might lead to unexpected behaviour."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Flash Attention 2 only supports torch.float16 and torch.bfloat16 dtypes. You passed "
                    "torch.float32, this might lead to unexpected behaviour."
                ),
            ),
            raised("RuntimeError", "only support fp16 and bf16 data type"),
            raised("KeyError", "FlashAttention only support fp16 and bf16 data type"),
        ),
    ),
    "build-bitsandbytes-cuda": Case(
        hits=(
            raised(
                _RUNTIME,
                "\n🚨 CUDA VERSION MISMATCH 🚨\nRequested CUDA version:          13.2\nDetected PyTorch CUDA version:   "
                "13.2\nAttempted to use bitsandbytes native library functionality but it's not available.\n",
            ),
            raised(
                _RUNTIME,
                "None of the available devices `available_devices = {'cpu'}` are supported by the bitsandbytes version you",
            ),
            raised("AttributeError", "/x/bitsandbytes/libbitsandbytes_cpu.so: undefined symbol: cget_managed_ptr"),
            raised(
                _RUNTIME,
                "\n        CUDA Setup failed despite GPU being available. Inspect the CUDA SETUP outputs above to fix your"
                " environment!\n        If you cannot find any issues and suspect a bug, please open an issue",
            ),
            raised(_RUNTIME, "Configured CUDA binary not found at /x/bitsandbytes/libbitsandbytes_cuda128.so"),
        ),
        misses=(
            raised(_RUNTIME, "CUDA Setup failed"),
            raised("ImportError", "Attempted to use bitsandbytes native library functionality but it's not available."),
            raised("KeyError", "CUDA Setup failed despite GPU being available. Inspect the CUDA SETUP outputs above"),
        ),
    ),
    "model-code-packages": Case(
        hits=(
            raised(
                "ImportError",
                (
                    "This modeling file requires the following packages that were not found in your environment: "
                    "flash_attn. Run `pip install flash_attn`"
                ),
            ),
            raised(
                "ImportError",
                (
                    "This modeling file requires the following packages that were not found in your environment: "
                    "einops, transformers_stream_generator. Run `pip install einops transformers_stream_generator`"
                ),
            ),
        ),
        misses=(
            raised(
                "ImportError",
                (
                    "an earlier attempt said: This modeling file requires the following packages that were not "
                    "found in your environment: flash_attn. Run `pip install flash_attn`"
                ),
            ),
            raised(
                "KeyError",
                (
                    "This modeling file requires the following packages that were not found in your environment: "
                    "flash_attn. Run `pip install flash_attn`"
                ),
            ),
        ),
    ),
    "bitsandbytes-not-imported": Case(
        hits=(
            raised("NameError", "name 'bnb' is not defined"),
            raised("NameError", "name 'bnb' is not defined. Did you mean: 'nb'?"),
        ),
        misses=(
            raised("NameError", "an earlier attempt said: name 'bnb' is not defined"),
            raised("KeyError", "name 'bnb' is not defined"),
        ),
    ),
    "accelerate-missing-for-bits": Case(
        hits=(
            raised(
                "ImportError",
                (
                    "Using `load_in_8bit=True` requires Accelerate: `pip install accelerate` and the latest "
                    "version of bitsandbytes"
                ),
            ),
            raised(
                "ImportError",
                "Using `low_cpu_mem_usage=True` or a `device_map` requires Accelerate: `pip install accelerate`",
            ),
        ),
        misses=(
            raised(
                "ImportError",
                (
                    "an earlier attempt said: Using `load_in_8bit=True` requires Accelerate: `pip install "
                    "accelerate` and the latest version of bitsandbytes"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Using `load_in_8bit=True` requires Accelerate: `pip install accelerate` and the latest "
                    "version of bitsandbytes"
                ),
            ),
        ),
    ),
    "triton-versions": Case(
        hits=(
            raised(
                "torch._inductor.exc.InductorError",
                "LoweringException: AttributeError: type object 'CompiledKernel' has no attribute 'launch_enter_hook'",
            ),
            raised(
                "torch._dynamo.exc.BackendCompilerFailed",
                (
                    "backend='inductor' raised:\nImportError: cannot import name 'triton_key' from "
                    "'triton.compiler.compiler' "
                    "(/opt/conda/lib/python3.10/site-packages/triton/compiler/compiler.py)"
                ),
            ),
            raised("ModuleNotFoundError", "No module named 'triton.ops'"),
        ),
        misses=(
            raised("ImportError", "cannot import name 'tritons' from 'tritonclient' (/x/__init__.py)"),
            raised("ValueError", "No module named 'triton.ops'"),
        ),
    ),
    "triton-image-invalid": Case(
        hits=(
            raised("RuntimeError", "Triton Error [CUDA]: device kernel image is invalid"),
            raised(
                "torch._dynamo.exc.BackendCompilerFailed",
                "backend='inductor' raised:\nRuntimeError: Triton Error [CUDA]: device kernel image is invalid",
            ),
        ),
        misses=(
            raised("RuntimeError", "an earlier attempt said: Triton Error [CUDA]: device kernel image is invalid"),
            raised("KeyError", "Triton Error [CUDA]: device kernel image is invalid"),
        ),
    ),
}
