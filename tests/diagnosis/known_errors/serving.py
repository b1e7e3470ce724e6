"""Engines that serve a model: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

_RUNTIME, _VALUE, _ASSERT = "RuntimeError", "ValueError", "AssertionError"
_PYDANTIC = "pydantic_core._pydantic_core.ValidationError"
_INVALID = "1 validation error for ModelConfig\n  Value error, "
_WARM = "CUDA out of memory occurred when warming up {} with {} dummy requests. Please try lowering `max_num_seqs` or"
_PROFILE = "Error in memory profiling. Initial free memory {}, current free memory {}. This happens when "
_FIT = "Make sure you have enough GPU RAM to fit{}the quantized model. If you want to dispatch the model on the CPU"
_SHORT = "Not enough memory. Please try to increase --mem-fraction-static"
_HEADS = "Total number of attention heads ({}) must be divisible by tensor parallel size ({})."
_LONG = "User-specified max_model_len ({}) is greater than the derived max_model_len (max_position_embeddings={} or"
_PROMPT = "The {} prompt (length {}) is longer than the maximum model length of {}. Make sure that `max_model_len`"
_GPUS = "The number of required GPUs exceeds the total number of available GPUs in the {}."
_DTYPE = "torch.bfloat16 is not supported for quantization method {}. Supported dtypes: [torch.float16]"
_OLD = (
    "The quantization method {} is not supported for the current GPU. Minimum capability: {}. Current capability: {}."
)
_SHARE = (
    " GiB) on startup is less than desired GPU memory utilization (0.92, 21.67 GiB). Decrease GPU memory utilization"
)

CASES: dict[str, Case] = {
    "vllm-memory-sampler": Case(
        hits=(raised(_RUNTIME, _WARM.format("sampler", 1024)), raised(_RUNTIME, _WARM.format("sampler", 256))),
        misses=(
            raised(_RUNTIME, "failed before: " + _WARM.format("sampler", 256)),
            raised(_VALUE, _WARM.format("sampler", 256)),
        ),
    ),
    "vllm-memory-profiling": Case(
        hits=(
            raised(_ASSERT, _PROFILE.format("98.0 GiB", "100.59 GiB") + "other processes sharing the same container"),
            raised(_ASSERT, _PROFILE.format(8488222720, 8992751616) + "the GPU memory was not properly cleaned up"),
        ),
        misses=(
            raised(_ASSERT, "Error in memory profiling."),
            raised(_VALUE, _PROFILE.format("98.0 GiB", "100.59 GiB") + "other processes"),
        ),
    ),
    "quantized-model-does-not-fit": Case(
        hits=(
            raised(_VALUE, "Some modules are dispatched on the CPU or the disk. " + _FIT.format(" ")),
            raised(
                _VALUE,
                "\n                        Some modules are dispatched on the CPU or the disk. " + _FIT.format("\n   "),
            ),
        ),
        misses=(
            raised(_RUNTIME, "Some modules are dispatched on the CPU or the disk. " + _FIT.format(" ")),
            raised(_VALUE, "You can't move a model that has some modules offloaded to cpu or disk."),
        ),
    ),
    "sglang-memory": Case(
        hits=(
            raised(_RUNTIME, f"{_SHORT}."),
            raised(_RUNTIME, f"{_SHORT}. Current value: self.server_args.mem_fraction_static=0.84"),
        ),
        misses=(raised(_RUNTIME, "Not enough memory. Please try again"), raised(_VALUE, f"{_SHORT}.")),
    ),
    "vllm-heads-not-divisible": Case(
        hits=(
            raised(_VALUE, _HEADS.format(52, 8)),
            raised(_PYDANTIC, _INVALID + _HEADS.format(64, 3) + " [type=value_error]"),
        ),
        misses=(
            raised(_ASSERT, _HEADS.format(52, 8)),
            raised(_VALUE, "Total number of hidden layers (52) must be divisible by pipeline size (8)."),
        ),
    ),
    "vllm-length-over-model": Case(
        hits=(
            raised(_VALUE, _LONG.format(32768, 8192)),
            raised(_PYDANTIC, _INVALID + _LONG.format(131072, 40960)),
        ),
        misses=(
            raised(_RUNTIME, _LONG.format(32768, 8192)),
            raised(_VALUE, "max_model_len (32768) is greater than the derived max_model_len (8192)"),
        ),
    ),
    "vllm-prompt-too-long": Case(
        hits=(
            raised(_VALUE, _PROMPT.format("decoder", 12324, 8192)),
            raised(_VALUE, _PROMPT.format("encoder", 6205, 4096)),
        ),
        misses=(
            raised(_VALUE, "The decoder prompt cannot be empty"),
            raised("KeyError", _PROMPT.format("decoder", 12324, 8192)),
        ),
    ),
    "vllm-gpus-missing": Case(
        hits=tuple(raised(_VALUE, _GPUS.format(where)) for where in ("cluster", "placement group")),
        misses=(
            raised(_RUNTIME, _GPUS.format("cluster")),
            raised(_VALUE, "The number of GPUs per node is not divisible by the number of tensor parallelism."),
        ),
    ),
    "vllm-quantization-dtype": Case(
        hits=(raised(_VALUE, _DTYPE.format("awq")), raised(_PYDANTIC, _INVALID + _DTYPE.format("gptq"))),
        misses=(raised(_RUNTIME, _DTYPE.format("awq")), raised(_VALUE, "Unknown quantization method: int8")),
    ),
    "vllm-quantization-gpu": Case(
        hits=(
            raised(_VALUE, _OLD.format("awq", 75, 70)),
            raised(_PYDANTIC, _INVALID + _OLD.format("gptq_marlin", 80, 75)),
        ),
        misses=(
            raised(_RUNTIME, _OLD.format("awq", 75, 70)),
            raised(_VALUE, "The quantization method awq is not supported for this model."),
        ),
    ),
    "vllm-lora-rank": Case(
        hits=(
            raised(_VALUE, "LoRA rank 64 is greater than max_lora_rank 16."),
            raised(_VALUE, "LoRA rank 256 is greater than max_lora_rank 128."),
        ),
        misses=(
            raised(_VALUE, "max_lora_rank (10) must be one of [8, 16, 32, 64]."),
            raised("KeyError", "LoRA rank 64 is greater than max_lora_rank 16."),
        ),
    ),
    "device-memory-vllm-cache": Case(
        hits=(
            raised(
                "ValueError",
                "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the "
                "engine.",
            ),
            raised("builtins.ValueError", "No available memory for the cache blocks. Try increasing `gpu_memory_uti"),
        ),
        misses=(
            raised("ValueError", "vLLM: No available memory for the cache blocks."),
            raised("KeyError", "No available memory for the cache blocks."),
        ),
    ),
    "device-memory-vllm-share": Case(
        hits=(
            raised("ValueError", "Free memory on device cuda:0 (12.18/23.56" + _SHARE),
            raised("ValueError", "Free memory on device (6.05/119.7" + _SHARE),
        ),
        misses=(
            raised("ValueError", "Free memory on device cuda:0 is 12.18 GiB"),
            raised("ValueError", "why: Free memory on device cuda:0 (12.18/23.56" + _SHARE),
        ),
    ),
    "device-memory-vllm-length": Case(
        hits=(
            raised(
                "ValueError",
                "To serve at least one request with the models's max seq len (116160), (4.43 GB KV cache is needed, which "
                "is larger than the available KV cache memory (3.48 GB). Try increasing `gpu_memory_utilization`",
            ),
            raised(
                "ValueError",
                "To serve at least one request with the model's max seq len (917504), 23.38 GiB KV cache is needed, which",
            ),
            raised(
                "ValueError",
                "The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in KV "
                "cache (15424). Try increasing `gpu_memory_utilization` or decreasing `max_model_len`",
            ),
        ),
        misses=(
            raised("ValueError", "The model's max seq len (4096) is shorter than the prompt"),
            raised("RuntimeError", "hint: To serve at least one request with the model's max seq len (9), lower it"),
        ),
    ),
}
