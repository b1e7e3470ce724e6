"""Memory of the device and of the host, in the words of other layers."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "device-memory-async",
        Advice(
            "the device's memory is full: {asked} more did not fit beside {used}",
            (
                "lower the micro-batch, and raise gradient accumulation by as much; turn gradient checkpointing on",
                "see with nvidia-smi whether another process is on the device",
            ),
        ),
        Advice(
            "显存已满：已用 {used}，再申请 {asked} 放不下",
            (
                "调小 micro-batch，并按同样倍数调大梯度累积步数；打开 gradient checkpointing",
                "用 nvidia-smi 查看是否有其他进程在用这张卡",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management",
        says=("Currently allocated{}: {used:size}",),
        also=("Requested{}: {asked:size}",),
        types=(
            "OutOfMemoryError",
            "RuntimeError",
        ),
    ),
    Rule(
        "device-memory-asked",
        Advice(
            "the device's memory is full: {asked} more did not fit",
            (
                "lower the micro-batch (and raise gradient accumulation by as much), or the text's length",
                "turn gradient checkpointing and bf16 on; see with nvidia-smi what else is on the device",
            ),
        ),
        Advice(
            "显存已满：放不下再申请的 {asked}",
            (
                "调小 micro-batch（并按同样倍数调大梯度累积步数）或序列长度",
                "打开 gradient checkpointing 和 bf16；用 nvidia-smi 查看还有谁在用这张卡",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management",
        says=(
            "{:word} out of memory. Tried to allocate {asked:size}",
            "{:word} out of memory, Tried to allocate {asked:size}",
            "Out of memory allocating {asked:size} (allocated so far: ",
        ),
        unless=(
            "{:word} out of memory. Tried to allocate {:size}. GPU {:int} has a total",
            "{:word} out of memory. Tried to allocate {:size} (GPU {:int}; ",
            "{:word} out of memory. Tried to allocate {:size} (NPU {:int}; ",
        ),
        types=(
            "OutOfMemoryError",
            "RuntimeError",
        ),
    ),
    Rule(
        "device-memory-beyond-number",
        Advice(
            "the code asked for a tensor of an impossible size: a shape is wrong, or a number overflowed",
            (
                (
                    "print the shapes at the line that failed: a broadcast of (N, 1) with (1, N), or an index "
                    "read from damaged data"
                ),
            ),
        ),
        Advice(
            "请求的张量大小异常：形状有误，或数值溢出",
            ("在出错行打印各张量的 shape：(N, 1) 与 (1, N) 的广播，或从损坏数据读到的索引",),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management",
        says=(
            "CUDA out of memory. Tried to allocate more than 1EB memory.",
            "Storage size calculation overflowed with sizes=[",
        ),
        types=(
            "OutOfMemoryError",
            "RuntimeError",
        ),
    ),
    Rule(
        "device-memory-plain",
        Advice(
            "the device's memory is full",
            (
                "lower the micro-batch (and raise gradient accumulation by as much), or the text's length",
                "see with nvidia-smi what else is on the device",
            ),
        ),
        Advice(
            "显存已满",
            (
                "调小 micro-batch（并按同样倍数调大梯度累积步数）或序列长度",
                "用 nvidia-smi 查看还有谁在用这张卡",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management",
        says=(
            "Triton Error [CUDA]: out of memory",
            "CUDA driver error: out of memory",
            "cuda runtime error (2) : out of memory at ",
            "Triton Error [HIP]:  Code: 2, Message: out of memory",
        ),
        types=(
            "OutOfMemoryError",
            "RuntimeError",
            "AcceleratorError",
        ),
    ),
    Rule(
        "device-memory-allocation",
        Advice(
            "the device's memory is full",
            (
                "lower the micro-batch (and raise gradient accumulation by as much), or the text's length",
                "see with nvidia-smi what else is on the device",
            ),
        ),
        Advice(
            "显存已满",
            (
                "调小 micro-batch（并按同样倍数调大梯度累积步数）或序列长度",
                "用 nvidia-smi 查看还有谁在用这张卡",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management",
        says=(
            "Allocation on device",
            "CUDA out of memory",
            "HIP out of memory",
        ),
        unless=("{:word} out of memory. Tried to allocate ",),
        types=("OutOfMemoryError",),
    ),
    Rule(
        "xla-memory-tpu",
        Advice(
            "the program needs {used} of the accelerator's memory, which has {total}",
            (("lower the batch size or the text's length, shard over more chips, or rematerialize (jax.checkpoint)"),),
        ),
        Advice(
            "程序需要加速器内存 {used}，而总共 {total}",
            ("调小 batch size 或序列长度，切分到更多芯片，或重计算（jax.checkpoint）",),
        ),
        "https://docs.jax.dev/en/latest/gpu_memory_allocation.html",
        says=("RESOURCE_EXHAUSTED: {}Ran out of memory in memory space {}. Used {used:word} of {total:word} ",),
        types=(
            "XlaRuntimeError",
            "JaxRuntimeError",
            "RuntimeError",
        ),
    ),
    Rule(
        "arrow-memory",
        Advice(
            "Arrow got no memory of {size} bytes: the host memory is used up",
            (
                "datasets: smaller writer_batch_size and batch_size in map(), fewer num_proc; keep_in_memory=False",
                "ask for more memory (--mem in Slurm, limits.memory in Kubernetes)",
            ),
        ),
        Advice(
            "Arrow 申请不到 {size} 字节内存：主机内存已用完",
            (
                "datasets：map() 用更小的 writer_batch_size、batch_size 和更少的 num_proc；keep_in_memory=False",
                "申请更多内存（Slurm 的 --mem，Kubernetes 的 limits.memory）",
            ),
        ),
        "https://arrow.apache.org/docs/python/memory.html",
        says=(
            "malloc of size {size:int} failed",
            "realloc of size {size:int} failed",
        ),
        types=(
            "ArrowMemoryError",
            "MemoryError",
        ),
    ),
    Rule(
        "windows-paging-file",
        Advice(
            ("Windows has no memory left that it could promise: the paging file is too small for so many processes"),
            (
                (
                    "lower num_workers (each process loads CUDA's libraries), or enlarge the paging file in the "
                    "system settings"
                ),
            ),
        ),
        Advice(
            "Windows 可提交内存不足：页面文件太小，放不下这么多进程",
            ("调小 num_workers（每个进程都会加载 CUDA 库），或在系统设置里调大页面文件",),
        ),
        "https://github.com/WongKinYiu/yolov7/issues/1036",
        says=(
            "[WinError 1455] ",
            "The paging file is too small for this operation to complete.",
        ),
        types=("OSError",),
    ),
    Rule(
        "device-memory-mps",
        Advice(
            "MPS may use {allowed}, {used} is in use, and {asked} more did not fit",
            ("lower the batch size or the text's length", "end other programs that need memory"),
        ),
        Advice(
            "MPS 上限为 {allowed}，已用 {used}，再申请 {asked} 放不下",
            ("调小 batch size 或序列长度", "关闭其他占内存的程序"),
        ),
        "https://docs.pytorch.org/docs/stable/mps_environment_variables.html",
        says=(
            "MPS backend out of memory (MPS allocated: {used:size}, other allocations: {other:size}, max allowed:"
            " {allowed:size}). Tried to allocate {asked:size} on ",
        ),
        types=("RuntimeError",),
    ),
)
