"""Worker processes and what they are sent."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "loader-worker-aborted",
        Advice(
            "DataLoader worker {pid} crashed in native code, most often a decoder or an extension",
            (
                "run once with num_workers=0 and PYTHONFAULTHANDLER=1 to see the place and the sample",
                "set OMP_NUM_THREADS=1; cv2.setNumThreads(0); suspect OpenCV, decord, pyvips or own extensions",
            ),
        ),
        Advice(
            "DataLoader worker {pid} 在原生代码中崩溃，多为解码库或扩展",
            (
                "用 num_workers=0 和 PYTHONFAULTHANDLER=1 跑一次以定位代码和样本",
                "设 OMP_NUM_THREADS=1、cv2.setNumThreads(0)；优先怀疑 OpenCV、decord、pyvips 或自己的扩展",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/data.html",
        says=(
            "DataLoader worker (pid {pid:int}) is killed by signal: Aborted.",
            "DataLoader worker (pid {pid:int}) is killed by signal: Floating point exception.",
            "DataLoader worker (pid {pid:int}) is killed by signal: Illegal instruction.",
            "DataLoader worker (pid {pid:int}) is killed by signal: Trace/breakpoint trap.",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "loader-worker-stopped",
        Advice(
            "DataLoader worker {pid} was told to end from outside: by the scheduler, a launcher, or a user",
            (
                "look at the job's state (time limit, preemption), and for an earlier failure of another rank",
                (
                    "if nobody ended the run, see what sends signals: a shell that closed, a wrapper script, "
                    "kill by name"
                ),
            ),
        ),
        Advice(
            "DataLoader worker {pid} 被外部要求结束：调度器、启动器或用户",
            (
                "查看作业状态（时间上限、抢占），以及其他 rank 是否更早失败",
                "如果没有人结束任务，检查谁发了信号：关闭的终端、包装脚本、按名字 kill",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/data.html",
        says=(
            "DataLoader worker (pid {pid:int}) is killed by signal: Terminated.",
            "DataLoader worker (pid {pid:int}) is killed by signal: Hangup.",
            "DataLoader worker (pid {pid:int}) is killed by signal: Interrupt.",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "pickle-local-function",
        Advice(
            ("a lambda, or a function or class defined in a function, is in what is saved or sent to another process"),
            (
                "define it at the top level of a module, or use functools.partial; save state_dict(), not the model",
                "for a DataLoader: num_workers=0 shows whether it is the workers",
            ),
        ),
        Advice(
            "要保存或发送到其他进程的对象里有 lambda，或函数内定义的函数、类",
            (
                "在模块顶层定义它，或用 functools.partial；保存 state_dict() 而不是整个模型",
                "DataLoader：用 num_workers=0 可确认是否是 worker",
            ),
        ),
        "https://docs.python.org/3/library/pickle.html#what-can-be-pickled-and-unpickled",
        says=(
            "Can't pickle local object ",
            "Can't get local object '",
            "Can't pickle <function <lambda> at {}>: attribute lookup",
            "Can't pickle <function {:word} at {}>: attribute lookup",
            "Can't pickle <class '{:word}'>: attribute lookup",
        ),
        types=(
            "AttributeError",
            "PicklingError",
        ),
    ),
    Rule(
        "pickle-object-refused",
        Advice(
            (
                "an object of the kind {kind} cannot be pickled, and is in what is saved, copied or sent to "
                "another process"
            ),
            (
                (
                    "open files, databases (LMDB, HDF5), locks and clients in each worker at its first use, not "
                    "in `__init__`"
                ),
                "or leave it out: `__getstate__`; for a DataLoader num_workers=0 shows whether it is the workers",
            ),
        ),
        Advice(
            "{kind} 对象不能 pickle，却在要保存、复制或发送到其他进程的内容里",
            (
                "在每个 worker 首次使用时打开文件、数据库（LMDB、HDF5）、锁和客户端，不要在 `__init__` 里",
                "或用 `__getstate__` 排除；DataLoader 用 num_workers=0 可确认是否是 worker",
            ),
        ),
        "https://docs.python.org/3/library/pickle.html#handling-stateful-objects",
        says=(
            "cannot pickle '{kind}' object",
            "can't pickle {kind} objects",
            "{kind:word} objects cannot be pickled",
        ),
        types=("TypeError",),
    ),
    Rule(
        "spawned-process-got-nothing",
        Advice(
            "a new process got no data from its parent, which failed as it sent it: that error stands above",
            (
                (
                    "look for the first error above ('Can't pickle', out of memory); put the start under `if "
                    "__name__ == '__main__':`"
                ),
            ),
        ),
        Advice(
            "新进程没有从父进程收到数据：父进程发送时失败，报错在上面",
            ("找上面最早的报错（'Can't pickle'、内存不足）；把启动代码放在 `if __name__ == '__main__':` 下",),
        ),
        "https://docs.python.org/3/library/multiprocessing.html#the-spawn-and-forkserver-start-methods",
        says=(
            "Ran out of input",
            "pickle data was truncated",
        ),
        types=(
            "EOFError",
            "UnpicklingError",
        ),
        modules=("multiprocessing.spawn",),
    ),
    Rule(
        "loader-not-started",
        Advice(
            "the DataLoader's workers could not be started: the error that stopped that stands above this one",
            (
                (
                    "look for the first error above ('Can't pickle', out of memory, pickle data was truncated); "
                    "try num_workers=0"
                ),
            ),
        ),
        Advice(
            "DataLoader 的 worker 没能启动：真正的报错在上面",
            ("找上面最早的报错（'Can't pickle'、内存不足、pickle data was truncated）；试试 num_workers=0",),
        ),
        "https://docs.pytorch.org/docs/stable/data.html",
        says=("'_MultiProcessingDataLoaderIter' object has no attribute '_workers_status'",),
        types=("AttributeError",),
    ),
    Rule(
        "worker-connection-lost",
        Advice(
            "the process at the other end of a queue or a shared tensor has ended: a worker, or its parent",
            (
                (
                    "look for what ended it, earlier in the log: a killed worker, /dev/shm, memory; dmesg -T "
                    "shows the OOM killer"
                ),
                "run once with num_workers=0, or with fewer workers",
            ),
        ),
        Advice(
            "队列或共享张量另一端的进程已退出：worker 或其父进程",
            (
                "在更早的日志里找它退出的原因：被杀的 worker、/dev/shm、内存；dmesg -T 可看 OOM killer",
                "用 num_workers=0 或更少的 worker 跑一次",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/multiprocessing.html",
        says=(
            "[Errno 104] Connection reset by peer",
            "[Errno 111] Connection refused",
            "[Errno 32] Broken pipe",
            "[Errno 2] No such file or directory",
        ),
        types=(
            "ConnectionResetError",
            "ConnectionRefusedError",
            "BrokenPipeError",
            "FileNotFoundError",
        ),
        modules=(
            "torch.multiprocessing.reductions",
            "torch.utils.data._utils.pin_memory",
            "multiprocessing.popen_spawn_win32",
            "multiprocessing.resource_sharer",
        ),
    ),
    Rule(
        "shm-object-gone",
        Advice(
            "a shared tensor's memory is gone: the worker that made it ended, or left it before it was taken",
            (
                (
                    "look for the worker's own end above (memory, /dev/shm); keep iterators alive while their "
                    "batches are used"
                ),
                "or torch.multiprocessing.set_sharing_strategy('file_system')",
            ),
        ),
        Advice(
            "共享张量的内存已不存在：创建它的 worker 已退出或提前释放",
            (
                "在上面找 worker 退出的原因（内存、/dev/shm）；使用 batch 期间保持迭代器存活",
                "或 torch.multiprocessing.set_sharing_strategy('file_system')",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/multiprocessing.html#sharing-strategies",
        says=("unable to open shared memory object <{}> in read-write mode: No such file or directory (2)",),
        types=("RuntimeError",),
    ),
    Rule(
        "process-daemon-children",
        Advice(
            "a DataLoader worker (or another daemon process) starts processes of its own, which it may not",
            (
                "set num_workers=0 in the DataLoader within it, or no multiprocessing in `__getitem__`",
                "or use concurrent.futures.ProcessPoolExecutor, or threads, at the outside",
            ),
        ),
        Advice(
            "DataLoader worker（或其他 daemon 进程）里又启动了子进程，这不被允许",
            (
                "内层 DataLoader 设 num_workers=0，或不要在 `__getitem__` 里用多进程",
                "或在外层用 concurrent.futures.ProcessPoolExecutor、线程",
            ),
        ),
        "https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Process.daemon",
        says=("daemonic processes are not allowed to have children",),
        types=("AssertionError",),
    ),
    Rule(
        "collate-unknown-type",
        Advice(
            "the samples hold {kind}, which the default collate cannot make a batch of",
            ("images: a ToTensor() transform; own objects: a collate_fn, or leave them out of the sample",),
        ),
        Advice(
            "样本中有 {kind}，默认的 collate 无法组成 batch",
            ("图像：加 ToTensor() transform；自定义对象：写 collate_fn，或不要放进样本",),
        ),
        "https://docs.pytorch.org/docs/stable/data.html#working-with-collate-fn",
        says=(
            (
                "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
                "<class '{kind}'>"
            ),
            ("default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {kind:word}"),
        ),
        types=("TypeError",),
    ),
    Rule(
        "loader-arguments",
        Advice(
            (
                "the DataLoader's arguments do not go together (workers' options without workers, or shuffle "
                "beside a sampler)"
            ),
            (
                (
                    "with num_workers=0 leave out prefetch_factor, persistent_workers and timeout; with a "
                    "sampler or an IterableDataset leave out shuffle"
                ),
            ),
        ),
        Advice(
            "DataLoader 的参数相互矛盾（没有 worker 却设了 worker 选项，或 sampler 与 shuffle 同时给）",
            ("num_workers=0 时不要设 prefetch_factor、persistent_workers、timeout；有 sampler 时不要设 shuffle",),
        ),
        "https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader",
        says=(
            "prefetch_factor option could only be specified in multiprocessing",
            "persistent_workers option needs num_workers > 0",
            "sampler option is mutually exclusive with shuffle",
            "batch_sampler option is mutually exclusive with",
            "DataLoader with IterableDataset: expected unspecified ",
        ),
        types=("ValueError",),
    ),
)
