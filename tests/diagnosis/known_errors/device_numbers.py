"""Memory of the device, by the numbers of the allocator and of the driver: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "device-memory-others": Case(
        hits=(
            raised(
                "torch.OutOfMemoryError",
                (
                    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.20 GiB of "
                    "which 1.10 GiB is free. Including non-PyTorch memory, this process has 60.10 GiB memory in "
                    "use. Of the allocated memory 58.11 GiB is allocated by PyTorch, and 100.22 MiB is reserved "
                    "by PyTorch but unallocated. If reserved but unallocated memory is large try setting "
                    "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
                ),
                others="17.50 GiB",
                processes="PID 4242 17.50 GiB",
            ),
            raised(
                "torch.cuda.OutOfMemoryError",
                (
                    "CUDA out of memory. Tried to allocate 984.00 MiB (GPU 0; 79.20 GiB total capacity; 58.15 "
                    "GiB already allocated; 68.88 MiB free; 60.16 GiB reserved in total by PyTorch) If reserved "
                    "memory is >> allocated memory try setting max_split_size_mb"
                ),
                others="17.50 GiB",
                processes="PID 4242 17.50 GiB",
            ),
        ),
        misses=(
            raised(
                "torch.OutOfMemoryError",
                (
                    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.20 GiB of "
                    "which 1.10 GiB is free. Including non-PyTorch memory, this process has 60.10 GiB memory in "
                    "use. Of the allocated memory 58.11 GiB is allocated by PyTorch, and 100.22 MiB is reserved "
                    "by PyTorch but unallocated. If reserved but unallocated memory is large try setting "
                    "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
                ),
            ),
            raised(
                "torch.OutOfMemoryError",
                (
                    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.20 GiB of "
                    "which 1.10 GiB is free. Including non-PyTorch memory, this process has 60.10 GiB memory in "
                    "use. Of the allocated memory 58.11 GiB is allocated by PyTorch, and 100.22 MiB is reserved "
                    "by PyTorch but unallocated. If reserved but unallocated memory is large try setting "
                    "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
                ),
                others="612.00 MiB",
                processes="PID 7 612.00 MiB",
            ),
            raised(
                "torch.OutOfMemoryError",
                (
                    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.20 GiB of "
                    "which 1.10 GiB is free. Including non-PyTorch memory, this process has 60.10 GiB memory in "
                    "use. Of the allocated memory 58.11 GiB is allocated by PyTorch, and 100.22 MiB is reserved "
                    "by PyTorch but unallocated. If reserved but unallocated memory is large try setting "
                    "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
                ),
                others="17.50 GiB",
                processes="PID 4242 17.50 GiB",
            ),
        ),
    ),
    "device-memory-fragmented-old": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "CUDA out of memory. Tried to allocate 1.00 GiB (GPU 0; 14.76 GiB total capacity; 8.77 GiB "
                    "already allocated; 19.75 MiB free; 13.71 GiB reserved in total by PyTorch) If reserved "
                    "memory is >> allocated memory try setting max_split_size_mb"
                ),
            ),
            raised(
                "torch.cuda.OutOfMemoryError",
                (
                    "HIP out of memory. Tried to allocate 512.00 MiB (GPU 0; 23.69 GiB total capacity; 18.01 GiB "
                    "already allocated; 10.12 MiB free; 22.46 GiB reserved in total by PyTorch) If reserved "
                    "memory is >> allocated memory try setting max_split_size_mb"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "CUDA out of memory. Tried to allocate 2.87 GiB (GPU 0; 14.76 GiB total capacity; 12.77 GiB "
                    "already allocated; 19.75 MiB free; 13.71 GiB reserved in total by PyTorch) If reserved "
                    "memory is >> allocated memory try setting max_split_size_mb"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "see: CUDA out of memory. Tried to allocate 1.00 GiB (GPU 0; 14.76 GiB total capacity; 8.77 "
                    "GiB already allocated; 19.75 MiB free; 13.71 GiB reserved in total by PyTorch) If reserved "
                    "memory is >> allocated memory try setting max_split_size_mb"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "CUDA out of memory. Tried to allocate 8.00 GiB (GPU 0; 14.76 GiB total capacity; 8.77 GiB "
                    "already allocated; 19.75 MiB free; 13.71 GiB reserved in total by PyTorch) If reserved "
                    "memory is >> allocated memory try setting max_split_size_mb"
                ),
            ),
        ),
    ),
    "device-memory-limit": Case(
        hits=(
            raised(
                "torch.OutOfMemoryError",
                (
                    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.20 GiB of "
                    "which 39.10 GiB is free. Including non-PyTorch memory, this process has 39.10 GiB memory in "
                    "use. 39.60 GiB allowed; Of the allocated memory 38.11 GiB is allocated by PyTorch, and "
                    "100.22 MiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is "
                    "large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
                ),
            ),
            raised(
                "torch.OutOfMemoryError",
                (
                    "CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has a total capacity of 23.69 GiB "
                    "of which 12.00 GiB is free. 11.85 GiB allowed; Of the allocated memory 11.60 GiB is "
                    "allocated by PyTorch, and 100.22 MiB is reserved by PyTorch but unallocated. If reserved "
                    "but unallocated memory is large try setting "
                    "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
                ),
            ),
        ),
        misses=(
            raised(
                "torch.OutOfMemoryError",
                (
                    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.20 GiB of "
                    "which 1.10 GiB is free. 79.10 GiB allowed; Of the allocated memory 58.11 GiB is allocated "
                    "by PyTorch, and 100.22 MiB is reserved by PyTorch but unallocated. If reserved but "
                    "unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to "
                    "avoid fragmentation."
                ),
            ),
            raised(
                "ValueError",
                (
                    "CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has a total capacity of 23.69 GiB "
                    "of which 12.00 GiB is free. 11.85 GiB allowed; Of the allocated memory 58.11 GiB is "
                    "allocated by PyTorch, and 100.22 MiB is reserved by PyTorch but unallocated. If reserved "
                    "but unallocated memory is large try setting "
                    "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
                ),
            ),
        ),
    ),
}
