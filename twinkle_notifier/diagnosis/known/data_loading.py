"""Workers of a DataLoader, their processes, and the data that they read."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_KILLED = "DataLoader worker (pid {pid:int}) is killed by signal: Killed."
_DATA = "https://docs.pytorch.org/docs/stable/data.html"
_SHARING = "https://docs.pytorch.org/docs/stable/multiprocessing.html#sharing-strategies"
_SPAWN = "https://docs.python.org/3/library/multiprocessing.html#the-spawn-and-forkserver-start-methods"
_HANDLE = Advice(
    "the dataset, a collate_fn or an argument holds a {kind} object, which cannot be sent to a new process",
    (
        "create it in the worker, at the first `__getitem__` or in worker_init_fn; keep only the path in `__init__`",
        "or leave it out of the pickle with `__getstate__`",
    ),
)
_HANDLE_ZH = Advice(
    "dataset、collate_fn 或参数持有 {kind} 对象，无法传给新进程",
    (
        "在 worker 中创建：首次 `__getitem__` 时或 worker_init_fn 中；`__init__` 里只保存路径",
        "或用 `__getstate__` 把它排除在 pickle 之外",
    ),
)

RULES: tuple[Rule, ...] = (
    Rule(
        "loader-worker-out-of-memory",
        Advice(
            "the kernel's out-of-memory killer ended DataLoader worker {pid}: the host memory ran out",
            (
                "lower num_workers and prefetch_factor: the workers hold num_workers * prefetch_factor batches",
                "keep the index of the data in NumPy or Arrow, not in Python lists, which each worker copies",
                "ask for more memory (--mem in Slurm, resources.limits.memory in Kubernetes)",
            ),
        ),
        Advice(
            "DataLoader worker {pid} 被内核 OOM killer 杀死：主机内存耗尽",
            (
                "调小 num_workers 和 prefetch_factor：worker 共缓存 num_workers * prefetch_factor 个 batch",
                "数据索引用 NumPy 或 Arrow 保存，不要用 Python 列表：每个 worker 读取时都会复制一份",
                "申请更多内存（Slurm 的 --mem，Kubernetes 的 resources.limits.memory）",
            ),
        ),
        "https://github.com/pytorch/pytorch/issues/13246",
        says=(_KILLED,),
        types=("RuntimeError",),
        when=("oom_kills > 0",),
    ),
    Rule(
        "loader-worker-killed-by-someone",
        Advice(
            "DataLoader worker {pid} got SIGKILL, but not from the kernel's out-of-memory killer",
            (
                "look who sent it: a user, the scheduler, or a memory guard as earlyoom or systemd-oomd (journalctl)",
                "make sure that no clean-up script kills python processes on this machine",
            ),
        ),
        Advice(
            "DataLoader worker {pid} 收到 SIGKILL，但并非来自内核 OOM killer",
            (
                "查明来源：其他用户、调度器，或 earlyoom、systemd-oomd 等内存守护进程（journalctl）",
                "确认本机没有清理脚本在杀 python 进程",
            ),
        ),
        "https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files",
        says=(_KILLED,),
        types=("RuntimeError",),
        when=("oom_kills == 0",),
    ),
    Rule(
        "loader-worker-killed",
        Advice(
            "DataLoader worker {pid} got SIGKILL: most often the machine or the container ran out of host memory",
            (
                "check it: `dmesg -T | grep -i -E 'oom|killed process'`, or the reason OOMKilled of the pod or job",
                "lower num_workers and prefetch_factor, or ask for more memory",
            ),
        ),
        Advice(
            "DataLoader worker {pid} 收到 SIGKILL：多数情况是机器或容器的主机内存耗尽",
            (
                "确认原因：`dmesg -T | grep -i -E 'oom|killed process'`，或查看 pod、作业是否为 OOMKilled",
                "调小 num_workers 和 prefetch_factor，或申请更多内存",
            ),
        ),
        "https://github.com/pytorch/pytorch/issues/13246",
        says=(_KILLED,),
        types=("RuntimeError",),
    ),
    Rule(
        "loader-worker-segfault",
        Advice(
            "DataLoader worker {pid} crashed in native code (segmentation fault) while it read or decoded a sample",
            (
                "find the place: start with PYTHONFAULTHANDLER=1, or run the dataset with num_workers=0",
                "use multiprocessing_context='spawn' if OpenCV, HDF5 or lmdb was used before the workers started",
            ),
        ),
        Advice(
            "DataLoader worker {pid} 在读取或解码样本时于原生代码中崩溃（段错误）",
            (
                "定位：设置 PYTHONFAULTHANDLER=1 后运行，或用 num_workers=0 遍历数据集",
                "若启动 worker 之前用过 OpenCV、HDF5 或 lmdb，改用 multiprocessing_context='spawn'",
            ),
        ),
        _DATA + "#multi-process-data-loading",
        says=("DataLoader worker (pid {pid:int}) is killed by signal: Segmentation fault.",),
        types=("RuntimeError",),
    ),
    Rule(
        "loader-worker-exited",
        Advice(
            "a DataLoader worker ended by itself: it raised as it started, or code in it called exit",
            (
                "read the traceback that the worker printed further up in the log",
                "run with num_workers=0: then the error is raised in the main process",
                "with spawn: define the dataset and collate_fn at the top of a module that can be imported",
            ),
        ),
        Advice(
            "DataLoader worker 自行退出：启动时抛出异常，或其代码调用了 exit",
            (
                "查看日志中 worker 更早打印的 traceback",
                "用 num_workers=0 运行，错误会在主进程中抛出",
                "使用 spawn 时：dataset 和 collate_fn 要定义在可导入模块的顶层",
            ),
        ),
        _DATA + "#multi-process-data-loading",
        says=(
            "DataLoader worker (pid {:int}) exited unexpectedly with exit code {:int}.",
            "DataLoader worker (pid(s) {}) exited unexpectedly",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "loader-timeout",
        Advice(
            "the DataLoader's workers gave no batch for {seconds} s (its timeout): reading is slow, or a worker hangs",
            (
                "see where they wait: `py-spy dump --pid PID` on a worker; slow network storage is the usual place",
                "raise timeout, use more num_workers, or copy the data to a local disk",
            ),
        ),
        Advice(
            "DataLoader 的 worker 在 {seconds} 秒（timeout）内没有返回 batch：读取太慢，或 worker 卡住",
            (
                "查看卡在哪里：对 worker 执行 `py-spy dump --pid PID`；网络存储慢最常见",
                "调大 timeout、增加 num_workers，或把数据复制到本地盘",
            ),
        ),
        _DATA + "#torch.utils.data.DataLoader",
        says=("DataLoader timed out after {seconds:number} seconds",),
        types=("RuntimeError",),
    ),
    Rule(
        "loader-local-function",
        Advice(
            "a lambda, or a function or class defined in a function, cannot be sent to a process started with spawn",
            (
                "move it to the top of a module; bind arguments with functools.partial",
                "or, on Linux and without CUDA in the workers, use multiprocessing_context='fork'",
            ),
        ),
        Advice(
            "lambda 或定义在函数内部的函数、类无法传给以 spawn 方式启动的进程",
            (
                "移到模块顶层定义；用 functools.partial 绑定参数",
                "或在 Linux 且 worker 不用 CUDA 时，设置 multiprocessing_context='fork'",
            ),
        ),
        "https://docs.python.org/3/library/pickle.html#what-can-be-pickled-and-unpickled",
        says=(
            "Can't pickle local object ",
            "Can't get local object '",  # Python 3.13
            "Can't pickle <function <lambda> at {}>: attribute lookup",
        ),
        types=("AttributeError", "PicklingError"),
        modules=("multiprocessing",),
    ),
    Rule(
        "loader-open-handle",
        _HANDLE,
        _HANDLE_ZH,
        _SPAWN,
        says=(
            "cannot pickle '{kind}' object",
            "cannot pickle '{kind}' instances",
            "{kind:word} objects cannot be pickled",
        ),
        types=("TypeError",),
        modules=("multiprocessing",),
    ),
    Rule(
        "loader-too-many-files",
        Advice(
            "the process is out of file descriptors: each tensor that a worker hands over holds one",
            (
                "call torch.multiprocessing.set_sharing_strategy('file_system') at the start",
                "or raise the limit: `ulimit -n 65536` before the start",
                "do not keep the batches in a list: keep .clone() of what is needed",
            ),
        ),
        Advice(
            "文件描述符耗尽：worker 传回的每个张量都占用一个",
            (
                "在程序开头调用 torch.multiprocessing.set_sharing_strategy('file_system')",
                "或在启动前调大上限：`ulimit -n 65536`",
                "不要把 batch 存进列表：只保留所需部分的 .clone()",
            ),
        ),
        _SHARING,
        says=(
            "Too many open files. Communication with the workers is no longer possible.",
            "received 0 items of ancdata",
            "unable to open shared memory objec{}Too many open files (24)",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "loader-main-guard",
        Advice(
            "the script starts processes while it is imported: a spawned process imports it again and would start more",
            (
                "put the training under `if __name__ == '__main__':`",
                "or set num_workers=0 in a notebook or on Windows and macOS",
            ),
        ),
        Advice(
            "脚本在被导入时就启动进程：spawn 出的进程会再次导入脚本并重复启动",
            (
                "把训练代码放到 `if __name__ == '__main__':` 下",
                "在 notebook、Windows 或 macOS 上也可设 num_workers=0",
            ),
        ),
        _SPAWN,
        says=("An attempt has been made to start a new process before the",),
        types=("RuntimeError",),
    ),
    Rule(
        "start-method-set-twice",
        Advice(
            "multiprocessing's start method was set a second time, or the script has no `if __name__ == '__main__':`",
            (
                "call set_start_method once, under `if __name__ == '__main__':`",
                "or pass multiprocessing_context='spawn' to the DataLoader; if it must be replaced: force=True",
            ),
        ),
        Advice(
            "multiprocessing 的启动方式被设置了两次，或脚本缺少 `if __name__ == '__main__':`",
            (
                "只在 `if __name__ == '__main__':` 下调用一次 set_start_method",
                "或给 DataLoader 传 multiprocessing_context='spawn'；确需覆盖时用 force=True",
            ),
        ),
        "https://docs.python.org/3/library/multiprocessing.html#multiprocessing.set_start_method",
        says=("context has already been set",),
        types=("RuntimeError",),
    ),
    Rule(
        "loader-empty-dataset",
        Advice(
            "the dataset has no samples: its path, pattern or filter found nothing",
            (
                "print len(dataset) and the path with os.path.abspath",
                "check that the data is mounted on this machine, and that the filter or split keeps some samples",
            ),
        ),
        Advice(
            "数据集为空：路径、通配或过滤条件没有匹配到样本",
            (
                "打印 len(dataset)，并用 os.path.abspath 打印路径",
                "检查本机是否挂载了数据，以及过滤或划分后是否还有样本",
            ),
        ),
        _DATA + "#torch.utils.data.RandomSampler",
        says=("num_samples should be a positive integer value, but got num_samples=0",),
        unless=("num_samples should be a positive integer value, but got num_samples=0.",),
        types=("ValueError",),
    ),
    Rule(
        "loader-none-in-batch",
        Advice(
            "a sample is None: `__getitem__` returned nothing, and the default collate cannot make a batch of it",
            (
                "look for a branch of `__getitem__` or a transform without return (a failed read, for instance)",
                "or drop such samples in a collate_fn of your own",
            ),
        ),
        Advice(
            "某个样本为 None：`__getitem__` 没有返回值，默认 collate 无法组成 batch",
            (
                "检查 `__getitem__` 或 transform 是否有分支缺少 return（如读取失败时）",
                "或用自定义 collate_fn 丢弃这类样本",
            ),
        ),
        _DATA + "#working-with-collate-fn",
        says=(
            "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class 'None",
        ),
        types=("TypeError",),
    ),
    Rule(
        "image-cut-short",
        Advice(
            "an image file is cut short: the download or copy of it was not finished",
            (
                "find it: open all images once with PIL and call load(), then fetch the bad ones again",
                "or accept such images: PIL.ImageFile.LOAD_TRUNCATED_IMAGES = True",
            ),
        ),
        Advice(
            "图像文件不完整：下载或复制没有完成",
            (
                "找出它：用 PIL 打开每张图并调用 load()，重新获取损坏的文件",
                "或容忍此类图像：PIL.ImageFile.LOAD_TRUNCATED_IMAGES = True",
            ),
        ),
        "https://pillow.readthedocs.io/en/stable/reference/ImageFile.html",
        says=("image file is truncated",),
        types=("OSError",),
    ),
    Rule(
        "image-not-an-image",
        Advice(
            "{file} is no image that Pillow can read: empty, an error page, or of an unsupported format",
            (
                "look at it with `file` and `ls -l`, and fetch it again or leave it out",
                "check all: Image.open(path).verify() over the list of files",
            ),
        ),
        Advice(
            "{file} 不是 Pillow 能读取的图像：空文件、错误页面或不支持的格式",
            (
                "用 `file` 和 `ls -l` 查看，重新下载或从列表中剔除",
                "检查全部文件：逐个执行 Image.open(path).verify()",
            ),
        ),
        "https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.UnidentifiedImageError",
        says=("cannot identify image file {file}",),
        types=("UnidentifiedImageError", "OSError"),
    ),
)
