"""Processes that end, and groups that do not meet."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_ERRORS = "https://docs.pytorch.org/docs/stable/elastic/errors.html"
_RENDEZVOUS = "https://docs.pytorch.org/docs/stable/elastic/rendezvous.html"
_SIGNALS = "https://man7.org/linux/man-pages/man7/signal.7.html"
_NCCL = ("DistBackendError", "RuntimeError")
_ENDED = ("ChildFailedError", "ProcessExitedException", "CalledProcessError")
_PROGRAMS = ("torchrun", "python", "python3", "deepspeed", "accelerate", "mpirun", "srun")
_NO_PROGRAM = Advice(
    "a program is not found on this node: its environment is not activated there, or the path is wrong",
    ("in the job's script print `which python torchrun` and $PATH; activate the environment on each node",),
)
_NO_PROGRAM_ZH = Advice(
    "该节点上找不到要执行的程序：没有激活环境，或路径写错",
    ("在作业脚本里打印 `which python torchrun` 和 $PATH；在每个节点上激活环境",),
)
_POOLS = (
    "A process in the process pool was terminated abruptly while the future was running or pending.",
    "A child process terminated abruptly, the process pool is not usable anymore",
    "A worker process managed by the executor was unexpectedly terminated.",
    "One of the subprocesses has abruptly died during map operation.",
)
_POOL_TYPES = ("BrokenProcessPool", "TerminatedWorkerError")
# In torchrun's table: a worker that failed by itself. The others are then ended with SIGTERM, and with SIGKILL later.
_BY_ITSELF = (*(f"exitcode  : {digit}" for digit in range(1, 10)), "traceback : Traceback")


def _signal(name: str, number: int) -> tuple[str, ...]:
    """How torchrun, torch.multiprocessing and subprocess say that a signal ended a process."""
    commands = ("Command '" + "{}', '" * many + "{}" for many in (0, 4, 9, 16, 25))  # a slot takes 300 characters
    return (
        f"exitcode  : -{number} (pid: ",
        f"process {{:int}} terminated with signal {name}",
        *(f"{command}' died with <Signals.{name}: {number}>" for command in commands),
    )


def _told(number: int) -> str:
    """The line that torchrun prints of the worker that failed first, before its table."""
    return f"{{}}failed (exitcode: -{number}) local_rank: {{:int}} (pid: {{:int}})"


def _received(number: int, name: str) -> tuple[str, ...]:
    """What torchrun prints when it got a signal itself."""
    return tuple(f"{{}}Received {what} death signal, shutting down" for what in (str(number), f"Signals.{name}"))


def _by(*numbers: int) -> tuple[str, ...]:
    """A worker was ended by one of these signals."""
    return tuple(f"exitcode  : -{number} (pid: " for number in numbers)


RULES: tuple[Rule, ...] = (
    Rule(
        "worker-out-of-memory",
        Advice(
            "the kernel's out-of-memory killer ended a worker process: the host memory ran out",
            ("use fewer workers (num_workers, num_proc, processes per node), or ask for more memory (--mem in Slurm)",),
        ),
        Advice(
            "内核 OOM killer 杀死了一个 worker 进程：主机内存耗尽",
            ("减少进程数（num_workers、num_proc、每节点进程数），或申请更多内存（Slurm 的 --mem）",),
        ),
        _ERRORS,
        says=(*_signal("SIGKILL", 9), *_POOLS[:3]),
        printed=(_told(9),),
        unless=(*_BY_ITSELF, *_by(6, 7, 11)),
        types=(*_ENDED, *_POOL_TYPES),
        when=("oom_kills > 0",),
    ),
    Rule(
        "worker-killed",
        Advice(
            "a worker process got SIGKILL: most often the machine or the container ran out of host memory",
            ("see `dmesg -T | grep -i oom`, or OOMKilled of the pod; use fewer processes, or ask for more memory",),
        ),
        Advice(
            "一个 worker 进程收到 SIGKILL：多数情况是机器或容器的主机内存耗尽",
            ("查看 `dmesg -T | grep -i oom`，或 pod 是否 OOMKilled；减少进程数，或申请更多内存",),
        ),
        _ERRORS,
        says=_signal("SIGKILL", 9),
        printed=(_told(9),),
        unless=(*_BY_ITSELF, *_by(6, 7, 11)),
        types=_ENDED,
    ),
    Rule(
        "worker-segfault",
        Advice(
            "a worker process crashed in native code (segmentation fault)",
            ("start with PYTHONFAULTHANDLER=1 to see the place; suspect extensions built for another torch or CUDA",),
        ),
        Advice(
            "一个 worker 进程在原生代码中崩溃（段错误）",
            ("设置 PYTHONFAULTHANDLER=1 重跑以定位；优先怀疑为其他 torch 或 CUDA 版本编译的扩展",),
        ),
        _SIGNALS,
        says=_signal("SIGSEGV", 11),
        printed=(_told(11),),
        unless=_BY_ITSELF,
        types=_ENDED,
    ),
    Rule(
        "worker-bus-error",
        Advice(
            "a worker process got SIGBUS: /dev/shm was full, or a memory-mapped file became shorter or unreadable",
            ("see `df -h /dev/shm`; start the container with --shm-size=16g or --ipc=host",),
        ),
        Advice(
            "一个 worker 进程收到 SIGBUS：/dev/shm 已满，或内存映射的文件变短、不可读",
            ("查看 `df -h /dev/shm`；启动容器时加 --shm-size=16g 或 --ipc=host",),
        ),
        _SIGNALS,
        says=_signal("SIGBUS", 7),
        printed=(_told(7),),
        unless=(*_BY_ITSELF, *_by(11)),
        types=_ENDED,
    ),
    Rule(
        "worker-aborted",
        Advice(
            "native code in a worker process gave up (SIGABRT): often NCCL's watchdog, or a CUDA error",
            ("in the log, look for what that worker printed last: 'what():', 'Watchdog caught', 'Assertion'",),
        ),
        Advice(
            "一个 worker 进程被原生代码中止（SIGABRT）：常见于 NCCL watchdog 超时或 CUDA 错误",
            ("在日志里找该 worker 最后打印的内容：'what():'、'Watchdog caught'、'Assertion'",),
        ),
        _SIGNALS,
        says=_signal("SIGABRT", 6),
        printed=(_told(6),),
        unless=(*_BY_ITSELF, *_by(7, 9, 11)),
        types=_ENDED,
    ),
    Rule(
        "worker-terminated",
        Advice(
            "the training was told to end (SIGTERM): by the scheduler, a user, or the launcher after another failure",
            ("look at the job's state (time limit, preemption), and for an earlier failure on another node",),
        ),
        Advice(
            "训练收到 SIGTERM 被要求结束：来自调度器、用户，或另一处失败后的启动器",
            ("查看作业状态（时间上限、抢占），以及其他节点是否更早失败",),
        ),
        _SIGNALS,
        says=(*_signal("SIGTERM", 15), "Process {:int} got signal: 15"),
        unless=(*_BY_ITSELF, *_by(6, 7, 9, 11)),
        types=(*_ENDED, "SignalException"),
        signals=("", "SIGTERM", "SIGKILL"),
        printed=_received(15, "SIGTERM"),
    ),
    Rule(
        "launcher-hangup",
        Advice(
            "torchrun's terminal was closed (SIGHUP): the SSH connection or the window ended",
            ("start it within tmux or screen, by the scheduler, or with `setsid nohup torchrun ... &`",),
        ),
        Advice(
            "torchrun 所在的终端已关闭（SIGHUP）：SSH 断开或窗口关闭",
            ("在 tmux、screen 中或由调度器启动，或用 `setsid nohup torchrun ... &`",),
        ),
        _SIGNALS,
        says=("Process {:int} got signal: 1",),
        unless=tuple(f"Process {{:int}} got signal: 1{digit}" for digit in range(10)),
        types=("SignalException",),
        signals=("", "SIGHUP", "SIGKILL"),
        printed=_received(1, "SIGHUP"),
    ),
    Rule(
        "pool-worker-died",
        Advice(
            "a worker process of a pool died without a Python error: most often the host memory ran out, or it crashed",
            ("lower max_workers, num_proc or n_jobs; see dmesg for the OOM killer; try it with one process",),
        ),
        Advice(
            "进程池里的一个 worker 没有抛出异常就退出了：多为主机内存耗尽，或崩溃",
            ("调小 max_workers、num_proc 或 n_jobs；用单进程运行以看到报错；在 dmesg 里查 OOM killer",),
        ),
        "https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.process.BrokenProcessPool",
        says=_POOLS,
        types=(*_POOL_TYPES, "RuntimeError"),
    ),
    Rule(
        "rendezvous-timeout",
        Advice(
            "fewer nodes than --nnodes asks for came to the rendezvous in time",
            (
                "see whether torchrun runs on each node, with one --nnodes, --rdzv-id and --rdzv-endpoint for all",
                "--standalone is for one node; if nodes start late: --rdzv-conf join_timeout=1800",
            ),
        ),
        Advice(
            "在限定时间内参加 rendezvous 的节点少于 --nnodes 的要求",
            (
                "确认每个节点都启动了 torchrun，且 --nnodes、--rdzv-id、--rdzv-endpoint 完全一致",
                "--standalone 只用于单机；若节点启动较晚：--rdzv-conf join_timeout=1800",
            ),
        ),
        _RENDEZVOUS,
        says=("",),
        types=("RendezvousTimeoutError",),
    ),
    Rule(
        "rendezvous-closed",
        Advice(
            "this node came to a rendezvous that is over: another node had failed or finished, and closed it",
            ("look for the node that failed first; give each start of the job a new --rdzv-id (as $SLURM_JOB_ID)",),
        ),
        Advice(
            "该节点加入时 rendezvous 已关闭：另一个节点已失败或结束",
            ("找出最先失败的节点；每次启动作业都用新的 --rdzv-id（如 $SLURM_JOB_ID）",),
        ),
        _RENDEZVOUS,
        says=("",),
        types=("RendezvousClosedError",),
    ),
    Rule(
        "rendezvous-endpoint-malformed",
        Advice(
            "'{endpoint}' is no HOST:PORT: most often a variable in it is empty or holds something else",
            ("print the variables before the start; write --rdzv-endpoint=HOST:PORT, as node01:29500",),
        ),
        Advice(
            "'{endpoint}' 不是 HOST:PORT 的形式：多半是其中的变量为空或内容不对",
            ("启动前打印这些变量；写成 --rdzv-endpoint=HOST:PORT，例如 node01:29500",),
        ),
        _RENDEZVOUS,
        says=(
            "The port number of the rendezvous endpoint '{endpoint}' must be an integer",
            "The hostname of the rendezvous endpoint '{endpoint}' must be a dot-separated list",
        ),
        types=("ValueError",),
    ),
    Rule(
        "launcher-port-taken",
        Advice(
            "port {port} is taken: by another training on this machine, or by processes that an earlier one left",
            ("see who holds it: ss -ltnp | grep {port}; else pass --main_process_port 0 (one node) or another number",),
        ),
        Advice(
            "端口 {port} 已被占用：本机的另一个训练，或之前残留的进程",
            ("查看占用者：ss -ltnp | grep {port}；或传 --main_process_port 0（单机）或别的端口",),
        ),
        "https://github.com/huggingface/accelerate/blob/main/src/accelerate/utils/launch.py",
        says=("Tried to launch distributed communication on port `{port:int}`, but another process is utilizing it.",),
        types=("ConnectionError",),
    ),
    Rule(
        "launcher-local-rank-argument",
        Advice(
            "torch.distributed.launch gives the script --local-rank, which its argument parser does not know",
            ("start it with torchrun and read os.environ['LOCAL_RANK']; or accept both --local-rank and --local_rank",),
        ),
        Advice(
            "torch.distributed.launch 会给脚本传 --local-rank，而脚本的参数解析器不认识它",
            ("改用 torchrun 启动并读取 os.environ['LOCAL_RANK']；或同时接受 --local-rank 和 --local_rank",),
        ),
        "https://docs.pytorch.org/docs/stable/elastic/run.html",
        printed=tuple(f"{{}}: error: unrecognized arguments: --local{dash}rank={{:int}}" for dash in "-_"),
    ),
    Rule(
        "launcher-program-missing",
        _NO_PROGRAM,
        _NO_PROGRAM_ZH,
        "https://slurm.schedmd.com/srun.html",
        printed=("slurmstepd: error: execve(): {}: No such file or directory",),
    ),
    Rule(
        "launcher-command-not-found",
        _NO_PROGRAM,
        _NO_PROGRAM_ZH,
        "https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html",
        printed=(
            *(f"{{:word}}: line {{:int}}: {name}: command not found" for name in _PROGRAMS),
            *(f"bash: {name}: command not found" for name in _PROGRAMS),
        ),
        when=("exit_code == 127",),
    ),
    Rule(
        "nccl-watchdog-stuck",
        Advice(
            "rank {rank} hung in a CUDA or NCCL call for {seconds} s: another rank failed, or a thread holds the GIL",
            ("look first for a rank that failed by itself; else raise TORCH_NCCL_HEARTBEAT_TIMEOUT_SEC",),
        ),
        Advice(
            "rank {rank} 在 CUDA 或 NCCL 调用里卡了 {seconds} 秒：另一个 rank 已失败，或某个线程占着 GIL",
            ("先找自己报错的 rank；没有的话加大 TORCH_NCCL_HEARTBEAT_TIMEOUT_SEC",),
        ),
        "https://github.com/pytorch/pytorch/pull/112518",
        printed=(
            "[{}Rank {rank:int}] ProcessGroupNCCL's watchdog got stuck for {seconds:int} seconds",
            "[{}Rank {rank:int}] [{}Rank {:int}] ProcessGroupNCCL's watchdog got stuck for {seconds:int} seconds",
        ),
    ),
    Rule(
        "store-other-server",
        Advice(
            "MASTER_PORT (or the rendezvous port) belongs to another program: what answers there is no torch store",
            ("choose a free port for this run on all nodes: --master-port, --rdzv-endpoint; see ss -ltnp on rank 0",),
        ),
        Advice(
            "MASTER_PORT（或 rendezvous 端口）属于别的程序：那里应答的不是 torch 的 store",
            ("在所有节点上换一个空闲端口：--master-port、--rdzv-endpoint；在 rank 0 上用 ss -ltnp 查看",),
        ),
        "https://github.com/pytorch/pytorch/blob/main/torch/csrc/distributed/c10d/TCPStore.cpp",
        says=("Ping failed, invalid value returned from server. Expected: ",),
        types=("DistNetworkError", "DistStoreError", "RuntimeError"),
    ),
)
