"""Groups of processes: the store, NCCL and gloo in other words."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "rendezvous-old-words",
        Advice(
            (
                "nothing answered at the rendezvous address for {waited}: the first node is not up, or "
                "address, port or firewall are wrong"
            ),
            (
                "start the same command on each node, with the address of the first; let its port through",
                "try it from another node: nc -vz HOST PORT",
            ),
        ),
        Advice(
            "rendezvous 地址在 {waited} 内没有应答：第一个节点未启动，或地址、端口、防火墙有误",
            (
                "在每个节点上用第一个节点的地址启动同样的命令；放开端口",
                "从其他节点测试：nc -vz HOST PORT",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/elastic/rendezvous.html",
        says=(
            "connect() timed out. Original timeout was {waited}.",
            "The client socket has timed out after {waited:word} while trying to connect to ",
        ),
        types=(
            "RuntimeError",
            "TimeoutError",
            "DistNetworkError",
        ),
    ),
    Rule(
        "rendezvous-workers-missing",
        Advice(
            ("only {joined} of {all} processes came to init_process_group in time: others failed, or did not start"),
            (
                "look for the rank that failed first, by time, over the logs of all ranks and nodes",
                "one WORLD_SIZE and MASTER_ADDR for all; init_process_group(timeout=...) if loading is slow",
            ),
        ),
        Advice(
            "只有 {joined}/{all} 个进程按时到达 init_process_group：其他进程已失败或没有启动",
            (
                "在所有 rank 和节点的日志里按时间找出最先失败的 rank",
                "WORLD_SIZE、MASTER_ADDR 要一致；加载慢时用 init_process_group(timeout=...)",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html",
        says=(
            (
                "Timed out initializing process group in store based barrier on rank: {:int}, for key: {} "
                "(world_size={all:int}, worker_count={joined:int}, "
            ),
            (
                "Timed out initializing process group in store based barrier on rank {:int}, for key: {} "
                "(world_size={all:int}, worker_count={joined:int}, "
            ),
        ),
        types=(
            "RuntimeError",
            "DistStoreError",
        ),
        when=("joined < all",),
    ),
    Rule(
        "rendezvous-shared",
        Advice(
            (
                "{joined} processes came to a group of {all}: two runs, or a run and its restart, share one "
                "address and port"
            ),
            (
                (
                    "end left-over processes (nvidia-smi, ss -ltnp), or give each run its own port: "
                    "--master-port, --rdzv-endpoint"
                ),
            ),
        ),
        Advice(
            "{joined} 个进程来到大小为 {all} 的组：两个任务（或任务与其重启）共用了地址和端口",
            ("结束残留进程（nvidia-smi、ss -ltnp），或让每个任务用自己的端口：--master-port、--rdzv-endpoint",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html",
        says=(
            (
                "Timed out initializing process group in store based barrier on rank: {:int}, for key: {} "
                "(world_size={all:int}, worker_count={joined:int}, "
            ),
            (
                "Timed out initializing process group in store based barrier on rank {:int}, for key: {} "
                "(world_size={all:int}, worker_count={joined:int}, "
            ),
        ),
        types=(
            "RuntimeError",
            "DistStoreError",
        ),
        when=("joined > all",),
    ),
    Rule(
        "rendezvous-port-taken-plain",
        Advice(
            ("the rendezvous port of this machine is taken: by another run, or by processes that an earlier run left"),
            (
                "see ss -ltnp and nvidia-smi for left-over processes, and end them",
                "or another port: torchrun --master-port 29511, or --standalone on one node",
            ),
        ),
        Advice(
            "本机的 rendezvous 端口已被占用：另一个任务，或之前残留的进程",
            (
                "用 ss -ltnp 和 nvidia-smi 找残留进程并结束",
                "或换端口：torchrun --master-port 29511，单机可用 --standalone",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/elastic/run.html",
        says=(
            "{}, useIpv6: {}, code: {:int}, name: EADDRINUSE",
            (
                "The server socket has failed to listen on any local network address. useIpv6: {:int}, code: "
                "{:int}, name: EADDRINUSE"
            ),
        ),
        types=(
            "RuntimeError",
            "DistNetworkError",
        ),
    ),
    Rule(
        "rendezvous-port-taken-old",
        Advice(
            ("the rendezvous port of this machine is taken: by another run, or by processes that an earlier run left"),
            (
                "see ss -ltnp and nvidia-smi for left-over processes, and end them",
                "or another port: torchrun --master-port 29511, or --standalone on one node",
            ),
        ),
        Advice(
            "本机的 rendezvous 端口已被占用：另一个任务，或之前残留的进程",
            (
                "用 ss -ltnp 和 nvidia-smi 找残留进程并结束",
                "或换端口：torchrun --master-port 29511，单机可用 --standalone",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/elastic/run.html",
        says=("Address already in use",),
        types=("RuntimeError",),
        modules=("torch.distributed",),
    ),
    Rule(
        "store-connection-ended",
        Advice(
            "the connection to the process that keeps the store (rank 0 or the first torchrun) broke: it ended",
            ("look for the rank or node that failed first, by time; this error only follows from that",),
        ),
        Advice(
            "与保存 store 的进程（rank 0 或第一个 torchrun）的连接断开：它已退出",
            ("按时间找出最先失败的 rank 或节点；此错误只是其后果",),
        ),
        "https://github.com/pytorch/pytorch/blob/main/torch/csrc/distributed/c10d/TCPStore.cpp",
        says=(
            "Connection reset by peer",
            "Broken pipe",
            "Connection was likely closed. Did the remote server shutdown or crash?",
            "Connection closed by remote peer",
            "recvValue failed on SocketImpl(",
            "sendBytes failed on SocketImpl(",
        ),
        types=(
            "DistNetworkError",
            "DistStoreError",
        ),
    ),
    Rule(
        "store-connection-ended-old",
        Advice(
            "the connection to the process that keeps the store (rank 0 or the first torchrun) broke: it ended",
            ("look for the rank or node that failed first, by time; this error only follows from that",),
        ),
        Advice(
            "与保存 store 的进程（rank 0 或第一个 torchrun）的连接断开：它已退出",
            ("按时间找出最先失败的 rank 或节点；此错误只是其后果",),
        ),
        "https://github.com/pytorch/pytorch/blob/main/torch/csrc/distributed/c10d/TCPStore.cpp",
        says=(
            "Connection reset by peer",
            "Broken pipe",
        ),
        types=("RuntimeError",),
        modules=("torch.distributed",),
    ),
    Rule(
        "store-wait-timeout",
        Advice(
            "another process did not come to the same point in time: it failed, hangs, or took another path",
            ("look for the rank that failed first, by time, over the logs of all ranks; then py-spy dump --pid PID",),
        ),
        Advice(
            "另一个进程没有按时到达同一位置：已失败、卡住，或走了别的分支",
            ("在所有 rank 的日志里按时间找出最先失败的 rank；再用 py-spy dump --pid PID 查看",),
        ),
        "https://github.com/pytorch/pytorch/pull/131808",
        says=("wait timeout after {:int}ms, keys: ", "Socket Timeout"),
        types=("DistStoreError",),
    ),
    Rule(
        "store-silent",
        Advice(
            "another process did not come to the same point in time: it failed, hangs, or took another path",
            (("look for the rank that failed first, by time, over the logs of all ranks; then py-spy dump --pid PID"),),
        ),
        Advice(
            "另一个进程没有按时到达同一位置：已失败、卡住，或走了别的分支",
            ("在所有 rank 的日志里按时间找出最先失败的 rank；再用 py-spy dump --pid PID 查看",),
        ),
        "https://github.com/pytorch/pytorch/pull/131808",
        says=(
            "Socket Timeout",
            "wait timeout after {:int}ms, keys: ",
        ),
        types=("RuntimeError",),
        modules=("torch.distributed",),
    ),
    Rule(
        "launcher-interrupted",
        Advice(
            "the run was ended by Ctrl-C, or by a program that sends SIGINT",
            ("if nobody did: see what ended the terminal, the notebook cell or the wrapper script",),
        ),
        Advice(
            "任务被 Ctrl-C 或发送 SIGINT 的程序结束",
            ("如果没有人这样做：检查是什么结束了终端、notebook 单元或包装脚本",),
        ),
        "https://docs.pytorch.org/docs/stable/elastic/errors.html",
        says=("Process {:int} got signal: 2",),
        unless=(
            "Process {:int} got signal: 20",
            "Process {:int} got signal: 21",
            "Process {:int} got signal: 22",
            "Process {:int} got signal: 23",
            "Process {:int} got signal: 24",
            "Process {:int} got signal: 25",
            "Process {:int} got signal: 26",
            "Process {:int} got signal: 27",
            "Process {:int} got signal: 28",
            "Process {:int} got signal: 29",
        ),
        types=("SignalException",),
        signals=("", "SIGINT", "SIGKILL"),
        printed=tuple(f"{{}}Received {what} death signal, shutting down" for what in ("2", "Signals.SIGINT")),
    ),
    Rule(
        "process-group-missing",
        Advice(
            "torch.distributed is used before init_process_group, or after destroy_process_group",
            (
                "call init_process_group (or deepspeed.init_distributed) first, in each process",
                "start with torchrun, deepspeed or accelerate launch; a single process asks is_initialized() first",
            ),
        ),
        Advice(
            "在 init_process_group 之前（或 destroy_process_group 之后）使用了 torch.distributed",
            (
                "每个进程先调用 init_process_group（或 deepspeed.init_distributed）",
                "用 torchrun、deepspeed 或 accelerate launch 启动；单进程运行时先判断 dist.is_initialized()",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html#initialization",
        says=(
            "Default process group has not been initialized, please make sure to call init_process_group",
            "DeepSpeed backend not set, please initialize it using init_process_group()",
            "Distributed package is not available. Make sure to call",
        ),
        types=("ValueError", "RuntimeError", "AssertionError"),
    ),
    Rule(
        "launcher-variables-missing",
        Advice(
            (
                "the variables of a launcher (LOCAL_RANK, MASTER_ADDR, WORLD_SIZE) are not set: the script "
                "runs without one"
            ),
            (
                "start it with torchrun --nproc-per-node N train.py (or accelerate launch, deepspeed)",
                (
                    "for a single process: export RANK=0 LOCAL_RANK=0 WORLD_SIZE=1 MASTER_ADDR=127.0.0.1 "
                    "MASTER_PORT=29500"
                ),
            ),
        ),
        Advice(
            "没有设置启动器的变量（LOCAL_RANK、MASTER_ADDR、WORLD_SIZE）：脚本不是由启动器运行的",
            (
                "用 torchrun --nproc-per-node N train.py 启动（或 accelerate launch、deepspeed）",
                "单进程：export RANK=0 LOCAL_RANK=0 WORLD_SIZE=1 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/elastic/run.html",
        says=(
            "'RANK'",
            "'LOCAL_RANK'",
            "'WORLD_SIZE'",
            "'MASTER_ADDR'",
            "'MASTER_PORT'",
            (
                "Error initializing torch.distributed using env:// rendezvous: environment variable {:word} "
                "expected, but"
            ),
            "LOCAL_RANK is not in the environment.",
        ),
        types=(
            "KeyError",
            "ValueError",
            "RuntimeError",
        ),
    ),
)
