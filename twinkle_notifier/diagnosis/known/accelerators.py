"""NPUs, AMD GPUs and other accelerators, and what they cannot do."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_MEMORY = ("OutOfMemoryError", "RuntimeError")
_DEVICE = ("AcceleratorError", "RuntimeError")
_XLA = ("XlaRuntimeError", "JaxRuntimeError", "RuntimeError", "ResourceExhaustedError")
_HCCL = "https://www.hiascend.com/document/detail/zh/CANNCommunityEdition/850/maintenref/troubleshooting/"
_ASKED = "{device:word} out of memory. Tried to allocate {asked:size}"
_USED = "{}Of the allocated memory {used:size} is allocated by PyTorch"
_CUDA = "https://docs.pytorch.org/docs/stable/"
_MPS = _CUDA + "mps_environment_variables.html"
_BF16 = "https://docs.nvidia.com/cuda/cuda-c-programming-guide/#compute-capabilities"
_COUNTED = (
    "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling NumCudaDevices() that"
    " might have already set an error? Error "
)

RULES: tuple[Rule, ...] = (
    Rule(
        "accelerator-memory-full",
        Advice(
            "the device's memory is full: PyTorch holds {used} of its {total}, and {asked} more did not fit",
            (
                "lower the micro-batch (and raise gradient accumulation by as much), or the text's length",
                "turn gradient checkpointing and bf16 on, or split model and optimizer: FSDP or ZeRO",
            ),
        ),
        Advice(
            "显存已满：PyTorch 占用 {used}（该卡共 {total}），再申请 {asked} 放不下",
            (
                "调小 micro-batch（并按同样倍数调大梯度累积步数）或序列长度",
                "打开 gradient checkpointing 和 bf16，或用 FSDP、ZeRO 切分模型和优化器",
            ),
        ),
        _CUDA + "notes/cuda.html#memory-management",
        says=(
            *(
                _ASKED + f". {{unit:word}} {{:int}} has a total {spelt} of {{total:size}}{end}" + _USED
                for spelt in ("capacity", "capacty")
                for end in (" of which", ". ")
            ),
            _ASKED + " ({unit:word} {:int}; {total:size} total capacity; {used:size} already allocated; ",
        ),
        unless=("{}allowed; Of the allocated memory",),
        types=_MEMORY,
        when=("used > 0.75 * total",),
    ),
    Rule(
        "xla-memory-full",
        Advice(
            "the device's memory is full: XLA could not allocate {asked}",
            (
                "lower the batch size, or shard it over more devices; use jax.checkpoint and bfloat16",
                "see with nvidia-smi whether another process has the memory: JAX takes 75 % at start"
                " (XLA_PYTHON_CLIENT_MEM_FRACTION)",
            ),
        ),
        Advice(
            "显存已满：XLA 无法分配 {asked}",
            (
                "调小 batch size，或切分到更多设备；使用 jax.checkpoint 和 bfloat16",
                "用 nvidia-smi 查看是否有别的进程占用显存：JAX 启动时会预占 75%（XLA_PYTHON_CLIENT_MEM_FRACTION）",
            ),
        ),
        "https://docs.jax.dev/en/latest/gpu_memory_allocation.html",
        says=(
            "RESOURCE_EXHAUSTED: Out of memory while trying to allocate {asked:size}",
            "RESOURCE_EXHAUSTED: Out of memory allocating {asked:size}",
            "RESOURCE_EXHAUSTED: Failed to allocate request for {asked:size}",
        ),
        types=_XLA,
    ),
    Rule(
        "tensorflow-memory-full",
        Advice(
            "the memory of {device} is full: a tensor of shape [{shape}] did not fit",
            ("lower the batch size or the input's size", "see with nvidia-smi whether another process has the memory"),
        ),
        Advice(
            "{device} 的显存已满：放不下形状为 [{shape}] 的张量",
            ("调小 batch size 或输入尺寸", "用 nvidia-smi 查看是否有别的进程占用显存"),
        ),
        "https://www.tensorflow.org/guide/gpu",
        says=("{}OOM when allocating tensor with shape[{shape}] and type {:word} on {device:word}",),
        types=("ResourceExhaustedError",),
    ),
    Rule(
        "hccl-rank-missing",
        Advice(
            "a rank did not join in time, so HCCL could not connect: that rank failed, hangs, or is far behind",
            (
                "look at the first error of the other ranks: it is the cause if one of them failed",
                "if they are only late (loading data or compiling), set HCCL_CONNECT_TIMEOUT=1200 on all ranks",
                "between nodes: check the link and that TLS is set alike (hccn_tool -i 0 -tls -g)",
            ),
        ),
        Advice(
            "有 rank 没有及时参与通信，HCCL 建链超时：该 rank 报错、卡住或进度落后太多",
            (
                "查看其他 rank 最早的报错：如果有 rank 已失败，那就是原因",
                "如果只是较慢（加载数据或编译），所有 rank 设置 HCCL_CONNECT_TIMEOUT=1200",
                "多机时检查网络连通性和 TLS 设置是否一致（hccn_tool -i 0 -tls -g）",
            ),
        ),
        "https://github.com/vllm-project/vllm-ascend/issues/486",
        says=("EI0006: {}Getting socket times out.", "{}(EI0006): Getting socket times out."),
        types=("RuntimeError",),
    ),
    Rule(
        "hccl-collective-timeout",
        Advice(
            "a collective of HCCL waited in vain for another rank: it failed, hangs, or runs other collectives",
            (
                "look at the first error of the other ranks, and whether all have equally many batches",
                "if a rank is only slow (saving, evaluating), raise HCCL_EXEC_TIMEOUT on all ranks",
            ),
        ),
        Advice(
            "HCCL 集合通信一直等不到另一个 rank：它报错、卡住，或执行了不同的通信",
            (
                "查看其他 rank 最早的报错，并确认各 rank 的 batch 数相同",
                "如果只是某个 rank 较慢（保存、评估），所有 rank 调大 HCCL_EXEC_TIMEOUT",
            ),
        ),
        _HCCL + "atlaserrorcode_15_0242.html",
        says=(
            "EI0002: {}The wait execution of the Notify register times out.",
            "{}(EI0002): The wait execution of the Notify register times out.",
            "{}, hccl fftsplus task timeout occurred during task execution",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "npu-earlier-run",
        Advice(
            "the NPU's communication process could not start: most likely an earlier run still holds the device",
            ("see with npu-smi info what runs there, end what an earlier run left, and wait for 10 s",),
        ),
        Advice(
            "NPU 的通信进程（HCCP）启动失败：很可能之前的任务还占用着该设备",
            ("用 npu-smi info 查看占用的进程，结束残留的任务，等 10 秒后重试",),
        ),
        "https://github.com/hiyouga/LlamaFactory/issues/3839",
        says=("EJ0001: {}Failed to initialize the HCCP process.", "{}(EJ0001): Failed to initialize the HCCP process."),
        types=("RuntimeError",),
    ),
    Rule(
        "npu-toolkit-missing",
        Advice(
            "torch_npu does not find CANN: it is not installed, or its environment is not set in this shell",
            ("source /usr/local/Ascend/ascend-toolkit/set_env.sh in the job's script, before python",),
        ),
        Advice(
            "torch_npu 找不到 CANN：没有安装，或当前 shell 没有设置环境变量",
            ("在作业脚本里、启动 python 之前执行 source /usr/local/Ascend/ascend-toolkit/set_env.sh",),
        ),
        "https://github.com/Ascend/pytorch",
        says=tuple(f"lib{name}.so: cannot open shared object file: " for name in ("hccl", "ascendcl", "ascend_hal")),
        types=("ImportError",),
    ),
    Rule(
        "device-forward-compatibility",
        Advice(
            "the driver is older than this CUDA, and this GPU cannot use CUDA's compatibility libraries",
            (
                "in a container: take cuda/compat out of LD_LIBRARY_PATH, or use an image of an older CUDA",
                "or have the node's driver updated; after an update of the driver, reboot",
            ),
        ),
        Advice(
            "驱动比当前 CUDA 旧，而这张 GPU 不支持 CUDA 的前向兼容库",
            (
                "容器里：从 LD_LIBRARY_PATH 去掉 cuda/compat，或换用 CUDA 版本更低的镜像",
                "或升级节点的驱动；驱动更新后要重启",
            ),
        ),
        "https://docs.nvidia.com/deploy/cuda-compatibility/",
        says=(
            _COUNTED + "804: forward compatibility was attempted on non supported HW",
            "already set an error? Error 804: forward compatibility was attempted on non supported HW",
            "Error 804: forward compatibility was attempted on non supported HW",
            "CUDA error: forward compatibility was attempted on non supported HW",
        ),
        types=_DEVICE,
    ),
    Rule(
        "precision-no-bf16",
        Advice(
            "bf16 was asked for, and this GPU has none (it is older than Ampere), or PyTorch sees no GPU",
            (
                "use fp16 in place of bf16: fp16=True, mixed_precision='fp16', or dtype=float16",
                "see what torch.cuda.get_device_name() and torch.cuda.is_available() say",
            ),
        ),
        Advice(
            "要求使用 bf16，但这张 GPU 不支持（早于 Ampere），或 PyTorch 没有检测到 GPU",
            (
                "用 fp16 代替 bf16：fp16=True、mixed_precision='fp16' 或 dtype=float16",
                "查看 torch.cuda.get_device_name() 和 torch.cuda.is_available() 的结果",
            ),
        ),
        _BF16,
        says=(
            "Your setup doesn't support bf16/gpu.",
            *(
                begin + "Bfloat16 is only supported on GPUs with compute capability of at least 8.0."
                for begin in ("", "Value error, ", "[address={}] ")
            ),
            "bf16 mixed precision requires PyTorch >= 1.10 and a supported device.",
            "Current CUDA Device does not support bfloat16. Please switch dtype to float16.",
        ),
        types=("ValueError", "RuntimeError", "ValidationError"),
    ),
    Rule(
        "precision-no-gpu",
        Advice(
            "mixed precision was asked for, but PyTorch sees no GPU",
            (
                "see torch.cuda.is_available(), torch.version.cuda, nvidia-smi and CUDA_VISIBLE_DEVICES",
                "to train on the CPU, set fp16=False",
            ),
        ),
        Advice(
            "要求混合精度训练，但 PyTorch 没有检测到 GPU",
            (
                "检查 torch.cuda.is_available()、torch.version.cuda、nvidia-smi 和 CUDA_VISIBLE_DEVICES",
                "如果要在 CPU 上训练，设置 fp16=False",
            ),
        ),
        "https://huggingface.co/docs/transformers/main_classes/trainer",
        says=(
            "FP16 Mixed precision training with AMP or APEX (`--fp16`) and FP16",
            "Mixed precision training with AMP or APEX (`--fp16`",
            "fp16 mixed precision requires a GPU",
        ),
        types=("ValueError",),
    ),
    Rule(
        "precision-no-fp8",
        Advice(
            "fp8 was asked for, and this GPU has none (it is older than Ada and Hopper)",
            (
                "use bf16 in place of fp8, or weights that are not fp8",
                "or run on a GPU of compute capability 8.9 or more",
            ),
        ),
        Advice(
            "要求使用 fp8，但这张 GPU 不支持（早于 Ada 和 Hopper）",
            ("用 bf16 代替 fp8，或换用非 fp8 的权重", "或换用算力（compute capability）8.9 以上的 GPU"),
        ),
        "https://docs.nvidia.com/deeplearning/transformer-engine/user-guide/examples/fp8_primer.html",
        says=(
            "torch._scaled_mm is only supported on ",
            "Device compute capability 8.9 or higher required for FP8 execution.",
            "FP8 quantized models is only supported on GPUs with compute capability >= ",
            "type fp8e4nv not supported in this architecture.",
            'ValueError("type fp8e4nv not supported in this architecture.',
            "The quantization method fp8 is not supported for the current GPU.",
        ),
        types=("RuntimeError", "AssertionError", "ValueError", "CompilationError", "ValidationError"),
    ),
    Rule(
        "mps-not-implemented",
        Advice(
            "the operator {name} has no implementation for Apple's GPU (MPS)",
            ("set PYTORCH_ENABLE_MPS_FALLBACK=1 to run it on the CPU", "or upgrade PyTorch"),
        ),
        Advice(
            "算子 {name} 在 Apple GPU（MPS）上没有实现",
            ("设置 PYTORCH_ENABLE_MPS_FALLBACK=1，让它在 CPU 上运行", "或升级 PyTorch"),
        ),
        _MPS,
        says=("The operator '{name}' is not currently implemented for the MPS device.",),
        types=("NotImplementedError",),
    ),
    Rule(
        "mps-no-dtype",
        Advice(
            "Apple's GPU (MPS) has no {kind}",
            ("use float32 there: tensor.to(torch.float32) before .to('mps')",),
        ),
        Advice("Apple GPU（MPS）不支持 {kind}", ("改用 float32：先 tensor.to(torch.float32) 再 .to('mps')",)),
        _MPS,
        says=(
            "Cannot convert a MPS Tensor to {kind:word} dtype as the MPS framework doesn't support",
            "{kind:word} is not supported on MPS",
        ),
        types=("TypeError",),
    ),
)
