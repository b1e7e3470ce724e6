"""Memory of the device, by the numbers of the allocator and of the driver."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "device-memory-others",
        Advice(
            ("other processes hold {others} of the device's {total} ({processes}), so that {asked} more did not fit"),
            (
                "see with nvidia-smi what they are, and end what an earlier run left",
                "if they are ranks of this run, give each its own device: torch.cuda.set_device(local_rank)",
            ),
        ),
        Advice(
            "其他进程占用了该卡 {total} 中的 {others}（{processes}），因此再申请 {asked} 放不下",
            (
                "用 nvidia-smi 查看它们是什么，结束之前残留的进程",
                "如果是本次训练的其他 rank，让每个 rank 用各自的卡：torch.cuda.set_device(local_rank)",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management",
        says=(
            (
                "{device:word} out of memory. Tried to allocate {asked:size}. {unit:word} {index:int} has a "
                "total capacity of {total:size} of which {free:size} is free."
            ),
            (
                "{device:word} out of memory. Tried to allocate {asked:size}. {unit:word} {index:int} has a "
                "total capacty of {total:size} of which {free:size} is free."
            ),
            (
                "{device:word} out of memory. Tried to allocate {asked:size} ({unit:word} {index:int}; "
                "{total:size} total capacity; {used:size} already allocated; {free:size} free; "
                "{reserved:size} reserved in total by PyTorch)"
            ),
        ),
        types=(
            "OutOfMemoryError",
            "RuntimeError",
        ),
        when=(
            "others > 0.1 * total",
            "others >= asked",
        ),
    ),
    Rule(
        "device-memory-fragmented-old",
        Advice(
            (
                "the device's memory is in pieces: of {reserved} that PyTorch reserved {used} is used, and "
                "{asked} fits into no piece"
            ),
            (
                (
                    "export PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:128 (from torch 2.1 on "
                    "expandable_segments:True), and start again"
                ),
                "batches of one length make fewer pieces: pad_to_multiple_of, group_by_length=True",
            ),
        ),
        Advice(
            "显存碎片化：PyTorch 预留了 {reserved}，只用了 {used}，却没有一块能放下所需的 {asked}",
            (
                "export PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:128（torch 2.1 起用 expandable_segments:True）再重启",
                "长度一致的 batch 碎片更少：pad_to_multiple_of、group_by_length=True",
            ),
        ),
        ("https://docs.pytorch.org/docs/stable/notes/cuda.html#optimizing-memory-usage-with-pytorch-cuda-alloc-conf"),
        says=(
            (
                "CUDA out of memory. Tried to allocate {asked:size} ({unit:word} {index:int}; {total:size} "
                "total capacity; {used:size} already allocated; {free:size} free; {reserved:size} reserved "
                "in total by PyTorch)"
            ),
            (
                "HIP out of memory. Tried to allocate {asked:size} ({unit:word} {index:int}; {total:size} "
                "total capacity; {used:size} already allocated; {free:size} free; {reserved:size} reserved "
                "in total by PyTorch)"
            ),
        ),
        types=(
            "OutOfMemoryError",
            "RuntimeError",
        ),
        when=(
            "reserved - used > 2 * asked",
            "reserved - used > 0.1 * total",
        ),
    ),
    Rule(
        "device-memory-limit",
        Advice(
            (
                "this process may use {allowed} of the device's {total} alone, and asked for {asked} more; "
                "{free} was free"
            ),
            (
                (
                    "look for torch.cuda.set_per_process_memory_fraction or per_process_memory_fraction in "
                    "PYTORCH_CUDA_ALLOC_CONF, and raise it"
                ),
            ),
        ),
        Advice(
            "该进程只允许使用该卡 {total} 中的 {allowed}，又申请 {asked}；当时空闲 {free}",
            (
                (
                    "查找 torch.cuda.set_per_process_memory_fraction 或 PYTORCH_CUDA_ALLOC_CONF 里的 "
                    "per_process_memory_fraction，并调大"
                ),
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.cuda.memory.set_per_process_memory_fraction.html",
        says=(
            (
                "{device:word} out of memory. Tried to allocate {asked:size}. {unit:word} {index:int} has a "
                "total capacity of {total:size} of which {free:size} is free. Including non-PyTorch memory, "
                "this process has {mine:size} memory in use. {allowed:size} allowed; "
            ),
            (
                "{device:word} out of memory. Tried to allocate {asked:size}. {unit:word} {index:int} has a "
                "total capacity of {total:size} of which {free:size} is free. Process {:int} has {mine:size} "
                "memory in use. {allowed:size} allowed; "
            ),
            (
                "{device:word} out of memory. Tried to allocate {asked:size}. {unit:word} {index:int} has a "
                "total capacity of {total:size} of which {free:size} is free. {allowed:size} allowed; "
            ),
            (
                "{device:word} out of memory. Tried to allocate {asked:size}. {unit:word} {index:int} has a "
                "total capacty of {total:size} of which {free:size} is free. Including non-PyTorch memory, "
                "this process has {mine:size} memory in use. {allowed:size} allowed; "
            ),
            (
                "{device:word} out of memory. Tried to allocate {asked:size}. {unit:word} {index:int} has a "
                "total capacty of {total:size} of which {free:size} is free. Process {:int} has {mine:size} "
                "memory in use. {allowed:size} allowed; "
            ),
            (
                "{device:word} out of memory. Tried to allocate {asked:size}. {unit:word} {index:int} has a "
                "total capacty of {total:size} of which {free:size} is free. {allowed:size} allowed; "
            ),
        ),
        types=(
            "OutOfMemoryError",
            "RuntimeError",
        ),
        when=("free >= asked",),
    ),
)
