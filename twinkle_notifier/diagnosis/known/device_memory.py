"""Memory of the device."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_TYPES = ("OutOfMemoryError", "RuntimeError")
_CUDA = "https://docs.pytorch.org/docs/stable/notes/cuda.html"
_ASKED = "{device:word} out of memory. Tried to allocate {asked:size}"
# torch 2.1 misspelt it. What holds the memory stands between this and the numbers of the allocator.
_NEW = tuple(
    _ASKED + f". {{unit:word}} {{index:int}} has a total {spelt} of {{total:size}} of which {{free:size}} is free."
    for spelt in ("capacity", "capacty")
)
_UNUSED = (
    "{}Of the allocated memory {used:size} is allocated by PyTorch,{} and {reserved:size} is reserved by PyTorch but"
    " unallocated. If reserved but unallocated memory is large try setting "
)
_NUMBERS = _UNUSED + "{variable}=expandable_segments:True"
# torch_npu, and torch before 2.1.
_OLD = tuple(
    _ASKED + " ({unit:word} {index:int}; {total:size} total capacity; {used:size} already allocated; "
    f"{active}{{free:size}} free; {allowed}{{reserved:size}} reserved in total by PyTorch)"
    for active in ("", "{active:size} current active; ")
    for allowed in ("", "{allowed:size} allowed; ")
)
_MINE = " Including non-PyTorch memory, this process has {mine:size} memory in use."
_OTHER = " Process {pid:int} has {other:size} memory in use."
_USED = "{}Of the allocated memory {used:size} is allocated by PyTorch"
# In a container the driver may count this process as another, or as none: then it has less than torch allocated.
_COUNTED = "mine >= 0.9 * used"

RULES: tuple[Rule, ...] = (
    Rule(
        "device-memory-leak",
        Advice(
            "memory in use at each log grew steadily, {grew_from} to {grew_to} in {logs} logs: tensors are kept alive",
            (
                "keep numbers, not tensors with their graph: total += loss.item(), outputs.append(x.detach().cpu())",
                "torchmetrics: reset() at each epoch's end; no retain_graph=True",
                "to see what stays: torch.cuda.memory._record_memory_history() and _dump_snapshot(PATH)",
            ),
        ),
        Advice(
            "显存泄漏：{logs} 次日志期间，已用显存从 {grew_from} 稳步涨到 {grew_to}，有 tensor 一直没释放",
            (
                "只累积数值，不要累积带计算图的 tensor：total += loss.item()，outputs.append(x.detach().cpu())",
                "torchmetrics 的指标每个 epoch 结束要 reset()；不要用 retain_graph=True",
                "用 torch.cuda.memory._record_memory_history() 和 _dump_snapshot(PATH) 查看是哪些 tensor",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/faq.html",
        says=(*(text + _USED for text in _NEW), *_OLD),
        types=_TYPES,
        # Without what it grew by, it would have fitted; and that is still there.
        when=("grown > 0.2 * total", "grown > asked", "used > 0.9 * grew_to"),
    ),
    Rule(
        "device-memory-other-process",
        Advice(
            "process {pid} holds {other} of the device's {total}; this one has {mine}, and {asked} more did not fit",
            (
                "see with nvidia-smi what process {pid} is, and end it if an earlier run left it",
                "if it is a rank of this run, give each rank its own device: torch.cuda.set_device(local_rank)",
            ),
        ),
        Advice(
            "进程 {pid} 占用了该卡 {total} 中的 {other}；本进程占用 {mine}，再申请 {asked} 放不下",
            (
                "用 nvidia-smi 查看进程 {pid}，如果是之前残留的进程就结束它",
                "如果它是本次训练的另一个 rank，让每个 rank 用各自的卡：torch.cuda.set_device(local_rank)",
            ),
        ),
        _CUDA + "#memory-management",
        says=(
            *(text + _OTHER + "{}this process has {mine:size} memory in use." + _USED for text in _NEW),
            *(text + _MINE + _OTHER + _USED for text in _NEW),
        ),
        types=_TYPES,
        when=("other > 0.1 * total", "other >= asked", _COUNTED),
    ),
    Rule(
        "device-memory-taken",
        Advice(
            "only {free} of the device's {total} is free, yet this process holds {mine}: something else has the rest",
            (
                "see with nvidia-smi what else uses the device, also outside of the container",
                "choose a free device with CUDA_VISIBLE_DEVICES, or give each rank its own",
            ),
        ),
        Advice(
            "该卡 {total} 只剩 {free}，而本进程只占 {mine}：其余显存被别的程序占用",
            (
                "用 nvidia-smi 查看还有谁在用这张卡（包括容器外的进程）",
                "用 CUDA_VISIBLE_DEVICES 换一张空闲的卡，或让每个 rank 用各自的卡",
            ),
        ),
        _CUDA + "#memory-management",
        says=(
            *(text + _MINE + _USED for text in _NEW),
            _OLD[0].replace("{device:word}", "CUDA").replace("{reserved", "{mine"),
        ),
        types=_TYPES,
        when=("free < 0.2 * total", "mine < 0.6 * total", _COUNTED),
    ),
    Rule(
        "device-memory-taken-since",
        Advice(
            "it fitted before: this process had {peak} in use at its peak; since then something else took memory",
            (
                "see with nvidia-smi what else uses the device, also outside of the container; end what is left over",
                "else leave room outside of PyTorch's pool (NCCL, a serving engine): lower the batch size",
            ),
        ),
        Advice(
            "之前放得下：本进程的显存峰值曾到 {peak}；之后这张卡上有别的程序占用了显存",
            (
                "用 nvidia-smi 查看还有谁在用这张卡（包括容器外的进程），结束残留的进程",
                "否则给 PyTorch 显存池之外的占用（例如 NCCL、推理引擎）留出余量：调小 batch size",
            ),
        ),
        _CUDA + "#memory-management",
        says=tuple(text + _USED + ",{} and {reserved:size} is reserved by PyTorch but unallocated." for text in _NEW),
        types=_TYPES,
        # More was in use at once than is in use, asked, reserved and free now.
        when=("peak - used > 2 * asked", "free < asked", "reserved < asked"),
    ),
    Rule(
        "device-memory-fragmented",
        Advice(
            "the device's memory is in pieces: {reserved} is reserved but unused, and {asked} fits into no piece",
            ("set {variable}=expandable_segments:True, and start again",),
        ),
        Advice(
            "显存碎片化：已预留但未使用 {reserved}，却没有一块能放下所需的 {asked}",
            ("设置 {variable}=expandable_segments:True 后重新启动",),
        ),
        _CUDA + "#optimizing-memory-usage-with-pytorch-cuda-alloc-conf",
        says=(_NEW[0] + _NUMBERS,),
        types=_TYPES,
        when=("reserved > 1.2 * asked", "reserved > 0.1 * total"),
    ),
    Rule(
        "device-memory-fragmented-older-torch",
        Advice(
            "the device's memory is in pieces: {reserved} is reserved but unused, and {asked} fits into no piece",
            ("set PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True, and start again",),
        ),
        Advice(
            "显存碎片化：已预留但未使用 {reserved}，却没有一块能放下所需的 {asked}",
            ("设置 PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True 后重新启动",),
        ),
        _CUDA + "#optimizing-memory-usage-with-pytorch-cuda-alloc-conf",
        says=tuple(text + _UNUSED + "max_split_size_mb" for text in _NEW),
        types=_TYPES,
        when=("reserved > 1.2 * asked", "reserved > 0.1 * total"),
    ),
    Rule(
        "device-memory-fragmented-npu",
        Advice(
            "the NPU's memory is in pieces: {used} of {reserved} reserved is used, and {asked} fits into no piece",
            ("set PYTORCH_NPU_ALLOC_CONF=expandable_segments:True, and start again",),
        ),
        Advice(
            "NPU 显存碎片化：已预留 {reserved}，只用了 {used}，却没有一块能放下所需的 {asked}",
            ("设置 PYTORCH_NPU_ALLOC_CONF=expandable_segments:True 后重新启动",),
        ),
        "https://gitcode.com/Ascend/pytorch/blob/v2.7.1-7.3.0/docs/zh/environment_variable_reference/PYTORCH_NPU_ALLOC_CONF.md",
        says=tuple(text.replace("{device:word}", "NPU") for text in _OLD),
        types=_TYPES,
        when=("reserved > 1.5 * used", "used > 4 * asked", "reserved > 0.3 * total"),
    ),
    Rule(
        "device-memory-loading-model",
        Advice(
            "the model's weights do not fit: the device's {total} was full while from_pretrained loaded them",
            ("load it in bf16 or quantized", "or split it over the devices: device_map='auto', FSDP or ZeRO-3"),
        ),
        Advice(
            "模型权重放不下：from_pretrained 加载时该卡 {total} 显存已满",
            ("用 bf16 或量化方式加载", "或者切分到多张卡：device_map='auto'、FSDP 或 ZeRO-3"),
        ),
        "https://huggingface.co/docs/transformers/big_models",
        says=(*_NEW, *_OLD),
        types=_TYPES,
        modules=("transformers.models.auto.auto_factory",),
        when=("asked > 0.5 * free",),
    ),
    Rule(
        "device-memory-optimizer-step",
        Advice(
            "the optimizer's states do not fit beside weights and gradients: it asked for {asked}, {free} was free",
            ("shard or offload the states (FSDP, ZeRO), or use an 8-bit optimizer", "or train fewer parameters (LoRA)"),
        ),
        Advice(
            "优化器状态放不下：权重和梯度之外，optimizer.step 还要 {asked}，只剩 {free}",
            ("切分或 offload 优化器状态（FSDP、ZeRO），或用 8-bit 优化器", "或者减少可训练参数（LoRA）"),
        ),
        "https://huggingface.co/docs/transformers/model_memory_anatomy",
        says=(*_NEW, *_OLD),
        types=_TYPES,
        modules=("accelerate.optimizer", "torch.amp.grad_scaler", "torch.cuda.amp.grad_scaler", "deepspeed.ops.adam"),
        when=("asked > 0.5 * free",),
    ),
    Rule(
        "device-memory-one-huge-tensor",
        Advice(
            "one tensor of {asked} on a device of {total}: often logits, attention scores, or an outlier in the batch",
            (
                "see in the traceback's last line which tensor it is, and log the shapes of the batch",
                "limit the text's length or the image's size, use flash attention or SDPA, or a chunked loss",
            ),
        ),
        Advice(
            "单个张量就要 {asked}，而该卡共 {total}：常见于 logits、注意力分数或 batch 里的超长样本",
            (
                "看 traceback 最后一行是哪个张量，并打印这个 batch 的 shape",
                "限制文本长度或图像尺寸，使用 flash attention 或 SDPA，或分块计算 loss",
            ),
        ),
        _CUDA + "#memory-management",
        says=(*_NEW, *_OLD),
        types=_TYPES,
        when=("asked > 0.5 * total",),
    ),
    Rule(
        "device-memory-backward",
        Advice(
            "full in the backward pass ({asked} asked, {free} free): gradients and saved activations do not fit",
            ("lower the micro-batch, and raise gradient accumulation by as much", "turn gradient checkpointing on"),
        ),
        Advice(
            "反向传播时显存用满（申请 {asked}，剩余 {free}）：放不下梯度和前向保存的激活",
            ("调小 micro-batch，并按同样倍数调大梯度累积步数", "打开 gradient checkpointing"),
        ),
        "https://docs.pytorch.org/docs/stable/checkpoint.html",
        says=(*_NEW, *_OLD),
        types=_TYPES,
        modules=("torch.autograd.graph",),
        when=("asked > 0.5 * free",),
    ),
    Rule(
        "device-memory-full",
        Advice(
            "the device's {total} is full: {asked} more did not fit, {free} was free",
            (
                "lower the micro-batch (and raise gradient accumulation by as much), or the text's length",
                "turn gradient checkpointing and bf16 on",
                "split model and optimizer over the devices: FSDP or ZeRO",
            ),
        ),
        Advice(
            "显存已满：该卡共 {total}，只剩 {free}，放不下再申请的 {asked}",
            (
                "调小 micro-batch（并按同样倍数调大梯度累积步数）或序列长度",
                "打开 gradient checkpointing 和 bf16",
                "用 FSDP 或 ZeRO 把模型和优化器切分到多张卡",
            ),
        ),
        _CUDA + "#memory-management",
        says=(*_NEW, *_OLD),
        types=_TYPES,
        when=("asked > 0.5 * free",),
    ),
    Rule(
        "device-memory-report-failed",
        Advice(
            "most likely the device was full: torch then asks NVML who uses it, which fails in MIG slices",
            (
                "lower the batch size or the text's length",
                "see with nvidia-smi how much memory the device or slice has",
            ),
        ),
        Advice(
            "很可能是显存已满：torch 此时通过 NVML 查询谁在占用，而在 MIG 切片里查询会失败",
            ("调小 batch size 或序列长度", "用 nvidia-smi 查看该卡（或 MIG 切片）有多少显存"),
        ),
        "https://github.com/pytorch/pytorch/issues/112377",
        says=("NVML_SUCCESS == r INTERNAL ASSERT FAILED at ",),
        types=("RuntimeError",),
    ),
    Rule(
        "device-memory-pinned",
        Advice(
            "the loader's thread could not pin memory for device {index}: most likely the host has too little left",
            ("set pin_memory=False, or lower prefetch_factor and the batch size", "see what free -g says"),
        ),
        Advice(
            "DataLoader 的 pin_memory 线程申请锁页内存失败（设备 {index}）：很可能是主机内存不足",
            ("设置 pin_memory=False，或调小 prefetch_factor 和 batch size", "用 free -g 查看主机剩余内存"),
        ),
        "https://docs.pytorch.org/docs/stable/data.html#memory-pinning",
        says=("Caught {kind:word} in pin memory thread for device {index:int}.",),
        also=("{error:word}: CUDA error: out of memory",),
        types=("AcceleratorError", "RuntimeError"),
    ),
    Rule(
        "device-memory-driver",
        Advice(
            "no memory left outside of PyTorch's pool, as for the device's context, cuBLAS or pinned memory",
            (
                "see with nvidia-smi whether another process fills the device",
                "else leave some memory free: lower the batch size; if pin_memory raised it, it is the host's memory",
            ),
        ),
        Advice(
            "PyTorch 显存池之外已没有显存，例如创建 context、cuBLAS 句柄或锁页内存时",
            (
                "用 nvidia-smi 看是否有其他进程占满了这张卡",
                "否则调小 batch size 留出余量；如果是 pin_memory 抛出的，则是主机内存不足",
            ),
        ),
        "https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html",
        says=(
            "CUDA error: out of memory",
            "HIP error: out of memory",
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling",
            "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
        ),
        types=("AcceleratorError", "RuntimeError"),
    ),
    Rule(
        "device-memory-no-batch-fits",
        Advice(
            "the search for a batch size ended at zero: not even one sample fits beside the model",
            ("turn gradient checkpointing and bf16 on, shorten the texts, or split the model with FSDP or ZeRO",),
        ),
        Advice(
            "自动搜索 batch size 一直降到零：除模型外连一个样本都放不下",
            ("打开 gradient checkpointing 和 bf16，缩短序列，或用 FSDP、ZeRO 切分模型",),
        ),
        "https://github.com/huggingface/accelerate/blob/main/src/accelerate/utils/memory.py",
        says=("No executable batch size found, reached zero.",),
        types=("RuntimeError",),
    ),
)
