"""Memory of the host and shared memory."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_TORCH_ASKED = (
    "[enforce fail at {}] {}DefaultCPUAllocator: can't allocate memory: you tried to allocate {asked:size}",
    "[enforce fail at {}] {}DefaultCPUAllocator: not enough memory: you tried to allocate {asked:size}",  # on Windows
)
_SHM = "https://github.com/pytorch/pytorch/blob/main/README.md#docker-image"
_LARGER_SHM = (
    "start the container with a larger one: docker run --shm-size=16g (or --ipc=host);"
    " in Kubernetes mount an emptyDir with medium: Memory at /dev/shm"
)
_LARGER_SHM_ZH = (
    "给容器更大的共享内存：docker run --shm-size=16g（或 --ipc=host）；"
    "Kubernetes 在 /dev/shm 挂载 medium: Memory 的 emptyDir"
)
_THREADS = "https://man7.org/linux/man-pages/man2/setrlimit.2.html"

RULES: tuple[Rule, ...] = (
    Rule(
        "host-memory-killed",
        Advice(
            "the kernel's out-of-memory killer ended the process: the machine or the container has no host memory left",
            (
                "lower num_workers and prefetch_factor; if the memory grows by step, keep loss.item(), not loss",
                "ask for more memory: --mem in Slurm, resources.limits.memory in Kubernetes, -m in docker",
            ),
        ),
        Advice(
            "进程被内核 OOM killer 杀死：机器或容器的主机内存耗尽",
            (
                "调小 num_workers 和 prefetch_factor；若内存随 step 增长，只保留 loss.item()，不要保留 loss",
                "申请更多内存：Slurm 的 --mem、Kubernetes 的 resources.limits.memory、docker 的 -m",
            ),
        ),
        "https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files",
        signals=("SIGKILL",),
        when=("oom_kills > 0",),
    ),
    Rule(
        "host-memory-impossible-tensor",
        Advice(
            "a tensor on the CPU would need {asked}, more than a host has: its shape or an index is wrong",
            (
                "print the shapes at the line that failed: look for a broadcast of (N, 1) with (1, N)",
                "check the number that sets the size (vocabulary, sequence length, an id read from the data)",
            ),
        ),
        Advice(
            "CPU 张量需要 {asked}，超出任何主机的内存：形状或索引有误",
            (
                "在出错处打印各张量的 shape：检查是否缺少 batch 维，或 (N, 1) 与 (1, N) 发生了广播",
                "检查决定大小的数值（词表大小、序列长度、数据里的 id）",
            ),
        ),
        "https://github.com/pytorch/pytorch/blob/main/c10/core/impl/alloc_cpu.cpp",
        says=_TORCH_ASKED,
        types=("RuntimeError",),
        when=("asked > 8000000000000",),
    ),
    Rule(
        "host-memory-tensor",
        Advice(
            "the host memory ran out: no {asked} could be allocated for a tensor on the CPU",
            (
                "compare `free -g`, `ulimit -v` and the limit of the container or the job with what the process holds",
                "lower num_workers; load weights with torch.load(..., mmap=True), so that they are not held twice",
                "ask for more memory (--mem in Slurm, resources.limits.memory in Kubernetes)",
            ),
        ),
        Advice(
            "主机内存不足：无法为 CPU 张量分配 {asked}",
            (
                "对比 `free -g`、`ulimit -v`、容器或作业的内存上限与进程的实际占用",
                "调小 num_workers；用 torch.load(..., mmap=True) 加载权重，避免内存中存两份",
                "申请更多内存（Slurm 的 --mem，Kubernetes 的 resources.limits.memory）",
            ),
        ),
        "https://docs.kernel.org/mm/overcommit-accounting.html",
        says=_TORCH_ASKED,
        types=("RuntimeError",),
    ),
    Rule(
        "host-memory-impossible-array",
        Advice(
            "a NumPy array of shape ({shape}) was asked for, more than a host has: the shape is wrong",
            (
                "check the shapes before the line that failed: (N, 1) with (1, N) broadcasts to (N, N)",
                "if all of it is needed, use a sparse matrix, blocks, or numpy.memmap",
            ),
        ),
        Advice(
            "请求的 NumPy 数组形状为 ({shape})，超出主机内存：形状有误",
            (
                "检查出错行之前的 shape：(N, 1) 与 (1, N) 会广播成 (N, N)",
                "若确实需要，请改用稀疏矩阵、分块计算或 numpy.memmap",
            ),
        ),
        "https://github.com/numpy/numpy/blob/main/numpy/_core/_exceptions.py",
        says=(
            "Unable to allocate {:number} PiB for an array with shape ({shape}) and data type",
            "Unable to allocate {:int}. PiB for an array with shape ({shape}) and data type",
            "Unable to allocate {:number} EiB for an array with shape ({shape}) and data type",
            "Unable to allocate {:int}. EiB for an array with shape ({shape}) and data type",
            "Unable to allocate {:int}. TiB for an array with shape ({shape}) and data type",  # 100 TiB or more
        ),
        types=("_ArrayMemoryError", "MemoryError"),
    ),
    Rule(
        "host-memory-array",
        Advice(
            "the host memory ran out: NumPy could not allocate {asked} for an array of shape {shape}, {dtype}",
            (
                "use a smaller type (float32, uint8), work in blocks, or read with numpy.load(..., mmap_mode='r')",
                "lower DataLoader's num_workers: each worker has its own copy of arrays that it creates",
                "ask for more memory (--mem in Slurm, resources.limits.memory in Kubernetes)",
            ),
        ),
        Advice(
            "主机内存不足：NumPy 无法为形状 {shape}、类型 {dtype} 的数组分配 {asked}",
            (
                "改用更小的类型（float32、uint8）、分块处理，或用 numpy.load(..., mmap_mode='r') 读取",
                "调小 DataLoader 的 num_workers：每个 worker 创建的数组都各占一份内存",
                "申请更多内存（Slurm 的 --mem，Kubernetes 的 resources.limits.memory）",
            ),
        ),
        "https://github.com/numpy/numpy/blob/main/numpy/_core/_exceptions.py",
        says=("Unable to allocate {asked} for an array with shape {shape} and data type {dtype}",),
        types=("_ArrayMemoryError", "MemoryError"),
    ),
    Rule(
        "host-memory-worker",
        Advice(
            "the host memory ran out in a DataLoader worker: Python got none for an object",
            (
                "lower num_workers and prefetch_factor: each worker holds prefetch_factor batches",
                "look at the sample that failed: one broken file can decode to a huge array",
            ),
        ),
        Advice(
            "DataLoader worker 中主机内存不足：Python 无法分配对象",
            (
                "调小 num_workers 和 prefetch_factor：每个 worker 会缓存 prefetch_factor 个 batch",
                "检查出错的样本：一个损坏的文件可能解码成极大的数组",
            ),
        ),
        "https://github.com/pytorch/pytorch/issues/13246",
        says=("Caught MemoryError in DataLoader worker process",),
        types=("MemoryError", "RuntimeError"),
        unless=("numpy._core._exceptions._ArrayMemoryError", "numpy.core._exceptions._ArrayMemoryError"),
    ),
    Rule(
        "host-memory-native",
        Advice(
            "the host memory ran out in native code: the C++ operator new got none (std::bad_alloc)",
            (
                "compare the free memory (`free -g`, the limit of the container) with what the run needs",
                "if there is enough, a size that the code computed is wrong: look for a damaged input file",
            ),
        ),
        Advice(
            "原生代码中主机内存不足：C++ 的 new 申请不到内存（std::bad_alloc）",
            (
                "对比空闲内存（`free -g`、容器上限）与训练所需内存",
                "若内存充足，则是代码算出的大小有误：检查输入文件是否损坏",
            ),
        ),
        "https://en.cppreference.com/w/cpp/memory/new/bad_alloc",
        says=("std::bad_alloc", "bad allocation"),
        types=("MemoryError", "RuntimeError", "XGBoostError"),
        printed=("terminate called after throwing an instance of 'std::bad_alloc'", "what():  std::bad_alloc"),
        unless=("std::bad_alloc: ", "what():  std::bad_alloc: "),  # with more behind it: memory of the device
    ),
    Rule(
        "host-memory-maps",
        Advice(
            "no memory map could be made for {size} bytes: too many maps (vm.max_map_count), or no host memory left",
            (
                "compare `wc -l /proc/PID/maps` with `sysctl vm.max_map_count`, and raise the latter",
                "share fewer and larger tensors: stack small ones, and keep only clones of what workers return",
            ),
        ),
        Advice(
            "无法映射 {size} 字节的内存：映射数过多（vm.max_map_count），或主机内存耗尽",
            (
                "对比 `wc -l /proc/PID/maps` 与 `sysctl vm.max_map_count`，必要时调大后者",
                "减少共享张量的数量：把小张量合并，不要把 worker 返回的张量存进列表（先 clone）",
            ),
        ),
        "https://github.com/kohya-ss/sd-scripts/issues/1790",
        says=("unable to mmap {size:int} bytes from file <{}>: Cannot allocate memory (12)",),
        types=("RuntimeError",),
    ),
    Rule(
        "host-memory-system-call",
        Advice(
            "the kernel refused memory for a new process or a memory map: no host memory left, or overcommit is off",
            (
                "check `free -g`, `ulimit -v` and vm.overcommit_memory (2 counts a fork's whole memory again)",
                "start DataLoader workers and subprocesses before the large data is loaded, or use fewer of them",
            ),
        ),
        Advice(
            "内核拒绝为新进程或内存映射分配内存：主机内存耗尽，或禁止了 overcommit",
            (
                "检查 `free -g`、`ulimit -v` 和 vm.overcommit_memory（为 2 时 fork 会再计一遍全部内存）",
                "在加载大数据之前启动 DataLoader worker 和子进程，或减少其数量",
            ),
        ),
        "https://docs.kernel.org/mm/overcommit-accounting.html",
        says=("[Errno 12] Cannot allocate memory",),
        types=("OSError",),
    ),
    Rule(
        "shm-full",
        Advice(
            "the shared memory (/dev/shm) is full: tensors could not be passed between processes",
            (_LARGER_SHM, "or lower num_workers, prefetch_factor or the size of a sample", "check `df -h /dev/shm`"),
        ),
        Advice(
            "共享内存（/dev/shm）已满：进程间无法传递张量",
            (_LARGER_SHM_ZH, "或调小 num_workers、prefetch_factor 或单个样本的大小", "用 `df -h /dev/shm` 查看"),
        ),
        _SHM,
        says=(
            "unable to allocate shared memory(shm) for file </torch_",  # posix_fallocate sets no errno
            "unable to write to file </torch_",
            "unable to open shared memory object <{}> in read-write mode: No space left on device (28)",
            "[Errno 28] No space left on device: '/dev/shm",
            "unable to resize file <{}> to the right size: No space left on device (28)",
        ),
        types=("RuntimeError", "OSError"),
        printed=("ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient",),
    ),
    Rule(
        "shm-full-semaphore",
        Advice(
            "the shared memory (/dev/shm) is full: there was no room for a lock or an array of multiprocessing",
            ("check `df -h /dev/shm`, and delete files there that no process uses any more", _LARGER_SHM),
        ),
        Advice(
            "共享内存（/dev/shm）已满：multiprocessing 的锁或数组无处存放",
            ("用 `df -h /dev/shm` 查看，并删除其中已无进程使用的文件", _LARGER_SHM_ZH),
        ),
        "https://man7.org/linux/man-pages/man7/sem_overview.7.html",
        says=("[Errno 28] No space left on device",),
        types=("OSError",),
        modules=("multiprocessing.synchronize", "multiprocessing.heap", "multiprocessing.shared_memory"),
    ),
    Rule(
        "shm-worker-bus-error",
        Advice(
            "a DataLoader worker died of a bus error: the shared memory (/dev/shm) is too small for the batches",
            (_LARGER_SHM, "or lower num_workers, prefetch_factor or the batch size"),
        ),
        Advice(
            "DataLoader worker 因总线错误退出：共享内存（/dev/shm）放不下各 batch",
            (_LARGER_SHM_ZH, "或调小 num_workers、prefetch_factor 或 batch size"),
        ),
        _SHM,
        says=("DataLoader worker (pid {pid:int}) is killed by signal: Bus error.",),
        types=("RuntimeError",),
    ),
    Rule(
        "host-thread-limit",
        Advice(
            "no more threads may be started: the limit of the user, or the pids limit of the container, is reached",
            (
                "check `ulimit -u` and /sys/fs/cgroup/pids.max; in docker raise --pids-limit",
                "set OMP_NUM_THREADS and OPENBLAS_NUM_THREADS to the CPUs per process; lower num_workers",
                "look for left-over processes of earlier runs: `ps -u $USER -L | wc -l`",
            ),
        ),
        Advice(
            "无法再创建线程：达到用户上限或容器的 pids 上限",
            (
                "检查 `ulimit -u` 和 /sys/fs/cgroup/pids.max；docker 可调大 --pids-limit",
                "把 OMP_NUM_THREADS 和 OPENBLAS_NUM_THREADS 设为每进程的 CPU 数，并调小 num_workers",
                "检查之前的任务是否有残留进程：`ps -u $USER -L | wc -l`",
            ),
        ),
        _THREADS,
        says=("can't start new thread",),
        unless=("can't start new thread at interpreter shutdown",),
        types=("RuntimeError",),
        printed=(
            "OpenBLAS blas_thread_init: pthread_create failed for thread {} of {}: Resource temporarily unavailable",
            "what():  Resource temporarily unavailable",
            "what():  thread: Resource temporarily unavailable",
            "{} Unhandled exception: {} what(): thread: Resource temporarily unavailable",
            "libgomp: Thread creation failed: Resource temporarily unavailable",
        ),
    ),
    Rule(
        "host-process-limit",
        Advice(
            "no more processes may be started: the limit of the user, or the pids limit of the container, is reached",
            (
                "check `ulimit -u` and /sys/fs/cgroup/pids.max; in docker raise --pids-limit",
                "lower num_workers, and look for left-over processes of earlier runs: `ps -u $USER -L | wc -l`",
            ),
        ),
        Advice(
            "无法再创建进程：达到用户上限或容器的 pids 上限",
            (
                "检查 `ulimit -u` 和 /sys/fs/cgroup/pids.max；docker 可调大 --pids-limit",
                "调小 num_workers，并检查之前的任务是否有残留进程：`ps -u $USER -L | wc -l`",
            ),
        ),
        _THREADS,
        says=("[Errno 11] Resource temporarily unavailable",),
        types=("BlockingIOError",),
        modules=(
            "multiprocessing.popen_fork",
            "multiprocessing.popen_spawn_posix",
            "joblib.externals.loky",
            "subprocess",
        ),
    ),
)
