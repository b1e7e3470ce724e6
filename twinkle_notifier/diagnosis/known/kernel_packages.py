"""FlashAttention, bitsandbytes and Triton that are missing or do not fit."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "flash-attn-not-available",
        Advice(
            ("flash_attn is not installed for this Python, too old, or no GPU is visible, and the model asks for it"),
            (
                "pip install -U flash-attn --no-build-isolation, on a node with a GPU",
                "or set attn_implementation='sdpa'",
            ),
        ),
        Advice(
            "flash_attn 没有安装、版本太旧，或看不到 GPU，而模型要求使用它",
            (
                "在有 GPU 的节点上 pip install -U flash-attn --no-build-isolation",
                "或设置 attn_implementation='sdpa'",
            ),
        ),
        "https://github.com/Dao-AILab/flash-attention#installation-and-features",
        says=(
            "Flash Attention 2 is not available.",
            "Flash Attention 2.0 is not available.",
            "FlashAttention2 has been toggled on, but it cannot be used due to the following error: ",
            "FlashAttention3 has been toggled on, but it cannot be used due to the following error: ",
        ),
        types=(
            "ImportError",
            "ValueError",
        ),
    ),
    Rule(
        "flash-attn-head-size",
        Advice(
            "FlashAttention does not do this head size (or not on this GPU)",
            (
                (
                    "set attn_implementation='sdpa'; or a newer flash-attn; large heads need an A100 or H100 in "
                    "the backward pass"
                ),
            ),
        ),
        Advice(
            "FlashAttention 不支持该 head 大小（或在这张 GPU 上不支持）",
            ("设置 attn_implementation='sdpa'；或更新 flash-attn；大 head 的反向需要 A100 或 H100",),
        ),
        "https://github.com/Dao-AILab/flash-attention#installation-and-features",
        says=(
            "FlashAttention forward only supports head dimension at most ",
            "FlashAttention backward only supports head dimension at most ",
            "FlashAttention backward for head dim > ",
            "Expected is_sm80 || is_sm90 to be true, but got false.",
            "Expected is_sm8x || is_sm75 to be true, but got false.",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "flash-attn-float32",
        Advice(
            "FlashAttention got the model in float32, and takes bf16 and fp16 only",
            ("load with dtype=torch.bfloat16, or train with bf16=True",),
        ),
        Advice(
            "FlashAttention 只支持 bf16 和 fp16，而模型是 float32",
            ("加载时 dtype=torch.bfloat16，或训练时 bf16=True",),
        ),
        "https://github.com/Dao-AILab/flash-attention#installation-and-features",
        says=(
            "Flash Attention 2 only supports torch.float16 and torch.bfloat16 dtypes.",
            "Flash Attention 2.0 only supports torch.float16 and torch.bfloat16 dtypes",
            "FlashAttention2 only supports fp16 and bf16 data type",
            "FlashAttention only support fp16 and bf16 data type",
            "FlashAttention only supports fp16, bf16, and fp8_e4m3 data type",
        ),
        types=(
            "ValueError",
            "RuntimeError",
        ),
    ),
    Rule(
        "build-bitsandbytes-cuda",
        Advice(
            "bitsandbytes runs without its GPU library: it has none for this CUDA or ROCm version, or found no GPU",
            ("pip install -U bitsandbytes; python -m bitsandbytes tells what it looks for", "or a torch of that CUDA"),
        ),
        Advice(
            "bitsandbytes 没有加载 GPU 库：没有对应该 CUDA/ROCm 版本的库，或没有检测到 GPU",
            ("pip install -U bitsandbytes；python -m bitsandbytes 会说明它在找什么", "或换成对应 CUDA 版本的 torch"),
        ),
        "https://huggingface.co/docs/bitsandbytes/main/en/installation",
        says=(
            "Attempted to use bitsandbytes native library functionality but it's not available.",
            "CUDA Setup failed despite GPU being available. ",
            "CUDA SETUP: Setup Failed!",
            "Configured {:word} binary not found at ",
            "The installed version of bitsandbytes was compiled without GPU support.",
            "None of the available devices `available_devices = {devices}` are supported by the bitsandbytes version",
            "{}libbitsandbytes_cpu.so: undefined symbol:",
            "'NoneType' object has no attribute 'cget_managed_ptr",
            "'NoneType' object has no attribute 'cquantize_blockwise",
        ),
        types=("RuntimeError", "AttributeError"),
    ),
    Rule(
        "model-code-packages",
        Advice(
            "the model's own code needs packages that are not installed: {names}",
            (
                (
                    "install them with the job's Python: python -m pip install NAMES (flash_attn: pip install "
                    "flash-attn --no-build-isolation)"
                ),
            ),
        ),
        Advice(
            "模型自带的代码需要未安装的包：{names}",
            ("用作业的 Python 安装：python -m pip install 包名（flash_attn 加 --no-build-isolation）",),
        ),
        "https://huggingface.co/docs/transformers/custom_models",
        says=(
            (
                "This modeling file requires the following packages that were not found in your environment: "
                "{names}. Run"
            ),
        ),
        types=("ImportError",),
    ),
    Rule(
        "bitsandbytes-not-imported",
        Advice(
            "bitsandbytes is not installed, or its import failed before",
            ("pip install -U bitsandbytes peft; python -m bitsandbytes shows why its import fails",),
        ),
        Advice(
            "没有安装 bitsandbytes，或之前导入失败",
            ("pip install -U bitsandbytes peft；python -m bitsandbytes 可看到导入失败的原因",),
        ),
        "https://huggingface.co/docs/bitsandbytes/main/en/installation",
        says=("name 'bnb' is not defined",),
        types=("NameError",),
    ),
    Rule(
        "accelerate-missing-for-bits",
        Advice(
            "accelerate (or bitsandbytes) is missing or too old for loading in 8 or 4 bits",
            (("python -m pip install -U accelerate bitsandbytes, and start again (in a notebook restart the kernel)"),),
        ),
        Advice(
            "以 8/4 bit 加载所需的 accelerate（或 bitsandbytes）缺失或太旧",
            ("python -m pip install -U accelerate bitsandbytes，然后重新启动（notebook 需重启 kernel）",),
        ),
        "https://huggingface.co/docs/transformers/quantization/bitsandbytes",
        says=(
            "Using `load_in_8bit=True` requires Accelerate",
            "Using `load_in_4bit=True` requires Accelerate",
            "Using `low_cpu_mem_usage=True` or a `device_map` requires Accelerate",
            (
                "Using a `device_map`, `tp_plan`, `torch.device` context manager or setting "
                "`torch.set_default_device(device)` requires `accelerate`"
            ),
        ),
        types=(
            "ImportError",
            "ValueError",
        ),
    ),
    Rule(
        "triton-versions",
        Advice(
            (
                "the installed triton does not fit this torch (or deepspeed, bitsandbytes): a name that they "
                "use is not there"
            ),
            (
                (
                    "reinstall torch, which brings the triton that fits: pip install --force-reinstall torch; "
                    "upgrade bitsandbytes and deepspeed"
                ),
            ),
        ),
        Advice(
            "已安装的 triton 与 torch（或 deepspeed、bitsandbytes）不匹配：缺少它们使用的名字",
            ("重装 torch，它会带上匹配的 triton：pip install --force-reinstall torch；升级 bitsandbytes、deepspeed",),
        ),
        "https://github.com/Comfy-Org/ComfyUI/issues/7106",
        says=(
            "cannot import name '{:word}' from 'triton.compiler.compiler' (",
            "cannot import name '{:word}' from 'triton.{:word}' (",
            "No module named 'triton.ops'",
            "No module named 'triton.common'",
            "module 'triton.language' has no attribute '",
            "module 'triton' has no attribute '",
            "{}AttributeError: type object 'CompiledKernel' has no attribute 'launch_enter_hook'",
        ),
        types=(
            "ImportError",
            "AttributeError",
            "BackendCompilerFailed",
            "InductorError",
        ),
    ),
    Rule(
        "triton-image-invalid",
        Advice(
            "a kernel that Triton compiled does not fit this driver or GPU",
            (
                (
                    "delete ~/.triton/cache and /tmp/torchinductor_*; the driver must be as new as the CUDA of "
                    "torch (nvidia-smi)"
                ),
            ),
        ),
        Advice(
            "Triton 编译的 kernel 与驱动或 GPU 不匹配",
            ("删除 ~/.triton/cache 和 /tmp/torchinductor_*；驱动要不低于 torch 的 CUDA（nvidia-smi）",),
        ),
        "https://github.com/triton-lang/triton/issues/3001",
        says=(
            "Triton Error [CUDA]: device kernel image is invalid",
            "Triton Error [CUDA]: the provided PTX was compiled with an unsupported toolchain",
        ),
        types=(
            "RuntimeError",
            "BackendCompilerFailed",
            "InductorError",
        ),
    ),
)
