"""Engines that serve a model: vLLM, SGLang, quantized weights."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_CONSERVING = "https://docs.vllm.ai/en/latest/configuration/conserving_memory.html"
_PARALLEL = "https://docs.vllm.ai/en/latest/serving/parallelism_scaling.html"
_QUANTIZED = "https://docs.vllm.ai/en/latest/features/quantization/"
_VALUE = ("ValueError", "ValidationError")
_ENGINE = ("ValueError", "RuntimeError")
_SHARE = (
    "{free:number}/{total:number} GiB) on startup is less than desired GPU memory utilization"
    " ({share:number}, {wanted:number} GiB)."
)


def _config(text: str) -> tuple[str, str]:
    """As vLLM's configuration raises it, by itself and through pydantic."""
    return text, f"Value error, {text}"


RULES: tuple[Rule, ...] = (
    Rule(
        "vllm-memory-sampler",
        Advice(
            "the device was full when vLLM warmed its sampler up with {requests} requests",
            ("lower max_num_seqs (it is {requests} now)", "or lower gpu_memory_utilization"),
        ),
        Advice(
            "vLLM 用 {requests} 个请求预热采样器时显存已满",
            ("调小 max_num_seqs（目前是 {requests}）", "或调小 gpu_memory_utilization"),
        ),
        _CONSERVING,
        says=tuple(
            f"CUDA out of memory occurred when warming up {part} with {{requests:int}} dummy requests."
            for part in ("sampler", "pooler")
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "vllm-memory-profiling",
        Advice(
            "another process released memory of the device while vLLM measured it at its start",
            ("wait until the old engine or trainer is gone (nvidia-smi), then start; start engines one after another",),
        ),
        Advice(
            "vLLM 启动测量显存时，另一个进程正在释放这张卡的显存",
            ("等旧的引擎或训练进程完全退出（nvidia-smi）后再启动；多个引擎依次启动",),
        ),
        "https://github.com/vllm-project/vllm/blob/main/vllm/v1/worker/gpu_worker.py",
        says=("Error in memory profiling. Initial free memory ",),
        types=("AssertionError", "RuntimeError"),
    ),
    Rule(
        "quantized-model-does-not-fit",
        Advice(
            "the quantized model does not fit into the free GPU memory, so a part was to go to the CPU or disk",
            (
                "see with nvidia-smi what else holds the GPU, and choose another or more GPUs",
                "or take a smaller model, or 4 bits in place of 8",
                "for training set device_map={'': local_rank}, so that nothing is put on the CPU",
            ),
        ),
        Advice(
            "量化后的模型放不进空闲显存，一部分会被放到 CPU 或磁盘上",
            (
                "用 nvidia-smi 查看谁占着 GPU，换一张或多用几张卡",
                "或换更小的模型，或用 4 bit 代替 8 bit",
                "训练时设置 device_map={'': local_rank}，避免放到 CPU 上",
            ),
        ),
        "https://huggingface.co/docs/transformers/quantization/bitsandbytes",
        says=("Some modules are dispatched on the CPU or the disk.",),
        types=("ValueError",),
    ),
    Rule(
        "sglang-memory",
        Advice(
            "SGLang has no room left for its KV cache: the weights already take the share that it may use",
            (
                "raise --mem-fraction-static (mem_fraction_static), or --tp",
                "free what the trainer holds on this device; see nvidia-smi",
            ),
        ),
        Advice(
            "SGLang 没有显存放 KV cache：权重已占满允许它使用的份额",
            (
                "调高 --mem-fraction-static（mem_fraction_static），或调大 --tp",
                "释放训练进程在这张卡上占用的显存；用 nvidia-smi 查看",
            ),
        ),
        "https://github.com/sgl-project/sglang/issues/322",
        says=("Not enough memory. Please try to increase --mem-fraction-static",),
        types=("RuntimeError",),
    ),
    Rule(
        "vllm-heads-not-divisible",
        Advice(
            "the model's {heads} attention heads cannot be split over tensor_parallel_size={size}",
            ("set tensor_parallel_size to a divisor of {heads}", "and use pipeline or data parallelism for more GPUs"),
        ),
        Advice(
            "模型的 {heads} 个注意力头不能平分到 tensor_parallel_size={size}",
            ("把 tensor_parallel_size 设为 {heads} 的约数", "更多的卡用流水线并行或数据并行"),
        ),
        _PARALLEL,
        says=_config(
            "Total number of attention heads ({heads:int}) must be divisible by tensor parallel size ({size:int})"
        ),
        types=_VALUE,
    ),
    Rule(
        "vllm-length-over-model",
        Advice(
            "max_model_len={asked} is more than the model was made for",
            (
                "lower max_model_len to the model's max_position_embeddings (config.json)",
                "for longer texts set the model's rope_scaling as its model card says",
            ),
        ),
        Advice(
            "max_model_len={asked} 超过了模型支持的长度",
            (
                "把 max_model_len 降到模型的 max_position_embeddings（见 config.json）以内",
                "需要更长的文本时，按模型说明设置 rope_scaling",
            ),
        ),
        "https://docs.vllm.ai/en/latest/configuration/engine_args.html",
        says=_config("User-specified max_model_len ({asked:int}) is greater than the derived max_model_len ("),
        types=_VALUE,
    ),
    Rule(
        "vllm-prompt-too-long",
        Advice(
            "a prompt of {asked} tokens is longer than vLLM's max_model_len of {limit}",
            (
                "raise max_model_len (prompt and answer must fit), or filter longer prompts out of the dataset",
                "images: lower max_pixels, as they are many tokens",
            ),
        ),
        Advice(
            "有 {asked} 个 token 的 prompt，超过了 vLLM 的 max_model_len {limit}",
            (
                "调大 max_model_len（要容纳 prompt 和回答），或从数据集中过滤过长的 prompt",
                "图像：调小 max_pixels，图像会占很多 token",
            ),
        ),
        "https://docs.vllm.ai/en/latest/configuration/engine_args.html",
        says=("The {kind:word} prompt (length {asked:int}) is longer than the maximum model length of {limit:int}",),
        types=("ValueError",),
    ),
    Rule(
        "vllm-gpus-missing",
        Advice(
            "vLLM wants more GPUs than Ray has: tensor_parallel_size times pipeline_parallel_size is too large",
            ("see with `ray status` whether all nodes joined", "or lower tensor_parallel_size"),
        ),
        Advice(
            "vLLM 需要的 GPU 多于 Ray 集群：tensor_parallel_size × pipeline_parallel_size 太大",
            ("用 `ray status` 查看所有节点是否都已加入", "或调小 tensor_parallel_size"),
        ),
        _PARALLEL,
        says=("The number of required GPUs exceeds the total number of available GPUs in the ",),
        types=("ValueError",),
    ),
    Rule(
        "vllm-quantization-dtype",
        Advice(
            "the {method} weights cannot run in {dtype}",
            ("set dtype to one that the error names as supported, as dtype='float16' for AWQ",),
        ),
        Advice(
            "{method} 量化的权重不能以 {dtype} 运行",
            ("把 dtype 设为报错中列出的类型，例如 AWQ 用 dtype='float16'",),
        ),
        _QUANTIZED,
        says=_config("{dtype:word} is not supported for quantization method {method:word}"),
        types=_VALUE,
    ),
    Rule(
        "vllm-quantization-gpu",
        Advice(
            "this GPU is too old for {method} weights: they need compute capability {need}, it has {has} (in tenths)",
            ("take weights in another format, as fp16 or GPTQ", "or run on a newer GPU"),
        ),
        Advice(
            "这张 GPU 太旧，不支持 {method} 权重：需要算力 {need}，实际为 {has}（十分之一为单位）",
            ("换用其他格式的权重，例如 fp16 或 GPTQ", "或换用更新的 GPU"),
        ),
        _QUANTIZED,
        says=_config(
            "The quantization method {method:word} is not supported for the current GPU. Minimum capability: {need:int}"
            ". Current capability: {has:int}"
        ),
        types=_VALUE,
    ),
    Rule(
        "vllm-lora-rank",
        Advice(
            "the LoRA adapter has rank {rank}, and vLLM was started for {most} at most",
            ("set max_lora_rank={rank} or the next larger value that vLLM allows",),
        ),
        Advice(
            "LoRA 的 rank 是 {rank}，而 vLLM 启动时最多允许 {most}",
            ("把 max_lora_rank 设为 {rank}，或 vLLM 允许的更大一档",),
        ),
        "https://docs.vllm.ai/en/latest/features/lora.html",
        says=("LoRA rank {rank:int} is greater than max_lora_rank {most:int}",),
        types=("ValueError",),
    ),
    Rule(
        "device-memory-vllm-cache",
        Advice(
            "vLLM has no room left for its KV cache: the weights already take the share that it may use",
            (
                "raise gpu_memory_utilization, or raise tensor_parallel_size",
                "free what the trainer holds on this device",
            ),
        ),
        Advice(
            "vLLM 没有显存放 KV cache：权重已占满允许它使用的份额",
            ("调高 gpu_memory_utilization，或调大 tensor_parallel_size", "释放训练进程在这张卡上占用的显存"),
        ),
        _CONSERVING,
        says=("No available memory for the cache blocks.",),
        types=_ENGINE,
    ),
    Rule(
        "device-memory-vllm-share",
        Advice(
            "vLLM wants {wanted} GiB, a share of {share}, but the device has {free} of its {total} GiB free",
            (
                "see with nvidia-smi what holds the device, as the trainer or an old engine",
                "or lower gpu_memory_utilization",
            ),
        ),
        Advice(
            "vLLM 要占 {wanted} GiB（比例 {share}），但该卡 {total} GiB 只剩 {free}",
            ("用 nvidia-smi 查看谁占着这张卡，例如训练进程或残留的引擎", "或者调低 gpu_memory_utilization"),
        ),
        _CONSERVING,
        says=tuple(f"Free memory on device{name} ({_SHARE}" for name in ("", " {device}")),
        types=_ENGINE,
    ),
    Rule(
        "device-memory-vllm-length",
        Advice(
            "a single text of max_model_len={length} does not fit into vLLM's KV cache",
            ("lower max_model_len to what your texts need", "or raise gpu_memory_utilization"),
        ),
        Advice(
            "vLLM 的 KV cache 放不下一条 max_model_len={length} 的文本",
            ("把 max_model_len 降到实际需要的长度", "或者调高 gpu_memory_utilization"),
        ),
        _CONSERVING,
        says=(
            "To serve at least one request with the model's max seq len ({length:int}), ",
            "To serve at least one request with the models's max seq len ({length:int}), ",
            "The model's max seq len ({length:int}) is larger than the maximum number of tokens that can be stored in",
        ),
        types=_ENGINE,
    ),
)
